/// A step in a list of steps: a name, and of some names a whole number. Written `"log"` and `{"seasonal_difference": 12}`.
public protocol NamedWord {
    static var words: [WordDescription] { get }

    /// nil where no word has this name, or has or lacks a number.
    init?(name: String, number: Int?)

    var name: String { get }
    var number: Int? { get }
}

/// A word, as it is told once.
public struct WordDescription: Hashable, Sendable {
    public var name: String
    /// Of the number that belongs to it; nil where none does.
    public var range: ClosedRange<Int>?

    public init(_ name: String, number range: ClosedRange<Int>? = nil) {
        self.name = name
        self.range = range
    }

    /// How it is written: with a number, one that fits.
    fileprivate var example: String { range == nil ? "\"\(name)\"" : "{\"\(name)\": 12}" }
}

public struct WordForm<Value: NamedWord>: FieldForm {
    public init() {}

    public var shape: FieldShape { .word(Value.words) }

    public func read(_ source: FieldValue, over current: Value?, _ findings: inout FieldFindings) -> Value? {
        switch source {
        case .text(let name):
            if let value = Value(name: name, number: nil) { return value }
            if let word = Value.words.first(where: { $0.name == name }) {
                findings.add("\"\(name)\" needs its number: \(word.example)")
            } else {
                findings.add(
                    "\"\(name.excerpt())\" is none of the choices"
                        + Suggestion.hint(for: name, among: Value.words.map(\.name)))
            }
            return nil
        case .members(let members):
            guard !members.isEmpty else { break }
            let numbered = Value.words.filter { $0.range != nil }
            let word = numbered.first { members[$0.name] != nil }
            for member in members where member.name != word?.name {
                findings.at(.key(member.name)) { $0.add(Self.foreign(member.name, numbered.map(\.name))) }
            }
            guard let word, let range = word.range, let number = members[word.name] else { return nil }
            let read = findings.at(.key(word.name)) { WholeForm(range: range).read(number, over: nil, &$0) }
            return members.count == 1 ? read.flatMap { Value(name: word.name, number: $0) } : nil
        default: break
        }
        findings.expected("a name or an object of one member, such as \(example)", found: source)
        return nil
    }

    private static func foreign(_ name: String, _ numbered: [String]) -> String {
        guard !Value.words.contains(where: { $0.name == name && $0.range == nil }) else {
            return "\"\(name)\" has no number: write \"\(name)\" alone"
        }
        return "unknown field \"\(name.excerpt())\"" + Suggestion.hint(for: name, among: numbered)
    }

    private var example: String { (Value.words.first { $0.range != nil } ?? Value.words.first)?.example ?? "" }

    public func write(_ value: Value) -> FieldValue {
        value.number.map { .members([FieldMember(value.name, .integer($0))]) } ?? .text(value.name)
    }

    public func check(_ value: Value, _ findings: inout FieldFindings) {
        guard let number = value.number, let range = Value.words.first(where: { $0.name == value.name })?.range else {
            return
        }
        findings.at(.key(value.name)) { WholeForm(range: range).check(number, &$0) }
    }
}

extension FieldForm {
    public static func word<Word: NamedWord>() -> Self where Self == WordForm<Word> { WordForm() }
}
