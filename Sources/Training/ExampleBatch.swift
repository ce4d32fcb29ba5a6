import Kernels
import Models
import Networks

/// A batch of examples, packed for the network; filled anew for every step, in memory that it keeps.
final class ExampleBatch {
    private(set) var batch = RaggedBatch(lengths: [])
    /// [rows × inputs], packed.
    private(set) var x: [Float] = []
    /// In the rows of the network's outputs: [sequences] (longest first), or packed.
    private(set) var answers = DueAnswers()
    /// Packed rows whose answers do not count.
    private(set) var known: [Int] = []
    /// What its mean loss counts in that of an epoch.
    private(set) var weight = 0

    /// Takes the place of what was there. Windows, which are of one length, allocate nothing after the first batch;
    /// sequences of other lengths than before need their order anew.
    ///
    /// - Parameters:
    ///   - rowWidth: numbers of a row as the network reads it.
    ///   - place: where answers are asked for.
    func fill(_ examples: Examples, _ indices: ArraySlice<Int>, rowWidth: Int, at place: Examples.Place) {
        if !hasLengths(examples, indices) {
            batch = RaggedBatch(lengths: indices.map { examples.places[$0].length })
        }
        x.removeAll(keepingCapacity: true)
        known.removeAll(keepingCapacity: true)
        answers.removeAll(of: examples.answers)
        weight = examples.scoredPlace == .last ? batch.count : batch.rows
        func example(_ row: Int) -> Int { indices[indices.startIndex + batch.order[row]] }
        for step in 0..<batch.steps {
            for row in 0..<batch.active[step] {
                examples.append(row: examples.places[example(row)].start + step, rowWidth: rowWidth, to: &x)
            }
        }
        switch place {
        case .everyRow:
            for step in 0..<batch.steps {
                for row in 0..<batch.active[step] { answers.append(examples, example(row), step: step) }
            }
        case .last:
            for row in 0..<batch.count { answers.append(examples, example(row), step: nil) }
        }
    }

    /// The same of windows of streams, which have an answer after every row.
    func fill(_ examples: Examples, _ windows: [StreamPlan.Window], rowWidth: Int) {
        let lengths = windows.map(\.length)
        if batch.lengths != lengths { batch = RaggedBatch(lengths: lengths) }
        x.removeAll(keepingCapacity: true)
        known.removeAll(keepingCapacity: true)
        answers.removeAll(of: examples.answers)
        for step in 0..<batch.steps {
            for row in 0..<batch.active[step] {
                let window = windows[batch.order[row]]
                examples.append(row: window.start + step, rowWidth: rowWidth, to: &x)
                answers.append(examples, row: window.start + step)
                if step < window.known { known.append(batch.offsets[step] + row) }
            }
        }
        weight = batch.rows - known.count
    }

    private func hasLengths(_ examples: Examples, _ indices: ArraySlice<Int>) -> Bool {
        guard batch.count == indices.count else { return false }
        for (length, index) in zip(batch.lengths, indices) where length != examples.places[index].length {
            return false
        }
        return true
    }
}

/// What a network should have said in the rows of its outputs, and how far it is from that.
struct DueAnswers {
    private enum Kind {
        case numbers, labels, flags
    }

    private var kind = Kind.numbers
    /// Numbers, or of flags 1 and 0: row after row.
    private var targets: [Float] = []
    private var labels: [Int32] = []

    mutating func removeAll(of answers: Examples.Answers) {
        targets.removeAll(keepingCapacity: true)
        labels.removeAll(keepingCapacity: true)
        kind =
            switch answers {
            case .nextRow: .numbers
            case .labels: .labels
            case .flags: .flags
            }
    }

    /// The answer of an example after one of its rows; nil for the last one.
    mutating func append(_ examples: Examples, _ example: Int, step: Int?) {
        let (start, length) = examples.places[example]
        let row = start + (step ?? length - 1)
        append(examples, row: row, answer: examples.place == .last ? example : row)
    }

    /// The answer after a row, of examples that have one after each.
    mutating func append(_ examples: Examples, row: Int) { append(examples, row: row, answer: row) }

    private mutating func append(_ examples: Examples, row: Int, answer place: Int) {
        switch examples.answers {
        case .nextRow(let count):
            let next = (row + 1) * examples.width
            targets.append(contentsOf: examples.rows[next..<next + count])
        case .labels(let all): labels.append(all[place])
        case .flags(let sets):
            let first = targets.count
            targets.append(contentsOf: repeatElement(0, count: sets.count))
            for flag in sets[place] { targets[first + Int(flag)] = 1 }
        }
    }

    /// The mean loss of the rows, and its gradient in place of (or beside) the outputs: mean squared error over all
    /// targets, or mean cross-entropy in nats, of flags the sum over them.
    ///
    /// - Parameters:
    ///   - known: rows that do not count and have no gradient.
    ///   - losses: memory for the loss of each row.
    func meanLoss(
        _ outputs: MutableRows, without known: [Int] = [], losses: inout [Float], gradient: MutableRows,
        kernels: KernelSet
    ) -> Double {
        let scored = max(outputs.count - known.count, 1)
        let (factor, ofRow) = weight(ofRows: scored, width: outputs.width)
        let elements = scored * ofRow
        loss(outputs, factor: factor, losses: &losses, gradient: gradient, kernels: kernels)
        for row in known {
            losses[row] = 0
            for column in 0..<gradient.width { gradient.base[row * gradient.stride + column] = 0 }
        }
        return Double(
            losses.withUnsafeBufferPointer { losses in
                losses.baseAddress.map { kernels.sum($0, count: outputs.count) } ?? 0
            }) / Double(elements)
    }

    /// What a gradient is weighed with where the loss is the mean over so many rows, and what a row counts in that mean.
    func weight(ofRows rows: Int, width: Int) -> (factor: Float, ofRow: Int) {
        let ofRow = kind == .numbers ? width : 1
        return ((kind == .numbers ? 2 : 1) / Float(rows * ofRow), ofRow)
    }

    /// The loss of each row.
    ///
    /// - Parameter factor: what the gradient is weighed with.
    func loss(
        _ outputs: MutableRows, factor: Float, losses: inout [Float], gradient: MutableRows, kernels: KernelSet
    ) {
        if losses.count < outputs.count { losses += [Float](repeating: 0, count: outputs.count - losses.count) }
        losses.withUnsafeMutableBufferPointer { losses in
            guard let target = losses.baseAddress else { return }
            guard kind != .labels else {
                return kernels.softmaxCrossEntropy(
                    outputs.rows, labels: labels, factor: factor, gradient: gradient, losses: target)
            }
            targets.withUnsafeBufferPointer { targets in
                guard let base = targets.baseAddress else { return }
                let due = Rows(base, count: outputs.count, width: outputs.width)
                if kind == .flags {
                    kernels.sigmoidCrossEntropy(
                        outputs.rows, targets: due, factor: factor, gradient: gradient, losses: target)
                } else {
                    kernels.squaredError(
                        outputs.rows, targets: due, factor: factor, gradient: gradient, losses: target)
                }
            }
        }
    }

    /// Rows whose greatest output is that of their label, or whose flags are all and alone those that are more likely than
    /// not; nil for numbers, which are never simply right.
    func right(_ outputs: Rows) -> Int? {
        switch kind {
        case .numbers: nil
        case .labels: labels.indices.count { outputs.greatest(inRow: $0) == Int(labels[$0]) }
        case .flags: (0..<outputs.count).count { hasFlags(outputs, row: $0) }
        }
    }

    private func hasFlags(_ outputs: Rows, row: Int) -> Bool {
        (0..<outputs.width).allSatisfy { flag in
            (outputs.base[row * outputs.stride + flag] > 0) == (targets[row * outputs.width + flag] > 0)
        }
    }
}

extension Rows {
    /// The first place of the greatest number of a row.
    func greatest(inRow row: Int) -> Int {
        var place = 0
        for index in 1..<max(width, 1) where base[row * stride + index] > base[row * stride + place] { place = index }
        return place
    }
}
