import NamedFields
import Training

/// Reads a JSON document into program values and notes every violation with its pointer instead of stopping at one.
///
///     let collector = ViolationCollector()
///     let body = JSONReader(json, into: collector)
///     body.fields(["model", "epochs", "clip"])                      // an object; any other key is a violation
///     let model = body.string("model")                              // required
///     let epochs = body.int("epochs", in: 1...100_000, default: 100)
///     if let clip = body.optional("clip") { … clip.double("norm") }  // a reader further down
///     try collector.check()
///
/// A member that is absent or null counts as not given. A read that fails adds a violation and answers nil (or the
/// default), so that reading goes on.
public struct JSONReader {
    public let value: JSON
    public let path: [Violation.PathComponent]
    public let collector: ViolationCollector

    public init(_ value: JSON, at path: [Violation.PathComponent] = [], into collector: ViolationCollector) {
        self.value = value
        self.path = path
        self.collector = collector
    }

    /// Notes that this value is wrong, and why: what was expected, what was found, what to do.
    public func fail(_ detail: @autoclosure () -> String) { collector.add(at: path, detail()) }

    /// Notes that a member is wrong or missing.
    public func fail(_ key: String, _ detail: @autoclosure () -> String) {
        collector.add(at: path + [.key(key)], detail())
    }

    // MARK: Members

    /// Demands an object whose keys are all among these; false, with a violation, when this is no object.
    @discardableResult
    public func fields(_ allowed: [String]) -> Bool {
        guard let object = value.object else {
            fail("expected an object, found \(value.kindName)")
            return false
        }
        for key in object.keys where !allowed.contains(key) {
            fail(key, "unknown field \"\(key.excerpt())\"\(Suggestion.hint(for: key, among: allowed))")
        }
        return true
    }

    /// The reader of a member that is there and not null.
    public func optional(_ key: String) -> JSONReader? {
        guard let member = value.object?[key], !member.isNull else { return nil }
        return JSONReader(member, at: path + [.key(key)], into: collector)
    }

    /// The reader of a member that has to be there; a violation when it is not (but not twice when this is no object).
    public func required(_ key: String) -> JSONReader? {
        if let reader = optional(key) { return reader }
        if value.object != nil { fail(key, "\"\(key)\" is required and missing") }
        return nil
    }

    /// Whether a member was given, be it null.
    public func has(_ key: String) -> Bool { value.object?[key] != nil }

    // MARK: This value

    public func string() -> String? {
        guard let text = value.string else { return refuse("a string") }
        return text
    }

    public func bool() -> Bool? {
        guard let flag = value.bool else { return refuse("true or false") }
        return flag
    }

    public func double() -> Double? {
        guard let number = value.double else { return refuse("a number") }
        return number
    }

    public func double(in range: ClosedRange<Double>) -> Double? {
        guard let number = double() else { return nil }
        guard range.contains(number) else {
            return refuse("a number from \(shown(range.lowerBound)) to \(shown(range.upperBound))")
        }
        return number
    }

    /// A whole number. Beyond ±2⁵³ JSON numbers lose digits and are refused.
    public func int(in range: ClosedRange<Int> = -JSON.largestExactInteger...JSON.largestExactInteger) -> Int? {
        guard value.double != nil else { return refuse("a whole number") }
        guard let number = value.int, range.contains(number) else {
            return refuse("a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// One of the raw values of an enumeration.
    public func choice<T: RawRepresentable & CaseIterable>(_ type: T.Type = T.self) -> T?
    where T.RawValue == String {
        choice(
            Dictionary(T.allCases.map { ($0.rawValue, $0) }) { first, _ in first }, names: T.allCases.map(\.rawValue))
    }

    /// One of some named values.
    public func choice<T>(_ choices: [String: T], names: [String]? = nil) -> T? {
        guard let text = string() else { return nil }
        if let chosen = choices[text] { return chosen }
        fail(
            "\"\(text.excerpt())\" is none of the choices\(Suggestion.hint(for: text, among: names ?? choices.keys.sorted()))"
        )
        return nil
    }

    /// What is read one by one: a flat array of numbers may hold a million more.
    public static let mostElements = 1 << 17

    /// The elements of an array, each with its own pointer.
    public func elements() -> [JSONReader]? {
        guard let count = value.count else { return refuse("an array") }
        guard count <= Self.mostElements, let elements = value.array else {
            return refuse("an array of at most \(Self.mostElements) elements", found: "\(count)")
        }
        return elements.enumerated().map {
            JSONReader($0.element, at: path + [.index($0.offset)], into: collector)
        }
    }

    public func strings() -> [String]? {
        guard let elements = elements() else { return nil }
        let strings = elements.map { $0.string() }
        return strings.contains(nil) ? nil : strings.compactMap { $0 }
    }

    // MARK: Members by key, the short forms

    public func string(_ key: String) -> String? { required(key)?.string() }
    public func string(_ key: String, default fallback: String) -> String { optional(key)?.string() ?? fallback }
    public func bool(_ key: String) -> Bool? { required(key)?.bool() }
    public func bool(_ key: String, default fallback: Bool) -> Bool { optional(key)?.bool() ?? fallback }
    public func double(_ key: String) -> Double? { required(key)?.double() }

    public func double(_ key: String, in range: ClosedRange<Double>) -> Double? { required(key)?.double(in: range) }

    public func double(_ key: String, in range: ClosedRange<Double>, default fallback: Double) -> Double {
        optional(key)?.double(in: range) ?? fallback
    }

    public func int(_ key: String, in range: ClosedRange<Int>) -> Int? { required(key)?.int(in: range) }

    public func int(_ key: String, in range: ClosedRange<Int>, default fallback: Int) -> Int {
        optional(key)?.int(in: range) ?? fallback
    }

    public func choice<T: RawRepresentable & CaseIterable>(_ key: String, _ type: T.Type = T.self) -> T?
    where T.RawValue == String { required(key)?.choice() }

    public func choice<T: RawRepresentable & CaseIterable>(_ key: String, default fallback: T) -> T
    where T.RawValue == String { optional(key)?.choice() ?? fallback }

    // MARK: Wording

    public func refuse<T>(_ expectation: @autoclosure () -> String, found: String? = nil) -> T? {
        collector.add(at: path, "expected \(expectation()), found \(found ?? finding)")
        return nil
    }

    /// What stands here, short enough for a sentence.
    private var finding: String {
        switch value {
        case .number(let number): shown(number)
        case .string(let text):
            text.utf8.count <= 64 ? "the string \"\(text)\"" : "a string of \(text.utf8.count) bytes"
        default: value.kindName
        }
    }

    private func shown(_ number: Double) -> String { JSON.number(number).text }
}
