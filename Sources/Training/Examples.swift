import Kernels
import Networks

/// What a network learns from, ready for batches: rows of transformed numbers, and for each example where they lie and
/// what is to be said of them.
struct Examples {
    /// What is to be said after an example's last row.
    enum Answers {
        /// The rows' own first `targets` numbers, one row later: after the last row alone, or after every row.
        case nextRow(targets: Int, everyRow: Bool)
        /// A label an example.
        case labels([Int32])
    }

    /// Transformed rows, row after row.
    let rows: [Float]
    /// Numbers of a row.
    let width: Int
    /// First row and number of rows of each example.
    let places: [(start: Int, length: Int)]
    let answers: Answers
    /// Examples to learn from, and examples to validate with; neither empty unless nothing was asked for.
    let training: [Int]
    let validation: [Int]

    /// The greatest number of rows that a batch of `size` examples can have.
    func greatestBatch(size: Int) -> Int {
        let lengths = places.map(\.length)
        guard let longest = lengths.max(), let shortest = lengths.min(), longest > shortest else {
            return min(size, places.count) * (lengths.first ?? 0)
        }
        return lengths.sorted(by: >).prefix(size).reduce(0, +)
    }

    /// Rows of these examples together.
    func rowCount(_ examples: [Int]) -> Int { examples.reduce(0) { $0 + places[$1].length } }
}

/// A batch of examples, packed for the network; filled anew for every step, in memory that it keeps.
final class ExampleBatch {
    private(set) var batch = RaggedBatch(lengths: [])
    /// [rows × inputs], packed.
    private(set) var x: [Float] = []
    /// Targets in the rows of the batch: [sequences × targets] (longest first) or packed; empty for labels.
    private(set) var targets: [Float] = []
    /// Labels in the rows of the batch; empty for targets.
    private(set) var labels: [Int32] = []

    /// Takes the place of what was there. Windows, which are of one length, allocate nothing after the first batch;
    /// sequences of other lengths than before need their order anew.
    ///
    /// - Parameter lastRow: whether only the answer after each example's last row is asked for.
    func fill(_ examples: Examples, _ indices: ArraySlice<Int>, lastRow: Bool = false) {
        if !hasLengths(examples, indices) {
            batch = RaggedBatch(lengths: indices.map { examples.places[$0].length })
        }
        x.removeAll(keepingCapacity: true)
        targets.removeAll(keepingCapacity: true)
        labels.removeAll(keepingCapacity: true)
        let width = examples.width
        func start(_ row: Int) -> Int { examples.places[indices[indices.startIndex + batch.order[row]]].start }
        for step in 0..<batch.steps {
            for row in 0..<batch.active[step] {
                let place = (start(row) + step) * width
                x.append(contentsOf: examples.rows[place..<place + width])
            }
        }
        switch examples.answers {
        case .nextRow(let count, let everyRow):
            func append(_ row: Int, step: Int) {
                let next = (start(row) + step + 1) * width
                targets.append(contentsOf: examples.rows[next..<next + count])
            }
            if everyRow, !lastRow {
                for step in 0..<batch.steps { for row in 0..<batch.active[step] { append(row, step: step) } }
            } else {
                for row in 0..<batch.count { append(row, step: batch.lengths[batch.order[row]] - 1) }
            }
        case .labels(let all):
            for sequence in batch.order { labels.append(all[indices[indices.startIndex + sequence]]) }
        }
    }

    private func hasLengths(_ examples: Examples, _ indices: ArraySlice<Int>) -> Bool {
        guard batch.count == indices.count else { return false }
        for (length, index) in zip(batch.lengths, indices) where length != examples.places[index].length {
            return false
        }
        return true
    }
}
