import Models
import NamedFields
import Networks

/// An answer at every step of a sequence: one label, or any of several flags.
public struct LabelTask: Hashable, Sendable {
    /// What a row is.
    public enum Inputs: Hashable, Sendable {
        case numbers(NumberInputs)
        case tokens(TokenInputs)
    }

    public var inputs = Inputs.numbers(NumberInputs())
    public var answers = LabelModel.Answers.labels
    /// For data in rows, the column whose equal values make one sequence.
    public var sequence: String?
    /// The column or member of the labels; nil takes `labels` of records and `label` of data in rows.
    public var label: String?
    /// For data in rows, the columns the network sees; all others where empty.
    public var features: [String] = []

    public init() {}
}

/// Rows of numbers.
public struct NumberInputs: Hashable, Sendable {
    public var transform: [TransformSpec]

    public init(transform: [TransformSpec] = [.standardize]) { self.transform = transform }
}

/// Rows that are one symbol each.
public struct TokenInputs: Hashable, Sendable {
    /// How a text that comes as one string is cut.
    public var split = Alphabet.Split.words
    /// The alphabet; nil takes the symbols of the training part.
    public var symbols: [String]?
    /// Symbols that stand there less often are unknown ones.
    public var minCount = 1

    public init() {}
}

extension LabelTask {
    public enum InputKind: String, Sendable, CaseIterable {
        case numbers
        case tokens
    }

    public var inputKind: InputKind {
        switch inputs {
        case .numbers: .numbers
        case .tokens: .tokens
        }
    }

    /// What its columns go through; tokens go through nothing.
    public var transform: [TransformSpec] {
        if case .numbers(let numbers) = inputs { numbers.transform } else { [] }
    }

    /// The column of the labels in data in rows.
    public var labelColumn: String { label ?? "label" }
    /// The member of the labels in records of whole sequences.
    public var labelMember: String { label ?? "labels" }
}

extension LabelTask: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        var kind = inputKind
        if visitor.kind("inputs", &kind, "What a row is: numbers, or one token.") {
            inputs = kind == .tokens ? .tokens(TokenInputs()) : .numbers(NumberInputs())
        }
        switch inputs {
        case .numbers(var numbers):
            visitor.field("transform", &numbers.transform, .transforms, "What the columns go through, in this order.")
            inputs = .numbers(numbers)
        case .tokens(var tokens):
            visitor.field("split", &tokens.split, .choice(), "How a text that comes as one string is cut into tokens.")
            visitor.field(
                "symbols", &tokens.symbols, .optional(.list(of: .symbol, "symbols", 1...ModelLimit.alphabet)),
                "The tokens that are told apart; those of the training part where null.")
            visitor.field(
                "min_count", &tokens.minCount, .whole(1...FieldValue.largestExactInteger),
                "Tokens that the training part has less often are unknown ones.")
            inputs = .tokens(tokens)
        }
        visitor.field("answers", &answers, .choice(), "One label a step, or any number of independent flags.")
        visitor.field(
            "sequence", &sequence, .optional(.column), "For data in rows, the column whose values tell sequences apart."
        )
        visitor.field(
            "label", &label, .optional(.column),
            "The member of records, or the column, that holds the labels; labels or label where null.")
        visitor.field(
            "features", &features, .columns,
            "For data in rows, the columns that the network sees; all others where empty.")
    }
}

extension FieldForm where Self == TextForm {
    fileprivate static var symbol: TextForm { .text("a symbol", 1...ModelLimit.nameBytes) }
}

extension LabelTask {
    func check(_ found: inout Violations) {
        if let sequence, sequence == labelColumn {
            found.add(
                at: ["task", "sequence"], "column \"\(sequence.excerpt())\" cannot be both the sequence and the label")
        }
        checkFeatures(features, label: labelColumn, sequence: sequence, &found)
        checkTransform(transform, &found)
        guard case .tokens(let tokens) = inputs else { return }
        if features.count > 1 {
            found.add(at: ["task", "features"], "\(features.count) columns; tokens are those of one column")
        }
        var seen: Set<String> = []
        for (index, symbol) in (tokens.symbols ?? []).enumerated() where !seen.insert(symbol).inserted {
            found.add(
                at: ["task", "symbols", .index(index)], "the symbol \"\(symbol.excerpt())\" stands there twice")
        }
        if tokens.symbols != nil, tokens.minCount > 1 {
            found.add(at: ["task", "min_count"], "counts choose symbols of the training part; here they are given")
        }
    }
}
