// Forms that are made of others: `.optional(.whole(1...9))`, `.list(of: .text("a name"), "names", 0...9)`,
// `.oneOrMore(…)`, `.object()`, `.texts`.

/// A value or none, which is written as null.
public struct OptionalForm<Wrapped: FieldForm>: FieldForm {
    let wrapped: Wrapped

    public var shape: FieldShape { .optional(wrapped.shape) }

    /// What is given in parts starts from its own defaults, not from what stands there.
    public func read(
        _ source: FieldValue, over current: Wrapped.Value??, _ findings: inout FieldFindings
    ) -> Wrapped.Value?? {
        if source == .null { return .some(nil) }
        return wrapped.read(source, over: nil, &findings).map(Optional.some)
    }

    public func write(_ value: Wrapped.Value?) -> FieldValue { value.map(wrapped.write) ?? .null }

    public func check(_ value: Wrapped.Value?, _ findings: inout FieldFindings) {
        if let value { wrapped.check(value, &findings) }
    }
}

public struct ListForm<Element: FieldForm>: FieldForm {
    let element: Element
    /// What the elements are called: "layers".
    let noun: String
    let count: ClosedRange<Int>
    /// One element may stand for the list of it, without brackets.
    let isOneOrMore: Bool

    public var shape: FieldShape {
        isOneOrMore ? .oneOrMore(element.shape, count: count) : .list(element.shape, count: count)
    }

    public func read(
        _ source: FieldValue, over current: [Element.Value]?, _ findings: inout FieldFindings
    ) -> [Element.Value]? {
        guard case .list(let sources) = source else {
            if isOneOrMore, case .text = source { return element.read(source, over: nil, &findings).map { [$0] } }
            findings.expected(isOneOrMore ? "a string, or an array of them" : "an array", found: source)
            return nil
        }
        var values: [Element.Value] = []
        for (index, source) in sources.enumerated() {
            let value = findings.at(.index(index)) { element.read(source, over: nil, &$0) }
            if let value { values.append(value) }
        }
        return values.count == sources.count ? values : nil
    }

    public func write(_ value: [Element.Value]) -> FieldValue {
        isOneOrMore && value.count == 1 ? element.write(value[0]) : .list(value.map(element.write))
    }

    public func check(_ value: [Element.Value], _ findings: inout FieldFindings) {
        if !count.contains(value.count) {
            let expectation =
                count.upperBound == .max
                ? "at least \(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
            findings.add("expected \(expectation) \(noun), found \(value.count)")
        }
        if isOneOrMore, value.count == 1 { return element.check(value[0], &findings) }
        for (index, value) in value.enumerated() {
            findings.at(.index(index)) { element.check(value, &$0) }
        }
    }
}

/// Something with fields of its own.
public struct ObjectForm<Value: HasFields>: FieldForm {
    public init() {}

    public var shape: FieldShape { .object(Value.self) }

    public func read(_ source: FieldValue, over current: Value?, _ findings: inout FieldFindings) -> Value? {
        guard case .members(let members) = source else {
            findings.expected("an object", found: source)
            return nil
        }
        var value = current ?? Value()
        FieldReader.read(members, into: &value, &findings)
        return value
    }

    public func write(_ value: Value) -> FieldValue { .members(FieldWriter.members(of: value)) }

    public func check(_ value: Value, _ findings: inout FieldFindings) { FieldChecker.check(value, &findings) }
}

/// Names chosen by whoever asks, each with a text.
public struct TextsForm: FieldForm {
    public var shape: FieldShape { .texts }

    public func read(
        _ source: FieldValue, over current: [String: String]?, _ findings: inout FieldFindings
    ) -> [String: String]? {
        guard case .members(let members) = source else {
            findings.expected("an object of strings", found: source)
            return nil
        }
        var texts: [String: String] = [:]
        for member in members {
            let text = findings.at(.key(member.name)) {
                TextForm(noun: "a text", bytes: 0...Int.max).read(member.value, over: nil, &$0)
            }
            texts[member.name] = text
        }
        return texts
    }

    public func write(_ value: [String: String]) -> FieldValue {
        .members(value.sorted { $0.key < $1.key }.map { FieldMember($0.key, .text($0.value)) })
    }

    public func check(_ value: [String: String], _ findings: inout FieldFindings) {}
}

extension FieldForm {
    public static func optional<Wrapped: FieldForm>(_ wrapped: Wrapped) -> Self where Self == OptionalForm<Wrapped> {
        OptionalForm(wrapped: wrapped)
    }

    public static func list<Element: FieldForm>(
        of element: Element, _ noun: String, _ count: ClosedRange<Int>
    ) -> Self where Self == ListForm<Element> {
        ListForm(element: element, noun: noun, count: count, isOneOrMore: false)
    }

    /// Of texts.
    public static func oneOrMore(
        _ element: TextForm, _ noun: String, _ count: ClosedRange<Int>
    ) -> Self where Self == ListForm<TextForm> {
        ListForm(element: element, noun: noun, count: count, isOneOrMore: true)
    }

    public static func object<Owner: HasFields>() -> Self where Self == ObjectForm<Owner> { ObjectForm() }
}

extension FieldForm where Self == TextsForm {
    public static var texts: TextsForm { TextsForm() }
}
