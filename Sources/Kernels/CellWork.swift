import CVectors

// Cell steps as work over rows: each part takes its rows of every operand to the body. Shapes are checked before.

extension CellForward {
    /// The operands of all rows, as the bodies take them.
    @inline(__always)
    func operands(_ code: CellCode) -> cell_forward {
        cell_forward(
            kind: code.kind, options: code.options, rows: p.count, hidden: hidden,
            p: p.base, p_stride: p.stride,
            q: q?.base, q_stride: q?.stride ?? 0,
            h_previous: hPrevious.base, h_previous_stride: hPrevious.stride,
            c_previous: cPrevious?.base, c_previous_stride: cPrevious?.stride ?? 0,
            peepholes: peepholes,
            h: h.base, h_stride: h.stride,
            c: c?.base, c_stride: c?.stride ?? 0,
            saved: saved?.base, saved_stride: saved?.stride ?? 0,
            masked: masked?.base, masked_stride: masked?.stride ?? 0)
    }
}

extension CellBackward {
    func operands(_ code: CellCode, _ rows: Range<Int>) -> cell_backward {
        let first = rows.lowerBound
        return cell_backward(
            kind: code.kind, options: code.options, rows: rows.count, hidden: hidden,
            dh: dh.at(first), dh_stride: dh.stride,
            dc: dc?.at(first), dc_stride: dc?.stride ?? 0,
            saved: saved?.at(first), saved_stride: saved?.stride ?? 0,
            h: h.at(first), h_stride: h.stride,
            h_previous: hPrevious.at(first), h_previous_stride: hPrevious.stride,
            c_previous: cPrevious?.at(first), c_previous_stride: cPrevious?.stride ?? 0,
            peepholes: peepholes,
            dp: dp.at(first), dp_stride: dp.stride,
            dq: dq?.at(first), dq_stride: dq?.stride ?? 0,
            d_masked: dMasked?.at(first), d_masked_stride: dMasked?.stride ?? 0)
    }
}

extension cell_forward {
    /// Leaves some of the rows.
    @inline(__always)
    fileprivate mutating func take(_ some: Range<Int>) {
        rows = some.count
        let first = some.lowerBound
        guard first > 0 else { return }
        p = p.map { $0 + first * p_stride }
        q = q.map { $0 + first * q_stride }
        h_previous = h_previous.map { $0 + first * h_previous_stride }
        c_previous = c_previous.map { $0 + first * c_previous_stride }
        h = h.map { $0 + first * h_stride }
        c = c.map { $0 + first * c_stride }
        saved = saved.map { $0 + first * saved_stride }
        masked = masked.map { $0 + first * masked_stride }
    }
}

extension Rows {
    /// Where a row begins that the view may not have, as where it has none.
    fileprivate func at(_ row: Int) -> UnsafePointer<Float> { base + row * stride }
}

extension MutableRows {
    fileprivate func at(_ row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }
}

/// Which of a cell's phases.
enum CellPhase {
    /// The whole step, or what follows the late blocks' product.
    case main
    /// What concerns the masked state.
    case mask
}

struct ForwardWork: DividedWork {
    let bodies: any InstructionSetBodies.Type
    /// Of all rows.
    let operands: cell_forward
    let phase: CellPhase

    func run(_ units: Range<Int>) {
        var operands = operands
        operands.take(units)
        switch phase {
        case .main: bodies.cellForward(&operands)
        case .mask: bodies.cellForwardMask(&operands)
        }
    }
}

struct BackwardWork: DividedWork {
    let bodies: any InstructionSetBodies.Type
    let code: CellCode
    let step: CellBackward
    let phase: CellPhase

    func run(_ units: Range<Int>) {
        var operands = step.operands(code, units)
        switch phase {
        case .main: bodies.cellBackward(&operands)
        case .mask: bodies.cellBackwardMask(&operands)
        }
    }
}

struct RecurrentStepWork: GridWork {
    let products: any ProductBodies.Type
    let weights: UnsafePointer<Float>
    let bias: UnsafePointer<Float>
    let precision: Int
    /// Of all rows.
    let operands: cell_forward
    let backwards: Bool

    func run(rows: Range<Int>, groups: Range<Int>, scratch: UnsafeMutablePointer<Float>) {
        var operands = operands
        operands.take(rows)
        products.cellStep(
            &operands, packed: weights, bias: bias, precision: precision, firstGroup: groups.lowerBound,
            groupCount: groups.count, backwards: backwards ? 1 : 0, scratch: scratch)
    }
}
