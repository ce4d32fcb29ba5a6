/// Looks at every field whether it is within its bounds.
public struct FieldChecker: FieldVisitor {
    private var findings: FieldFindings

    public static func check(_ value: some HasFields, _ findings: inout FieldFindings) {
        var value = value
        var checker = FieldChecker(findings: findings)
        value.visit(&checker)
        findings = checker.findings
    }

    public mutating func field<Form: FieldForm>(
        _ name: String, _ value: inout Form.Value, _ form: Form, isRequired: Bool, _ says: String
    ) {
        let value = value
        findings.at(.key(name)) { form.check(value, &$0) }
    }

    public mutating func kind<Kind: RawRepresentable<String> & CaseIterable & Equatable>(
        _ name: String, _ value: inout Kind, isRequired: Bool, _ says: String
    ) -> Bool {
        false
    }
}
