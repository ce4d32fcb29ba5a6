import Kernels

// One step of one layer, the products around the pointwise cell included: the only place that knows how a cell and its
// recurrent product fit together. Inference, training and their streams all walk over time with these two functions.

extension KernelSet {
    /// The state after a step from p, the input side of it.
    ///
    ///     p          [rows × blocks·hidden]   W·x + b, formed before for the whole sequence
    ///     q          [rows × blocks·hidden]   scratch of cells with two phases: U·h + c
    ///     state      the rest; see CellForward
    ///
    /// - Parameter backwards: as in `KernelSet.product`.
    func forwardStep(
        _ weights: LayerWeights, p: Rows, q: MutableRows?, hPrevious: Rows, cPrevious: Rows?, h: MutableRows,
        c: MutableRows?, kept: MutableRows?, resetState: MutableRows?, backwards: Bool = false
    ) {
        let step = CellForward(
            hidden: weights.hidden, p: p, q: q?.rows, hPrevious: hPrevious, cPrevious: cPrevious, h: h, c: c,
            kept: kept, resetState: resetState)
        switch weights.recurrent {
        case .onePhase(let matrix): forward(matrix, step, backwards: backwards)
        case .twoPhases(let gateWeights, let candidate):
            guard let q, let resetState else { preconditionFailure("a cell with two phases needs q and resetState") }
            let gates = weights.gates
            product(
                hPrevious, gateWeights, start: .bias(weights.recurrentBias), backwards: backwards,
                into: q.columns(0..<gates))
            forwardGates(weights.cell, step)
            product(
                resetState.rows, candidate, start: .bias(weights.recurrentBias + gates), backwards: backwards,
                into: q.columns(gates..<weights.width))
            forward(weights.cell, step)
        }
    }

    /// A step from x, the product of the input side included.
    ///
    /// Steps of one row that follow each other may take the weights to and fro: W and U, then U and W from their ends.
    /// What one read last is in the cache when the next reads it first, and of weights that exceed a level a good part
    /// is always found there.
    ///
    ///     x           [rows × inputs]
    ///     p, q, rest  as in `forwardStep`; p is scratch here, and q of every cell
    func forwardStep(
        _ weights: LayerWeights, x: Rows, p: MutableRows, q: MutableRows, hPrevious: Rows, cPrevious: Rows?,
        h: MutableRows, c: MutableRows?, kept: MutableRows?, resetState: MutableRows?, backwards: Bool
    ) {
        if backwards, case .onePhase(let matrix) = weights.recurrent {
            product(hPrevious, matrix, backwards: true, into: q)
            product(x, weights.input, start: .bias(weights.inputBias), backwards: true, into: p)
            forward(
                weights.cell,
                CellForward(
                    hidden: weights.hidden, p: p.rows, q: q.rows, hPrevious: hPrevious, cPrevious: cPrevious, h: h,
                    c: c,
                    kept: kept, resetState: resetState))
        } else {
            product(x, weights.input, start: .bias(weights.inputBias), backwards: backwards, into: p)
            forwardStep(
                weights, p: p.rows, q: q, hPrevious: hPrevious, cPrevious: cPrevious, h: h, c: c, kept: kept,
                resetState: resetState, backwards: backwards)
        }
    }

    /// Mirror of `forwardStep`: dh in is the whole gradient of h′, dh out the whole gradient of the h before; dp (and
    /// the candidate's dq, where the cell does not share it) is left for the weight gradients over the whole sequence.
    ///
    /// - Parameter dResetState: scratch [rows × hidden], for cells with two phases.
    func backwardStep(_ weights: LayerWeights, _ step: CellBackward, dResetState: MutableRows?) {
        guard let transposes = weights.transposes else {
            preconditionFailure("weights packed for inference have no backward")
        }
        backward(weights.cell, step)
        guard let candidate = transposes.candidate else {
            product(step.dp.rows, transposes.recurrent, start: .target, into: step.dh)
            return
        }
        let gates = weights.gates
        if weights.cell.hasTwoPhases {
            guard let dResetState else { preconditionFailure("a cell with two phases needs dResetState") }
            product(
                step.dp.rows.columns(gates..<weights.width), candidate, start: .zero, into: dResetState)
            var gatesStep = step
            gatesStep.dResetState = dResetState.rows
            backwardGates(weights.cell, gatesStep)
        }
        product(step.dp.rows.columns(0..<gates), transposes.recurrent, start: .target, into: step.dh)
        if let dq = step.dq { product(dq.rows, candidate, start: .target, into: step.dh) }
    }
}
