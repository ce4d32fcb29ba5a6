import Kernels
import Resources

// How a batch runs: on several threads, each with sequences of its own, in groups of sequences and chunks of steps, so
// that memory has a bound whatever the batch. None of these changes a bit of the answers.

extension InferenceNetwork {
    func run(
        _ values: [Float], lengths: [Int], states: inout [NetworkState], fromZero: Bool, answer: Answer,
        cancellation: Cancellation?
    ) -> [Float] {
        let batch = RaggedBatch(lengths: lengths)
        precondition(values.count == batch.rows * rowWidth, "\(batch.rows) rows of inputs expected")
        precondition(fromZero || states.count == batch.count, "one state a sequence")
        let outputRows = answer == .last ? batch.count : batch.rows
        return [Float](unsafeUninitializedCapacity: outputRows * description.outputs) { outputs, count in
            count = outputRows * description.outputs
            guard let target = outputs.baseAddress else { return }
            values.withUnsafeBufferPointer { values in
                states.withUnsafeMutableBufferPointer { states in
                    kernels.run(
                        Run(
                            network: self, batch: batch,
                            // Sequences without rows have no address; then nothing is read from it either.
                            values: values.baseAddress ?? UnsafePointer(target), states: states, fromZero: fromZero,
                            answer: answer, target: target, cancellation: cancellation),
                        rows: batch.meanActive, cost: cost(steps: batch.rows))
                }
            }
        }
    }

    /// A whole run: its parts are sequences.
    struct Run: PartedWork {
        let network: InferenceNetwork
        let batch: RaggedBatch
        let values: UnsafePointer<Float>
        let states: UnsafeMutableBufferPointer<NetworkState>
        let fromZero: Bool
        let answer: Answer
        let target: UnsafeMutablePointer<Float>
        let cancellation: Cancellation?

        func run(_ parts: Range<Int>, of count: Int) {
            for part in parts {
                network.eachGroup(batch, batch.rows(ofPart: part, of: count)) { rows in
                    network.run(Group(batch, rows), self, threads: count == 1 ? network.kernels.threads : 1)
                }
            }
        }
    }

    /// Adjacent rows of a batch that run together.
    struct Group {
        let batch: RaggedBatch
        let rows: Range<Int>
        /// Rows of this group that have a step t; one more entry, 0.
        let active: [Int]

        init(_ batch: RaggedBatch, _ rows: Range<Int>) {
            self.batch = batch
            self.rows = rows
            let steps = batch.lengths[batch.order[rows.lowerBound]]
            active = (0...steps).map { step in
                step == steps ? 0 : min(max(batch.active[step] - rows.lowerBound, 0), rows.count)
            }
        }

        var count: Int { rows.count }
        var steps: Int { active.count - 1 }
        func sequence(_ row: Int) -> Int { batch.order[rows.lowerBound + row] }
    }

    /// - Parameter threads: that divide this group's products.
    private func run(_ group: Group, _ run: Run, threads: Int) {
        let (states, target) = (run.states, run.target)
        // The workspace may have more.
        let rowsOfChunk = InferenceWorkspace.rows(
            for: description, group: group.count, steps: group.steps, threads: threads)
        let workspace = pool.take(description, stateLayout, group: group.count, rows: rowsOfChunk)
        defer { pool.giveBack(workspace) }
        let rowsOfStates = workspace.states
        if run.fromZero {
            rowsOfStates.clear(stateLayout, rows: group.count)
        } else {
            for row in 0..<group.count { rowsOfStates.load(states[group.sequence(row)], stateLayout, row: row) }
        }
        let before = (0..<group.count).map { run.fromZero ? 0 : states[group.sequence($0)].steps }
        guard
            streams
                ? runChunks(group, run, workspace, rowsOfChunk, before)
                : runWhole(group, run, workspace, rowsOfChunk, before)
        else { return }
        if !run.fromZero {
            for row in 0..<group.count {
                let sequence = group.sequence(row)
                rowsOfStates.save(
                    &states[sequence], stateLayout, row: row, steps: group.batch.lengths[sequence])
            }
        }
        if run.answer == .last {
            let last = workspace.output.rows(count: group.count, width: description.outputs)
            readLast(workspace, rowsOfStates, into: last) { before[$0] + group.batch.lengths[group.sequence($0)] }
            for row in 0..<group.count {
                (target + group.sequence(row) * description.outputs)
                    .update(from: last.base + row * description.outputs, count: description.outputs)
            }
        }
    }

    /// All layers over one chunk of steps after the other.
    ///
    /// - Returns: whether it came to the end.
    private func runChunks(
        _ group: Group, _ run: Run, _ workspace: InferenceWorkspace, _ rowsOfChunk: Int, _ before: [Int]
    ) -> Bool {
        let states = workspace.states
        var step = 0
        while step < group.steps {
            // A chunk is some milliseconds of work. What was asked for is dropped: states stay as they came.
            if let cancellation = run.cancellation, cancellation.isCancelled { return false }
            var end = step
            var rows = 0
            repeat {
                rows += group.active[end]
                end += 1
            } while end < group.steps && rows + group.active[end] <= rowsOfChunk
            let steps = step..<end
            findRows(group, steps, into: &workspace.places)
            let top = group.active.withUnsafeBufferPointer { active in
                workspace.places.withUnsafeBufferPointer { places in
                    guard let places = places.baseAddress else { preconditionFailure("a workspace without rows") }
                    let x = ScatteredRows(run.values, places: places, count: rows, width: rowWidth)
                    return advance(workspace, states, .scattered(x), active: active[steps], rows: rows)
                }
            }
            if let sumPlace {
                addUp(states.rows(sumPlace), top, group.active[steps], means: run.answer == .everyStep) {
                    before[$0] + step
                }
            }
            if let lastPlace { keepLast(states.rows(lastPlace), top, group.active[steps]) }
            if run.answer == .everyStep {
                let outputs = workspace.output.rows(count: rows, width: description.outputs)
                head.forward(top.rows, into: outputs)
                scatter(outputs.rows, group, steps, into: run.target)
            }
            step = end
        }
        return true
    }

    /// The last row that the top layer gave of each sequence so far.
    private func keepLast(_ last: MutableRows, _ top: MutableRows, _ active: ArraySlice<Int>) {
        var offset = 0
        for count in active {
            last.rows(0..<count).copy(top.rows.rows(offset..<offset + count))
            offset += count
        }
    }

    // MARK: - Readout

    /// One output a row from the last states, or from the mean of all.
    ///
    /// - Parameter steps: how many the sum of a row holds.
    func readLast(
        _ workspace: InferenceWorkspace, _ states: StateRows, into target: MutableRows, steps: (Int) -> Int
    ) {
        var read = states.rows(topPlace).rows(0..<target.count)
        if let sumPlace {
            let sums = states.rows(sumPlace)
            // Free between steps.
            read = MutableRows(workspace.ofSequences.base, count: target.count, width: sums.width)
            for row in 0..<target.count {
                mean(sums.base + row * sums.width, steps(row), into: read.rows(row..<row + 1))
            }
        }
        head.forward(read.rows, into: target)
    }

    /// Adds the chunk's states to the sums, in the order of the steps, so that a stream has the sum of its sequence.
    ///
    /// - Parameters:
    ///   - means: whether each state is to be replaced by the mean up to its step.
    ///   - before: steps of a row before the chunk.
    func addUp(
        _ all: MutableRows, _ top: MutableRows, _ active: ArraySlice<Int>, means: Bool, before: (Int) -> Int
    ) {
        var offset = 0
        for (step, count) in active.enumerated() {
            let states = top.rows(offset..<offset + count)
            let sums = all.rows(0..<count)
            kernels.add(states.rows, to: sums)
            if means {
                for row in 0..<count {
                    mean(sums.base + row * top.width, before(row) + step + 1, into: states.rows(row..<row + 1))
                }
            }
            offset += count
        }
    }

    /// sum / steps; the mean of no steps is 0.
    private func mean(_ sum: UnsafePointer<Float>, _ steps: Int, into target: MutableRows) {
        let divisor = Float(max(steps, 1))
        for unit in 0..<target.width { target.base[unit] = sum[unit] / divisor }
    }

    // MARK: - In and out

    /// Where the rows of some steps begin, in floats: step after step, the rows of a group that have it.
    func findRows(_ group: Group, _ steps: Range<Int>, into places: inout [Int]) {
        var next = 0
        for step in steps {
            for row in 0..<group.active[step] {
                places[next] = (group.batch.starts[group.sequence(row)] + step) * rowWidth
                next += 1
            }
        }
    }

    private func scatter(
        _ outputs: Rows, _ group: Group, _ steps: Range<Int>, into target: UnsafeMutablePointer<Float>
    ) {
        var source = outputs.base
        for step in steps {
            for row in 0..<group.active[step] {
                (target + (group.batch.starts[group.sequence(row)] + step) * outputs.width)
                    .update(from: source, count: outputs.width)
                source += outputs.width
            }
        }
    }
}
