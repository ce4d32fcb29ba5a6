import API
import Formats
import Foundation
import Yams

/// `openapi.yaml` as the program serves it, with its references resolved on the way.
struct ContractDocument: Sendable {
    static let shared: ContractDocument = {
        do { return try ContractDocument(Contract.bytes) } catch { fatalError("openapi.yaml cannot be read: \(error)") }
    }()

    struct Operation: Sendable, Hashable {
        var method: String
        var path: String
    }

    let root: JSON

    init(_ bytes: [UInt8]) throws {
        guard let loaded = try Yams.load(yaml: String(decoding: bytes, as: UTF8.self)) else {
            throw Missing(what: "the document")
        }
        root = try Self.json(loaded)
    }

    struct Missing: Error {
        var what: String
    }

    /// What `#/components/…` names; anything else is given back as it is, siblings of `$ref` laid over it.
    func resolve(_ value: JSON) -> JSON {
        guard let object = value.object, let reference = object["$ref"]?.string else { return value }
        var target = root
        for part in reference.dropFirst(2).split(separator: "/") { target = target[String(part)] ?? .null }
        guard var merged = resolve(target).object else { return .null }
        for (key, member) in object.members where key != "$ref" { merged[key] = member }
        return .object(merged)
    }

    /// Every place in the document that refers to a component.
    var references: Set<String> {
        var found: Set<String> = []
        func walk(_ value: JSON) {
            if let object = value.object {
                for (key, member) in object.members {
                    if key == "$ref", let reference = member.string { found.insert(reference) } else { walk(member) }
                }
            } else if let array = value.array {
                array.forEach(walk)
            }
        }
        walk(root)
        return found
    }

    var operations: [Operation: JSON] {
        var operations: [Operation: JSON] = [:]
        for (path, item) in members(root["paths"]) {
            for (method, operation) in members(item) where method != "parameters" {
                operations[Operation(method: method.uppercased(), path: path)] = operation
            }
        }
        return operations
    }

    func schema(_ name: String) -> JSON { root["components"]?["schemas"]?[name] ?? .null }

    /// Status → answer, references resolved.
    func responses(_ operation: JSON) -> [String: JSON] {
        Dictionary(uniqueKeysWithValues: members(operation["responses"]).map { ($0, resolve($1)) })
    }

    /// Media type → what it holds, of a body or an answer.
    func content(_ holder: JSON) -> [String: JSON] {
        Dictionary(uniqueKeysWithValues: members(holder["content"]).map { ($0, $1) })
    }

    /// The values of `examples`, and that of `example`.
    func examples(_ holder: JSON) -> [JSON] {
        members(holder["examples"]).compactMap { resolve($1)["value"] } + (holder["example"].map { [$0] } ?? [])
    }

    func members(_ value: JSON?) -> [(String, JSON)] { value?.object.map { Array($0.members) } ?? [] }

    /// Keys in their order are lost here, which nothing in the document depends on.
    private static func json(_ value: Any) throws -> JSON {
        switch value {
        case is NSNull: return .null
        case let flag as Bool: return .bool(flag)
        case let number as Int: return .number(Double(number))
        case let number as Double: return .number(number)
        case let text as String: return .string(text)
        case let list as [Any]: return .array(try list.map(json))
        case let map as [String: Any]:
            var object = JSONObject()
            for key in map.keys.sorted() { object[key] = try json(map[key] ?? NSNull()) }
            return .object(object)
        case let map as [AnyHashable: Any]:
            // Status codes are quoted in the document; a key that is a number would be a slip.
            throw Missing(what: "a string as key, found \(map.keys)")
        default: throw Missing(what: "a JSON value, found \(type(of: value))")
        }
    }
}
