/// A JSON document as a value (RFC 8259).
///
/// Objects keep their order, and a key that occurs twice is a syntax error. Numbers are binary64: integers are exact
/// up to 2⁵³, as every JSON reader agrees on (RFC 8259, section 6). An array that holds only numbers, or arrays of
/// numbers of one depth up to three, is one flat `NumberArray` and not a tree: a million numbers are one allocation.
public enum JSON: Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object(JSONObject)
    indirect case numbers(NumberArray)

    /// Integers beyond this have no exact binary64 form for every value.
    public static let largestExactInteger = 9_007_199_254_740_992

    /// What a person calls this value in a sentence: "a number", "an array".
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number: "a number"
        case .string: "a string"
        case .array, .numbers: "an array"
        case .object: "an object"
        }
    }
}

extension JSON {
    public var isNull: Bool { if case .null = self { true } else { false } }

    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    public var double: Double? { if case .number(let value) = self { value } else { nil } }

    /// The number, if it is whole and within ±2⁵³.
    public var int: Int? {
        guard case .number(let value) = self, value == value.rounded(.towardZero),
            value.magnitude <= Double(JSON.largestExactInteger)
        else { return nil }
        return Int(value)
    }

    public var string: String? { if case .string(let value) = self { value } else { nil } }

    public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// The elements of an array of any kind; a flat `NumberArray` is taken apart one level.
    public var array: [JSON]? {
        switch self {
        case .array(let elements): elements
        case .numbers(let numbers): numbers.elements
        default: nil
        }
    }

    /// How many elements an array has; nil for everything else.
    public var count: Int? {
        switch self {
        case .array(let elements): elements.count
        case .numbers(let numbers): numbers.count
        default: nil
        }
    }

    /// The member of an object; nil when it is absent or this is no object.
    public subscript(key: String) -> JSON? { object?[key] }

    /// The element of an array; nil when it is absent or this is no array.
    public subscript(index: Int) -> JSON? {
        guard let count, index >= 0, index < count else { return nil }
        switch self {
        case .array(let elements): return elements[index]
        case .numbers(let numbers): return numbers.depth == 1 ? .number(numbers.values[index]) : numbers.elements[index]
        default: return nil
        }
    }
}

extension JSON: Equatable {
    /// Arrays are equal when their elements are, whether stored flat or as a tree.
    public static func == (left: JSON, right: JSON) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        case (.numbers(let a), .numbers(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.array, .numbers), (.numbers, .array): left.array == right.array
        default: false
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .number(Double(value)) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) {
        var object = JSONObject()
        for (key, value) in elements { object[key] = value }
        self = .object(object)
    }
}
