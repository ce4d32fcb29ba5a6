// GRU; blocks of `hidden` in the order r, z, n.
//
//     r, z = σ(p + q)    n = tanh(pₙ + …)    h′ = (1 - z) ⊙ n + z ⊙ h, computed as n + z ⊙ (h - n)
//
// Reset after the product (PyTorch, cuDNN):  n = tanh(pₙ + r ⊙ qₙ), q = U·h + c.   Saved: r, z, n, qₙ.
// Reset before it (Cho et al. 2014):         n = tanh(pₙ + qₙ), qₙ = Uₙ·(r ⊙ h) + cₙ, in two phases
// with the product of the candidate block between them.                             Saved: r, z, n.

import CVectors

/// Options: 0 resets after the product, 1 before it.
enum GRUCell: CellKind {
    static func shape(_ options: Int) -> cell_shape {
        let isBefore = options == 1
        return cell_shape(
            blocks: 3, saved: isBefore ? 3 : 4, late_blocks: 1, peepholes: 0, has_c: 0,
            shares_gradient: isBefore ? 1 : 0, has_two_phases: isBefore ? 1 : 0)
    }

    @inline(__always)
    static func choose<V: BodyVisitor>(_ options: Int, _ visitor: V) {
        switch options {
        case 0: visitor.visit(ResetAfter())
        default: visitor.visit(ResetBefore())
        }
    }
}

private struct ResetAfter: CellBody {
    @inline(__always)
    func forward<A: Access>(_ access: A, _ s: ForwardOperands, _ row: Int, _ unit: Int) {
        let r = sigmoid(s.sum(access, row, unit, block: 0))
        let z = sigmoid(s.sum(access, row, unit, block: 1))
        let qn = s.q(access, row, unit, block: 2)
        let n = tanh(multiplyAdd(r, qn, s.p(access, row, unit, block: 2)))
        let hNew = multiplyAdd(z, access.load(s.hPrevious.at(row, unit)) - n, n)
        access.store(hNew, s.h.at(row, unit))
        if s.saves {
            s.save(access, r, row, unit, block: 0)
            s.save(access, z, row, unit, block: 1)
            s.save(access, n, row, unit, block: 2)
            s.save(access, qn, row, unit, block: 3)
        }
    }

    @inline(__always)
    func backward<A: Access>(_ access: A, _ s: BackwardOperands, _ row: Int, _ unit: Int) {
        let r = s.saved(access, row, unit, block: 0)
        let z = s.saved(access, row, unit, block: 1)
        let n = s.saved(access, row, unit, block: 2)
        let qn = s.saved(access, row, unit, block: 3)
        let dhNew = access.load(s.dh.at(row, unit))
        let dz = sigmoidBackward(dhNew * (access.load(s.hPrevious.at(row, unit)) - n), value: z)
        let dpn = tanhBackward(dhNew * (1 - z), value: n)
        let dr = sigmoidBackward(dpn * qn, value: r)
        s.store(access, dp: dr, row, unit, block: 0)
        s.store(access, dp: dz, row, unit, block: 1)
        s.store(access, dp: dpn, row, unit, block: 2)
        access.store(dpn * r, s.dq.at(row, unit))
        access.store(dhNew * z, s.dh.at(row, unit))
    }
}

private struct ResetBefore: CellBody {
    @inline(__always)
    func forwardMask<A: Access>(_ access: A, _ s: ForwardOperands, _ row: Int, _ unit: Int) {
        let r = sigmoid(s.sum(access, row, unit, block: 0))
        let z = sigmoid(s.sum(access, row, unit, block: 1))
        access.store(r * access.load(s.hPrevious.at(row, unit)), s.masked.at(row, unit))
        s.save(access, r, row, unit, block: 0)
        s.save(access, z, row, unit, block: 1)
    }

    @inline(__always)
    func forward<A: Access>(_ access: A, _ s: ForwardOperands, _ row: Int, _ unit: Int) {
        let z = access.load(s.saved.at(row, unit, block: 1, of: s.hidden))
        let n = tanh(s.sum(access, row, unit, block: 2))
        let hNew = multiplyAdd(z, access.load(s.hPrevious.at(row, unit)) - n, n)
        access.store(hNew, s.h.at(row, unit))
        s.save(access, n, row, unit, block: 2)
    }

    /// dp of z and n, and what goes round the products.
    @inline(__always)
    func backward<A: Access>(_ access: A, _ s: BackwardOperands, _ row: Int, _ unit: Int) {
        let z = s.saved(access, row, unit, block: 1)
        let n = s.saved(access, row, unit, block: 2)
        let dhNew = access.load(s.dh.at(row, unit))
        let dz = sigmoidBackward(dhNew * (access.load(s.hPrevious.at(row, unit)) - n), value: z)
        s.store(access, dp: dz, row, unit, block: 1)
        s.store(access, dp: tanhBackward(dhNew * (1 - z), value: n), row, unit, block: 2)
        access.store(dhNew * z, s.dh.at(row, unit))
    }

    /// dp of r; dh += r ⊙ dMasked.
    @inline(__always)
    func backwardMask<A: Access>(_ access: A, _ s: BackwardOperands, _ row: Int, _ unit: Int) {
        let r = s.saved(access, row, unit, block: 0)
        let dMasked = access.load(s.dMasked.at(row, unit))
        let dr = sigmoidBackward(dMasked * access.load(s.hPrevious.at(row, unit)), value: r)
        s.store(access, dp: dr, row, unit, block: 0)
        access.store(multiplyAdd(dMasked, r, access.load(s.dh.at(row, unit))), s.dh.at(row, unit))
    }
}
