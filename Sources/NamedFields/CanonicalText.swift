extension HasFields {
    /// Its fields as one text that outlives the code that wrote it: names in alphabetical order, and only of what differs
    /// from its default, so that a field that is new leaves the text of everything older as it was.
    public var canonicalText: String {
        var text = ""
        FieldShape.object(Self.self).trim(ObjectForm<Self>().write(self)).append(to: &text)
        return text
    }
}

extension FieldShape {
    /// The value without the members that are at their defaults. Those that tell a kind stay.
    fileprivate func trim(_ value: FieldValue) -> FieldValue {
        switch (self, value) {
        case (.optional(let shape), _): return shape.trim(value)
        case (.list(let shape, _), .list(let elements)): return .list(elements.map(shape.trim))
        case (.object(let type), .members(let members)):
            let variants = FieldOutline(type).variants
            let variant = variants.first { variant in variant.kinds.allSatisfy { members[$0.name] == $0.value } }
            return .members(
                members.compactMap { member in
                    guard let field = variant?.field(member.name) else { return member }
                    guard field.isKind || member.value != field.standard else { return nil }
                    return FieldMember(member.name, field.shape.trim(member.value))
                })
        default: return value
        }
    }
}

extension FieldValue {
    /// `{cell="gru",hidden=8}`
    fileprivate func append(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .flag(let flag): text += flag ? "true" : "false"
        case .integer(let number): text += "\(number)"
        case .number(let number): text += FieldValue.shown(number)
        case .text(let string):
            text += "\""
            for scalar in string.unicodeScalars {
                if scalar == "\"" || scalar == "\\" { text += "\\" }
                text.unicodeScalars.append(scalar)
            }
            text += "\""
        case .list(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += "," }
                element.append(to: &text)
            }
            text += "]"
        case .members(let members):
            text += "{"
            for (index, member) in members.sorted(by: { $0.name < $1.name }).enumerated() {
                text += (index > 0 ? "," : "") + member.name + "="
                member.value.append(to: &text)
            }
            text += "}"
        case .other(let words): text += words
        }
    }
}
