/// The members of a JSON object in the order they were written, with fast look-up once there are many.
public struct JSONObject: Sendable {
    public private(set) var keys: [String] = []
    public private(set) var values: [JSON] = []
    /// Key → position; kept only beyond `indexedFrom` members, below that a scan is faster.
    private var index: [String: Int] = [:]

    private static let indexedFrom = 16

    public init() {}

    /// Room for that many members.
    init(capacity: Int) {
        keys.reserveCapacity(capacity)
        values.reserveCapacity(capacity)
    }

    public var count: Int { keys.count }
    public var isEmpty: Bool { keys.isEmpty }

    public var members: Zip2Sequence<[String], [JSON]> { zip(keys, values) }

    /// The value under a key. Setting replaces in place or appends; setting nil removes.
    public subscript(key: String) -> JSON? {
        get { position(of: key).map { values[$0] } }
        set {
            switch (position(of: key), newValue) {
            case (let position?, let value?): values[position] = value
            case (let position?, nil): remove(at: position)
            case (nil, let value?): _ = append(key, value)
            case (nil, nil): break
            }
        }
    }

    /// Adds a member at the end; false, and nothing added, when the key is there already.
    public mutating func append(_ key: String, _ value: JSON) -> Bool {
        guard position(of: key) == nil else { return false }
        keys.append(key)
        values.append(value)
        if keys.count == Self.indexedFrom {
            for (position, key) in keys.enumerated() { index[key] = position }
        } else if keys.count > Self.indexedFrom {
            index[key] = keys.count - 1
        }
        return true
    }

    private func position(of key: String) -> Int? {
        keys.count < Self.indexedFrom ? keys.firstIndex(of: key) : index[key]
    }

    private mutating func remove(at position: Int) {
        keys.remove(at: position)
        values.remove(at: position)
        index.removeAll()
        if keys.count >= Self.indexedFrom {
            for (position, key) in keys.enumerated() { index[key] = position }
        }
    }
}

extension JSONObject: Equatable {
    /// Equal when the same keys hold equal values, in any order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.members.allSatisfy { key, value in right[key] == value }
    }
}
