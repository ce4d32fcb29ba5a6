import Models
import Networks
import Training

/// What a task wants of labelled sequences, and under which names.
struct SequenceWish {
    /// For data in rows, the column that tells sequences apart.
    var sequence: String?
    /// For data in rows.
    var labelColumn: String
    /// In records of whole sequences.
    var labelMember: String
    var features: [String]
    /// How a text is cut into tokens; nil where rows are numbers.
    var split: Alphabet.Split?
    /// What every row has; nil where it is a sequence that has a label.
    var answers: LabelModel.Answers?

    init(_ task: ClassifyTask) {
        sequence = task.sequence
        (labelColumn, labelMember) = (task.label, task.label)
        features = task.features
    }

    init(_ task: LabelTask) {
        sequence = task.sequence
        (labelColumn, labelMember) = (task.labelColumn, task.labelMember)
        features = task.features
        if case .tokens(let tokens) = task.inputs { split = tokens.split }
        answers = task.answers
    }

    static let tokensForNumbers =
        "the sequences hold tokens, and this task reads numbers; a label task reads tokens with \"inputs\": \"tokens\""

    /// A record as people write it.
    var example: String {
        let rows = split == nil ? "[[…], …]" : "[\"…\", …]"
        switch answers {
        case nil: return "{\"x\": \(rows), \"\(labelMember)\": …}"
        case .labels: return "{\"x\": \(rows), \"\(labelMember)\": [\"…\", …]}"
        case .flags: return "{\"x\": \(rows), \"\(labelMember)\": [[\"…\", …], …]}"
        }
    }
}

/// Labelled sequences as they are gathered.
struct GatheredSequences {
    var features: [String] = []
    /// Row after row, where rows are numbers.
    var values: [Double] = []
    /// Row after row, where they are tokens.
    var tokens = TextColumn()
    var lengths: [Int] = []
    /// Of each sequence, or of each row.
    var labels = TextColumn()
    /// How many labels each row has, where they are flags.
    var labelCounts: [Int] = []

    /// One label a sequence.
    var classified: SequenceSet {
        SequenceSet(
            features: features, values: values, lengths: lengths, labels: (0..<labels.count).map { labels[$0] })
    }

    /// An answer after every row.
    func labelled(_ wish: SequenceWish) -> LabelledSequences {
        LabelledSequences(
            rows: wish.split == nil ? .numbers(values, features: features) : .tokens(tokens), lengths: lengths,
            labels: labels, labelCounts: wish.answers == .flags ? labelCounts : nil)
    }
}
