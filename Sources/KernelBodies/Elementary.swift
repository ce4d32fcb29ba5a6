// exp, log, tanh and the logistic function as polynomials of our own: they do not change with the C library, and are
// built from operations that round alike on every processor with fused multiply-add, so their bits agree there too.
//
// These functions are `inline(always)`, which the compiler must obey; `inline(__always)` it may overlook when a caller
// grows, and a call in the middle of a cell costs more than the function.
//
// Errors over all floats (KernelsTests/ElementaryTests samples them): exp, log and tanh within 2 units in the last
// place, the logistic function within 3; exact at 0 and ±∞; NaN stays NaN.

/// n = round(x / ln 2) in two forms, and x - n·ln 2, which lies within ±0.35.
private struct Reduced {
    /// n in the low bits, above it a constant that a left shift by 23 drops.
    let exponent: IntegerLanes
    let remainder: Lanes

    /// Adding 1.5·2²³ rounds to an integer and leaves it in the low bits of the pattern; good for |x| < 2²².
    @inline(always)
    init(_ x: Lanes) {
        let shifter = broadcast(12_582_912)
        let shifted = multiplyAdd(x, broadcast(1.442_695_04), shifter)
        let n = shifted - shifter
        // ln 2 in two parts (Cody and Waite): n times the first is exact.
        let first = multiplyAdd(n, broadcast(-0.693_359_375), x)
        remainder = multiplyAdd(n, broadcast(2.121_944_4e-4), first)
        exponent = bits(shifted)
    }

    /// e^remainder - 1 = r + r²·P(r), P of degree 4 with the least greatest error relative to e^r: 3.1e-9 before
    /// rounding.
    @inline(always)
    var expMinusOne: Lanes {
        let r = remainder
        var sum = multiplyAdd(broadcast(1.381_454_06e-3), r, broadcast(8.368_745_4e-3))
        sum = multiplyAdd(sum, r, broadcast(4.166_838_9e-2))
        sum = multiplyAdd(sum, r, broadcast(1.666_652_1e-1))
        sum = multiplyAdd(sum, r, broadcast(4.999_999_4e-1))
        return multiplyAdd(sum, r * r, r)
    }

    /// 2^(n + offset), which must be a normal number.
    @inline(always)
    func power(offset: Int32) -> Lanes {
        lanes((exponent &<< 23) &+ IntegerLanes(repeating: (127 &+ offset) &<< 23))
    }
}

/// e^x for x ≤ 0, subnormal results included.
@inline(always)
func expOfNonPositive(_ x: Lanes) -> Lanes {
    let reduced = Reduced(greater(x, -104))
    // 2^n is not a normal number below n = -126, so it comes in two factors; only the last rounds.
    let scaled = (reduced.expMinusOne + 1) * reduced.power(offset: 64)
    return scaled * broadcast(0x1p-64)
}

@inline(always)
func exp(_ x: Lanes) -> Lanes {
    let reduced = Reduced(lesser(greater(x, -104), 89))
    let n = (reduced.exponent &<< 9) &>> 9
    let half = n &>> 1
    let bias = IntegerLanes(repeating: 127)
    let scaled = (reduced.expMinusOne + 1) * lanes((half &+ bias) &<< 23)
    return scaled * lanes((n &- half &+ bias) &<< 23)
}

/// tanh x = t / (t + 2), where t = e^2|x| - 1, with the sign of x; beyond 10 it rounds to ±1.
///
/// So that the rounding of the sum does not count, the quotient is corrected: where there is fused multiply-add by its
/// remainder, taken with the two terms of the sum apart, in the baseline by what the sum lost (Knuth's two-sum).
@inline(always)
func tanh(_ x: Lanes) -> Lanes {
    let reduced = Reduced(lesser(magnitude(x), 10) * 2)
    let power = reduced.power(offset: 0)
    let expMinusOne = multiplyAdd(power, reduced.expMinusOne, power - 1)
    #if KERNELS_BASELINE
    let sum = expMinusOne + 2
    let two = sum - expMinusOne
    let lost = (expMinusOne - (sum - two)) + (2 - two)
    let rough = expMinusOne / sum
    let positive = rough - rough * (lost / sum)
    #else
    let reciprocal = 1 / (expMinusOne + 2)
    let rough = expMinusOne * reciprocal
    let less = negated(rough)
    let remainder = multiplyAdd(less, expMinusOne, multiplyAdd(less, broadcast(2), expMinusOne))
    let positive = multiplyAdd(remainder, reciprocal, rough)
    #endif
    return lanes(bits(positive) | (bits(x) & IntegerLanes(repeating: Int32.min)))
}

/// 1 / (1 + e^-x) = 2⁻⁶⁴ / (2⁻⁶⁴ + 2⁻⁶⁴·e^-x): so scaled nothing overflows, and small results keep all their digits down
/// to the subnormal ones, which the division alone rounds.
@inline(always)
func sigmoid(_ x: Lanes) -> Lanes {
    // Beyond these bounds the result rounds to 0 and to 1.
    let bounded = lesser(greater(x, -104), 30)
    let shifter = broadcast(12_582_912)
    let shifted = multiplyAdd(bounded, broadcast(-1.442_695_04), shifter)
    let n = shifted - shifter
    // s = x + n·ln 2, so e^-x = 2ⁿ·e^-s; the same polynomial as above, in -s.
    let s = multiplyAdd(n, broadcast(-2.121_944_4e-4), multiplyAdd(n, broadcast(0.693_359_375), bounded))
    var sum = multiplyAdd(broadcast(1.381_454_06e-3), s, broadcast(-8.368_745_4e-3))
    sum = multiplyAdd(sum, s, broadcast(4.166_838_9e-2))
    sum = multiplyAdd(sum, s, broadcast(-1.666_652_1e-1))
    sum = multiplyAdd(sum, s, broadcast(4.999_999_4e-1))
    sum = multiplyAdd(sum, s, broadcast(-1))
    sum = multiplyAdd(sum, s, broadcast(1))
    let scale = lanes((bits(shifted) &<< 23) &+ IntegerLanes(repeating: 63 &<< 23))
    let one = broadcast(0x1p-64)
    return one / multiplyAdd(sum, scale, one)
}

/// ln x for positive normal x and +∞, by the minimax polynomial of Cephes' logf. Used for sums of exponentials.
@inline(always)
func log(_ x: Lanes) -> Lanes {
    // x = 2^n · m with m within [√½, √2).
    let offset = bits(x) &- IntegerLanes(repeating: 0x3f35_04f3)
    let exponent = offset &>> 23
    let m = lanes(bits(x) &- (exponent &<< 23)) - 1
    // Integers this small become floats exactly by way of 1.5·2²³, and the compiler keeps them in vectors.
    let n = lanes(exponent &+ IntegerLanes(repeating: 0x4b40_0000)) - 12_582_912
    var sum = multiplyAdd(broadcast(7.037_683_629_2e-2), m, broadcast(-1.151_461_031e-1))
    sum = multiplyAdd(sum, m, broadcast(1.167_699_874e-1))
    sum = multiplyAdd(sum, m, broadcast(-1.242_014_084_6e-1))
    sum = multiplyAdd(sum, m, broadcast(1.424_932_278_7e-1))
    sum = multiplyAdd(sum, m, broadcast(-1.666_805_766_5e-1))
    sum = multiplyAdd(sum, m, broadcast(2.000_071_476_5e-1))
    sum = multiplyAdd(sum, m, broadcast(-2.499_999_399_3e-1))
    sum = multiplyAdd(sum, m, broadcast(3.333_333_117_4e-1))
    let square = m * m
    var tail = sum * m * square
    tail = multiplyAdd(n, broadcast(-2.121_944_4e-4), tail)
    tail = multiplyAdd(square, broadcast(-0.5), tail)
    let result = multiplyAdd(n, broadcast(0.693_359_375), m + tail)
    // ∞ and NaN, which have no such m, answer for themselves.
    return result.replacing(with: x, where: magnitude(x) .== .infinity .| (x .!= x))
}
