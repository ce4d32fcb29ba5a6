/// All fields that something may have, of each of its kinds: found by walking a standard value once for every kind.
public struct FieldOutline {
    public struct Field {
        public var name: String
        public var shape: FieldShape
        /// What is meant where it is absent.
        public var standard: FieldValue
        public var isRequired: Bool
        /// Whether other fields depend on it.
        public var isKind: Bool
        /// One line of description.
        public var says: String
    }

    public struct Variant {
        /// The kinds that make it, each by its field: `cell` = `gru`.
        public var kinds: [FieldMember]
        public var fields: [Field]

        public func field(_ name: String) -> Field? { fields.first { $0.name == name } }
    }

    /// One for each kind; one where there are no kinds.
    public let variants: [Variant]

    public init<Value: HasFields>(_ type: Value.Type) {
        var variants: [Variant] = []
        var left: [[String]] = [[]]
        while let choices = left.popLast() {
            var value = Value()
            var outliner = Outliner(choices: choices)
            value.visit(&outliner)
            variants.append(Variant(kinds: outliner.kinds, fields: outliner.fields))
            left += outliner.alternatives.reversed()
        }
        self.variants = variants
    }

    /// The field of this name, of whatever kind has one.
    public func field(_ name: String) -> Field? { variants.lazy.compactMap { $0.field(name) }.first }

    /// Every name once, in the order in which they are told.
    public var names: [String] {
        var names: [String] = []
        for variant in variants {
            for field in variant.fields where !names.contains(field.name) { names.append(field.name) }
        }
        return names
    }

    /// Whose field this is, where it is not one of the kind at hand; nil where nobody has it.
    func owner(of name: String, among kinds: [FieldMember]) -> String? {
        let owners = variants.filter { $0.field(name) != nil }
        guard !owners.isEmpty else { return nil }
        for kind in kinds {
            var values: [String] = []
            for case .text(let value)? in owners.map({ $0.kinds[kind.name] }) where !values.contains(value) {
                values.append(value)
            }
            guard case .text(let own) = kind.value, !values.contains(own) else { continue }
            let listed = values.map { "\"\($0)\"" }.joined(separator: " or ")
            return "\"\(name)\" goes with the \(kind.name) \(listed), and the \(kind.name) here is \"\(own)\""
        }
        return "\"\(name)\" is no field of this kind"
    }
}

/// Walks one kind, and notes which others there are.
private struct Outliner: FieldVisitor {
    let choices: [String]
    var kinds: [FieldMember] = []
    var fields: [FieldOutline.Field] = []
    var alternatives: [[String]] = []

    init(choices: [String]) { self.choices = choices }

    mutating func field<Form: FieldForm>(
        _ name: String, _ value: inout Form.Value, _ form: Form, isRequired: Bool, _ says: String
    ) {
        fields.append(
            FieldOutline.Field(
                name: name, shape: form.shape, standard: form.write(value), isRequired: isRequired, isKind: false,
                says: says))
    }

    mutating func kind<Kind: RawRepresentable<String> & CaseIterable & Equatable>(
        _ name: String, _ value: inout Kind, isRequired: Bool, _ says: String
    ) -> Bool {
        let standard = value
        let all = Array(Kind.allCases)
        if kinds.count < choices.count, let chosen = Kind(rawValue: choices[kinds.count]) {
            value = chosen
        } else if let first = all.first {
            value = first
            let before = kinds.map { kind in if case .text(let word) = kind.value { word } else { "" } }
            alternatives += all.dropFirst().map { before + [$0.rawValue] }
        }
        kinds.append(FieldMember(name, .text(value.rawValue)))
        fields.append(
            FieldOutline.Field(
                name: name, shape: ChoiceForm<Kind>().shape, standard: .text(standard.rawValue),
                isRequired: isRequired, isKind: true, says: says))
        return value != standard
    }
}
