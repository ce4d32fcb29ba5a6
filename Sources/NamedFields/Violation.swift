/// One thing wrong with a request or a dataset: where it stands, and what was expected and found.
///
/// Collected, not thrown one by one: whoever asks is told everything at once.
public struct Violation: Error, Sendable, Hashable {
    public enum PathComponent: Sendable, Hashable {
        case key(String)
        case index(Int)
    }

    /// From the root of the document it is about; empty for the document itself.
    public var path: [PathComponent]
    /// A sentence for a person: what was expected, what was found, what to do.
    public var detail: String

    /// What was sent may be told in it, but not the whole of what was sent.
    public init(path: [PathComponent], detail: String) {
        self.path = path
        self.detail = detail.excerpt(Self.longestDetail)
    }

    /// Bytes of `detail`: room for a long sentence with the names of some columns in it.
    public static let longestDetail = 4096

    public init(_ path: PathComponent..., detail: String) {
        self.init(path: path, detail: detail)
    }

    /// The same violation seen from a document that holds this one under `prefix`.
    public func nested(under prefix: PathComponent...) -> Violation {
        Violation(path: prefix + path, detail: detail)
    }
}

/// All that is wrong, in the order it was found; never empty. Of very many the first are told and the rest counted.
public struct Violations: Error, Sendable, Hashable {
    /// Of a million of them the first hundred tell the story; the rest is counted.
    public static let told = 100

    public var list: [Violation]
    /// How many more there are beyond `list`.
    public var omitted: Int

    public init(_ list: [Violation], omitted: Int = 0) {
        self.list = list
        self.omitted = omitted
    }

    public var count: Int { list.count + omitted }
    public var isEmpty: Bool { count == 0 }

    /// Whether one of them may be about a member of the document, or what is in it.
    public func concern(_ member: String) -> Bool {
        omitted > 0 || list.contains { $0.path.isEmpty || $0.path.first == .key(member) }
    }

    /// Takes one more: in full while there are few, or else as a number.
    public mutating func add(at path: @autoclosure () -> [Violation.PathComponent], _ detail: @autoclosure () -> String)
    {
        if list.count < Self.told { list.append(Violation(path: path(), detail: detail())) } else { omitted += 1 }
    }
}

extension Violation.PathComponent: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    public init(stringLiteral value: String) { self = .key(value) }
    public init(integerLiteral value: Int) { self = .index(value) }
}

extension Violation: CustomStringConvertible {
    /// "task.target[0]: …"
    public var description: String {
        var place = ""
        for component in path {
            switch component {
            case .key(let key): place += place.isEmpty ? key : "." + key
            case .index(let index): place += "[\(index)]"
            }
        }
        return place.isEmpty ? detail : place + ": " + detail
    }
}

extension Violations: CustomStringConvertible {
    public var description: String {
        let told = list.map(\.description)
        return (omitted == 0 ? told : told + ["and \(omitted) more"]).joined(separator: "; ")
    }
}

extension String {
    /// The text itself, or where it has more bytes than this its beginning and "…": what a sentence can hold of a text that
    /// somebody sent. One character may have any number of bytes, so bytes are counted.
    public func excerpt(_ bytes: Int = 64) -> String {
        guard utf8.count > bytes else { return self }
        // A byte that goes on with a scalar is no place to cut.
        var end = utf8.index(utf8.startIndex, offsetBy: bytes)
        while end > utf8.startIndex, utf8[end] & 0xC0 == 0x80 { end = utf8.index(before: end) }
        return String(self[..<end]) + "…"
    }
}
