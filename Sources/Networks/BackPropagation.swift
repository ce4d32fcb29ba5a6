import Kernels

// The layers of a network in training, over all steps of a batch: forward with everything saved, backward through time.
// Weight gradients are products over the whole sequence, their rows in the order (time, batch).

extension TrainingNetwork {
    /// All layers forward: h (and what backward needs) of every layer at every step, packed.
    func runLayers(_ x: Rows, dropout: DropoutPlace?) {
        for index in layers.indices {
            let weights = layers[index]
            if index > 0, dropsOut, let dropout {
                let (mask, dropped) = droppedInput(index)
                dropout.mask(mask, layer: index, rate: description.dropout)
                kernels.multiply(lowerStates(index), mask.rows, into: dropped)
            }
            kernels.run(
                ForwardSteps(network: self, index: index, x: inputOfLayer(index, x)), rows: batch.meanActive,
                cost: batch.rows * (weights.inputs + weights.hidden) * weights.width)
        }
    }

    /// One layer forward: its parts are sequences. What the network holds does not change meanwhile, but for the rows
    /// of each part.
    private struct ForwardSteps: PartedWork {
        let network: TrainingNetwork
        let index: Int
        let x: Rows

        func run(_ parts: Range<Int>, of count: Int) {
            for part in parts {
                network.forwardSteps(
                    index, x, network.batch.rows(ofPart: part, of: count), atOnce: count == 1)
            }
        }
    }

    /// All steps of one layer for some rows of the batch.
    ///
    /// - Parameter atOnce: whether p is formed for the whole sequence at once. Threads that each have sequences of
    ///   their own form it step by step: what another has written comes slower than the weights, which all only read.
    private func forwardSteps(_ index: Int, _ x: Rows, _ range: Range<Int>, atOnce: Bool) {
        let weights = layers[index]
        let buffers = workspace.layers[index]
        let hidden = weights.hidden
        let twoPhases = weights.shape.hasTwoPhases
        let p = places(index).columns(0..<weights.width)
        let h = buffers.h.rows(count: batch.rows, width: hidden)
        let c = weights.shape.hasCellState ? buffers.c.rows(count: batch.rows, width: hidden) : nil
        let q = workspace.q.rows(count: twoPhases ? batch.count : 0, width: weights.width)
        let masked = buffers.masked.rows(count: twoPhases ? batch.rows : 0, width: hidden)
        if atOnce { kernels.product(x, weights.input, start: .bias(weights.inputBias), into: p) }
        for step in 0..<batch.steps {
            let some = range.clamped(to: 0..<batch.active[step])
            if some.isEmpty { return }
            let rows = batch.offsets[step] + some.lowerBound..<batch.offsets[step] + some.upperBound
            if !atOnce {
                kernels.product(x.rows(rows), weights.input, start: .bias(weights.inputBias), into: p.rows(rows))
            }
            let saved = saved(index, rows)
            let phases =
                twoPhases ? saved.map { PhaseBuffers(q: q.rows(some), saved: $0, masked: masked.rows(rows)) } : nil
            kernels.forwardStep(
                weights, p: p.rows.rows(rows), phases, hPrevious: previous(step, some, h, first: buffers.h0.base),
                cPrevious: c.map { previous(step, some, $0, first: buffers.c0.base) }, h: h.rows(rows),
                c: c?.rows(rows), saved: saved)
        }
    }

    /// Gradients carried back through time start at zero.
    func clearGradients(_ index: Int) {
        workspace.layers[index].dh.fill(0)
        workspace.layers[index].dc.fill(0)
    }

    /// All layers backward, top first. The carried gradients dh and dc hold those of the last states (zero, or more)
    /// and end as those of the first.
    ///
    /// - Parameters:
    ///   - dTop: gradient of the top layer's h at every step; nil where it is zero. It may lie in dUpper.
    ///   - wantsInput: whether the gradient of x is formed too.
    /// - Returns: the gradient of x, packed [rows × inputs], where it is wanted.
    @discardableResult
    func backwardLayers(
        _ dTop: Rows?, into gradient: UnsafeMutablePointer<Float>, wantsInput: Bool = false
    ) -> Rows? {
        var dh = dTop
        // dTop may lie in dUpper, so the layer below it gets dLower, and so on in turns.
        var isUpper = true
        for index in layers.indices.reversed() {
            let weights = layers[index]
            backwardThroughTime(index, above: dh)
            formGradients(index, into: gradient)
            guard index > 0 || wantsInput, let transposes = weights.transposes else { return nil }
            let target = isUpper ? workspace.dLower.base : workspace.dUpper.base
            isUpper.toggle()
            let dInput = MutableRows(target, count: batch.rows, width: weights.inputs)
            let dp = places(index).columns(0..<weights.width)
            kernels.product(dp.rows, transposes.input, start: .zero, into: dInput)
            if index > 0, dropsOut { kernels.multiply(dInput.rows, droppedInput(index).mask.rows, into: dInput) }
            dh = dInput.rows
        }
        return dh
    }

    /// dp (and dq) of every step of one layer, from the last step to the first.
    ///
    /// - Parameter above: gradient of h at every step; nil where it is zero.
    private func backwardThroughTime(_ index: Int, above: Rows?) {
        let weights = layers[index]
        kernels.run(
            BackwardSteps(network: self, index: index, above: above), rows: batch.meanActive,
            cost: batch.rows * weights.hidden * weights.width)
    }

    /// One layer backward: its parts are sequences, as forward.
    private struct BackwardSteps: PartedWork {
        let network: TrainingNetwork
        let index: Int
        let above: Rows?

        func run(_ parts: Range<Int>, of count: Int) {
            for part in parts {
                network.backwardSteps(index, network.batch.rows(ofPart: part, of: count), above: above)
            }
        }
    }

    /// All steps of one layer backward, for some rows of the batch.
    private func backwardSteps(_ index: Int, _ range: Range<Int>, above: Rows?) {
        let weights = layers[index]
        let buffers = workspace.layers[index]
        let hidden = weights.hidden
        let h = buffers.h.rows(count: batch.rows, width: hidden)
        let c = weights.shape.hasCellState ? buffers.c.rows(count: batch.rows, width: hidden) : nil
        let dp = places(index).columns(0..<weights.width)
        let dq = lateGradient(index)
        let dc = buffers.dc.rows(count: c == nil ? 0 : batch.count, width: hidden)
        let dMasked = workspace.dMasked.rows(count: weights.shape.hasTwoPhases ? batch.count : 0, width: hidden)
        for step in (0..<batch.steps).reversed() {
            let some = range.clamped(to: 0..<batch.active[step])
            if some.isEmpty { continue }
            let rows = batch.offsets[step] + some.lowerBound..<batch.offsets[step] + some.upperBound
            let dh = buffers.dh.rows(count: batch.count, width: hidden).rows(some)
            if let above { kernels.add(above.rows(rows), to: dh) }
            let backward = CellBackward(
                hidden: hidden, dh: dh, dc: c == nil ? nil : dc.rows(some), saved: saved(index, rows)?.rows,
                h: h.rows.rows(rows), hPrevious: previous(step, some, h, first: buffers.h0.base),
                cPrevious: c.map { previous(step, some, $0, first: buffers.c0.base) },
                peepholes: weights.peepholes, dp: dp.rows(rows),
                dq: dq?.rows(rows))
            kernels.backwardStep(
                weights, backward, dMasked: weights.shape.hasTwoPhases ? dMasked.rows(some) : nil)
        }
    }

    /// The gradients of one layer's weights and biases, from dp and dq of all steps.
    private func formGradients(_ index: Int, into gradient: UnsafeMutablePointer<Float>) {
        guard let x = input else { return }
        let weights = layers[index]
        let buffers = workspace.layers[index]
        let place = layout.layers[index]
        let dp = places(index).columns(0..<weights.width).rows
        let split = weights.earlyWidth
        let late = lateGradient(index)?.rows ?? dp.columns(split..<weights.width)
        kernels.weightGradient(
            dp, inputOfLayer(index, x), precision: precision, into: gradient + place.inputWeights.lowerBound)
        let inputBias = gradient + place.inputBias.lowerBound
        let recurrentBias = gradient + place.recurrentBias.lowerBound
        let shared = weights.shape.sharesGradient ? weights.width : split
        kernels.biasGradient(dp.columns(0..<shared), into: inputBias, and: recurrentBias)
        if !weights.shape.sharesGradient {
            kernels.biasGradient(dp.columns(split..<weights.width), into: inputBias + split)
            kernels.biasGradient(late, into: recurrentBias + split)
        }
        peepholeGradients(index, dp, into: gradient + place.peepholes.lowerBound)
        let recurrent = gradient + place.recurrentWeights.lowerBound
        let lateWeights = recurrent + split * weights.hidden
        recurrentGradient(dp.columns(0..<split), buffers, hidden: weights.hidden, into: recurrent)
        if weights.shape.hasTwoPhases {
            let masked = buffers.masked.rows(count: batch.rows, width: weights.hidden)
            kernels.weightGradient(late, masked.rows, precision: precision, into: lateWeights)
        } else if late.width > 0 {
            recurrentGradient(late, buffers, hidden: weights.hidden, into: lateWeights)
        }
    }

    /// Σ over rows of a gate's gradient times the cell state it sees, in the order of steps.
    private func peepholeGradients(_ index: Int, _ dp: Rows, into gradient: UnsafeMutablePointer<Float>) {
        let weights = layers[index]
        guard weights.shape.peepholes > 0 else { return }
        let buffers = workspace.layers[index]
        let hidden = weights.hidden
        let c = buffers.c.rows(count: batch.rows, width: hidden)
        for (place, peephole) in weights.peepholeGates.enumerated() {
            let d = dp.columns(peephole.block * hidden..<(peephole.block + 1) * hidden)
            let target = gradient + place * hidden
            if !peephole.seesPrevious {
                kernels.addColumnProducts(d, c.rows, into: target)
                continue
            }
            for step in 0..<batch.steps {
                let some = 0..<batch.active[step]
                let rows = batch.offsets[step]..<batch.offsets[step + 1]
                kernels.addColumnProducts(
                    d.rows(rows), previous(step, some, c, first: buffers.c0.base), into: target)
            }
        }
    }

    /// Σ dq · h of the step before. Where two steps have the same rows, the h before them lie back to back, and one
    /// product takes both.
    private func recurrentGradient(
        _ dq: Rows, _ buffers: TrainingWorkspace.Layer, hidden: Int, into gradient: UnsafeMutablePointer<Float>
    ) {
        guard batch.steps > 0 else { return }
        if !startsAtZero {
            let first = buffers.h0.rows(count: batch.active[0], width: hidden)
            kernels.weightGradient(dq.rows(0..<batch.active[0]), first.rows, precision: precision, into: gradient)
        }
        let h = buffers.h.rows(count: batch.rows, width: hidden).rows
        var step = 1
        while step < batch.steps {
            let first = step
            while step + 1 < batch.steps, batch.active[step - 1] == batch.active[step] { step += 1 }
            let rows = batch.offsets[first]..<batch.offsets[step + 1]
            let before = batch.offsets[first - 1]..<batch.offsets[first - 1] + rows.count
            kernels.weightGradient(dq.rows(rows), h.rows(before), precision: precision, into: gradient)
            step += 1
        }
    }

    // MARK: - Views

    /// The rows that hold p, then what is saved, then dp, of every step of a layer.
    private func places(_ index: Int) -> MutableRows {
        let weights = layers[index]
        return workspace.layers[index].p.rows(count: batch.rows, width: weights.shape.rowBlocks * weights.hidden)
    }

    /// What forward saves, in place of p.
    private func saved(_ index: Int, _ rows: Range<Int>) -> MutableRows? {
        let blocks = layers[index].shape.saved
        return blocks > 0 ? places(index).rows(rows).columns(0..<blocks * layers[index].hidden) : nil
    }

    /// The late blocks of dq where they are not those of dp: behind dp.
    private func lateGradient(_ index: Int) -> MutableRows? {
        let weights = layers[index]
        return weights.shape.sharesGradient
            ? nil : places(index).columns(weights.width..<weights.width + weights.shape.lateBlocks * weights.hidden)
    }

    /// The states that some rows of a step come from: the same rows of the step before, or the first states.
    private func previous(
        _ step: Int, _ some: Range<Int>, _ states: MutableRows, first: UnsafeMutablePointer<Float>
    ) -> Rows {
        guard step > 0 else { return Rows(first, count: batch.count, width: states.width).rows(some) }
        let before = batch.offsets[step - 1]
        return states.rows.rows(before + some.lowerBound..<before + some.upperBound)
    }

    private func lowerStates(_ index: Int) -> Rows {
        workspace.layers[index - 1].h.rows(count: batch.rows, width: layers[index - 1].hidden).rows
    }

    private func droppedInput(_ index: Int) -> (mask: MutableRows, input: MutableRows) {
        let buffers = workspace.layers[index]
        let width = layers[index].inputs
        return (
            buffers.mask.rows(count: batch.rows, width: width), buffers.dropped.rows(count: batch.rows, width: width)
        )
    }

    private func inputOfLayer(_ index: Int, _ x: Rows) -> Rows {
        guard index > 0 else { return x }
        return dropsOut ? droppedInput(index).input.rows : lowerStates(index)
    }
}

/// Gradients beyond those of the parameters, for checks against references.
extension TrainingNetwork {
    /// Backward from gradients of the top layer's h at every step and of every layer's last states; the head takes no
    /// part. All in the caller's order; states before the first step get their gradients in the result.
    ///
    /// - Parameter dTop: rows of `hidden` floats, sequence after sequence.
    public func backwardStates(
        dTop: [Float], dLast: [NetworkState], into gradient: UnsafeMutablePointer<Float>
    ) -> (dx: [Float], dFirst: [NetworkState]) {
        precondition(dTop.count == batch.rows * (layers.last?.hidden ?? 0), "one gradient row a step")
        precondition(dLast.count == batch.count, "one gradient a sequence")
        let above = workspace.dUpper.rows(count: batch.rows, width: layers.last?.hidden ?? 0)
        dTop.withUnsafeBufferPointer { values in
            if let base = values.baseAddress { batch.pack(base, width: above.width, into: above.base) }
        }
        for (index, weights) in layers.enumerated() {
            clearGradients(index)
            let buffers = workspace.layers[index]
            for row in 0..<batch.count {
                let state = dLast[batch.order[row]]
                stateLayout.copy(state, .h, index, to: buffers.dh.base + row * weights.hidden)
                stateLayout.copy(state, .c, index, to: buffers.dc.base + row * weights.hidden)
            }
        }
        let packed = backwardLayers(above.rows, into: gradient, wantsInput: true)
        let dx = [Float](unsafeUninitializedCapacity: batch.rows * description.inputs) { dx, count in
            if let base = dx.baseAddress, let packed {
                batch.unpack(packed.base, width: description.inputs, into: base)
            }
            count = batch.rows * description.inputs
        }
        var dFirst = [NetworkState](repeating: NetworkState(zeroFor: stateLayout), count: batch.count)
        for (index, weights) in layers.enumerated() {
            let buffers = workspace.layers[index]
            for row in 0..<batch.count {
                stateLayout.copy(buffers.dh.base + row * weights.hidden, to: &dFirst[batch.order[row]], .h, index)
                stateLayout.copy(buffers.dc.base + row * weights.hidden, to: &dFirst[batch.order[row]], .c, index)
            }
        }
        return (dx, dFirst)
    }

    /// h and c after each sequence's last step, in the caller's order, of the batch that went forward last; a sum for a mean
    /// readout stays zero, and the steps are those of the batch.
    public var lastStates: [NetworkState] {
        var states = [NetworkState](repeating: NetworkState(zeroFor: stateLayout), count: batch.count)
        for (index, weights) in layers.enumerated() {
            let buffers = workspace.layers[index]
            for row in 0..<batch.count {
                let sequence = batch.order[row]
                let length = batch.lengths[sequence]
                let place = (length > 0 ? batch.offsets[length - 1] + row : row) * weights.hidden
                stateLayout.copy(
                    (length > 0 ? buffers.h.base : buffers.h0.base) + place, to: &states[sequence], .h, index)
                stateLayout.copy(
                    (length > 0 ? buffers.c.base : buffers.c0.base) + place, to: &states[sequence], .c, index)
                states[sequence].steps = length
            }
        }
        return states
    }

    /// The top layer's h at every step, sequence after sequence in the caller's order.
    public var topStates: [Float] {
        guard let top = layers.last else { return [] }
        return [Float](unsafeUninitializedCapacity: batch.rows * top.hidden) { values, count in
            if let base = values.baseAddress {
                batch.unpack(workspace.layers[layers.count - 1].h.base, width: top.hidden, into: base)
            }
            count = batch.rows * top.hidden
        }
    }
}
