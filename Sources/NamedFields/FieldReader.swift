/// Reads the members of an object into fields. What is absent keeps what stands there.
public struct FieldReader: FieldVisitor {
    private let members: [FieldMember]
    private var findings: FieldFindings
    private var known: [String] = []
    private var kinds: [FieldMember] = []
    /// The kind could not be read: what belongs to it is not known, so nothing is missing and nothing is foreign.
    private var isOfUnknownKind = false

    /// Reads all of it and notes every violation: values of the wrong type, what is missing, members that are no fields.
    static func read<Value: HasFields>(
        _ members: [FieldMember], into value: inout Value, _ findings: inout FieldFindings
    ) {
        let short = Value.spelledOut(members)
        if let short { findings.note(abridged: short) }
        var reader = FieldReader(members: short?.members ?? members, findings: findings)
        value.visit(&reader)
        reader.noteForeignMembers(of: Value.self, beside: short?.names ?? [])
        findings = reader.findings
    }

    /// Reads a whole value into `value`.
    public static func read<Value: HasFields>(
        _ source: FieldValue, into value: inout Value, _ findings: inout FieldFindings
    ) {
        if let read = ObjectForm<Value>().read(source, over: value, &findings) { value = read }
    }

    private init(members: [FieldMember], findings: FieldFindings) {
        self.members = members
        self.findings = findings
    }

    public mutating func field<Form: FieldForm>(
        _ name: String, _ value: inout Form.Value, _ form: Form, isRequired: Bool, _ says: String
    ) {
        known.append(name)
        guard let source = given(name, takesNull: form.shape.takesNull) else {
            if isRequired, !isOfUnknownKind { findings.noteMissing(name) }
            return
        }
        let current = value
        if let read = findings.at(.key(name), { form.read(source, over: current, &$0) }) { value = read }
    }

    public mutating func kind<Kind: RawRepresentable<String> & CaseIterable & Equatable>(
        _ name: String, _ value: inout Kind, isRequired: Bool, _ says: String
    ) -> Bool {
        known.append(name)
        let before = value
        if let source = given(name, takesNull: false) {
            if let read = findings.at(.key(name), { ChoiceForm<Kind>().read(source, over: nil, &$0) }) {
                value = read
            } else {
                leaveKindOpen(isRequired)
            }
        } else if isRequired {
            findings.noteMissing(name)
            leaveKindOpen(isRequired)
        }
        kinds.append(FieldMember(name, .text(value.rawValue)))
        return value != before
    }

    /// A member that is null counts as not given, where null is no value.
    private func given(_ name: String, takesNull: Bool) -> FieldValue? {
        guard let value = members[name], takesNull || value != .null else { return nil }
        return value
    }

    /// - Parameter isRequired: there is no kind that would be meant otherwise, whose bounds could be looked at.
    private mutating func leaveKindOpen(_ isRequired: Bool) {
        isOfUnknownKind = true
        if isRequired { findings.noteUndecided() }
    }

    private mutating func noteForeignMembers<Value: HasFields>(of type: Value.Type, beside names: [String]) {
        guard !findings.toleratesUnknown else { return }
        let foreign = members.filter { !known.contains($0.name) }
        guard !foreign.isEmpty else { return }
        let outline = FieldOutline(type)
        for member in foreign {
            let owner = outline.owner(of: member.name, among: kinds)
            if isOfUnknownKind, owner != nil { continue }
            let detail =
                owner ?? "unknown field \"\(member.name.excerpt())\""
                + Suggestion.hint(for: member.name, among: known + names)
            findings.at(.key(member.name)) { $0.add(detail) }
        }
    }
}

extension FieldFindings {
    fileprivate mutating func noteMissing(_ name: String) {
        at(.key(name)) { $0.add("\"\(name)\" is required and missing") }
    }
}

extension FieldShape {
    var takesNull: Bool { if case .optional = self { true } else { false } }
}
