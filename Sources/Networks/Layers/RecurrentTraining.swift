import Kernels

// A recurrent layer in training, over all steps of a batch: forward with everything saved, backward through time. Weight
// gradients are products over the whole sequence, their rows in the order (time, batch).

final class RecurrentTraining: TrainingLayer {
    let definition: RecurrentDefinition
    let weights: CellWeights
    let projection: PackedProjection?
    let site: LayerSite
    private(set) var slots: [TrainingSlot] = []
    private(set) var buffers: Buffers
    private var startsAtZero = true
    let kernels: KernelSet

    /// Of all steps, [rows × …] unless said otherwise.
    final class Buffers {
        /// p = W·x + b, then what forward saves in its place, then dp (and the late blocks' dq) in place of that: rows of
        /// `CellShape.rowBlocks` blocks.
        let p: Buffer
        let h: Buffer
        let c: Buffer
        let masked: Buffer
        /// One step's U·h + c, [sequences × blocks·hidden], and the gradient of the masked state.
        let q: Buffer
        let dMasked: Buffer
        /// Of a projection: what it gave, its context, the gradient of what its function takes, one step's sums
        /// [sequences × outputs] and one step's gradient of h [sequences × hidden].
        let r: Buffer
        let context: Buffer
        let dr: Buffer
        let before: Buffer
        let dh: Buffer

        init(_ definition: RecurrentDefinition, rows: Int, sequences: Int) {
            let (shape, hidden) = (definition.cell.shape, definition.hidden)
            let isProjected = definition.projection != nil
            let fed = isProjected ? definition.outputs : 0
            let isSeparate = shape.hasTwoPhases || isProjected
            p = Buffer(count: rows * shape.rowBlocks * hidden)
            h = Buffer(count: rows * hidden)
            c = Buffer(count: shape.hasCellState ? rows * hidden : 0)
            masked = Buffer(count: shape.hasTwoPhases ? rows * hidden : 0)
            q = Buffer(count: isSeparate ? sequences * shape.blocks * hidden : 0)
            dMasked = Buffer(count: shape.hasTwoPhases ? sequences * hidden : 0)
            r = Buffer(count: rows * fed)
            context = Buffer(count: rows * fed)
            dr = Buffer(count: rows * fed)
            before = Buffer(count: sequences * fed)
            dh = Buffer(count: isProjected ? sequences * hidden : 0)
        }
    }

    init(_ definition: RecurrentDefinition, _ site: LayerSite) {
        self.definition = definition
        self.site = site
        kernels = site.kernels
        weights = CellWeights(definition, site, trains: true)
        projection = definition.projection.map {
            PackedProjection($0, hidden: definition.hidden, site, trains: true)
        }
        buffers = Buffers(definition, rows: 0, sequences: 0)
    }

    func load(_ values: UnsafePointer<Float>) {
        weights.load(values, site.tensors, kernels: kernels)
        projection?.product.load(values)
    }

    func makeRoom(rows: Int, sequences: Int) {
        buffers = Buffers(definition, rows: rows, sequences: sequences)
        slots = site.slots.map { TrainingSlot(width: $0.count, sequences: sequences) }
    }

    func copyState(
        _ slot: Int, _ batch: RaggedBatch, row: Int, after steps: Int, to target: UnsafeMutablePointer<Float>
    ) {
        let width = slots[slot].width
        if steps > 0 {
            let last = batch.offsets[steps - 1] + row
            target.update(from: (slot == 0 ? fed(batch) : c(batch)).base + last * width, count: width)
        } else {
            target.update(from: slots[slot].first.base + row * width, count: width)
        }
    }

    // MARK: - Forward

    func forward(_ batch: RaggedBatch, _ x: Rows, startsAtZero: Bool) -> Rows {
        self.startsAtZero = startsAtZero
        kernels.run(
            ForwardSteps(layer: self, batch: batch, x: x), rows: batch.meanActive,
            cost: batch.rows * (weights.inputs + weights.fed) * weights.width)
        return output(batch)
    }

    /// Its parts are sequences. What the layer holds does not change meanwhile, but for the rows of each part.
    private struct ForwardSteps: PartedWork {
        let layer: RecurrentTraining
        let batch: RaggedBatch
        let x: Rows

        func run(_ parts: Range<Int>, of count: Int) {
            for part in parts {
                layer.forwardSteps(batch, x, batch.rows(ofPart: part, of: count), atOnce: count == 1)
            }
        }
    }

    /// All steps for some rows of the batch.
    ///
    /// - Parameter atOnce: whether p is formed for the whole sequence at once. Threads that each have sequences of
    ///   their own form it step by step: what another has written comes slower than the weights, which all only read.
    private func forwardSteps(_ batch: RaggedBatch, _ x: Rows, _ range: Range<Int>, atOnce: Bool) {
        let hidden = weights.hidden
        let p = places(batch).columns(0..<weights.width)
        let h = h(batch)
        let c = weights.shape.hasCellState ? c(batch) : nil
        if atOnce { kernels.product(x, weights.input, start: .bias(weights.inputBias), into: p) }
        for step in 0..<batch.steps {
            let some = range.clamped(to: 0..<batch.active[step])
            if some.isEmpty { return }
            let rows = batch.offsets[step] + some.lowerBound..<batch.offsets[step] + some.upperBound
            if !atOnce {
                kernels.product(x.rows(rows), weights.input, start: .bias(weights.inputBias), into: p.rows(rows))
            }
            let saved = saved(batch, rows)
            let state = h.rows(rows)
            let cells = c.map { previous(batch, step, some, $0, first: slots[1].first.base) }
            guard projection != nil else {
                let phases = phases(batch, some, rows, saved)
                kernels.forwardStep(
                    weights, p: p.rows.rows(rows), phases,
                    hPrevious: previous(batch, step, some, h, first: slots[0].first.base), cPrevious: cells, h: state,
                    c: c?.rows(rows), saved: saved)
                continue
            }
            let before = previous(batch, step, some, fed(batch), first: slots[0].first.base)
            let q = buffers.q.rows(count: batch.count, width: weights.shape.blocks * hidden)
            kernels.forwardStep(
                weights, p: p.rows.rows(rows), PhaseBuffers(q: q.rows(some), fed: before), hPrevious: state.rows,
                cPrevious: cells, h: state, c: c?.rows(rows), saved: saved)
            project(batch, state.rows, some, rows, before)
        }
    }

    /// What the projection gives after a step, and the context of the next.
    private func project(_ batch: RaggedBatch, _ state: Rows, _ some: Range<Int>, _ rows: Range<Int>, _ before: Rows) {
        guard let projection else { return }
        let sums = buffers.before.rows(count: batch.count, width: weights.fed).rows(some)
        let output = buffers.r.rows(count: batch.rows, width: weights.fed).rows(rows)
        projection.product.forward(.rows(state), before: sums, into: output)
        projection.feed(output.rows, before, into: fed(batch).rows(rows))
    }

    private func phases(
        _ batch: RaggedBatch, _ some: Range<Int>, _ rows: Range<Int>, _ saved: MutableRows?
    ) -> PhaseBuffers? {
        guard weights.shape.hasTwoPhases, let saved else { return nil }
        return PhaseBuffers(
            q: buffers.q.rows(count: batch.count, width: weights.width).rows(some), saved: saved,
            masked: buffers.masked.rows(count: batch.rows, width: weights.hidden).rows(rows))
    }

    // MARK: - Views

    /// [rows × outputs]
    private func output(_ batch: RaggedBatch) -> Rows {
        projection == nil ? h(batch).rows : buffers.r.rows(count: batch.rows, width: weights.fed).rows
    }

    func h(_ batch: RaggedBatch) -> MutableRows { buffers.h.rows(count: batch.rows, width: weights.hidden) }

    func c(_ batch: RaggedBatch) -> MutableRows { buffers.c.rows(count: batch.rows, width: weights.hidden) }

    /// What the recurrent product takes at the step after: states, or contexts.
    func fed(_ batch: RaggedBatch) -> MutableRows {
        projection == nil ? h(batch) : buffers.context.rows(count: batch.rows, width: weights.fed)
    }

    /// The rows that hold p, then what is saved, then dp, of every step.
    func places(_ batch: RaggedBatch) -> MutableRows {
        buffers.p.rows(count: batch.rows, width: weights.shape.rowBlocks * weights.hidden)
    }

    /// What forward saves, in place of p.
    func saved(_ batch: RaggedBatch, _ rows: Range<Int>) -> MutableRows? {
        let blocks = weights.shape.saved
        return blocks > 0 ? places(batch).rows(rows).columns(0..<blocks * weights.hidden) : nil
    }

    /// The late blocks of dq where they are not those of dp: behind dp.
    func lateGradient(_ batch: RaggedBatch) -> MutableRows? {
        weights.shape.sharesGradient
            ? nil
            : places(batch).columns(weights.width..<weights.width + weights.shape.lateBlocks * weights.hidden)
    }

    /// The states that some rows of a step come from: the same rows of the step before, or the first states.
    func previous(
        _ batch: RaggedBatch, _ step: Int, _ some: Range<Int>, _ states: MutableRows,
        first: UnsafeMutablePointer<Float>
    ) -> Rows {
        guard step > 0 else { return Rows(first, count: batch.count, width: states.width).rows(some) }
        let before = batch.offsets[step - 1]
        return states.rows.rows(before + some.lowerBound..<before + some.upperBound)
    }

    var hasFirstStates: Bool { !startsAtZero }
}
