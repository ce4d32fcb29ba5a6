/// A value of plain parts: what fields are read from and written to, before it is JSON, bytes or a word of the command
/// line.
public enum FieldValue: Hashable, Sendable {
    case null
    case flag(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([FieldValue])
    case members([FieldMember])
    /// What no field takes, in words: "an array of 2000000 elements".
    case other(String)

    /// Integers beyond this have no exact binary64 form for every value, so a number read as binary64 is none.
    public static let largestExactInteger = 1 << 53
}

/// A member of an object.
public struct FieldMember: Hashable, Sendable {
    public var name: String
    public var value: FieldValue

    public init(_ name: String, _ value: FieldValue) {
        self.name = name
        self.value = value
    }
}

extension [FieldMember] {
    /// The value of a member; nil where there is none.
    public subscript(name: String) -> FieldValue? { first { $0.name == name }?.value }
}

extension FieldValue {
    /// What a person calls it in a sentence, short enough for one.
    var finding: String {
        switch self {
        case .null: "null"
        case .flag(let flag): flag ? "true" : "false"
        case .integer(let number): "\(number)"
        case .number(let number): Self.shown(number)
        case .text(let text):
            text.utf8.count <= 64 ? "the string \"\(text)\"" : "a string of \(text.utf8.count) bytes"
        case .list(let elements): elements.isEmpty ? "an empty list" : "an array"
        case .members: "an object"
        case .other(let words): words
        }
    }

    /// A number as people write it: 3 and not 3.0.
    static func shown(_ number: Double) -> String {
        guard let whole = Int(exactly: number), whole.magnitude <= largestExactInteger else { return "\(number)" }
        return "\(whole)"
    }

    /// The whole number that it is, within what is exact.
    var whole: Int? {
        switch self {
        case .integer(let number): return number
        case .number(let number):
            guard let whole = Int(exactly: number), whole.magnitude <= Self.largestExactInteger else { return nil }
            return whole
        default: return nil
        }
    }

    var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}
