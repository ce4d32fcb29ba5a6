// Functions of one variable whose derivative can be told from their value, by the numbers that Kernels gives them.

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

/// An activation that is chosen while the loop runs.
struct AnyActivation {
    let number: Int

    @inline(__always)
    func value(_ x: Lanes) -> Lanes {
        switch number {
        case 0: return TanhActivation.value(x)
        case 1: return SigmoidActivation.value(x)
        case 2: return RectifierActivation.value(x)
        default: return IdentityActivation.value(x)
        }
    }

    @inline(__always)
    func backward(_ dy: Lanes, value y: Lanes) -> Lanes {
        switch number {
        case 0: return TanhActivation.backward(dy, value: y)
        case 1: return SigmoidActivation.backward(dy, value: y)
        case 2: return RectifierActivation.backward(dy, value: y)
        default: return IdentityActivation.backward(dy, value: y)
        }
    }
}

/// dy · (1 - y²), given y = tanh x.
@inline(__always)
func tanhBackward(_ dy: Lanes, value y: Lanes) -> Lanes { multiplyAdd(negated(dy * y), y, dy) }

/// dy · y · (1 - y), given y = σ(x).
@inline(__always)
func sigmoidBackward(_ dy: Lanes, value y: Lanes) -> Lanes { dy * (y * (1 - y)) }
