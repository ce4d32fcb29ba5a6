import CVectors

// Cell steps as work over rows: each part takes its rows of every operand to the body. Shapes are checked before.

extension CellForward {
    /// The operands of some rows, as the bodies take them.
    @inline(__always)
    func operands(_ code: CellCode, _ rows: Range<Int>) -> cell_forward {
        let first = rows.lowerBound
        return cell_forward(
            kind: code.kind, options: code.options, rows: rows.count, hidden: hidden,
            p: p.at(first), p_stride: p.stride,
            q: q?.at(first), q_stride: q?.stride ?? 0,
            h_previous: hPrevious.at(first), h_previous_stride: hPrevious.stride,
            c_previous: cPrevious?.at(first), c_previous_stride: cPrevious?.stride ?? 0,
            peepholes: peepholes,
            h: h.at(first), h_stride: h.stride,
            c: c?.at(first), c_stride: c?.stride ?? 0,
            saved: saved?.at(first), saved_stride: saved?.stride ?? 0,
            masked: masked?.at(first), masked_stride: masked?.stride ?? 0)
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
    let code: CellCode
    let step: CellForward
    let phase: CellPhase

    func run(_ units: Range<Int>) {
        var operands = step.operands(code, units)
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
    let code: CellCode
    let weights: UnsafePointer<Float>
    let bias: UnsafePointer<Float>
    let precision: Int
    let step: CellForward
    let backwards: Bool

    func run(rows: Range<Int>, groups: Range<Int>, scratch: UnsafeMutablePointer<Float>) {
        var operands = step.operands(code, rows)
        products.cellStep(
            &operands, packed: weights, bias: bias, precision: precision, firstGroup: groups.lowerBound,
            groupCount: groups.count, backwards: backwards ? 1 : 0, scratch: scratch)
    }
}
