import NamedFields
import Networks

// Fields in our own files, by name: a value is a byte that says what it is, and itself. The numbers below are part of the
// format and never change.

extension BinaryWriter {
    mutating func write(_ value: FieldValue) {
        switch value {
        case .null, .other: write(FieldTag.null.rawValue)
        case .flag(let flag): write((flag ? FieldTag.yes : .no).rawValue)
        case .integer(let number):
            write(FieldTag.integer.rawValue)
            write(number)
        case .number(let number):
            write(FieldTag.number.rawValue)
            write(number)
        case .text(let text):
            write(FieldTag.text.rawValue)
            write(text)
        case .list(let elements):
            write(FieldTag.list.rawValue)
            write(UInt32(elements.count))
            for element in elements { write(element) }
        case .members(let members):
            write(FieldTag.members.rawValue)
            write(UInt32(members.count))
            for member in members {
                write(member.name)
                write(member.value)
            }
        }
    }
}

extension BinaryReader {
    /// Values in one description: two lists of the most names there may be, and as many again for all else. A value takes
    /// memory that a byte of a file could ask for.
    private static let mostValues = 4 * max(ModelLimit.columns, ModelLimit.labels)
    /// Objects in objects.
    private static let deepest = 8
    /// Members of one object: some times as many as the most that any has. Each is looked for among the others.
    private static let mostMembers = 256

    mutating func readFields() throws(Malformed) -> FieldValue {
        var left = Self.mostValues
        return try readValue(&left, depth: 0)
    }

    private mutating func readValue(_ left: inout Int, depth: Int) throws(Malformed) -> FieldValue {
        left -= 1
        guard left >= 0, depth <= Self.deepest else { throw malformed("a description of fewer values") }
        guard let tag = FieldTag(rawValue: try read(UInt8.self)) else { throw malformed("a value before this") }
        switch tag {
        case .null: return .null
        case .no: return .flag(false)
        case .yes: return .flag(true)
        case .integer: return .integer(Int(try read(Int64.self)))
        case .number: return .number(try readDouble())
        case .text: return .text(try readString(most: ModelLimit.nameBytes))
        case .list:
            var elements: [FieldValue] = []
            for _ in 0..<(try readCount()) { elements.append(try readValue(&left, depth: depth + 1)) }
            return .list(elements)
        case .members:
            var members: [FieldMember] = []
            for _ in 0..<(try readCount()) {
                guard members.count < Self.mostMembers else { throw malformed("an object of fewer members") }
                let name = try readString(most: ModelLimit.nameBytes)
                guard members[name] == nil else { throw malformed("one member of each name before this") }
                members.append(FieldMember(name, try readValue(&left, depth: depth + 1)))
            }
            return .members(members)
        }
    }

    /// Not trusted with an allocation: elements come one by one, until there are none or too many.
    private mutating func readCount() throws(Malformed) -> Int { Int(try read(UInt32.self)) }
}

private enum FieldTag: UInt8 {
    case null, no, yes, integer, number, text, list, members
}
