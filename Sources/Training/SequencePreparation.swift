import Models
import NamedFields
import Networks

/// Labelled sequences made ready: labels sorted, transforms fitted to the training part, a validation part drawn.
struct PreparedSequences {
    let task: ClassifyTask
    let features: [String]
    /// In the order of the network's outputs.
    let labels: [String]
    let transforms: InputTransforms
    let examples: Examples

    /// - Throws: all that keeps these sequences from being learnt from.
    init(_ task: ClassifyTask, _ set: SequenceSet, validation: Double?, seed: UInt64) throws(Violations) {
        self.task = task
        features = set.features
        var found: [Violation] = []
        let (labels, wrong) = LabelNames.sorted(set.labels)
        self.labels = labels
        if set.features.isEmpty { found.append(Violation("data", detail: "the sequences have no features")) }
        if set.count == 0 {
            found.append(Violation("data", detail: "there are no sequences"))
        } else if labels.count < 2 {
            found.append(
                Violation(
                    "data",
                    detail: "every sequence has the label \"\(labels[0].excerpt())\"; there is nothing to tell apart"))
        }
        let numbers = SequenceNumbers(
            values: set.values, features: set.features, lengths: set.lengths, transform: task.transform)
        found += wrong + numbers.violations
        let places = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, Int32($0)) })
        let answers = set.labels.map { places[$0] ?? 0 }
        let drawn = validation.map { Self.draw($0, answers, count: labels.count, seed: seed) } ?? []
        if validation != nil, drawn.isEmpty, set.count > 0 {
            found.append(
                Violation(
                    "training", "validation", "fraction",
                    detail: "no label has two sequences, so none can be kept for validation"))
        }
        guard found.isEmpty else { throw Violations(found) }
        let isValidation = Set(drawn)
        let training = answers.indices.filter { !isValidation.contains($0) }
        let fitted = try numbers.fitted(to: training, validation: drawn)
        transforms = fitted.transforms
        examples = Examples(
            rows: fitted.rows, width: set.features.count, places: fitted.places, answers: .labels(answers),
            place: .last, training: training, validation: drawn)
    }

    /// Sequences for validation: of every label its share, at least one of those that have two or more; in order.
    private static func draw(_ fraction: Double, _ answers: [Int32], count: Int, seed: UInt64) -> [Int] {
        var drawn: [Int] = []
        for label in 0..<count {
            let members = answers.indices.filter { answers[$0] == Int32(label) }
            guard members.count >= 2 else { continue }
            let share = min(max(Int((Double(members.count) * fraction).rounded()), 1), members.count - 1)
            var stream = Philox(seed: seed).stream(.split, row: label)
            drawn += stream.permutation(members.count).prefix(share).map { members[$0] }
        }
        return drawn.sorted()
    }
}

extension PreparedSequences: PreparedTask {
    var transform: [TransformSpec] { task.transform }
    var inputs: Int { features.count }
    var outputs: Int { labels.count }
    var readout: Readout { task.pool == .mean ? .mean : .last }
    var modelTask: ModelTask { .classify(ClassifyModel(features: features, labels: labels)) }

    func judge(_ report: inout TrainingReport, _ predictor: Predictor, _ trainer: Trainer) {
        report.classification = trainer.classificationReport(predictor.network, labels: labels.count)
        report.precision = trainer.precisionReport(predictor.model)
    }
}
