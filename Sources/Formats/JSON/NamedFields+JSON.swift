import NamedFields

// Fields as JSON: what comes in a request, what goes out in an echo, and what is stored as text.

extension FieldValue {
    /// The document as fields read it.
    public init(_ json: JSON) {
        switch json {
        case .null: self = .null
        case .bool(let flag): self = .flag(flag)
        case .number(let number): self = .number(number)
        case .string(let text): self = .text(text)
        case .object(let object): self = .members(object.members.map { FieldMember($0.0, FieldValue($0.1)) })
        case .array, .numbers:
            let count = json.count ?? 0
            guard count <= JSONReader.mostElements else {
                self = .other("one of \(count) elements, and at most \(JSONReader.mostElements) are read")
                return
            }
            // No field takes arrays in arrays, and an array of numbers takes a fraction of the room that its copy would.
            if case .numbers(let numbers) = json, numbers.depth > 1 {
                self = .list([FieldValue](repeating: .other("an array"), count: count))
            } else {
                self = .list((json.array ?? []).map { $0.count == nil ? FieldValue($0) : .other("an array") })
            }
        }
    }
}

extension JSON {
    /// Numbers as binary64, text that is no value of a field as null.
    public init(_ value: FieldValue) {
        switch value {
        case .null, .other: self = .null
        case .flag(let flag): self = .bool(flag)
        case .integer(let number): self = .number(Double(number))
        case .number(let number): self = .number(number)
        case .text(let text): self = .string(text)
        case .list(let elements): self = .array(elements.map(JSON.init))
        case .members(let members):
            var object = JSONObject()
            for member in members { object[member.name] = JSON(member.value) }
            self = .object(object)
        }
    }
}

extension JSONWriter {
    public mutating func value(_ value: FieldValue) {
        switch value {
        case .null, .other: null()
        case .flag(let flag): bool(flag)
        case .integer(let number): int(number)
        case .number(let number): double(number)
        case .text(let text): string(text)
        case .list(let elements): array { writer in for element in elements { writer.value(element) } }
        case .members(let members):
            object { writer in
                for member in members {
                    writer.key(member.name)
                    writer.value(member.value)
                }
            }
        }
    }

    /// Every field with its value, defaults too.
    public mutating func fields(_ value: some HasFields) { self.value(.members(FieldWriter.members(of: value))) }
}

extension JSONReader {
    /// Reads the fields of this object into `value`, and notes nothing yet: what is found is completed by what is out of
    /// bounds, which `FieldFindings.complete` does.
    public func fields<Value: HasFields>(of value: inout Value, members: [String]? = nil) -> FieldFindings {
        var findings = FieldFindings(at: path)
        var source = FieldValue.null
        if let members, let object = self.value.object {
            // Those alone, since the others may be large and are read by somebody else.
            source = .members(members.compactMap { name in object[name].map { FieldMember(name, FieldValue($0)) } })
        } else {
            source = FieldValue(self.value)
        }
        FieldReader.read(source, into: &value, &findings)
        return findings
    }
}

extension Formats {
    /// JSON text of every field.
    public static func encode(_ value: some HasFields) -> String {
        var writer = JSONWriter()
        writer.fields(value)
        return writer.text
    }

    /// Reads text that a program stored, this one or another version of it: what it lacks takes its default, and what is
    /// not known here is left alone. Throws what cannot be read as `Violations`.
    public static func decode<Value: HasFields>(_ text: String, as type: Value.Type = Value.self) throws -> Value {
        var value = Value()
        var findings = FieldFindings(toleratesUnknown: true)
        FieldReader.read(FieldValue(try JSON.parse(text)), into: &value, &findings)
        guard findings.all.isEmpty else { throw findings.all }
        return value
    }
}
