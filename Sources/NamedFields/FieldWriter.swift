/// Writes fields as the members of an object, in the order in which they are told. What is absent is written as null, so
/// that a reader sees that it could be there.
public struct FieldWriter: FieldVisitor {
    private var members: [FieldMember] = []

    public static func members(of value: some HasFields) -> [FieldMember] {
        var value = value
        var writer = FieldWriter()
        value.visit(&writer)
        return writer.members
    }

    public mutating func field<Form: FieldForm>(
        _ name: String, _ value: inout Form.Value, _ form: Form, isRequired: Bool, _ says: String
    ) {
        members.append(FieldMember(name, form.write(value)))
    }

    public mutating func kind<Kind: RawRepresentable<String> & CaseIterable & Equatable>(
        _ name: String, _ value: inout Kind, isRequired: Bool, _ says: String
    ) -> Bool {
        members.append(FieldMember(name, .text(value.rawValue)))
        return false
    }
}
