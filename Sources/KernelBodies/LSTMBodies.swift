// LSTM with forget gate; blocks of `hidden` in the order i, f, g, o.
//
//     i, f, o = σ(p + q)    g = tanh(p + q)    c′ = f ⊙ c + i ⊙ g    h′ = o ⊙ tanh(c′)
//
// Kept for backward (5 blocks): i, f, g, o, tanh(c′).

extension Bodies {
    ///     p, q       [rows × 4·hidden]
    ///     cPrevious  [rows × hidden]       may be c
    ///     h, c       [rows × hidden]       written
    ///     kept       [rows × 5·hidden]     written unless nil; may begin where p does
    @inline(never)
    public static func lstmForward(
        rows: Int, hidden: Int,
        p: UnsafePointer<Float>, pStride: Int, q: UnsafePointer<Float>, qStride: Int,
        cPrevious: UnsafePointer<Float>, cPreviousStride: Int,
        h: UnsafeMutablePointer<Float>, hStride: Int, c: UnsafeMutablePointer<Float>, cStride: Int,
        kept: UnsafeMutablePointer<Float>?, keptStride: Int
    ) {
        let forward = LSTMForward(
            hidden: hidden, qHidden: hidden, p: Source(p, pStride), q: Source(q, qStride),
            cPrevious: Source(cPrevious, cPreviousStride), h: Target(h, hStride), c: Target(c, cStride),
            kept: Target(kept ?? h, keptStride), keeps: kept != nil)
        walk(forward, rows: rows, hidden: hidden)
    }

    ///     dh         [rows × hidden]       in: the gradient of h′; out: 0, no path goes round the product
    ///     dc         [rows × hidden]       in: the gradient of c′ from the step after; out: that of c
    ///     kept       [rows × 5·hidden]     from forward
    ///     cPrevious  [rows × hidden]
    ///     dp         [rows × 4·hidden]     written; dq is the same; may begin where kept does
    @inline(never)
    public static func lstmBackward(
        rows: Int, hidden: Int,
        dh: UnsafeMutablePointer<Float>, dhStride: Int, dc: UnsafeMutablePointer<Float>, dcStride: Int,
        kept: UnsafePointer<Float>, keptStride: Int, cPrevious: UnsafePointer<Float>, cPreviousStride: Int,
        dp: UnsafeMutablePointer<Float>, dpStride: Int
    ) {
        let backward = LSTMBackward(
            hidden: hidden, dh: Target(dh, dhStride), dc: Target(dc, dcStride), kept: Source(kept, keptStride),
            cPrevious: Source(cPrevious, cPreviousStride), dp: Target(dp, dpStride))
        walk(backward, rows: rows, hidden: hidden)
    }
}

struct LSTMForward: Pointwise {
    let hidden: Int
    /// From block to block of q.
    let qHidden: Int
    let p: Source
    let q: Source
    let cPrevious: Source
    let h: Target
    let c: Target
    let kept: Target
    let keeps: Bool

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let i = sigmoid(sum(access, row, unit, block: 0))
        let f = sigmoid(sum(access, row, unit, block: 1))
        let g = tanh(sum(access, row, unit, block: 2))
        let o = sigmoid(sum(access, row, unit, block: 3))
        let cNew = multiplyAdd(f, access.load(cPrevious.at(row, unit)), i * g)
        let cTanh = tanh(cNew)
        access.store(cNew, c.at(row, unit))
        access.store(o * cTanh, h.at(row, unit))
        if keeps {
            access.store(i, kept.at(row, unit, block: 0, of: hidden))
            access.store(f, kept.at(row, unit, block: 1, of: hidden))
            access.store(g, kept.at(row, unit, block: 2, of: hidden))
            access.store(o, kept.at(row, unit, block: 3, of: hidden))
            access.store(cTanh, kept.at(row, unit, block: 4, of: hidden))
        }
    }

    @inline(__always)
    private func sum<A: Access>(_ access: A, _ row: Int, _ unit: Int, block: Int) -> Lanes {
        access.load(p.at(row, unit, block: block, of: hidden))
            + access.load(q.at(row, unit, block: block, of: qHidden))
    }
}

private struct LSTMBackward: Pointwise {
    let hidden: Int
    let dh: Target
    let dc: Target
    let kept: Source
    let cPrevious: Source
    let dp: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let i = access.load(kept.at(row, unit, block: 0, of: hidden))
        let f = access.load(kept.at(row, unit, block: 1, of: hidden))
        let g = access.load(kept.at(row, unit, block: 2, of: hidden))
        let o = access.load(kept.at(row, unit, block: 3, of: hidden))
        let cTanh = access.load(kept.at(row, unit, block: 4, of: hidden))
        let dhNew = access.load(dh.at(row, unit))
        let dcNew = access.load(dc.at(row, unit)) + tanhBackward(dhNew * o, value: cTanh)
        let di = sigmoidBackward(dcNew * g, value: i)
        let df = sigmoidBackward(dcNew * access.load(cPrevious.at(row, unit)), value: f)
        let dg = tanhBackward(dcNew * i, value: g)
        let dO = sigmoidBackward(dhNew * cTanh, value: o)
        access.store(di, dp.at(row, unit, block: 0, of: hidden))
        access.store(df, dp.at(row, unit, block: 1, of: hidden))
        access.store(dg, dp.at(row, unit, block: 2, of: hidden))
        access.store(dO, dp.at(row, unit, block: 3, of: hidden))
        access.store(dcNew * f, dc.at(row, unit))
        access.store(.zero, dh.at(row, unit))
    }
}
