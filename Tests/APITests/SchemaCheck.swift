import Formats
import Foundation

/// Holds values to the schemas of the contract: the part of JSON Schema 2020-12 that `openapi.yaml` uses. A keyword it
/// does not know is a finding of its own, so that nothing in the contract is there for decoration only.
struct SchemaCheck {
    let document: ContractDocument
    private(set) var findings: [String] = []

    init(_ document: ContractDocument = .shared) { self.document = document }

    static func findings(_ value: JSON, _ schema: JSON, _ document: ContractDocument = .shared) -> [String] {
        var check = SchemaCheck(document)
        check.check(value, schema, at: "#")
        return check.findings
    }

    /// Said about a value, but not asked of it.
    static let annotations: Set<String> = [
        "description", "default", "examples", "example", "title", "format", "contentEncoding",
    ]

    static func isKnown(_ keyword: String) -> Bool {
        let asked: Set<String> = [
            "$ref", "type", "const", "enum", "oneOf", "properties", "additionalProperties", "required", "items",
            "minItems",
            "maxItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
            "pattern",
        ]
        return asked.contains(keyword) || annotations.contains(keyword)
    }

    mutating func check(_ value: JSON, _ schema: JSON, at place: String) {
        guard let rules = document.resolve(schema).object else { return fail(place, "is held to no schema") }
        for (keyword, rule) in rules.members { check(value, keyword, rule, rules, at: place) }
    }

    private mutating func fail(_ place: String, _ text: String) { findings.append("\(place) \(text)") }

    private mutating func check(
        _ value: JSON, _ keyword: String, _ rule: JSON, _ rules: JSONObject, at place: String
    ) {
        switch keyword {
        case "type":
            let types = rule.string.map { [$0] } ?? rule.array?.compactMap(\.string) ?? []
            if !types.contains(where: { Self.isOf($0, value) }) { fail(place, "is \(value.kindName), not \(types)") }
        case "const": if value != rule { fail(place, "is not \(rule.text)") }
        case "enum": if rule.array?.contains(value) != true { fail(place, "is \(value.text), none of \(rule.text)") }
        case "oneOf":
            let fitting = rule.array?.filter { Self.findings(value, $0, document).isEmpty } ?? []
            if let branch = fitting.first, fitting.count == 1 {
                check(value, branch, at: place)
            } else {
                let all = rule.array?.map { Self.findings(value, $0, document).first ?? "fits" } ?? []
                fail(place, "fits \(fitting.count) of the alternatives: \(all)")
            }
        case "properties", "additionalProperties", "required":
            checkObject(value, keyword, rule, rules, at: place)
        case "items", "minItems", "maxItems": checkArray(value, keyword, rule, at: place)
        case "minimum": checkNumber(value, rule, at: place, "below the minimum", where: <)
        case "maximum": checkNumber(value, rule, at: place, "above the maximum", where: >)
        case "exclusiveMinimum": checkNumber(value, rule, at: place, "not above the exclusive minimum", where: <=)
        case "exclusiveMaximum": checkNumber(value, rule, at: place, "not below the exclusive maximum", where: >=)
        case "minLength": if let text = value.string, text.count < rule.int ?? 0 { fail(place, "is too short") }
        case "maxLength": if let text = value.string, text.count > rule.int ?? 0 { fail(place, "is too long") }
        case "pattern":
            if let text = value.string, text.range(of: rule.string ?? "", options: .regularExpression) == nil {
                fail(place, "is \"\(text)\", which does not match \(rule.text)")
            }
        default: if !Self.annotations.contains(keyword) { fail(place, "has the unknown keyword \(keyword)") }
        }
    }

    private mutating func checkObject(
        _ value: JSON, _ keyword: String, _ rule: JSON, _ rules: JSONObject, at place: String
    ) {
        guard let object = value.object else { return }
        switch keyword {
        case "properties":
            for (name, schema) in document.members(rule) {
                if let member = object[name] { check(member, schema, at: place + "/" + name) }
            }
        case "required":
            for name in rule.array?.compactMap(\.string) ?? [] where object[name] == nil {
                fail(place, "lacks \"\(name)\"")
            }
        case "additionalProperties":
            let known = Set(rules["properties"]?.object?.keys ?? [])
            for (name, member) in object.members where !known.contains(name) {
                if rule.bool == false { fail(place + "/" + name, "is not foreseen") }
                if rule.object != nil { check(member, rule, at: place + "/" + name) }
            }
        default: break
        }
    }

    private mutating func checkArray(_ value: JSON, _ keyword: String, _ rule: JSON, at place: String) {
        guard let array = value.array else { return }
        switch keyword {
        case "items":
            for (index, element) in array.enumerated() { check(element, rule, at: place + "/\(index)") }
        case "minItems": if array.count < rule.int ?? 0 { fail(place, "has too few items") }
        default: if array.count > rule.int ?? 0 { fail(place, "has too many items") }
        }
    }

    private mutating func checkNumber(
        _ value: JSON, _ rule: JSON, at place: String, _ text: String, where isWrong: (Double, Double) -> Bool
    ) {
        guard let number = value.double, let bound = rule.double, isWrong(number, bound) else { return }
        fail(place, "is \(number), \(text) \(bound)")
    }

    private static func isOf(_ type: String, _ value: JSON) -> Bool {
        switch type {
        case "null": value.isNull
        case "boolean": value.bool != nil
        case "string": value.string != nil
        case "number": value.double != nil
        // A seed may have more digits than a number keeps here.
        case "integer": value.double.map { $0.rounded() == $0 } ?? false
        case "array": value.array != nil
        case "object": value.object != nil
        default: false
        }
    }
}
