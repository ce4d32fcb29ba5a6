import Kernels

// The one walk over time of inference: whole sequences in chunks of steps, and single steps of live streams.

extension InferenceNetwork {
    /// What the lowest layer reads: rows that lie evenly, or each at its place.
    enum Input {
        case rows(Rows)
        case scattered(ScatteredRows)
    }

    /// Runs all layers over some steps; the states move on.
    ///
    /// - Parameters:
    ///   - states: of the rows of the first step; each later step has the first of them.
    ///   - active: rows of each step.
    ///   - rows: of all steps, which lie step after step.
    /// - Returns: the top layer's h, packed [rows × hidden], in a buffer that is free from here on.
    func advance(
        _ workspace: InferenceWorkspace, _ states: StateRows, _ x: Input,
        active: Slice<UnsafeBufferPointer<Int>>, rows: Int
    ) -> MutableRows {
        // Only a row by itself reads every weight once; more take them from the cache again anyway.
        let backwards = rows == 1 && workspace.takesTurn()
        var input = x
        var top = MutableRows(workspace.lower.base, count: rows, width: 0)
        for (index, weights) in layers.enumerated() {
            let output = index % 2 == 0 ? workspace.lower.base : workspace.upper.base
            top = MutableRows(output, count: rows, width: weights.hidden)
            let place = statePlaces[index]
            let (h, c) = (states.rows(place.h), place.c.map(states.rows))
            if active.count == 1 {
                step(workspace, weights, input, h.rows(0..<rows), c?.rows(0..<rows), into: top, backwards)
            } else {
                steps(workspace, weights, input, h, c, into: top, active)
            }
            input = .rows(top.rows)
        }
        return top
    }

    /// One step of one layer.
    private func step(
        _ workspace: InferenceWorkspace, _ weights: LayerWeights, _ x: Input, _ h: MutableRows, _ c: MutableRows?,
        into target: MutableRows, _ backwards: Bool
    ) {
        let p = workspace.p.rows(count: target.count, width: weights.width)
        let q = workspace.q.rows(count: target.count, width: weights.width)
        if backwards, case .onePhase(let matrix) = weights.recurrent {
            // Steps of one row that follow each other take the weights to and fro: W and U, then U and W from their ends.
            // What one read last is in the cache when the next reads it first, and of weights that exceed a level a good
            // part is always found there.
            kernels.product(h.rows, matrix, backwards: true, into: q)
            form(p, of: x, weights, backwards: true)
            kernels.forward(
                weights.cell,
                CellForward(
                    hidden: weights.hidden, p: p.rows, q: q.rows, hPrevious: h.rows, cPrevious: c?.rows,
                    peepholes: weights.peepholes, h: target, c: c))
        } else {
            form(p, of: x, weights, backwards: backwards)
            kernels.forwardStep(
                weights, p: p.rows, workspace.buffers(weights, count: target.count), hPrevious: h.rows,
                cPrevious: c?.rows, h: target, c: c, backwards: backwards)
        }
        h.base.update(from: target.base, count: target.count * target.width)
    }

    /// All steps of one layer, p formed for them at once.
    private func steps(
        _ workspace: InferenceWorkspace, _ weights: LayerWeights, _ x: Input, _ h: MutableRows, _ c: MutableRows?,
        into target: MutableRows, _ active: Slice<UnsafeBufferPointer<Int>>
    ) {
        let hidden = weights.hidden
        let p = workspace.p.rows(count: target.count, width: weights.width)
        form(p, of: x, weights, backwards: false)
        var previous = h.rows
        var offset = 0
        for step in active.indices {
            let count = active[step]
            let state = target.rows(offset..<offset + count)
            let cells = c?.rows(0..<count)
            kernels.forwardStep(
                weights, p: p.rows.rows(offset..<offset + count), workspace.buffers(weights, count: count),
                hPrevious: previous.rows(0..<count), cPrevious: cells?.rows, h: state, c: cells,
                backwards: workspace.takesTurn())
            // Sequences that end here leave their last state; at the end of the chunk all leave theirs.
            let goesOn = step + 1 < active.endIndex ? active[step + 1] : 0
            (h.base + goesOn * hidden).update(from: state.base + goesOn * hidden, count: (count - goesOn) * hidden)
            previous = state.rows
            offset += count
        }
    }

    /// p = W·x + b
    private func form(_ p: MutableRows, of x: Input, _ weights: LayerWeights, backwards: Bool) {
        let start = ProductStart.bias(weights.inputBias)
        switch x {
        case .rows(let rows): kernels.product(rows, weights.input, start: start, backwards: backwards, into: p)
        case .scattered(let rows): kernels.product(rows, weights.input, start: start, into: p)
        }
    }
}

extension InferenceWorkspace {
    /// What a step of a cell with two phases needs beside its state.
    func buffers(_ weights: LayerWeights, count: Int) -> PhaseBuffers? {
        guard weights.shape.hasTwoPhases else { return nil }
        return PhaseBuffers(
            q: q.rows(count: count, width: weights.width),
            saved: saved.rows(count: count, width: weights.shape.saved * weights.hidden),
            masked: masked.rows(count: count, width: weights.hidden))
    }
}
