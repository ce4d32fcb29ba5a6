import Models
import NamedFields
import Networks

/// Sequences of rows of numbers on their way into a network: what keeps them from it, and how they get there.
struct SequenceNumbers {
    /// Row after row, sequence after sequence.
    let values: [Double]
    let features: [String]
    let lengths: [Int]
    let transform: [TransformSpec]

    private var width: Int { features.count }

    /// What can be told without fitting anything.
    var violations: [Violation] {
        var found: [Violation] = []
        if width > TrainingSpec.Limit.columns {
            found.append(
                Violation("data", detail: "\(width) features a row; at most \(TrainingSpec.Limit.columns) are taken"))
        }
        let lag = transform.lag
        if let short = lengths.firstIndex(where: { $0 <= lag }) {
            found.append(
                Violation(
                    "data",
                    detail: "sequence \(short + 1) has \(lengths[short]) rows; the transforms need at least \(lag + 1)")
            )
        }
        if let place = values.firstIndex(where: { !$0.isFinite }), width > 0 {
            let name = features[place % width]
            found.append(
                Violation(
                    "data",
                    detail: "column \"\(name)\", row \(place / width + 1): \(values[place]) is no finite number"))
        }
        return found
    }

    /// Rows as a network reads them.
    struct Fitted {
        var transforms: InputTransforms
        var rows: [Float]
        var places: [(start: Int, length: Int)]
    }

    /// - Parameters:
    ///   - training: the sequences that the transforms are fitted to.
    ///   - validation: sequences that must be fit for them too.
    func fitted(to training: [Int], validation: [Int]) throws(Violations) -> Fitted {
        var found: [Violation] = []
        var starts: [Int] = []
        var end = 0
        for length in lengths {
            starts.append(end)
            end += length
        }
        func sequence(_ index: Int, _ column: Int) -> [Double] {
            (0..<lengths[index]).map { values[(starts[index] + $0) * width + column] }
        }
        var columns: [ColumnTransform] = []
        for column in 0..<width {
            do {
                let fitted = try ColumnTransform(
                    fitting: transform, to: training.map { sequence($0, column) }, column: column)
                for index in validation { _ = try fitted.forward(sequence(index, column), column: column) }
                columns.append(fitted)
            } catch {
                // Rows of sequences are not rows of the file: the column alone says where to look.
                found.append(TransformError(error.reason, column: error.column).violation(naming: features[column]))
            }
        }
        guard found.isEmpty else { throw Violations(found) }
        let transforms = InputTransforms(columns: columns, laggedColumns: width)
        var rows: [Float] = []
        rows.reserveCapacity(values.count)
        var places: [(start: Int, length: Int)] = []
        for index in lengths.indices {
            let raw = Array(values[starts[index] * width..<(starts[index] + lengths[index]) * width])
            places.append((rows.count / width, lengths[index] - transform.lag))
            do { rows += try transforms.forward(raw) } catch {
                let found = error.violation(naming: features[error.column])
                throw Violations([Violation(path: found.path, detail: "sequence \(index + 1), \(found.detail)")])
            }
        }
        return Fitted(transforms: transforms, rows: rows, places: places)
    }
}

/// Names of labels or flags that a network can have.
enum LabelNames {
    /// In order, and what is wrong with them.
    static func sorted(_ names: some Sequence<String>) -> (names: [String], violations: [Violation]) {
        let names = Array(Set(names)).sorted()
        var found: [Violation] = []
        if names.count > TrainingSpec.Limit.labels {
            found.append(
                Violation(
                    "data", detail: "\(names.count) labels; at most \(TrainingSpec.Limit.labels) can be told apart"))
        }
        if let long = names.first(where: { $0.utf8.count > ModelLimit.nameBytes }) {
            found.append(
                Violation(
                    "data",
                    detail: "the label \"\(long.excerpt())\" has \(long.utf8.count) bytes; at most "
                        + "\(ModelLimit.nameBytes) are taken"))
        }
        return (names, found)
    }
}
