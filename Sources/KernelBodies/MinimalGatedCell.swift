// Minimal gated unit: one gate both forgets and resets; blocks of `hidden` in the order f, n.
//
//     f = σ(p + q)    n = tanh(pₙ + f ⊙ qₙ)    h′ = f ⊙ h + (1 - f) ⊙ n, computed as n + f ⊙ (h - n)
//
// Saved for backward: f, n, qₙ.
// As Flax has it. The gate of Zhou et al. 2016, arXiv:1603.09420, takes in where this one keeps, and scales h before
// the product: weights do not carry over between the two.

import CVectors

struct MinimalGatedCell: CellKind, CellBody {
    static func shape(_ options: Int) -> cell_shape {
        cell_shape(
            blocks: 2, saved: 3, late_blocks: 1, peepholes: 0, has_c: 0, shares_gradient: 0, has_two_phases: 0)
    }

    @inline(__always)
    static func choose<V: BodyVisitor>(_ options: Int, _ visitor: V) { visitor.visit(Self()) }

    @inline(__always)
    func forward<A: Access>(_ access: A, _ s: ForwardOperands, _ row: Int, _ unit: Int) {
        let f = sigmoid(s.sum(access, row, unit, block: 0))
        let qn = s.q(access, row, unit, block: 1)
        let n = tanh(multiplyAdd(f, qn, s.p(access, row, unit, block: 1)))
        access.store(multiplyAdd(f, access.load(s.hPrevious.at(row, unit)) - n, n), s.h.at(row, unit))
        if s.saves {
            s.save(access, f, row, unit, block: 0)
            s.save(access, n, row, unit, block: 1)
            s.save(access, qn, row, unit, block: 2)
        }
    }

    @inline(__always)
    func backward<A: Access>(_ access: A, _ s: BackwardOperands, _ row: Int, _ unit: Int) {
        let f = s.saved(access, row, unit, block: 0)
        let n = s.saved(access, row, unit, block: 1)
        let qn = s.saved(access, row, unit, block: 2)
        let dhNew = access.load(s.dh.at(row, unit))
        let dpn = tanhBackward(dhNew * (1 - f), value: n)
        let df = multiplyAdd(dpn, qn, dhNew * (access.load(s.hPrevious.at(row, unit)) - n))
        s.store(access, dp: sigmoidBackward(df, value: f), row, unit, block: 0)
        s.store(access, dp: dpn, row, unit, block: 1)
        access.store(dpn * f, s.dq.at(row, unit))
        access.store(dhNew * f, s.dh.at(row, unit))
    }
}
