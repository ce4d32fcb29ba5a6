import Formats
import NamedFields
import Training

/// Every place of a body that a schema has something to say about, with what it says.
struct BodyWalk {
    struct Site {
        var path: [Violation.PathComponent]
        var value: JSON
        /// The names an object may have; nil where any will do, or where this is no object.
        var fields: [String]?
        var required: [String]
        /// Numbers at the edge of what is allowed, and whether each is beyond it.
        var bounds: [(number: Double, isWrong: Bool)]
        /// One of several shapes: what is missing in it may as well be told of the whole.
        var isVariant: Bool
    }

    let contract: ContractDocument
    private(set) var sites: [Site] = []

    init(_ contract: ContractDocument) { self.contract = contract }

    mutating func visit(_ value: JSON, _ schema: JSON, at path: [Violation.PathComponent] = [], isVariant: Bool = false)
    {
        let rules = contract.resolve(schema)
        if let branch = rules["oneOf"]?.array?.first(where: { SchemaCheck.findings(value, $0).isEmpty }) {
            return visit(value, branch, at: path, isVariant: true)
        }
        let properties = contract.members(rules["properties"])
        let isClosed = rules["additionalProperties"]?.bool == false
        sites.append(
            Site(
                path: path, value: value, fields: isClosed ? properties.map(\.0) : nil,
                required: rules["required"]?.array?.compactMap(\.string) ?? [], bounds: Self.bounds(rules),
                isVariant: isVariant))
        for (name, schema) in properties {
            if let member = value[name] { visit(member, schema, at: path + [.key(name)]) }
        }
        if let items = rules["items"], let elements = value.array {
            for (index, element) in elements.enumerated() { visit(element, items, at: path + [.index(index)]) }
        }
    }

    private static func bounds(_ rules: JSON) -> [(number: Double, isWrong: Bool)] {
        let types = rules["type"]?.string.map { [$0] } ?? rules["type"]?.array?.compactMap(\.string) ?? []
        let step = types.contains("integer") ? 1 : 1e-9
        var bounds: [(Double, Bool)] = []
        if let least = rules["minimum"]?.double { bounds += [(least, false), (least - max(step, 1e-9), true)] }
        if let most = rules["maximum"]?.double {
            // Beyond 2^53 the next whole number is two further.
            bounds += [(most, false), (most >= 9_007_199_254_740_992 ? most + 2 : most + step, true)]
        }
        if let below = rules["exclusiveMinimum"]?.double { bounds += [(below, true), (below + 1e-9, false)] }
        if let above = rules["exclusiveMaximum"]?.double { bounds += [(above, true), (above - 1e-6, false)] }
        return bounds
    }
}

extension JSON {
    /// The same document with another value at one place.
    func replacing(_ path: [Violation.PathComponent], with value: JSON) -> JSON {
        guard let first = path.first else { return value }
        let rest = Array(path.dropFirst())
        switch first {
        case .key(let key):
            guard var object else { return self }
            object[key] = (object[key] ?? .null).replacing(rest, with: value)
            return .object(object)
        case .index(let index):
            guard var array else { return self }
            array[index] = array[index].replacing(rest, with: value)
            return .array(array)
        }
    }
}
