// GRU; blocks of `hidden` in the order r, z, n.
//
//     r, z = σ(p + q)    n = tanh(pₙ + …)    h′ = (1 - z) ⊙ n + z ⊙ h, computed as n + z ⊙ (h - n)
//
// Reset after the product (PyTorch, cuDNN):  n = tanh(pₙ + r ⊙ qₙ), q = U·h + c.   Kept: r, z, n, qₙ.
// Reset before it (Cho et al. 2014):         n = tanh(pₙ + qₙ), qₙ = Uₙ·(r ⊙ h) + cₙ, in two phases
// with the product of the candidate block between them.                             Kept: r, z, n.

extension Bodies {
    ///     p, q       [rows × 3·hidden]
    ///     hPrevious  [rows × hidden]       may be h
    ///     h          [rows × hidden]       written
    ///     kept       [rows × 4·hidden]     written unless nil; may begin where p does
    @inline(never)
    public static func gruAfterForward(
        rows: Int, hidden: Int,
        p: UnsafePointer<Float>, pStride: Int, q: UnsafePointer<Float>, qStride: Int,
        hPrevious: UnsafePointer<Float>, hPreviousStride: Int, h: UnsafeMutablePointer<Float>, hStride: Int,
        kept: UnsafeMutablePointer<Float>?, keptStride: Int
    ) {
        let forward = GRUAfterForward(
            hidden: hidden, qHidden: hidden, p: Source(p, pStride), q: Source(q, qStride),
            hPrevious: Source(hPrevious, hPreviousStride), h: Target(h, hStride),
            kept: Target(kept ?? h, keptStride), keeps: kept != nil)
        walk(forward, rows: rows, hidden: hidden)
    }

    ///     dh         [rows × hidden]       in: the gradient of h′; out: z ⊙ dh′, the part that goes round the product
    ///     kept       [rows × 4·hidden]     from forward
    ///     hPrevious  [rows × hidden]
    ///     dp         [rows × 3·hidden]     written; may begin where kept does
    ///     dq         [rows × hidden]       written, the last block of dq; may be that of kept
    @inline(never)
    public static func gruAfterBackward(
        rows: Int, hidden: Int,
        dh: UnsafeMutablePointer<Float>, dhStride: Int, kept: UnsafePointer<Float>, keptStride: Int,
        hPrevious: UnsafePointer<Float>, hPreviousStride: Int,
        dp: UnsafeMutablePointer<Float>, dpStride: Int, dq: UnsafeMutablePointer<Float>, dqStride: Int
    ) {
        let backward = AfterBackward(
            hidden: hidden, dh: Target(dh, dhStride), kept: Source(kept, keptStride),
            hPrevious: Source(hPrevious, hPreviousStride), dp: Target(dp, dpStride), dq: Target(dq, dqStride))
        walk(backward, rows: rows, hidden: hidden)
    }

    /// First phase: kept blocks r and z, and the reset state r ⊙ h that the candidate's product takes.
    ///
    ///     p           [rows × 3·hidden]    q  [rows × ≥ 2·hidden], blocks r and z
    ///     hPrevious   [rows × hidden]
    ///     resetState  [rows × hidden]      written
    ///     kept        [rows × 3·hidden]    blocks r and z written
    @inline(never)
    public static func gruBeforeForwardGates(
        rows: Int, hidden: Int,
        p: UnsafePointer<Float>, pStride: Int, q: UnsafePointer<Float>, qStride: Int,
        hPrevious: UnsafePointer<Float>, hPreviousStride: Int,
        resetState: UnsafeMutablePointer<Float>, resetStateStride: Int,
        kept: UnsafeMutablePointer<Float>, keptStride: Int
    ) {
        let forward = BeforeForwardGates(
            hidden: hidden, p: Source(p, pStride), q: Source(q, qStride),
            hPrevious: Source(hPrevious, hPreviousStride), resetState: Target(resetState, resetStateStride),
            kept: Target(kept, keptStride))
        walk(forward, rows: rows, hidden: hidden)
    }

    /// Second phase, after the candidate's product: kept block n, and h′.
    ///
    ///     p, q       [rows × 3·hidden]    block n is read
    ///     kept       [rows × 3·hidden]    block z is read, n written
    ///     hPrevious  [rows × hidden]      may be h
    ///     h          [rows × hidden]      written
    @inline(never)
    public static func gruBeforeForwardCandidate(
        rows: Int, hidden: Int,
        p: UnsafePointer<Float>, pStride: Int, q: UnsafePointer<Float>, qStride: Int,
        hPrevious: UnsafePointer<Float>, hPreviousStride: Int, h: UnsafeMutablePointer<Float>, hStride: Int,
        kept: UnsafeMutablePointer<Float>, keptStride: Int
    ) {
        let forward = BeforeForwardCandidate(
            hidden: hidden, p: Source(p, pStride), q: Source(q, qStride),
            hPrevious: Source(hPrevious, hPreviousStride), h: Target(h, hStride), kept: Target(kept, keptStride))
        walk(forward, rows: rows, hidden: hidden)
    }

    /// First phase backward, mirror of the second forward: dp blocks z and n; dh becomes z ⊙ dh′.
    @inline(never)
    public static func gruBeforeBackwardCandidate(
        rows: Int, hidden: Int,
        dh: UnsafeMutablePointer<Float>, dhStride: Int, kept: UnsafePointer<Float>, keptStride: Int,
        hPrevious: UnsafePointer<Float>, hPreviousStride: Int, dp: UnsafeMutablePointer<Float>, dpStride: Int
    ) {
        let backward = BeforeBackwardCandidate(
            hidden: hidden, dh: Target(dh, dhStride), kept: Source(kept, keptStride),
            hPrevious: Source(hPrevious, hPreviousStride), dp: Target(dp, dpStride))
        walk(backward, rows: rows, hidden: hidden)
    }

    /// Second phase backward, given dResetState = Uₙᵀ·dpₙ [rows × hidden]: dp block r; dh += r ⊙ dResetState.
    @inline(never)
    public static func gruBeforeBackwardGates(
        rows: Int, hidden: Int,
        dh: UnsafeMutablePointer<Float>, dhStride: Int, dResetState: UnsafePointer<Float>, dResetStateStride: Int,
        kept: UnsafePointer<Float>, keptStride: Int, hPrevious: UnsafePointer<Float>, hPreviousStride: Int,
        dp: UnsafeMutablePointer<Float>, dpStride: Int
    ) {
        let backward = BeforeBackwardGates(
            dh: Target(dh, dhStride), dResetState: Source(dResetState, dResetStateStride),
            kept: Source(kept, keptStride), hPrevious: Source(hPrevious, hPreviousStride), dp: Target(dp, dpStride))
        walk(backward, rows: rows, hidden: hidden)
    }
}

struct GRUAfterForward: Pointwise {
    let hidden: Int
    /// From block to block of q.
    let qHidden: Int
    let p: Source
    let q: Source
    let hPrevious: Source
    let h: Target
    let kept: Target
    let keeps: Bool

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let r = sigmoid(access.load(p.at(row, unit)) + access.load(q.at(row, unit)))
        let z = sigmoid(
            access.load(p.at(row, unit, block: 1, of: hidden)) + access.load(q.at(row, unit, block: 1, of: qHidden)))
        let qn = access.load(q.at(row, unit, block: 2, of: qHidden))
        let n = tanh(multiplyAdd(r, qn, access.load(p.at(row, unit, block: 2, of: hidden))))
        let hNew = multiplyAdd(z, access.load(hPrevious.at(row, unit)) - n, n)
        access.store(hNew, h.at(row, unit))
        if keeps {
            access.store(r, kept.at(row, unit, block: 0, of: hidden))
            access.store(z, kept.at(row, unit, block: 1, of: hidden))
            access.store(n, kept.at(row, unit, block: 2, of: hidden))
            access.store(qn, kept.at(row, unit, block: 3, of: hidden))
        }
    }
}

private struct AfterBackward: Pointwise {
    let hidden: Int
    let dh: Target
    let kept: Source
    let hPrevious: Source
    let dp: Target
    let dq: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let r = access.load(kept.at(row, unit, block: 0, of: hidden))
        let z = access.load(kept.at(row, unit, block: 1, of: hidden))
        let n = access.load(kept.at(row, unit, block: 2, of: hidden))
        let qn = access.load(kept.at(row, unit, block: 3, of: hidden))
        let dhNew = access.load(dh.at(row, unit))
        let dz = sigmoidBackward(dhNew * (access.load(hPrevious.at(row, unit)) - n), value: z)
        let dpn = tanhBackward(dhNew * (1 - z), value: n)
        let dr = sigmoidBackward(dpn * qn, value: r)
        access.store(dr, dp.at(row, unit, block: 0, of: hidden))
        access.store(dz, dp.at(row, unit, block: 1, of: hidden))
        access.store(dpn, dp.at(row, unit, block: 2, of: hidden))
        access.store(dpn * r, dq.at(row, unit))
        access.store(dhNew * z, dh.at(row, unit))
    }
}

private struct BeforeForwardGates: Pointwise {
    let hidden: Int
    let p: Source
    let q: Source
    let hPrevious: Source
    let resetState: Target
    let kept: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let r = sigmoid(access.load(p.at(row, unit)) + access.load(q.at(row, unit)))
        let z = sigmoid(
            access.load(p.at(row, unit, block: 1, of: hidden)) + access.load(q.at(row, unit, block: 1, of: hidden)))
        access.store(r * access.load(hPrevious.at(row, unit)), resetState.at(row, unit))
        access.store(r, kept.at(row, unit, block: 0, of: hidden))
        access.store(z, kept.at(row, unit, block: 1, of: hidden))
    }
}

private struct BeforeForwardCandidate: Pointwise {
    let hidden: Int
    let p: Source
    let q: Source
    let hPrevious: Source
    let h: Target
    let kept: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let z = access.load(kept.at(row, unit, block: 1, of: hidden))
        let n = tanh(
            access.load(p.at(row, unit, block: 2, of: hidden)) + access.load(q.at(row, unit, block: 2, of: hidden)))
        let hNew = multiplyAdd(z, access.load(hPrevious.at(row, unit)) - n, n)
        access.store(hNew, h.at(row, unit))
        access.store(n, kept.at(row, unit, block: 2, of: hidden))
    }
}

private struct BeforeBackwardCandidate: Pointwise {
    let hidden: Int
    let dh: Target
    let kept: Source
    let hPrevious: Source
    let dp: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let z = access.load(kept.at(row, unit, block: 1, of: hidden))
        let n = access.load(kept.at(row, unit, block: 2, of: hidden))
        let dhNew = access.load(dh.at(row, unit))
        let dz = sigmoidBackward(dhNew * (access.load(hPrevious.at(row, unit)) - n), value: z)
        access.store(dz, dp.at(row, unit, block: 1, of: hidden))
        access.store(tanhBackward(dhNew * (1 - z), value: n), dp.at(row, unit, block: 2, of: hidden))
        access.store(dhNew * z, dh.at(row, unit))
    }
}

private struct BeforeBackwardGates: Pointwise {
    let dh: Target
    let dResetState: Source
    let kept: Source
    let hPrevious: Source
    let dp: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let r = access.load(kept.at(row, unit))
        let ds = access.load(dResetState.at(row, unit))
        access.store(sigmoidBackward(ds * access.load(hPrevious.at(row, unit)), value: r), dp.at(row, unit))
        access.store(multiplyAdd(ds, r, access.load(dh.at(row, unit))), dh.at(row, unit))
    }
}
