import Kernels
import Resources

// How a batch runs: on several threads, each with sequences of its own, in groups of sequences and chunks of steps, so
// that memory has a bound whatever the batch. None of these changes a bit of the answers.

extension InferenceNetwork {
    func run(
        _ values: [Float], lengths: [Int], states: inout [StreamState], fromZero: Bool, answer: Answer,
        cancellation: Cancellation?
    ) -> [Float] {
        let batch = RaggedBatch(lengths: lengths)
        precondition(values.count == batch.rows * description.inputs, "\(batch.rows) rows of inputs expected")
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
    private struct Run: PartedWork {
        let network: InferenceNetwork
        let batch: RaggedBatch
        let values: UnsafePointer<Float>
        let states: UnsafeMutableBufferPointer<StreamState>
        let fromZero: Bool
        let answer: Answer
        let target: UnsafeMutablePointer<Float>
        let cancellation: Cancellation?

        func run(_ parts: Range<Int>, of count: Int) {
            for part in parts {
                InferenceWorkspace.eachGroup(batch.rows(ofPart: part, of: count)) { rows in
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
        let workspace = pool.take(description, group: group.count, rows: rowsOfChunk)
        defer { pool.giveBack(workspace) }
        if run.fromZero {
            workspace.clearStates(rows: group.count)
        } else {
            for row in 0..<group.count { load(&states[group.sequence(row)], into: workspace, row: row) }
        }
        let before = (0..<group.count).map { run.fromZero ? 0 : states[group.sequence($0)].steps }
        var step = 0
        while step < group.steps {
            // A chunk is some milliseconds of work. What was asked for is dropped: states stay as they came.
            if let cancellation = run.cancellation, cancellation.isCancelled { return }
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
                    chunk(workspace, run.values, places, active: active[steps], rows: rows)
                }
            }
            if description.readout == .mean {
                addUp(workspace, top, group.active[steps], means: run.answer == .everyStep) { before[$0] + step }
            }
            if run.answer == .everyStep {
                let outputs = workspace.output.rows(count: rows, width: description.outputs)
                kernels.product(top.rows, head, start: .bias(UnsafePointer(headBias.base)), into: outputs)
                scatter(outputs.rows, group, steps, into: target)
            }
            step = end
        }
        if !run.fromZero {
            for row in 0..<group.count {
                let sequence = group.sequence(row)
                save(&states[sequence], from: workspace, row: row, steps: group.batch.lengths[sequence])
            }
        }
        if run.answer == .last {
            let last = workspace.output.rows(count: group.count, width: description.outputs)
            readLast(workspace, into: last) { before[$0] + group.batch.lengths[group.sequence($0)] }
            for row in 0..<group.count {
                (target + group.sequence(row) * description.outputs)
                    .update(from: last.base + row * description.outputs, count: description.outputs)
            }
        }
    }

    /// Runs all layers over a chunk of steps; the states move on.
    ///
    /// - Parameters:
    ///   - values: where the rows of x lie, step after step, each at its place.
    ///   - active: rows of each step.
    /// - Returns: the top layer's h, packed [rows × hidden], in a buffer that is free from here on.
    func chunk(
        _ workspace: InferenceWorkspace, _ values: UnsafePointer<Float>, _ places: UnsafeBufferPointer<Int>,
        active: Slice<UnsafeBufferPointer<Int>>, rows: Int
    ) -> MutableRows {
        guard let places = places.baseAddress else { preconditionFailure("a workspace without rows") }
        let x = ScatteredRows(values, places: places, count: rows, width: description.inputs)
        var top = MutableRows(workspace.lower.base, count: rows, width: 0)
        for (index, weights) in layers.enumerated() {
            let hidden = weights.hidden
            let p = workspace.p.rows(count: rows, width: weights.width)
            let output = index % 2 == 0 ? workspace.lower.base : workspace.upper.base
            let sequence = MutableRows(output, count: rows, width: hidden)
            let h = workspace.states(h: index, width: hidden)
            let c = workspace.states(c: index, width: hidden)
            if index == 0 {
                kernels.product(x, weights.input, start: .bias(weights.inputBias), into: p)
            } else {
                kernels.product(top.rows, weights.input, start: .bias(weights.inputBias), into: p)
            }
            var previous = h.rows
            var offset = 0
            for step in active.indices {
                let count = active[step]
                let state = sequence.rows(offset..<offset + count)
                let cells = weights.cell.carriesCellState ? c.rows(0..<count) : nil
                let twoPhases = weights.cell.hasTwoPhases
                kernels.forwardStep(
                    weights, p: p.rows.rows(offset..<offset + count),
                    q: twoPhases ? workspace.q.rows(count: count, width: weights.width) : nil,
                    hPrevious: previous.rows(0..<count), cPrevious: cells?.rows, h: state, c: cells,
                    kept: twoPhases
                        ? workspace.kept.rows(count: count, width: weights.cell.keptBlocks * hidden) : nil,
                    resetState: twoPhases ? workspace.resetState.rows(count: count, width: hidden) : nil,
                    backwards: workspace.takesTurn())
                // Sequences that end here leave their last state; at the end of the chunk all leave theirs.
                let goesOn = step + 1 < active.endIndex ? active[step + 1] : 0
                (h.base + goesOn * hidden).update(from: state.base + goesOn * hidden, count: (count - goesOn) * hidden)
                previous = state.rows
                offset += count
            }
            top = sequence
        }
        return top
    }

    /// Runs all layers over one step of every row of x; the states move on.
    ///
    /// - Returns: the top layer's h, [rows × hidden]: where it stays, as a state.
    func step(_ workspace: InferenceWorkspace, x: Rows) -> Rows {
        let rows = 0..<x.count
        // Only a row by itself reads every weight once; more take them from the cache again anyway.
        let backwards = x.count == 1 && workspace.takesTurn()
        var input = x
        for (index, weights) in layers.enumerated() {
            let hidden = weights.hidden
            let h = workspace.nextStates(h: index, width: hidden).rows(rows)
            let c = weights.cell.carriesCellState ? workspace.states(c: index, width: hidden).rows(rows) : nil
            let twoPhases = weights.cell.hasTwoPhases
            kernels.forwardStep(
                weights, x: input, p: workspace.p.rows(count: x.count, width: weights.width),
                q: workspace.q.rows(count: x.count, width: weights.width),
                hPrevious: workspace.states(h: index, width: hidden).rows.rows(rows), cPrevious: c?.rows, h: h, c: c,
                kept: twoPhases ? workspace.kept.rows(count: x.count, width: weights.cell.keptBlocks * hidden) : nil,
                resetState: twoPhases ? workspace.resetState.rows(count: x.count, width: hidden) : nil,
                backwards: backwards)
            input = h.rows
        }
        workspace.advance()
        return input
    }

    // MARK: - Readout

    /// One output a row from the last states, or from the mean of all.
    ///
    /// - Parameter steps: how many the sum of a row holds.
    func readLast(_ workspace: InferenceWorkspace, into target: MutableRows, steps: (Int) -> Int) {
        guard let top = layers.last else { return }
        var state = workspace.states(h: layers.count - 1, width: top.hidden).rows(0..<target.count)
        if description.readout == .mean {
            // q is free between steps, and at least as wide as h.
            state = workspace.q.rows(count: target.count, width: top.hidden)
            for row in 0..<target.count {
                mean(workspace.sum.base + row * top.hidden, steps(row), into: state.rows(row..<row + 1))
            }
        }
        kernels.product(state.rows, head, start: .bias(UnsafePointer(headBias.base)), into: target)
    }

    /// Adds the chunk's states to the sums, in the order of the steps, so that a stream has the sum of its sequence.
    ///
    /// - Parameters:
    ///   - means: whether each state is to be replaced by the mean up to its step.
    ///   - before: steps of a row before the chunk.
    func addUp(
        _ workspace: InferenceWorkspace, _ top: MutableRows, _ active: ArraySlice<Int>, means: Bool,
        before: (Int) -> Int
    ) {
        var offset = 0
        for (step, count) in active.enumerated() {
            let states = top.rows(offset..<offset + count)
            let sums = workspace.sum.rows(count: count, width: top.width)
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
    private func findRows(_ group: Group, _ steps: Range<Int>, into places: inout [Int]) {
        var next = 0
        for step in steps {
            for row in 0..<group.active[step] {
                places[next] = (group.batch.starts[group.sequence(row)] + step) * description.inputs
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

    // By reference, so that of a small step less time goes into counting references to the state's arrays.

    func load(_ state: inout StreamState, into workspace: InferenceWorkspace, row: Int) {
        precondition(state.fits(description), "a state of another network")
        for index in state.h.indices {
            let width = state.h[index].count
            copy(state.h[index], to: workspace.states(h: index, width: width).base + row * width)
            if let c = state.c[index] { copy(c, to: workspace.states(c: index, width: width).base + row * width) }
        }
        if let sum = state.sum { copy(sum, to: workspace.sum.base + row * sum.count) }
    }

    func save(_ state: inout StreamState, from workspace: InferenceWorkspace, row: Int, steps: Int) {
        for index in state.h.indices {
            let width = state.h[index].count
            copy(workspace.states(h: index, width: width).base + row * width, to: &state.h[index])
            if state.c[index] != nil {
                copy(workspace.states(c: index, width: width).base + row * width, to: &state.c[index]!)
            }
        }
        if let count = state.sum?.count { copy(workspace.sum.base + row * count, to: &state.sum!) }
        state.steps += steps
    }

    private func copy(_ values: [Float], to target: UnsafeMutablePointer<Float>) {
        values.withUnsafeBufferPointer { values in
            if let base = values.baseAddress { target.update(from: base, count: values.count) }
        }
    }

    private func copy(_ source: UnsafePointer<Float>, to values: inout [Float]) {
        values.withUnsafeMutableBufferPointer { values in
            values.baseAddress?.update(from: source, count: values.count)
        }
    }
}
