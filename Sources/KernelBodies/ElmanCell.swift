// Elman's cell, and its residual form.
//
//     h′ = f(p + q)          residual: h′ = h + f(p + q)          f one of `Activations`
//
// Saved for backward: nothing, h′ tells f′. Residual: f(p + q).
// Elman 1990, Finding structure in time. Residual: Yue et al. 2018, arXiv:1707.03197, without their own scaling.

import CVectors

/// Options: the number of the activation; 4 is added for the residual form.
enum ElmanCell: CellKind {
    static func shape(_ options: Int) -> cell_shape {
        cell_shape(
            blocks: 1, saved: options >= 4 ? 1 : 0, late_blocks: 0, peepholes: 0, has_c: 0, shares_gradient: 1,
            has_two_phases: 0)
    }

    @inline(__always)
    static func choose<V: BodyVisitor>(_ options: Int, _ visitor: V) {
        switch options {
        case 0: visitor.visit(ElmanBody<TanhActivation>())
        case 1: visitor.visit(ElmanBody<SigmoidActivation>())
        case 2: visitor.visit(ElmanBody<RectifierActivation>())
        case 3: visitor.visit(ElmanBody<IdentityActivation>())
        default: visitor.visit(ResidualElmanBody(activation: AnyActivation(number: options - 4)))
        }
    }
}

private struct ElmanBody<F: Activation>: CellBody {
    @inline(__always)
    func forward<A: Access>(_ access: A, _ s: ForwardOperands, _ row: Int, _ unit: Int) {
        access.store(F.value(s.sum(access, row, unit, block: 0)), s.h.at(row, unit))
    }

    @inline(__always)
    func backward<A: Access>(_ access: A, _ s: BackwardOperands, _ row: Int, _ unit: Int) {
        let gradient = access.load(s.dh.at(row, unit))
        s.store(access, dp: F.backward(gradient, value: access.load(s.h.at(row, unit))), row, unit, block: 0)
        access.store(.zero, s.dh.at(row, unit))
    }
}

private struct ResidualElmanBody: CellBody {
    let activation: AnyActivation

    @inline(__always)
    func forward<A: Access>(_ access: A, _ s: ForwardOperands, _ row: Int, _ unit: Int) {
        let change = activation.value(s.sum(access, row, unit, block: 0))
        access.store(access.load(s.hPrevious.at(row, unit)) + change, s.h.at(row, unit))
        if s.saves { s.save(access, change, row, unit, block: 0) }
    }

    /// dh stays as it is: that is its way round the product.
    @inline(__always)
    func backward<A: Access>(_ access: A, _ s: BackwardOperands, _ row: Int, _ unit: Int) {
        let change = s.saved(access, row, unit, block: 0)
        let dp = activation.backward(access.load(s.dh.at(row, unit)), value: change)
        s.store(access, dp: dp, row, unit, block: 0)
    }
}
