/// Texts in a row, each different one kept once.
public struct TextColumn: Sendable, Equatable {
    /// In the order of their first appearance.
    public private(set) var names: [String] = []
    /// Text by text, the place of its name.
    public private(set) var numbers: [Int32] = []
    private var places: [String: Int32] = [:]

    public init() {}

    public init(_ texts: some Sequence<String>) {
        for text in texts { append(text) }
    }

    public var count: Int { numbers.count }

    public subscript(index: Int) -> String { names[Int(numbers[index])] }

    public mutating func append(_ text: String) {
        if let place = places[text] { return numbers.append(place) }
        let place = Int32(names.count)
        places[text] = place
        names.append(text)
        numbers.append(place)
    }
}

/// Sequences of unequal length with an answer at every step: what labelling learns from. Nothing is missing in it.
public struct LabelledSequences: Sendable, Equatable {
    public enum Rows: Sendable, Equatable {
        /// Row after row, `features` wide.
        case numbers([Double], features: [String])
        /// One a row.
        case tokens(TextColumn)
    }

    /// Sequence after sequence.
    public var rows: Rows
    /// Rows of each sequence.
    public var lengths: [Int]
    /// Row after row.
    public var labels: TextColumn
    /// How many labels each row has; nil where each has one.
    public var labelCounts: [Int]?

    /// - Precondition: rows and labels fill the sequences.
    public init(rows: Rows, lengths: [Int], labels: TextColumn, labelCounts: [Int]? = nil) {
        let count = lengths.reduce(0, +)
        precondition(
            labelCounts.map { $0.count == count && $0.reduce(0, +) == labels.count } ?? (labels.count == count))
        switch rows {
        case .numbers(let values, let features): precondition(values.count == count * features.count)
        case .tokens(let tokens): precondition(tokens.count == count)
        }
        self.rows = rows
        self.lengths = lengths
        self.labels = labels
        self.labelCounts = labelCounts
    }

    public var count: Int { lengths.count }
}
