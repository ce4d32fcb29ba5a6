// Forms of single values. Each is written at a field by its short name: `.flag`, `.whole(1...64)`, `.number(.above(0))`,
// `.text("a label", 1...1024)`, `.choice()`.

public struct FlagForm: FieldForm {
    public var shape: FieldShape { .flag }

    public func read(_ source: FieldValue, over current: Bool?, _ findings: inout FieldFindings) -> Bool? {
        if case .flag(let flag) = source { return flag }
        findings.expected("true or false", found: source)
        return nil
    }

    public func write(_ value: Bool) -> FieldValue { .flag(value) }

    public func check(_ value: Bool, _ findings: inout FieldFindings) {}
}

/// A whole number within a range.
public struct WholeForm<Value: FixedWidthInteger & Sendable>: FieldForm {
    let range: ClosedRange<Value>

    public var shape: FieldShape { .whole(Int(clamping: range.lowerBound)...Int(clamping: range.upperBound)) }

    private var expectation: String { "a whole number from \(range.lowerBound) to \(range.upperBound)" }

    public func read(_ source: FieldValue, over current: Value?, _ findings: inout FieldFindings) -> Value? {
        if let whole = source.whole, let value = Value(exactly: whole) { return value }
        findings.expected(source.double == nil ? "a whole number" : expectation, found: source)
        return nil
    }

    public func write(_ value: Value) -> FieldValue { .integer(Int(truncatingIfNeeded: value)) }

    public func check(_ value: Value, _ findings: inout FieldFindings) {
        if !range.contains(value) { findings.add("expected \(expectation), found \(value)") }
    }
}

/// A number within bounds, in Double or Float.
public struct NumberForm<Value: BinaryFloatingPoint & LosslessStringConvertible & Sendable>: FieldForm {
    let bound: NumberBound

    public var shape: FieldShape { .number(bound) }

    public func read(_ source: FieldValue, over current: Value?, _ findings: inout FieldFindings) -> Value? {
        if let number = source.double { return Value(number) }
        findings.expected("a number", found: source)
        return nil
    }

    /// By way of the shortest decimal: 0.1 of Float is told as 0.1, not as the number of Double that it is.
    public func write(_ value: Value) -> FieldValue { .number(Double(value.description) ?? Double(value)) }

    public func check(_ value: Value, _ findings: inout FieldFindings) {
        if !bound.contains(Double(value)) { findings.expected(bound.expectation, found: write(value)) }
    }
}

/// A text of so many bytes of UTF-8.
public struct TextForm: FieldForm {
    /// With its article: "a column name".
    let noun: String
    let bytes: ClosedRange<Int>

    public var shape: FieldShape { .text(bytes) }

    public func read(_ source: FieldValue, over current: String?, _ findings: inout FieldFindings) -> String? {
        if case .text(let text) = source { return text }
        findings.expected("a string", found: source)
        return nil
    }

    public func write(_ value: String) -> FieldValue { .text(value) }

    public func check(_ value: String, _ findings: inout FieldFindings) {
        let count = value.utf8.count
        if count == 0, bytes.lowerBound > 0 { findings.add("\(noun) cannot be empty") }
        if count > bytes.upperBound { findings.add("\(noun) of \(count) bytes; at most \(bytes.upperBound) are taken") }
    }
}

/// One of the names of an enumeration.
public struct ChoiceForm<Value: RawRepresentable<String> & CaseIterable>: FieldForm {
    public var shape: FieldShape { .choice(Value.allCases.map(\.rawValue)) }

    public func read(_ source: FieldValue, over current: Value?, _ findings: inout FieldFindings) -> Value? {
        guard case .text(let text) = source else {
            findings.expected("a string", found: source)
            return nil
        }
        if let value = Value(rawValue: text) { return value }
        findings.add(
            "\"\(text.excerpt())\" is none of the choices"
                + Suggestion.hint(for: text, among: Value.allCases.map(\.rawValue)))
        return nil
    }

    public func write(_ value: Value) -> FieldValue { .text(value.rawValue) }

    public func check(_ value: Value, _ findings: inout FieldFindings) {}
}

// The bytes of a free text are nobody's business here; what is stored was bounded where it came in.
extension FieldForm where Self == TextForm {
    public static func text(_ noun: String, _ bytes: ClosedRange<Int> = 0...Int.max) -> TextForm {
        TextForm(noun: noun, bytes: bytes)
    }
}

extension FieldForm where Self == FlagForm {
    public static var flag: FlagForm { FlagForm() }
}

extension FieldForm {
    public static func whole<Number: FixedWidthInteger & Sendable>(
        _ range: ClosedRange<Number>
    ) -> Self where Self == WholeForm<Number> {
        WholeForm(range: range)
    }

    public static func number<Number: BinaryFloatingPoint & LosslessStringConvertible & Sendable>(
        _ bound: NumberBound
    ) -> Self where Self == NumberForm<Number> {
        NumberForm(bound: bound)
    }

    public static func choice<Name: RawRepresentable<String> & CaseIterable>() -> Self
    where Self == ChoiceForm<Name> { ChoiceForm() }
}
