// One pointwise step of any cell over rows, between its products. The operands stand in cells.h.

import CVectors

extension Bodies {
    /// h′ (and c′ and saved) from p, q and the state before; of two phases the second.
    @inline(never)
    public static func cellForward(_ s: UnsafePointer<cell_forward>) {
        guard let operands = ForwardOperands(s) else { return }
        withKind(s.pointee.kind, Forward(s: operands, rows: s.pointee.rows, options: s.pointee.options, masks: false))
    }

    /// The first of two phases: what the masked state and the second phase need.
    @inline(never)
    public static func cellForwardMask(_ s: UnsafePointer<cell_forward>) {
        guard let operands = ForwardOperands(s) else { return }
        withKind(s.pointee.kind, Forward(s: operands, rows: s.pointee.rows, options: s.pointee.options, masks: true))
    }

    /// dp (and dq) and the gradients of the state before; of two phases the first.
    @inline(never)
    public static func cellBackward(_ s: UnsafePointer<cell_backward>) {
        guard let operands = BackwardOperands(s) else { return }
        withKind(s.pointee.kind, Backward(s: operands, rows: s.pointee.rows, options: s.pointee.options, masks: false))
    }

    /// The second of two phases, given the gradient of the masked state.
    @inline(never)
    public static func cellBackwardMask(_ s: UnsafePointer<cell_backward>) {
        guard let operands = BackwardOperands(s) else { return }
        withKind(s.pointee.kind, Backward(s: operands, rows: s.pointee.rows, options: s.pointee.options, masks: true))
    }
}

private struct Forward: KindVisitor, BodyVisitor {
    let s: ForwardOperands
    let rows: Int
    let options: Int
    let masks: Bool

    @inline(__always)
    func visit<Kind: CellKind>(_ kind: Kind.Type) { Kind.choose(options, self) }

    @inline(__always)
    func visit<Body: CellBody>(_ body: Body) {
        if masks {
            walk(ForwardMaskStep(body: body, s: s), rows: rows, hidden: s.hidden)
        } else {
            walk(ForwardStep(body: body, s: s), rows: rows, hidden: s.hidden)
        }
    }
}

private struct Backward: KindVisitor, BodyVisitor {
    let s: BackwardOperands
    let rows: Int
    let options: Int
    let masks: Bool

    @inline(__always)
    func visit<Kind: CellKind>(_ kind: Kind.Type) { Kind.choose(options, self) }

    @inline(__always)
    func visit<Body: CellBody>(_ body: Body) {
        if masks {
            walk(BackwardMaskStep(body: body, s: s), rows: rows, hidden: s.hidden)
        } else {
            walk(BackwardStep(body: body, s: s), rows: rows, hidden: s.hidden)
        }
    }
}

private struct ForwardMaskStep<Body: CellBody>: Pointwise {
    let body: Body
    let s: ForwardOperands

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) { body.forwardMask(access, s, row, unit) }
}

private struct BackwardStep<Body: CellBody>: Pointwise {
    let body: Body
    let s: BackwardOperands

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) { body.backward(access, s, row, unit) }
}

private struct BackwardMaskStep<Body: CellBody>: Pointwise {
    let body: Body
    let s: BackwardOperands

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) { body.backwardMask(access, s, row, unit) }
}
