import Models
import NamedFields
import Networks

/// Sequences with an answer at every step made ready: labels sorted, transforms or alphabet fitted to the training part,
/// a validation part drawn.
struct PreparedLabels {
    let task: LabelTask
    /// What the model reads, fitted.
    let modelInputs: LabelModel.Inputs
    /// In the order of the network's outputs.
    let labels: [String]
    let transforms: InputTransforms
    let examples: Examples

    /// - Throws: all that keeps these sequences from being learnt from.
    init(_ task: LabelTask, _ set: LabelledSequences, validation: Double?, seed: UInt64) throws(Violations) {
        self.task = task
        let (labels, wrong) = LabelNames.sorted(set.labels.names)
        self.labels = labels
        var found = wrong
        if set.count == 0 { found.append(Violation("data", detail: "there are no sequences")) }
        if set.count > 0, labels.count < (task.answers == .flags ? 1 : 2) {
            found.append(
                Violation(
                    "data",
                    detail: labels.isEmpty
                        ? "no step has a flag; there is nothing to learn"
                        : "every step has the label \"\(labels[0].excerpt())\"; there is nothing to tell apart"))
        }
        let drawn = validation.map { Self.draw($0, count: set.count, seed: seed) } ?? []
        if validation != nil, drawn.isEmpty, set.count > 0 {
            found.append(
                Violation(
                    "training", "validation", "fraction",
                    detail: "there is one sequence, so none can be kept for validation"))
        }
        let isValidation = Set(drawn)
        let training = set.lengths.indices.filter { !isValidation.contains($0) }
        let fitted: SequenceNumbers.Fitted
        switch set.rows {
        case .numbers(let values, let features):
            if features.isEmpty { found.append(Violation("data", detail: "the sequences have no features")) }
            let numbers = SequenceNumbers(
                values: values, features: features, lengths: set.lengths, transform: task.transform)
            found += numbers.violations
            guard found.isEmpty else { throw Violations(found) }
            fitted = try numbers.fitted(to: training, validation: drawn)
            modelInputs = .numbers(features)
        case .tokens(let tokens):
            guard found.isEmpty else { throw Violations(found) }
            guard case .tokens(let spec) = task.inputs else {
                throw Violations([Violation("task", "inputs", detail: "the data holds tokens, not numbers")])
            }
            let alphabet = spec.alphabet(of: tokens, lengths: set.lengths, training: training)
            if spec.symbols != nil, !spec.knowsAny(of: tokens, alphabet, lengths: set.lengths, training: training) {
                throw Violations([
                    Violation(
                        "task", "symbols",
                        detail: "no token of the training part is one of the symbols; none would be known")
                ])
            }
            guard alphabet.count > 1 else {
                throw Violations([
                    Violation(
                        "task", "min_count",
                        detail: "no token of the training part stands there \(spec.minCount) times; none would be known"
                    )
                ])
            }
            fitted = Self.numbered(tokens, set.lengths, alphabet)
            modelInputs = .tokens(alphabet)
        }
        transforms = fitted.transforms
        examples = Examples(
            rows: fitted.rows, width: fitted.transforms.columns.count, places: fitted.places,
            answers: Self.answers(set, labels, lag: task.transform.lag, of: task.answers), place: .everyRow,
            training: training, validation: drawn)
    }

    /// Sequences for validation: so many of them, at least one and never all; in order.
    private static func draw(_ fraction: Double, count: Int, seed: UInt64) -> [Int] {
        guard count >= 2 else { return [] }
        let share = min(max(Int((Double(count) * fraction).rounded()), 1), count - 1)
        var stream = Philox(seed: seed).stream(.split)
        return stream.permutation(count).prefix(share).sorted()
    }

    private static func numbered(
        _ tokens: TextColumn, _ lengths: [Int], _ alphabet: Alphabet
    ) -> SequenceNumbers.Fitted {
        let numbers = tokens.names.map { Float(alphabet.number(of: $0)) }
        var end = 0
        let places = lengths.map { length in
            defer { end += length }
            return (start: end, length: length)
        }
        return SequenceNumbers.Fitted(
            transforms: .ofTokens, rows: tokens.numbers.map { numbers[Int($0)] }, places: places)
    }

    /// Of each row that reaches the network.
    private static func answers(
        _ set: LabelledSequences, _ labels: [String], lag: Int, of kind: LabelModel.Answers
    ) -> Examples.Answers {
        let places = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, Int32($0)) })
        let numbers = set.labels.names.map { places[$0] ?? 0 }
        var (row, label) = (0, 0)
        var single: [Int32] = []
        var sets = FlagSets(count: labels.count)
        for length in set.lengths {
            for step in 0..<length {
                let count = set.labelCounts?[row] ?? 1
                defer { (row, label) = (row + 1, label + count) }
                guard step >= lag else { continue }
                let own = set.labels.numbers[label..<label + count].map { numbers[Int($0)] }
                if kind == .flags { sets.append(own) } else { single += own }
            }
        }
        return kind == .flags ? .flags(sets) : .labels(single)
    }
}

extension TokenInputs {
    /// Whether a token of the training part is in the alphabet.
    fileprivate func knowsAny(
        of tokens: TextColumn, _ alphabet: Alphabet, lengths: [Int], training: [Int]
    ) -> Bool {
        let isKnown = tokens.names.map { alphabet.number(of: $0) > 0 }
        let isTraining = Set(training)
        var row = 0
        for (sequence, length) in lengths.enumerated() {
            defer { row += length }
            guard isTraining.contains(sequence) else { continue }
            if tokens.numbers[row..<row + length].contains(where: { isKnown[Int($0)] }) { return true }
        }
        return false
    }

    /// The symbols that are given, or else those that the training part has often enough, in the order in which they
    /// appear there; of more than there may be the rarest are left out. A name that is too long to be kept is none.
    func alphabet(of tokens: TextColumn, lengths: [Int], training: [Int]) -> Alphabet {
        if let symbols { return Alphabet(symbols, split: split) }
        var counts = [Int](repeating: 0, count: tokens.names.count)
        var order: [Int] = []
        let isTraining = Set(training)
        var row = 0
        for (sequence, length) in lengths.enumerated() {
            defer { row += length }
            guard isTraining.contains(sequence) else { continue }
            for number in tokens.numbers[row..<row + length] {
                if counts[Int(number)] == 0 { order.append(Int(number)) }
                counts[Int(number)] += 1
            }
        }
        var kept = order.filter { counts[$0] >= minCount && tokens.names[$0].utf8.count <= ModelLimit.nameBytes }
        if kept.count > ModelLimit.alphabet {
            // Of equal counts the first ones stay.
            let least = kept.indices.sorted { left, right in
                let (p, q) = (counts[kept[left]], counts[kept[right]])
                return p == q ? left < right : p > q
            }
            kept = least.prefix(ModelLimit.alphabet).sorted().map { kept[$0] }
        }
        return Alphabet(kept.map { tokens.names[$0] }, split: split)
    }
}

extension PreparedLabels: PreparedTask {
    var transform: [TransformSpec] { task.transform }
    var inputs: Int {
        switch modelInputs {
        case .numbers(let features): features.count
        case .tokens(let alphabet): alphabet.count
        }
    }
    var outputs: Int { labels.count }
    var readout: Readout { .last }
    var modelTask: ModelTask {
        .label(LabelModel(inputs: modelInputs, labels: labels, answers: task.answers))
    }

    func judge(_ report: inout TrainingReport, _ predictor: Predictor, _ trainer: Trainer) {
        report.classification = trainer.classificationReport(predictor.network, labels: labels.count)
        report.precision = trainer.precisionReport(predictor.model)
    }
}
