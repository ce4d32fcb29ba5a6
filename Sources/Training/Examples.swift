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

/// A batch of examples, packed for the network.
struct ExampleBatch {
    let batch: RaggedBatch
    /// [rows × inputs], packed.
    let x: [Float]
    /// Targets in the rows of the batch: [sequences × targets] (longest first) or packed; empty for labels.
    let targets: [Float]
    /// Labels in the rows of the batch; empty for targets.
    let labels: [Int32]

    /// - Parameter lastRow: whether only the answer after each example's last row is asked for.
    init(_ examples: Examples, _ indices: ArraySlice<Int>, lastRow: Bool = false) {
        let indices = Array(indices)
        let batch = RaggedBatch(lengths: indices.map { examples.places[$0].length })
        let width = examples.width
        self.batch = batch
        x = [Float](unsafeUninitializedCapacity: batch.rows * width) { x, count in
            examples.rows.withUnsafeBufferPointer { rows in
                guard let source = rows.baseAddress, let target = x.baseAddress else { return }
                for step in 0..<batch.steps {
                    for row in 0..<batch.active[step] {
                        let place = examples.places[indices[batch.order[row]]]
                        (target + (batch.offsets[step] + row) * width)
                            .update(from: source + (place.start + step) * width, count: width)
                    }
                }
            }
            count = batch.rows * width
        }
        switch examples.answers {
        case .nextRow(let count, let everyRow):
            labels = []
            var targets: [Float] = []
            targets.reserveCapacity((everyRow && !lastRow ? batch.rows : batch.count) * count)
            func append(_ row: Int, step: Int) {
                let next = (examples.places[indices[batch.order[row]]].start + step + 1) * width
                targets += examples.rows[next..<next + count]
            }
            if everyRow, !lastRow {
                for step in 0..<batch.steps { for row in 0..<batch.active[step] { append(row, step: step) } }
            } else {
                for row in 0..<batch.count { append(row, step: batch.lengths[batch.order[row]] - 1) }
            }
            self.targets = targets
        case .labels(let all):
            targets = []
            labels = batch.order.map { all[indices[$0]] }
        }
    }
}
