// One step of a cell, pointwise: forward from p and q, backward to dp and dq. The products around it, and the walk over
// time, are the caller's.

/// The operands of one forward step over `rows` sequences.
public struct CellForward {
    public var hidden: Int
    /// Input side W·x + b, [rows × blocks·hidden].
    public var p: Rows
    /// Recurrent side U·h + c, [rows × blocks·hidden]; nil where the step forms it.
    public var q: Rows?
    /// [rows × hidden]. Elman and LSTM do not read it.
    public var hPrevious: Rows
    /// [rows × hidden], cells with a cell state only.
    public var cPrevious: Rows?
    /// Written, [rows × hidden]; may be hPrevious, but in a step in one go.
    public var h: MutableRows
    /// Written, [rows × hidden], cells with a cell state only; may be cPrevious.
    public var c: MutableRows?
    /// Written, [rows × keptBlocks·hidden]: what backward needs; may begin where p does. nil in inference, except
    /// where the cell has two phases, which carry the gates from one to the other in it.
    public var kept: MutableRows?
    /// r ⊙ h, [rows × hidden], cells with two phases only: written by `forwardGates`, the operand of the candidate's
    /// product, and of its weight gradient.
    public var resetState: MutableRows?

    public init(
        hidden: Int, p: Rows, q: Rows?, hPrevious: Rows, cPrevious: Rows? = nil, h: MutableRows,
        c: MutableRows? = nil, kept: MutableRows? = nil, resetState: MutableRows? = nil
    ) {
        self.hidden = hidden
        self.p = p
        self.q = q
        self.hPrevious = hPrevious
        self.cPrevious = cPrevious
        self.h = h
        self.c = c
        self.kept = kept
        self.resetState = resetState
    }
}

extension CellForward {
    /// The step of some of the rows.
    func rows(_ range: Range<Int>) -> CellForward {
        CellForward(
            hidden: hidden, p: p.rows(range), q: q?.rows(range), hPrevious: hPrevious.rows(range),
            cPrevious: cPrevious?.rows(range), h: h.rows(range), c: c?.rows(range), kept: kept?.rows(range),
            resetState: resetState?.rows(range))
    }
}

/// The operands of one backward step, mirror of `CellForward`.
public struct CellBackward {
    public var hidden: Int
    /// In: the whole gradient of h′ (from above and from the step after). Out: the part of it that reaches h beside the
    /// product U·h; zero for Elman and LSTM. [rows × hidden]
    public var dh: MutableRows
    /// In: the gradient of c′ from the step after. Out: that of c. [rows × hidden], cells with a cell state only.
    public var dc: MutableRows?
    /// From forward; nil for Elman. dp and dq may lie in its place.
    public var kept: Rows?
    /// h′ of this step, [rows × hidden]. Only Elman reads it.
    public var h: Rows
    /// [rows × hidden]. Only GRUs read it.
    public var hPrevious: Rows
    /// [rows × hidden], cells with a cell state only.
    public var cPrevious: Rows?
    /// Written, [rows × blocks·hidden].
    public var dp: MutableRows
    /// Written, [rows × hidden]: the candidate's block, where it is not that of dp (`Cell.sharesGradient`).
    public var dq: MutableRows?
    /// Uₙᵀ·dpₙ, [rows × hidden], cells with two phases only: the product between them, read by `backwardGates`.
    public var dResetState: Rows?

    public init(
        hidden: Int, dh: MutableRows, dc: MutableRows? = nil, kept: Rows? = nil, h: Rows, hPrevious: Rows,
        cPrevious: Rows? = nil, dp: MutableRows, dq: MutableRows? = nil, dResetState: Rows? = nil
    ) {
        self.hidden = hidden
        self.dh = dh
        self.dc = dc
        self.kept = kept
        self.h = h
        self.hPrevious = hPrevious
        self.cPrevious = cPrevious
        self.dp = dp
        self.dq = dq
        self.dResetState = dResetState
    }
}

extension KernelSet {
    /// h′ (and c′, and what backward needs) from p, q and the previous state. For a cell with two phases this is the
    /// second: `forwardGates` and the candidate's product into block n of q go before it.
    public func forward(_ cell: Cell, _ step: CellForward) {
        check(cell, step)
        divide(ForwardWork(bodies: bodies, cell: cell, step: step), units: step.p.count, cost: 40 * step.p.width)
    }

    /// The product U·h + c and the step after it in one go, for cells with one phase; q of the step is not used.
    ///
    /// The bits are those of `product` into q and `forward`. h may not be hPrevious.
    ///
    /// - Parameter backwards: as in `product`.
    public func forward(_ matrix: RecurrentMatrix, _ step: CellForward, backwards: Bool = false) {
        check(laneCount: matrix.laneCount)
        check(matrix.cell, step, readsQ: false)
        precondition(UnsafePointer(step.h.base) != step.hPrevious.base, "h in place of hPrevious")
        precondition(step.hidden == matrix.hidden, "weights of \(matrix.hidden) units for a step of \(step.hidden)")
        let outputs = matrix.cell.blocks * step.hidden
        divide(
            RecurrentStepWork(
                products: products(matrix.precision), cell: matrix.cell,
                weights: UnsafePointer(matrix.weights.base), bias: UnsafePointer(matrix.bias.base),
                precision: matrix.precision.code, step: step, backwards: backwards),
            rows: step.p.count,
            groups: bodies.groupCount(blocks: matrix.cell.blocks, hidden: step.hidden), outputs: outputs,
            cost: max(step.p.count, Self.rowsOfMemory) * (step.hidden + 40) * outputs)
    }

    /// First phase of a cell with two: gates r and z into kept, r ⊙ h into resetState.
    public func forwardGates(_ cell: Cell, _ step: CellForward) {
        precondition(cell.hasTwoPhases, "\(cell) has one phase")
        check(cell, step)
        divide(ForwardGatesWork(bodies: bodies, step: step), units: step.p.count, cost: 40 * step.p.width)
    }

    /// dp, dq and what goes on to the step before. For a cell with two phases this is the first: it gives dp of the
    /// blocks z and n; the product Uₙᵀ·dpₙ into dResetState and `backwardGates` come after it.
    public func backward(_ cell: Cell, _ step: CellBackward) {
        check(cell, step)
        divide(BackwardWork(bodies: bodies, cell: cell, step: step), units: step.dp.count, cost: 10 * step.dp.width)
    }

    /// Second phase backward of a cell with two: dp of block r, and r ⊙ dResetState added to dh.
    public func backwardGates(_ cell: Cell, _ step: CellBackward) {
        precondition(cell.hasTwoPhases, "\(cell) has one phase")
        check(cell, step)
        precondition(step.dResetState != nil, "\(cell): no dResetState")
        divide(BackwardGatesWork(bodies: bodies, step: step), units: step.dp.count, cost: 10 * step.dp.width)
    }

    private func check(_ cell: Cell, _ step: CellForward, readsQ: Bool = true) {
        let (rows, hidden) = (step.p.count, step.hidden)
        check("p", step.p, rows, cell.blocks * hidden)
        if readsQ { check("q", step.q, rows, cell.blocks * hidden) }
        check("hPrevious", step.hPrevious, rows, hidden)
        check("h", step.h.rows, rows, hidden)
        if cell.carriesCellState {
            check("cPrevious", step.cPrevious, rows, hidden)
            check("c", step.c?.rows, rows, hidden)
        }
        if cell.keptBlocks > 0, step.kept != nil || cell.hasTwoPhases {
            check("kept", step.kept?.rows, rows, cell.keptBlocks * hidden)
        }
        if cell.hasTwoPhases { check("resetState", step.resetState?.rows, rows, hidden) }
    }

    private func check(_ cell: Cell, _ step: CellBackward) {
        let (rows, hidden) = (step.dp.count, step.hidden)
        check("dh", step.dh.rows, rows, hidden)
        check("dp", step.dp.rows, rows, cell.blocks * hidden)
        check("h", step.h, rows, hidden)
        check("hPrevious", step.hPrevious, rows, hidden)
        if cell.keptBlocks > 0 { check("kept", step.kept, rows, cell.keptBlocks * hidden) }
        if cell.carriesCellState {
            check("dc", step.dc?.rows, rows, hidden)
            check("cPrevious", step.cPrevious, rows, hidden)
        }
        if !cell.sharesGradient { check("dq", step.dq?.rows, rows, hidden) }
        if let dResetState = step.dResetState { check("dResetState", dResetState, rows, hidden) }
    }

    @inline(__always)
    private func check(_ name: StaticString, _ view: Rows?, _ rows: Int, _ width: Int) {
        guard let view else { preconditionFailure("\(name): none given, [\(rows) × \(width)] needed") }
        precondition(
            view.count == rows && view.width == width,
            "\(name): [\(view.count) × \(view.width)] given, [\(rows) × \(width)] needed")
    }
}

extension Activation {
    /// The number by which the bodies know it.
    var code: Int {
        switch self {
        case .tanh: return 0
        case .sigmoid: return 1
        case .relu: return 2
        case .identity: return 3
        }
    }
}
