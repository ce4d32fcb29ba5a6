// h′ = f(p + q), f one of tanh, the logistic function, max(0, ·) and the identity (numbered 0 to 3 here).

extension Bodies {
    /// h[rows × hidden] from p and q, [rows × hidden] each. h may be p or q.
    @inline(never)
    public static func elmanForward(
        activation: Int, rows: Int, hidden: Int,
        p: UnsafePointer<Float>, pStride: Int, q: UnsafePointer<Float>, qStride: Int,
        h: UnsafeMutablePointer<Float>, hStride: Int
    ) {
        let (p, q, h) = (Source(p, pStride), Source(q, qStride), Target(h, hStride))
        switch activation {
        case 0: walk(ElmanForward<TanhActivation>(p: p, q: q, h: h), rows: rows, hidden: hidden)
        case 1: walk(ElmanForward<SigmoidActivation>(p: p, q: q, h: h), rows: rows, hidden: hidden)
        case 2: walk(ElmanForward<RectifierActivation>(p: p, q: q, h: h), rows: rows, hidden: hidden)
        default: walk(ElmanForward<IdentityActivation>(p: p, q: q, h: h), rows: rows, hidden: hidden)
        }
    }

    /// dp = dh ⊙ f′, where f′ follows from h = f(p + q); dq is the same. dh becomes 0: no path goes round the product.
    @inline(never)
    public static func elmanBackward(
        activation: Int, rows: Int, hidden: Int,
        dh: UnsafeMutablePointer<Float>, dhStride: Int, h: UnsafePointer<Float>, hStride: Int,
        dp: UnsafeMutablePointer<Float>, dpStride: Int
    ) {
        let (dh, h, dp) = (Target(dh, dhStride), Source(h, hStride), Target(dp, dpStride))
        switch activation {
        case 0: walk(ElmanBackward<TanhActivation>(dh: dh, h: h, dp: dp), rows: rows, hidden: hidden)
        case 1: walk(ElmanBackward<SigmoidActivation>(dh: dh, h: h, dp: dp), rows: rows, hidden: hidden)
        case 2: walk(ElmanBackward<RectifierActivation>(dh: dh, h: h, dp: dp), rows: rows, hidden: hidden)
        default: walk(ElmanBackward<IdentityActivation>(dh: dh, h: h, dp: dp), rows: rows, hidden: hidden)
        }
    }
}

/// A function of one variable whose derivative can be told from its value.
protocol Activation {
    static func value(_ x: Lanes) -> Lanes
    /// dy · f′, given y = f(x).
    static func backward(_ dy: Lanes, value y: Lanes) -> Lanes
}

enum TanhActivation: Activation {
    @inline(__always)
    static func value(_ x: Lanes) -> Lanes { tanh(x) }
    @inline(__always)
    static func backward(_ dy: Lanes, value y: Lanes) -> Lanes { tanhBackward(dy, value: y) }
}

enum SigmoidActivation: Activation {
    @inline(__always)
    static func value(_ x: Lanes) -> Lanes { sigmoid(x) }
    @inline(__always)
    static func backward(_ dy: Lanes, value y: Lanes) -> Lanes { sigmoidBackward(dy, value: y) }
}

enum RectifierActivation: Activation {
    @inline(__always)
    static func value(_ x: Lanes) -> Lanes { greater(x, 0) }
    @inline(__always)
    static func backward(_ dy: Lanes, value y: Lanes) -> Lanes { dy.replacing(with: 0, where: y .<= 0) }
}

enum IdentityActivation: Activation {
    @inline(__always)
    static func value(_ x: Lanes) -> Lanes { x }
    @inline(__always)
    static func backward(_ dy: Lanes, value y: Lanes) -> Lanes { dy }
}

/// dy · (1 - y²), given y = tanh x.
@inline(__always)
func tanhBackward(_ dy: Lanes, value y: Lanes) -> Lanes { multiplyAdd(negated(dy * y), y, dy) }

/// dy · y · (1 - y), given y = σ(x).
@inline(__always)
func sigmoidBackward(_ dy: Lanes, value y: Lanes) -> Lanes { dy * (y * (1 - y)) }

struct ElmanForward<F: Activation>: Pointwise {
    let p: Source
    let q: Source
    let h: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let sum = access.load(p.at(row, unit)) + access.load(q.at(row, unit))
        access.store(F.value(sum), h.at(row, unit))
    }
}

private struct ElmanBackward<F: Activation>: Pointwise {
    let dh: Target
    let h: Source
    let dp: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let gradient = access.load(dh.at(row, unit))
        access.store(F.backward(gradient, value: access.load(h.at(row, unit))), dp.at(row, unit))
        access.store(.zero, dh.at(row, unit))
    }
}
