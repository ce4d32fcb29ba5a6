// Cell steps as work over rows: each takes its part of every operand to the body of its cell. Shapes are checked
// before.

struct ForwardWork: DividedWork {
    let bodies: any InstructionSetBodies.Type
    let cell: Cell
    let step: CellForward

    func run(_ units: Range<Int>) {
        let p = step.p.rows(units)
        guard let q = step.q?.rows(units) else { return }
        let hPrevious = step.hPrevious.rows(units)
        let h = step.h.rows(units)
        let kept = step.kept?.rows(units)
        switch cell {
        case .elman(let activation):
            bodies.elmanForward(
                activation: activation.code, rows: units.count, hidden: step.hidden,
                p: p.base, pStride: p.stride, q: q.base, qStride: q.stride, h: h.base, hStride: h.stride)
        case .lstm:
            guard let cPrevious = step.cPrevious?.rows(units), let c = step.c?.rows(units) else { return }
            bodies.lstmForward(
                rows: units.count, hidden: step.hidden,
                p: p.base, pStride: p.stride, q: q.base, qStride: q.stride,
                cPrevious: cPrevious.base, cPreviousStride: cPrevious.stride,
                h: h.base, hStride: h.stride, c: c.base, cStride: c.stride,
                kept: kept?.base, keptStride: kept?.stride ?? 0)
        case .gru(.after):
            bodies.gruAfterForward(
                rows: units.count, hidden: step.hidden,
                p: p.base, pStride: p.stride, q: q.base, qStride: q.stride,
                hPrevious: hPrevious.base, hPreviousStride: hPrevious.stride, h: h.base, hStride: h.stride,
                kept: kept?.base, keptStride: kept?.stride ?? 0)
        case .gru(.before):
            guard let kept else { return }
            bodies.gruBeforeForwardCandidate(
                rows: units.count, hidden: step.hidden,
                p: p.base, pStride: p.stride, q: q.base, qStride: q.stride,
                hPrevious: hPrevious.base, hPreviousStride: hPrevious.stride, h: h.base, hStride: h.stride,
                kept: kept.base, keptStride: kept.stride)
        }
    }
}

struct RecurrentStepWork: GridWork {
    let products: any ProductBodies.Type
    let cell: Cell
    let weights: UnsafePointer<Float>
    let bias: UnsafePointer<Float>
    let precision: Int
    let step: CellForward
    let backwards: Bool

    func run(rows: Range<Int>, groups: Range<Int>, scratch: UnsafeMutablePointer<Float>) {
        if rows == 0..<step.p.count {
            run(step, groups, scratch: scratch)
        } else {
            run(step.rows(rows), groups, scratch: scratch)
        }
    }

    private func run(_ step: CellForward, _ groups: Range<Int>, scratch: UnsafeMutablePointer<Float>) {
        switch cell {
        case .elman(let activation):
            products.elmanStep(
                activation: activation.code, rows: step.p.count, hidden: step.hidden, packed: weights, bias: bias,
                precision: precision, firstGroup: groups.lowerBound, groupCount: groups.count,
                backwards: backwards ? 1 : 0, p: step.p.base,
                pStride: step.p.stride,
                hPrevious: step.hPrevious.base, hPreviousStride: step.hPrevious.stride,
                h: step.h.base, hStride: step.h.stride, scratch: scratch)
        case .lstm:
            guard let cPrevious = step.cPrevious, let c = step.c else { return }
            products.lstmStep(
                rows: step.p.count, hidden: step.hidden, packed: weights, bias: bias,
                precision: precision, firstGroup: groups.lowerBound, groupCount: groups.count,
                backwards: backwards ? 1 : 0, p: step.p.base,
                pStride: step.p.stride,
                hPrevious: step.hPrevious.base, hPreviousStride: step.hPrevious.stride,
                cPrevious: cPrevious.base, cPreviousStride: cPrevious.stride,
                h: step.h.base, hStride: step.h.stride, c: c.base, cStride: c.stride,
                kept: step.kept?.base, keptStride: step.kept?.stride ?? 0, scratch: scratch)
        case .gru:
            products.gruAfterStep(
                rows: step.p.count, hidden: step.hidden, packed: weights, bias: bias,
                precision: precision, firstGroup: groups.lowerBound, groupCount: groups.count,
                backwards: backwards ? 1 : 0, p: step.p.base,
                pStride: step.p.stride,
                hPrevious: step.hPrevious.base, hPreviousStride: step.hPrevious.stride,
                h: step.h.base, hStride: step.h.stride,
                kept: step.kept?.base, keptStride: step.kept?.stride ?? 0, scratch: scratch)
        }
    }
}

struct ForwardGatesWork: DividedWork {
    let bodies: any InstructionSetBodies.Type
    let step: CellForward

    func run(_ units: Range<Int>) {
        let p = step.p.rows(units)
        guard let q = step.q?.rows(units) else { return }
        let hPrevious = step.hPrevious.rows(units)
        guard let resetState = step.resetState?.rows(units), let kept = step.kept?.rows(units) else { return }
        bodies.gruBeforeForwardGates(
            rows: units.count, hidden: step.hidden,
            p: p.base, pStride: p.stride, q: q.base, qStride: q.stride,
            hPrevious: hPrevious.base, hPreviousStride: hPrevious.stride,
            resetState: resetState.base, resetStateStride: resetState.stride,
            kept: kept.base, keptStride: kept.stride)
    }
}

struct BackwardWork: DividedWork {
    let bodies: any InstructionSetBodies.Type
    let cell: Cell
    let step: CellBackward

    func run(_ units: Range<Int>) {
        let dh = step.dh.rows(units)
        let h = step.h.rows(units)
        let hPrevious = step.hPrevious.rows(units)
        let dp = step.dp.rows(units)
        if case .elman(let activation) = cell {
            bodies.elmanBackward(
                activation: activation.code, rows: units.count, hidden: step.hidden,
                dh: dh.base, dhStride: dh.stride, h: h.base, hStride: h.stride, dp: dp.base, dpStride: dp.stride)
            return
        }
        guard let kept = step.kept?.rows(units) else { return }
        switch cell {
        case .elman: return
        case .lstm:
            guard let dc = step.dc?.rows(units), let cPrevious = step.cPrevious?.rows(units) else { return }
            bodies.lstmBackward(
                rows: units.count, hidden: step.hidden,
                dh: dh.base, dhStride: dh.stride, dc: dc.base, dcStride: dc.stride,
                kept: kept.base, keptStride: kept.stride,
                cPrevious: cPrevious.base, cPreviousStride: cPrevious.stride, dp: dp.base, dpStride: dp.stride)
        case .gru(.after):
            guard let dq = step.dq?.rows(units) else { return }
            bodies.gruAfterBackward(
                rows: units.count, hidden: step.hidden,
                dh: dh.base, dhStride: dh.stride, kept: kept.base, keptStride: kept.stride,
                hPrevious: hPrevious.base, hPreviousStride: hPrevious.stride,
                dp: dp.base, dpStride: dp.stride, dq: dq.base, dqStride: dq.stride)
        case .gru(.before):
            bodies.gruBeforeBackwardCandidate(
                rows: units.count, hidden: step.hidden,
                dh: dh.base, dhStride: dh.stride, kept: kept.base, keptStride: kept.stride,
                hPrevious: hPrevious.base, hPreviousStride: hPrevious.stride, dp: dp.base, dpStride: dp.stride)
        }
    }
}

struct BackwardGatesWork: DividedWork {
    let bodies: any InstructionSetBodies.Type
    let step: CellBackward

    func run(_ units: Range<Int>) {
        let dh = step.dh.rows(units)
        let hPrevious = step.hPrevious.rows(units)
        let dp = step.dp.rows(units)
        guard let kept = step.kept?.rows(units), let dResetState = step.dResetState?.rows(units) else { return }
        bodies.gruBeforeBackwardGates(
            rows: units.count, hidden: step.hidden,
            dh: dh.base, dhStride: dh.stride, dResetState: dResetState.base, dResetStateStride: dResetState.stride,
            kept: kept.base, keptStride: kept.stride,
            hPrevious: hPrevious.base, hPreviousStride: hPrevious.stride, dp: dp.base, dpStride: dp.stride)
    }
}
