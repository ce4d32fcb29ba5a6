import Kernels

/// A recurrent layer that answers.
final class RecurrentInference: InferenceLayer {
    private let weights: CellWeights
    private let projection: PackedProjection?
    private let site: LayerSite
    private let h: Range<Int>
    private let c: Range<Int>?
    private let kernels: KernelSet

    init(_ definition: RecurrentDefinition, _ site: LayerSite) {
        weights = CellWeights(definition, site, trains: false)
        projection = definition.projection.map {
            PackedProjection($0, hidden: definition.hidden, site, trains: false)
        }
        self.site = site
        kernels = site.kernels
        h = site.slots[0]
        c = weights.shape.hasCellState ? site.slots[1] : nil
    }

    var byteCount: Int { weights.byteCount + (projection?.product.byteCount ?? 0) }

    func load(_ values: UnsafePointer<Float>) {
        weights.load(values, site.tensors, kernels: kernels)
        projection?.product.load(values)
    }

    func advance(_ chunk: LayerChunk, _ x: LayerInput, into target: MutableRows) {
        if projection != nil {
            projectedSteps(chunk, x, into: target)
        } else if chunk.active.count == 1 {
            step(chunk, x, into: target)
        } else {
            steps(chunk, x, into: target)
        }
    }

    /// One step.
    private func step(_ chunk: LayerChunk, _ x: LayerInput, into target: MutableRows) {
        let count = target.count
        let h = chunk.states.rows(h).rows(0..<count)
        let c = c.map { chunk.states.rows($0).rows(0..<count) }
        let p = MutableRows(chunk.ofRows, count: count, width: weights.width)
        if chunk.isBackwards, case .onePhase(let matrix) = weights.recurrent {
            // Steps of one row that follow each other take the weights to and fro: W and U, then U and W from their ends.
            // What one read last is in the cache when the next reads it first, and of weights that exceed a level a good
            // part is always found there.
            let q = MutableRows(chunk.ofSequences, count: count, width: weights.width)
            kernels.product(h.rows, matrix, backwards: true, into: q)
            form(p, of: x, backwards: true)
            kernels.forward(
                weights.cell,
                CellForward(
                    hidden: weights.hidden, p: p.rows, q: q.rows, hPrevious: h.rows, cPrevious: c?.rows,
                    peepholes: weights.peepholes, h: target, c: c))
        } else {
            form(p, of: x, backwards: chunk.isBackwards)
            kernels.forwardStep(
                weights, p: p.rows, buffers(chunk, count: count), hPrevious: h.rows, cPrevious: c?.rows, h: target,
                c: c, backwards: chunk.isBackwards)
        }
        h.base.update(from: target.base, count: count * target.width)
    }

    /// All steps, p formed for them at once.
    private func steps(_ chunk: LayerChunk, _ x: LayerInput, into target: MutableRows) {
        let hidden = weights.hidden
        let h = chunk.states.rows(h)
        let c = c.map(chunk.states.rows)
        let p = MutableRows(chunk.ofRows, count: target.count, width: weights.width)
        form(p, of: x, backwards: false)
        var previous = h.rows
        var offset = 0
        for step in chunk.active.indices {
            let count = chunk.active[step]
            let state = target.rows(offset..<offset + count)
            let cells = c?.rows(0..<count)
            kernels.forwardStep(
                weights, p: p.rows.rows(offset..<offset + count), buffers(chunk, count: count),
                hPrevious: previous.rows(0..<count), cPrevious: cells?.rows, h: state, c: cells,
                backwards: !step.isMultiple(of: 2))
            // Sequences that end here leave their last state; at the end of the chunk all leave theirs.
            let goesOn = step + 1 < chunk.active.endIndex ? chunk.active[step + 1] : 0
            (h.base + goesOn * hidden).update(from: state.base + goesOn * hidden, count: (count - goesOn) * hidden)
            previous = state.rows
            offset += count
        }
    }

    /// All steps of a projected state: the product takes what lies in the slot.
    private func projectedSteps(_ chunk: LayerChunk, _ x: LayerInput, into target: MutableRows) {
        guard let projection else { return }
        let first = chunk.first
        let p = MutableRows(chunk.ofRows, count: target.count, width: weights.width)
        form(p, of: x, backwards: false)
        let hidden = MutableRows(chunk.ofSequences + first * weights.width, count: first, width: weights.hidden)
        let before = MutableRows(hidden.base + first * weights.hidden, count: first, width: target.width)
        var offset = 0
        for step in chunk.active.indices {
            let some = 0..<chunk.active[step]
            let rows = offset..<offset + some.count
            let context = chunk.states.rows(h).rows(some)
            let cells = c.map { chunk.states.rows($0).rows(some) }
            let state = hidden.rows(some)
            let q = MutableRows(chunk.ofSequences, count: some.count, width: weights.width)
            kernels.forwardStep(
                weights, p: p.rows.rows(rows), PhaseBuffers(q: q, fed: context.rows), hPrevious: state.rows,
                cPrevious: cells?.rows, h: state, c: cells)
            projection.product.forward(.rows(state.rows), before: before.rows(some), into: target.rows(rows))
            projection.feed(target.rows.rows(rows), context.rows, into: context)
            offset += some.count
        }
    }

    /// p = W·x + b
    private func form(_ p: MutableRows, of x: LayerInput, backwards: Bool) {
        let start = ProductStart.bias(weights.inputBias)
        switch x {
        case .rows(let rows): kernels.product(rows, weights.input, start: start, backwards: backwards, into: p)
        case .scattered(let rows): kernels.product(rows, weights.input, start: start, into: p)
        }
    }

    /// What a step of a cell with two phases needs beside its state.
    private func buffers(_ chunk: LayerChunk, count: Int) -> PhaseBuffers? {
        guard weights.shape.hasTwoPhases else { return nil }
        let q = MutableRows(chunk.ofSequences, count: count, width: weights.width)
        let saved = MutableRows(
            q.base + chunk.first * q.width, count: count, width: weights.shape.saved * weights.hidden)
        let masked = MutableRows(saved.base + chunk.first * saved.width, count: count, width: weights.hidden)
        return PhaseBuffers(q: q, saved: saved, masked: masked)
    }
}
