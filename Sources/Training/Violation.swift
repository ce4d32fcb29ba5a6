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

    public init(path: [PathComponent], detail: String) {
        self.path = path
        self.detail = detail
    }

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
    public var list: [Violation]
    /// How many more there are beyond `list`.
    public var omitted: Int

    public init(_ list: [Violation], omitted: Int = 0) {
        self.list = list
        self.omitted = omitted
    }

    public var count: Int { list.count + omitted }
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
