import Formats
import NamedFields
import Service
import Testing
import Training

@testable import API

/// The schemas of what is asked for, held to the fields that tell themselves: names, types, defaults, bounds and choices,
/// in both directions.
@Suite("Fields and the contract")
struct FieldContractTests {
    @Test("a task has the fields of the contract, and no other")
    func task() { expect(TaskSpec.self, "Task") }

    @Test("a network has the fields of the contract, and no other")
    func network() { expect(NetworkSpec.self, "Network") }

    @Test("training has the fields of the contract, and no other")
    func training() { expect(OptimizationSpec.self, "Training") }

    @Test("a request has the parts of a specification beside its own")
    func request() {
        let contract = ContractDocument.shared
        let names = contract.members(contract.schema("TrainRequest")["properties"]).map(\.0)
        #expect(Set(names) == Set(FieldOutline(TrainingSpec.self).names + TrainRequest.ownFields))
    }

    @Test("the short form of a network has the fields of one layer and those of the network, and no other")
    func shortForm() throws {
        let contract = ContractDocument.shared
        let properties = contract.members(contract.schema("ShortNetwork")["properties"])
        let own = FieldOutline(NetworkSpec.self).names.filter { $0 != "layers" }
        #expect(Set(properties.map(\.0)) == Set(FieldOutline(LayerSpec.self).names + own))
        let layer = contract.schema("Layer")["properties"]
        let network = contract.schema("Network")["properties"]
        for (name, property) in properties where name != "hidden" {
            let long = try #require(layer?[name] ?? network?[name])
            #expect(contract.resolve(property) == contract.resolve(long), "\(name)")
        }
        let widths = try #require(contract.schema("ShortNetwork")["properties"]?["hidden"]?["oneOf"]?.array)
        #expect(widths[0] == layer?["hidden"] && widths[1]["items"] == layer?["hidden"])
    }

    @Test("a contract that says another bound, default, choice or field is found out")
    func differences() throws {
        let right = ContractDocument.shared.schema("Training")
        #expect(FieldSchemaCheck.findings(OptimizationSpec.self, right) == [])
        let changes: [([String], JSON)] = [
            (["epochs", "maximum"], 7), (["epochs", "default"], 7), (["epochs", "type"], "number"),
            (["epochs", "minimum"], nil), (["shuffle", "default"], false), (["weight_decay", "minimum"], 1),
            (["weight_decay", "exclusiveMaximum"], 1), (["precision", "enum"], ["float32"]),
            (["seed", "type"], ["integer", "null"]), (["clip", "default"], ["norm": 2]),
            (["early_stopping", "type"], "object"), (["epochs"], nil), (["further"], ["type": "integer"]),
            (["validation", "properties", "fraction", "exclusiveMaximum"], 2),
        ]
        for (path, value) in changes {
            let wrong = Self.changed(right, ["properties"] + path, value)
            #expect(FieldSchemaCheck.findings(OptimizationSpec.self, wrong).count == 1, "\(path)")
        }
    }

    private static func changed(_ json: JSON, _ path: [String], _ value: JSON) -> JSON {
        guard let first = path.first else { return value }
        var object = json.object ?? JSONObject()
        let member = changed(object[first] ?? .null, Array(path.dropFirst()), value)
        object[first] = member.isNull && path.count == 1 ? Optional.none : member
        return .object(object)
    }

    private func expect(_ type: any HasFields.Type, _ schema: String) {
        #expect(FieldSchemaCheck.findings(type, ContractDocument.shared.schema(schema)) == [])
    }
}

/// Compares the fields of a type with a schema.
struct FieldSchemaCheck {
    private let contract = ContractDocument.shared
    private var findings: [String] = []

    static func findings(_ type: any HasFields.Type, _ schema: JSON) -> [String] {
        var check = FieldSchemaCheck()
        check.object(type, schema, at: "#")
        return check.findings
    }

    private mutating func fail(_ place: String, _ text: String) { findings.append("\(place) \(text)") }

    private mutating func equal(_ found: JSON?, _ due: JSON?, _ what: String, at place: String) {
        if found != due {
            fail(place, "\(what) is \(found?.text ?? "absent"), and the field has \(due?.text ?? "none")")
        }
    }

    /// Every kind has one of the alternatives to itself or shares it with others; each alternative has the fields of its
    /// kinds.
    private mutating func object(_ type: any HasFields.Type, _ schema: JSON, at place: String) {
        let outline = FieldOutline(type)
        let resolved = contract.resolve(schema)
        let branches = (resolved["oneOf"]?.array ?? [resolved]).map(contract.resolve)
        var left = outline.variants
        for branch in branches {
            func fits(_ variant: FieldOutline.Variant) -> Bool {
                variant.kinds.allSatisfy { kind in
                    let allowed = contract.resolve(branch["properties"]?[kind.name] ?? .null)
                    return (allowed["enum"]?.array ?? [allowed["const"] ?? .null]).contains(JSON(kind.value))
                }
            }
            let own = left.filter(fits)
            left.removeAll(where: fits)
            if own.isEmpty { fail(place, "has an alternative for no kind: \(branch.text)") }
            variants(own, branch, at: place)
        }
        for variant in left { fail(place, "has no alternative for \(variant.kinds)") }
    }

    private mutating func variants(_ variants: [FieldOutline.Variant], _ schema: JSON, at place: String) {
        equal(schema["additionalProperties"], false, "additionalProperties", at: place)
        let properties = contract.members(schema["properties"])
        let fields = variants.flatMap(\.fields)
        let required = schema["required"]?.array?.compactMap(\.string) ?? []
        for (name, property) in properties {
            guard let field = fields.first(where: { $0.name == name }) else {
                fail(place + "/" + name, "is no field")
                continue
            }
            let here = place + "/" + name
            let schema = contract.resolve(property)
            let isDemanded: Bool
            if field.isKind {
                let kinds = Set(variants.compactMap { $0.kinds[name] })
                let choices = schema["enum"]?.array ?? [schema["const"] ?? .null]
                if Set(choices.map(\.text)) != Set(kinds.map { JSON($0).text }) { fail(here, "has other kinds") }
                // What is left out is the default kind, which has to be one of this alternative then.
                isDemanded = field.isRequired || !kinds.contains(field.standard)
            } else {
                shape(field.shape, schema, at: here)
                isDemanded = field.isRequired
            }
            // A network in its long form is told from a short one by its layers.
            let isDistinctive = name == "layers"
            if required.contains(name) != (isDemanded || isDistinctive) { fail(here, "is required on one side only") }
            if !isDemanded, !isDistinctive {
                let standards = Set(variants.compactMap { $0.field(name)?.standard })
                if standards.count != 1 { fail(here, "has several defaults") }
                standard(field, schema, at: here)
            }
        }
        for field in fields where !properties.contains(where: { $0.0 == field.name }) {
            fail(place, "lacks \(field.name)")
        }
    }

    private mutating func standard(_ field: FieldOutline.Field, _ schema: JSON, at place: String) {
        var shape = field.shape
        if case .optional(let inner) = shape { shape = inner }
        guard case .object(let type) = shape, field.standard != .null else {
            return equal(schema["default"] ?? .null, JSON(field.standard), "the default", at: place)
        }
        // An object's default may be told in part, or not at all where it is that of its fields.
        let told = Self.complete(type, schema["default"] ?? JSONObject().json)
        equal(told, JSON(field.standard), "the default", at: place)
    }

    private static func complete<Value: HasFields>(_ type: Value.Type, _ json: JSON) -> JSON {
        var value = Value()
        var findings = FieldFindings()
        FieldReader.read(FieldValue(json), into: &value, &findings)
        return JSON(.members(FieldWriter.members(of: value)))
    }

    private mutating func shape(_ shape: FieldShape, _ schema: JSON, at place: String, takesNull: Bool = false) {
        func type(_ name: String) {
            equal(schema["type"], takesNull ? .array([.string(name), "null"]) : .string(name), "the type", at: place)
        }
        switch shape {
        case .optional(let inner):
            if let alternatives = schema["oneOf"]?.array, alternatives.first == ["type": "null"],
                alternatives.count == 2
            {
                return self.shape(inner, contract.resolve(alternatives[1]), at: place)
            }
            self.shape(inner, schema, at: place, takesNull: true)
        case .flag: type("boolean")
        case .whole(let range):
            type("integer")
            equal(schema["minimum"], .number(Double(range.lowerBound)), "the minimum", at: place)
            equal(schema["maximum"], .number(Double(range.upperBound)), "the maximum", at: place)
        case .number(let bound):
            type("number")
            func end(_ end: NumberBound.End?, isIncluded: Bool) -> JSON? {
                end.flatMap { $0.isIncluded == isIncluded ? .number($0.value) : nil }
            }
            equal(schema["minimum"], end(bound.least, isIncluded: true), "the minimum", at: place)
            equal(schema["exclusiveMinimum"], end(bound.least, isIncluded: false), "the minimum", at: place)
            equal(schema["maximum"], end(bound.greatest, isIncluded: true), "the maximum", at: place)
            equal(schema["exclusiveMaximum"], end(bound.greatest, isIncluded: false), "the maximum", at: place)
        case .text(let bytes):
            type("string")
            equal(schema["minLength"], bytes.lowerBound > 0 ? 1 : nil, "the least length", at: place)
        case .choice(let names):
            type("string")
            equal(schema["enum"], .array(names.map { .string($0) }), "the choice", at: place)
        case .list(let element, let count):
            type("array")
            list(element, count, schema, at: place)
        case .oneOrMore(let element, let count):
            let alternatives = schema["oneOf"]?.array ?? []
            guard alternatives.count == 2 else { return fail(place, "is not one or more") }
            self.shape(element, contract.resolve(alternatives[0]), at: place)
            self.shape(.list(element, count: count), contract.resolve(alternatives[1]), at: place)
        case .word(let words):
            let alternatives = schema["oneOf"]?.array ?? []
            let plain = words.filter { $0.range == nil }
            equal(alternatives.first?["enum"], .array(plain.map { .string($0.name) }), "the names", at: place)
            let numbered = words.filter { $0.range != nil }
            guard alternatives.count == 1 + numbered.count else { return fail(place, "has other words with a number") }
            for (word, schema) in zip(numbered, alternatives.dropFirst()) {
                let properties = contract.members(schema["properties"])
                guard let (name, property) = properties.first, properties.count == 1, name == word.name,
                    let range = word.range
                else { return fail(place, "has another word with a number") }
                self.shape(.whole(range), contract.resolve(property), at: place + "/" + name)
            }
        case .object(let inner):
            if takesNull { type("object") }
            object(inner, schema, at: place)
        case .texts: type("object")
        }
    }

    private mutating func list(_ element: FieldShape, _ count: ClosedRange<Int>, _ schema: JSON, at place: String) {
        equal(
            schema["minItems"], count.lowerBound > 0 ? .number(Double(count.lowerBound)) : nil, "the least count",
            at: place)
        equal(schema["maxItems"], .number(Double(count.upperBound)), "the greatest count", at: place)
        shape(element, contract.resolve(schema["items"] ?? .null), at: place + "/items")
    }
}

extension JSONObject {
    fileprivate var json: JSON { .object(self) }
}
