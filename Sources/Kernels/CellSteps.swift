// One step of a cell, pointwise: forward from p and q, backward to dp and dq. The products around it, and the walk over
// time, are the caller's.

/// The operands of one forward step over `rows` sequences.
public struct CellForward {
    public var hidden: Int
    /// Input side W·x + b, [rows × blocks·hidden].
    public var p: Rows
    /// Recurrent side U·h + c, [rows × blocks·hidden]; nil where the step forms it.
    public var q: Rows?
    /// [rows × hidden].
    public var hPrevious: Rows
    /// [rows × hidden], cells with a cell state only.
    public var cPrevious: Rows?
    /// Written, [rows × hidden]; may be hPrevious, but in a step in one go.
    public var h: MutableRows
    /// Written, [rows × hidden], cells with a cell state only; may be cPrevious.
    public var c: MutableRows?
    /// [peepholes × hidden], cells with peepholes only.
    public var peepholes: UnsafePointer<Float>?
    /// Written, [rows × saved·hidden]: what backward needs; may begin where p does. nil in inference, except where the
    /// cell has two phases, which carry the gates from one to the other in it.
    public var saved: MutableRows?
    /// [rows × hidden], cells with two phases only: the state that the late blocks' product takes, written by
    /// `forwardMask`; the operand of their weight gradient too.
    public var masked: MutableRows?

    public init(
        hidden: Int, p: Rows, q: Rows?, hPrevious: Rows, cPrevious: Rows? = nil, peepholes: UnsafePointer<Float>? = nil,
        h: MutableRows, c: MutableRows? = nil, saved: MutableRows? = nil, masked: MutableRows? = nil
    ) {
        self.hidden = hidden
        self.p = p
        self.q = q
        self.hPrevious = hPrevious
        self.cPrevious = cPrevious
        self.peepholes = peepholes
        self.h = h
        self.c = c
        self.saved = saved
        self.masked = masked
    }
}

/// The operands of one backward step, mirror of `CellForward`.
public struct CellBackward {
    public var hidden: Int
    /// In: the whole gradient of h′ (from above and from the step after). Out: the part of it that reaches h beside the
    /// product U·h; zero for most cells. [rows × hidden]
    public var dh: MutableRows
    /// In: the gradient of c′ from the step after. Out: that of c. [rows × hidden], cells with a cell state only.
    public var dc: MutableRows?
    /// From forward; nil where the cell saves nothing. dp and dq may lie in its place.
    public var saved: Rows?
    /// h′ of this step, [rows × hidden].
    public var h: Rows
    /// [rows × hidden].
    public var hPrevious: Rows
    /// [rows × hidden], cells with a cell state only.
    public var cPrevious: Rows?
    /// Written, [rows × blocks·hidden].
    public var dp: MutableRows
    /// Written, [rows × lateBlocks·hidden], where it is not that of dp (`CellShape.sharesGradient`).
    public var dq: MutableRows?
    /// The gradient of the masked state, [rows × hidden], cells with two phases only: the product between them, read by
    /// `backwardMask`.
    public var dMasked: Rows?
    /// [peepholes × hidden], cells with peepholes only.
    public var peepholes: UnsafePointer<Float>?

    public init(
        hidden: Int, dh: MutableRows, dc: MutableRows? = nil, saved: Rows? = nil, h: Rows, hPrevious: Rows,
        cPrevious: Rows? = nil, peepholes: UnsafePointer<Float>? = nil, dp: MutableRows, dq: MutableRows? = nil,
        dMasked: Rows? = nil
    ) {
        self.hidden = hidden
        self.dh = dh
        self.dc = dc
        self.saved = saved
        self.h = h
        self.hPrevious = hPrevious
        self.cPrevious = cPrevious
        self.peepholes = peepholes
        self.dp = dp
        self.dq = dq
        self.dMasked = dMasked
    }
}

extension KernelSet {
    /// h′ (and c′, and what backward needs) from p, q and the state before. For a cell with two phases this is the
    /// second: `forwardMask` and the late blocks' product into their place in q go before it.
    public func forward(_ cell: Cell, _ step: CellForward) {
        check(cell.shape, step)
        divide(
            ForwardWork(bodies: bodies, operands: step.operands(cell.code), phase: .main), units: step.p.count,
            cost: 40 * step.p.width)
    }

    /// The product U·h + c and the step after it in one go, for cells with one phase; q of the step is not used.
    ///
    /// The bits are those of `product` into q and `forward`. h may not be hPrevious.
    ///
    /// - Parameter backwards: as in `product`.
    public func forward(_ matrix: RecurrentMatrix, _ step: CellForward, backwards: Bool = false) {
        check(laneCount: matrix.laneCount)
        check(matrix.shape, step, readsQ: false)
        precondition(UnsafePointer(step.h.base) != step.hPrevious.base, "h in place of hPrevious")
        precondition(step.hidden == matrix.hidden, "weights of \(matrix.hidden) units for a step of \(step.hidden)")
        let outputs = matrix.shape.blocks * step.hidden
        divide(
            RecurrentStepWork(
                products: products(matrix.precision), weights: UnsafePointer(matrix.weights.base),
                bias: UnsafePointer(matrix.bias.base), precision: matrix.precision.code,
                operands: step.operands(matrix.code), backwards: backwards),
            rows: step.p.count,
            groups: bodies.groupCount(blocks: matrix.shape.blocks, hidden: step.hidden), outputs: outputs,
            cost: max(step.p.count, Self.rowsOfMemory) * (step.hidden + 40) * outputs)
    }

    /// First phase of a cell with two: the masked state, and what the second phase needs, into saved.
    public func forwardMask(_ cell: Cell, _ step: CellForward) {
        let shape = cell.shape
        precondition(shape.hasTwoPhases, "\(cell) has one phase")
        check(shape, step)
        divide(
            ForwardWork(bodies: bodies, operands: step.operands(cell.code), phase: .mask), units: step.p.count,
            cost: 40 * step.p.width)
    }

    /// dp, dq and what goes on to the step before. For a cell with two phases this is the first: it gives dp of all
    /// that does not form the masked state; the late blocks' transposed product into dMasked and `backwardMask` follow.
    public func backward(_ cell: Cell, _ step: CellBackward) {
        check(cell.shape, step)
        divide(
            BackwardWork(bodies: bodies, code: cell.code, step: step, phase: .main), units: step.dp.count,
            cost: 10 * step.dp.width)
    }

    /// Second phase backward of a cell with two: the rest of dp, and what reaches h by way of the mask added to dh.
    public func backwardMask(_ cell: Cell, _ step: CellBackward) {
        let shape = cell.shape
        precondition(shape.hasTwoPhases, "\(cell) has one phase")
        check(shape, step)
        precondition(step.dMasked != nil, "\(cell): no dMasked")
        divide(
            BackwardWork(bodies: bodies, code: cell.code, step: step, phase: .mask), units: step.dp.count,
            cost: 10 * step.dp.width)
    }

    private func check(_ shape: CellShape, _ step: CellForward, readsQ: Bool = true) {
        let (rows, hidden) = (step.p.count, step.hidden)
        check("p", step.p, rows, shape.blocks * hidden)
        if readsQ { check("q", step.q, rows, shape.blocks * hidden) }
        check("hPrevious", step.hPrevious, rows, hidden)
        check("h", step.h.rows, rows, hidden)
        if shape.hasCellState {
            check("cPrevious", step.cPrevious, rows, hidden)
            check("c", step.c?.rows, rows, hidden)
        }
        precondition(shape.peepholes == 0 || step.peepholes != nil, "peepholes: none given")
        if shape.saved > 0, step.saved != nil || shape.hasTwoPhases {
            check("saved", step.saved?.rows, rows, shape.saved * hidden)
        }
        if shape.hasTwoPhases { check("masked", step.masked?.rows, rows, hidden) }
    }

    private func check(_ shape: CellShape, _ step: CellBackward) {
        let (rows, hidden) = (step.dp.count, step.hidden)
        check("dh", step.dh.rows, rows, hidden)
        check("dp", step.dp.rows, rows, shape.blocks * hidden)
        check("h", step.h, rows, hidden)
        check("hPrevious", step.hPrevious, rows, hidden)
        if shape.saved > 0 { check("saved", step.saved, rows, shape.saved * hidden) }
        if shape.hasCellState {
            check("dc", step.dc?.rows, rows, hidden)
            check("cPrevious", step.cPrevious, rows, hidden)
        }
        precondition(shape.peepholes == 0 || step.peepholes != nil, "peepholes: none given")
        if !shape.sharesGradient { check("dq", step.dq?.rows, rows, shape.lateBlocks * hidden) }
        if let dMasked = step.dMasked { check("dMasked", dMasked, rows, hidden) }
    }

    @inline(__always)
    private func check(_ name: StaticString, _ view: Rows?, _ rows: Int, _ width: Int) {
        guard let view else { preconditionFailure("\(name): none given, [\(rows) × \(width)] needed") }
        precondition(
            view.count == rows && view.width == width,
            "\(name): [\(view.count) × \(view.width)] given, [\(rows) × \(width)] needed")
    }
}
