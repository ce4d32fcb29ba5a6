import NamedFields
import Networks

/// Labelled sequences made ready: labels sorted, transforms fitted to the training part, a validation part drawn.
struct PreparedSequences {
    let features: [String]
    let pool: ClassifyTask.Pool
    /// In the order of the network's outputs.
    let labels: [String]
    let transforms: InputTransforms
    let examples: Examples

    /// - Throws: all that keeps these sequences from being learnt from.
    init(_ task: ClassifyTask, _ set: SequenceSet, validation: Double?, seed: UInt64) throws(Violations) {
        features = set.features
        pool = task.pool
        var found: [Violation] = []
        let width = set.features.count
        let lag = task.transform.lag
        let labels = Array(Set(set.labels)).sorted()
        self.labels = labels
        if width == 0 { found.append(Violation("data", detail: "the sequences have no features")) }
        if set.count == 0 {
            found.append(Violation("data", detail: "there are no sequences"))
        } else if labels.count < 2 {
            found.append(
                Violation(
                    "data",
                    detail: "every sequence has the label \"\(labels[0].excerpt())\"; there is nothing to tell apart"))
        }
        if labels.count > TrainingSpec.Limit.labels {
            found.append(
                Violation(
                    "data", detail: "\(labels.count) labels; at most \(TrainingSpec.Limit.labels) can be told apart"))
        }
        if let long = labels.first(where: { $0.utf8.count > ModelLimit.nameBytes }) {
            found.append(
                Violation(
                    "data",
                    detail: "the label \"\(long.excerpt())\" has \(long.utf8.count) bytes; at most "
                        + "\(ModelLimit.nameBytes) are taken"))
        }
        if width > TrainingSpec.Limit.columns {
            found.append(
                Violation("data", detail: "\(width) features a row; at most \(TrainingSpec.Limit.columns) are taken"))
        }
        if let short = set.lengths.firstIndex(where: { $0 <= lag }) {
            found.append(
                Violation(
                    "data",
                    detail: "sequence \(short + 1) has \(set.lengths[short]) rows; the transforms need at least "
                        + "\(lag + 1)"))
        }
        if let place = set.values.firstIndex(where: { !$0.isFinite }), width > 0 {
            let name = set.features[place % width]
            found.append(
                Violation(
                    "data",
                    detail: "column \"\(name)\", row \(place / width + 1): \(set.values[place]) is no finite number"))
        }
        let numbers = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, Int32($0)) })
        let answers = set.labels.map { numbers[$0] ?? 0 }
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

        var starts: [Int] = []
        var end = 0
        for length in set.lengths {
            starts.append(end)
            end += length
        }
        func sequence(_ index: Int, _ column: Int) -> [Double] {
            (0..<set.lengths[index]).map { set.values[(starts[index] + $0) * width + column] }
        }
        var columns: [ColumnTransform] = []
        for column in 0..<width {
            do {
                let transform = try ColumnTransform(
                    fitting: task.transform, to: training.map { sequence($0, column) }, column: column)
                for index in drawn { _ = try transform.forward(sequence(index, column), column: column) }
                columns.append(transform)
            } catch {
                // Rows of sequences are not rows of the file: the column alone says where to look.
                found.append(
                    TransformError(error.reason, column: error.column).violation(naming: set.features[column]))
            }
        }
        guard found.isEmpty else { throw Violations(found) }
        transforms = InputTransforms(columns: columns, laggedColumns: width)
        var rows: [Float] = []
        rows.reserveCapacity(set.values.count)
        var places: [(start: Int, length: Int)] = []
        for index in answers.indices {
            let raw = Array(set.values[starts[index] * width..<(starts[index] + set.lengths[index]) * width])
            places.append((rows.count / width, set.lengths[index] - lag))
            do { rows += try transforms.forward(raw) } catch {
                let found = error.violation(naming: set.features[error.column])
                throw Violations([Violation(path: found.path, detail: "sequence \(index + 1), \(found.detail)")])
            }
        }
        examples = Examples(
            rows: rows, width: width, places: places, answers: .labels(answers), training: training, validation: drawn)
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
