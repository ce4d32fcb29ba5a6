/// A binary floating-point format as the decimal conversions need it.
protocol BinaryFormat: BinaryFloatingPoint, Sendable {
    static var explicitBits: Int { get }
    /// Exponent of the smallest normal number less one, as stored bias: −1023, −127.
    static var minimumExponent: Int { get }
    static var infinitePower: Int { get }
    /// Powers of ten between which w·10ᵠ can lie exactly halfway between two numbers.
    static var tieExponents: ClosedRange<Int> { get }
    static var smallestPowerOfTen: Int { get }
    static var largestPowerOfTen: Int { get }
    init(mantissa: UInt64, power: Int)
}

extension Double: BinaryFormat {
    static var explicitBits: Int { 52 }
    static var minimumExponent: Int { -1023 }
    static var infinitePower: Int { 0x7FF }
    static var tieExponents: ClosedRange<Int> { -4...23 }
    static var smallestPowerOfTen: Int { -342 }
    static var largestPowerOfTen: Int { 308 }
    @inline(__always)
    init(mantissa: UInt64, power: Int) { self.init(bitPattern: mantissa | UInt64(truncatingIfNeeded: power) << 52) }
}

extension Float: BinaryFormat {
    static var explicitBits: Int { 23 }
    static var minimumExponent: Int { -127 }
    static var infinitePower: Int { 0xFF }
    static var tieExponents: ClosedRange<Int> { -17...10 }
    static var smallestPowerOfTen: Int { -65 }
    static var largestPowerOfTen: Int { 38 }
    @inline(__always)
    init(mantissa: UInt64, power: Int) {
        self.init(bitPattern: UInt32(truncatingIfNeeded: mantissa) | UInt32(truncatingIfNeeded: power) << 23)
    }
}

/// The number nearest to w · 10ᵠ, ties to even: always exact for a w of up to 64 bits.
///
/// One or two 64 × 64 → 128 bit products with the leading bits of 10ᵠ decide the rounding.
/// After Lemire 2021, "Number parsing at a gigabyte per second" (arXiv:2101.11408), and Mushtak and Lemire 2023
/// (arXiv:2212.06644), who prove that the product never needs a third word.
@inline(__always)
func nearest<T: BinaryFormat>(_ w: UInt64, timesTenTo q: Int, powers: PowersOfTen, as type: T.Type = T.self) -> T {
    if w == 0 || q < T.smallestPowerOfTen { return 0 }
    if q > T.largestPowerOfTen { return .infinity }
    let leadingZeros = w.leadingZeroBitCount
    let normalized = w &<< UInt64(truncatingIfNeeded: leadingZeros)
    var (high, low) = powers.floor(q)
    if (-27)...(-1) ~= q {  // rounded up there, so that exact reciprocal ties are recognised
        low &+= 1
        if low == 0 { high &+= 1 }
    }

    var product = normalized.multipliedFullWidth(by: high)
    let mask = UInt64.max &>> UInt64(truncatingIfNeeded: T.explicitBits &+ 3)
    if product.high & mask == mask {
        let second = normalized.multipliedFullWidth(by: low).high
        product.low &+= second
        if second > product.low { product.high &+= 1 }
    }

    let upperBit = Int(truncatingIfNeeded: product.high >> 63)
    let shift = UInt64(truncatingIfNeeded: upperBit &+ 61 &- T.explicitBits)
    var mantissa = product.high &>> shift
    // floor(q · log₂ 10) + 63
    let binaryExponent = (217_706 &* q) &>> 16 &+ 63
    var power = binaryExponent &+ upperBit &- leadingZeros &- T.minimumExponent
    if power <= 0 {
        if 1 - power >= 64 { return 0 }
        mantissa >>= UInt64(truncatingIfNeeded: 1 - power)
        mantissa &+= mantissa & 1
        mantissa >>= 1
        return T(mantissa: mantissa, power: 0)  // a carry into the implicit bit makes it the smallest normal number
    }
    if product.low <= 1, T.tieExponents ~= q, mantissa & 3 == 1, mantissa &<< shift == product.high {
        mantissa &= ~1  // exactly halfway: to even
    }
    mantissa &+= mantissa & 1
    mantissa >>= 1
    if mantissa >= 2 << UInt64(T.explicitBits) {
        mantissa = 1 << UInt64(T.explicitBits)
        power += 1
    }
    mantissa &= ~(1 << UInt64(T.explicitBits))
    return power >= T.infinitePower ? .infinity : T(mantissa: mantissa, power: power)
}
