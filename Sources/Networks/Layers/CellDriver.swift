import Kernels

// One step of one layer, the products around the pointwise cell included: the only place that knows how a cell and its
// recurrent product fit together. Inference, training and their streams all walk over time with these two functions.

/// What a step needs beside its state where the recurrent product stands by itself.
struct PhaseBuffers {
    /// U·h + c, [rows × blocks·hidden].
    let q: MutableRows
    /// [rows × saved·hidden], of a cell with two phases.
    var saved: MutableRows?
    /// The state that the late blocks' product takes, [rows × hidden], of a cell with two phases.
    var masked: MutableRows?
    /// What U takes, [rows × fed], of a projected state.
    var fed: Rows?
}

extension KernelSet {
    /// The state after a step from p, the input side of it.
    ///
    ///     p          [rows × blocks·hidden]   W·x + b
    ///     state      the rest; see CellForward
    ///
    /// - Parameters:
    ///   - phases: given where the cell has two, or a projection.
    ///   - saved: what backward needs, of a cell with one phase.
    ///   - backwards: as in `KernelSet.product`.
    func forwardStep(
        _ weights: CellWeights, p: Rows, _ phases: PhaseBuffers?, hPrevious: Rows, cPrevious: Rows?, h: MutableRows,
        c: MutableRows?, saved: MutableRows? = nil, backwards: Bool = false
    ) {
        let step = CellForward(
            hidden: weights.hidden, p: p, q: phases?.q.rows, hPrevious: hPrevious, cPrevious: cPrevious,
            peepholes: weights.peepholes, h: h, c: c, saved: phases?.saved ?? saved, masked: phases?.masked)
        switch weights.recurrent {
        case .onePhase(let matrix): forward(matrix, step, backwards: backwards)
        case .twoPhases(let early, let late):
            guard let phases, let masked = phases.masked else {
                preconditionFailure("a cell with two phases needs buffers between them")
            }
            let split = weights.earlyWidth
            product(
                hPrevious, early, start: .bias(weights.recurrentBias), backwards: backwards,
                into: phases.q.columns(0..<split))
            forwardMask(weights.cell, step)
            product(
                masked.rows, late, start: .bias(weights.recurrentBias + split), backwards: backwards,
                into: phases.q.columns(split..<weights.width))
            forward(weights.cell, step)
        case .projected(let matrix):
            guard let phases, let fed = phases.fed else {
                preconditionFailure("a projected state is fed from elsewhere")
            }
            product(fed, matrix, start: .bias(weights.recurrentBias), backwards: backwards, into: phases.q)
            forward(weights.cell, step)
        }
    }

    /// Mirror of `forwardStep`: dh in is the whole gradient of h′, dh out the whole gradient of the h before; dp (and
    /// the late blocks' dq, where the cell does not share it) is left for the weight gradients over the whole sequence.
    ///
    /// - Parameters:
    ///   - dMasked: scratch [rows × hidden], for cells with two phases.
    ///   - dFed: of a projected state, where the gradient of what U takes is added to, [rows × fed]; else that is dh.
    func backwardStep(
        _ weights: CellWeights, _ step: CellBackward, dMasked: MutableRows?, dFed: MutableRows? = nil
    ) {
        guard let transposes = weights.transposes else {
            preconditionFailure("weights packed for inference have no backward")
        }
        backward(weights.cell, step)
        guard let late = transposes.late else {
            product(step.dp.rows, transposes.recurrent, start: .target, into: dFed ?? step.dh)
            return
        }
        let split = weights.earlyWidth
        if weights.shape.hasTwoPhases {
            guard let dMasked else { preconditionFailure("a cell with two phases needs dMasked") }
            product(step.dp.rows.columns(split..<weights.width), late, start: .zero, into: dMasked)
            var maskStep = step
            maskStep.dMasked = dMasked.rows
            backwardMask(weights.cell, maskStep)
        }
        product(step.dp.rows.columns(0..<split), transposes.recurrent, start: .target, into: step.dh)
        if let dq = step.dq { product(dq.rows, late, start: .target, into: step.dh) }
    }
}
