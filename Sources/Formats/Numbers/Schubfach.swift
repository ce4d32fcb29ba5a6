/// A positive decimal number: `digits` · 10^`exponent`. Trailing zeros of `digits` are possible.
struct Decimal10 {
    var digits: UInt64
    var exponent: Int
}

/// The shortest decimal that reads back as the same number, and of those the nearest one.
///
/// Schubfach after Giulietti 2020, "The Schubfach way to render doubles", in the integer form of Bouvier's
/// implementation: the ends of the rounding interval and the value itself are scaled by one power of ten, rounded to
/// odd, and compared at two lengths.
@inline(__always)
func shortestDecimal(_ value: Float, powers: PowersOfTen) -> Decimal10 {
    let bits = value.bitPattern
    let significand = bits & 0x7F_FFFF
    let storedExponent = Int(truncatingIfNeeded: (bits >> 23) & 0xFF)
    var c = significand
    var q = 1 - 150
    if storedExponent != 0 {
        c |= 0x80_0000
        q = storedExponent &- 150
        if -23...0 ~= q, c & (1 &<< UInt32(truncatingIfNeeded: 0 &- q) &- 1) == 0 {
            return Decimal10(digits: UInt64(c &>> UInt32(truncatingIfNeeded: 0 &- q)), exponent: 0)  // a small integer
        }
    }
    let isPowerOfTwo = significand == 0 && storedExponent > 1  // the neighbour below is only half as far away
    let k = (q &* 1_262_611 &- (isPowerOfTwo ? 524_031 : 0)) &>> 22  // floor(log₁₀ of the interval)
    let h = UInt32(truncatingIfNeeded: q &+ ((0 &- k) &* 1_741_647) &>> 19 &+ 1)

    let (high, low) = powers.ceiling(0 &- k)
    let g = high &+ (low == 0 ? 0 : 1)
    let odd: UInt32 = c & 1
    let below = roundedToOdd(g, (4 &* c &- 2 &+ (isPowerOfTwo ? 1 : 0)) &<< h) &+ odd
    let middle = roundedToOdd(g, (4 &* c) &<< h)
    let above = roundedToOdd(g, (4 &* c &+ 2) &<< h) &- odd

    let s = middle / 4
    if s >= 10 {
        let tens = s / 10
        let lowerFits = below <= 40 &* tens
        let upperFits = 40 &* tens &+ 40 <= above
        if lowerFits != upperFits { return Decimal10(digits: UInt64(tens &+ (upperFits ? 1 : 0)), exponent: k &+ 1) }
    }
    let lowerFits = below <= 4 &* s
    let upperFits = 4 &* s &+ 4 <= above
    if lowerFits != upperFits { return Decimal10(digits: UInt64(s &+ (upperFits ? 1 : 0)), exponent: k) }
    let half = 4 &* s &+ 2
    let up = middle > half || (middle == half && s & 1 != 0)
    return Decimal10(digits: UInt64(s &+ (up ? 1 : 0)), exponent: k)
}

/// As above for binary64: the same steps with 128-bit powers.
@inline(__always)
func shortestDecimal(_ value: Double, powers: PowersOfTen) -> Decimal10 {
    let bits = value.bitPattern
    let significand = bits & 0xF_FFFF_FFFF_FFFF
    let storedExponent = Int(truncatingIfNeeded: (bits >> 52) & 0x7FF)
    var c = significand
    var q = 1 - 1075
    if storedExponent != 0 {
        c |= 0x10_0000_0000_0000
        q = storedExponent &- 1075
        if -52...0 ~= q, c & (1 &<< UInt64(truncatingIfNeeded: 0 &- q) &- 1) == 0 {
            return Decimal10(digits: c &>> UInt64(truncatingIfNeeded: 0 &- q), exponent: 0)
        }
    }
    let isPowerOfTwo = significand == 0 && storedExponent > 1
    let k = (q &* 1_262_611 &- (isPowerOfTwo ? 524_031 : 0)) &>> 22
    let h = UInt64(truncatingIfNeeded: q &+ ((0 &- k) &* 1_741_647) &>> 19 &+ 1)

    let g = powers.ceiling(0 &- k)
    let odd: UInt64 = c & 1
    let below = roundedToOdd(g, (4 &* c &- 2 &+ (isPowerOfTwo ? 1 : 0)) &<< h) &+ odd
    let middle = roundedToOdd(g, (4 &* c) &<< h)
    let above = roundedToOdd(g, (4 &* c &+ 2) &<< h) &- odd

    let s = middle / 4
    if s >= 10 {
        let tens = s / 10
        let lowerFits = below <= 40 &* tens
        let upperFits = 40 &* tens &+ 40 <= above
        if lowerFits != upperFits { return Decimal10(digits: tens &+ (upperFits ? 1 : 0), exponent: k &+ 1) }
    }
    let lowerFits = below <= 4 &* s
    let upperFits = 4 &* s &+ 4 <= above
    if lowerFits != upperFits { return Decimal10(digits: s &+ (upperFits ? 1 : 0), exponent: k) }
    let half = 4 &* s &+ 2
    let up = middle > half || (middle == half && s & 1 != 0)
    return Decimal10(digits: s &+ (up ? 1 : 0), exponent: k)
}

/// The product's leading 32 bits, with the lowest one set when anything follows.
@inline(__always)
private func roundedToOdd(_ g: UInt64, _ c: UInt32) -> UInt32 {
    let product = g.multipliedFullWidth(by: UInt64(c))
    let rest = UInt32(truncatingIfNeeded: product.low >> 32)
    return UInt32(truncatingIfNeeded: product.high) | (rest > 1 ? 1 : 0)
}

/// The product's leading 64 bits, with the lowest one set when anything follows.
@inline(__always)
private func roundedToOdd(_ g: (high: UInt64, low: UInt64), _ c: UInt64) -> UInt64 {
    let lower = g.low.multipliedFullWidth(by: c)
    let upper = g.high.multipliedFullWidth(by: c)
    let (rest, carry) = upper.low.addingReportingOverflow(lower.high)
    return (upper.high &+ (carry ? 1 : 0)) | (rest > 1 ? 1 : 0)
}
