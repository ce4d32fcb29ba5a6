/// The 128 leading bits of 10ᵏ for every k that reading or printing a binary64 number needs.
///
/// Computed once at first use (about 0.1 ms) from exact integers, so there is no table of 1,300 constants to trust:
/// 5ᵏ grows by exact multiplication; 2⁹⁶⁰ / 5ᵏ shrinks by exact division, and the floor of a floor is the floor.
struct PowersOfTen: Sendable {
    static let smallest = -342
    static let largest = 324

    /// Powers 0 … 55 have no bits beyond the 128 that are kept.
    static let exact = 0...55

    /// High and low word of each power, smallest first; the highest bit of the high word is set; rounded down.
    ///
    /// nonisolated(unsafe): written before it is published by the static initializer, never after, never freed.
    nonisolated(unsafe) private static let floors: UnsafePointer<(high: UInt64, low: UInt64)> = compute()

    /// nonisolated(unsafe): the pointer is to the immutable table above.
    nonisolated(unsafe) private let origin: UnsafePointer<(high: UInt64, low: UInt64)>

    /// nonisolated(unsafe): as above. 10ⁿ for n in 0 … 22, which binary64 holds exactly.
    nonisolated(unsafe) private let small: UnsafePointer<Double>

    /// nonisolated(unsafe): as above. 10ⁿ for n in 0 … 19.
    nonisolated(unsafe) private let whole: UnsafePointer<UInt64>

    /// Fetch once before a loop: the access checks whether the table has been computed.
    @inline(__always)
    init() {
        origin = Self.floors - Self.smallest
        small = Self.exactDoubles
        whole = Self.exactIntegers
    }

    /// 10ⁿ for n in 0 … 22, exact.
    @inline(__always)
    func exactDouble(_ n: Int) -> Double { small[n] }

    /// 10ⁿ for n in 0 … 19.
    @inline(__always)
    func exactInteger(_ n: Int) -> UInt64 { whole[n] }

    /// How many decimal digits a number from 1 to 10¹⁹ has.
    @inline(__always)
    func digitCount(_ value: UInt64) -> Int {
        // floor(bits · log₁₀ 2) is right or one too low; one comparison tells.
        let guess = ((64 &- value.leadingZeroBitCount) &* 1233) &>> 12
        return guess &+ (value >= whole[guess] ? 1 : 0)
    }

    /// floor(10ᵏ · 2⁻ʳ), r such that the result has 128 bits.
    @inline(__always)
    func floor(_ k: Int) -> (high: UInt64, low: UInt64) { origin[k] }

    /// ceil(10ᵏ · 2⁻ʳ), r as above.
    @inline(__always)
    func ceiling(_ k: Int) -> (high: UInt64, low: UInt64) {
        let (high, low) = origin[k]
        if Self.exact.contains(k) { return (high, low) }
        let (sum, carry) = low.addingReportingOverflow(1)
        return (high &+ (carry ? 1 : 0), sum)
    }

    /// nonisolated(unsafe): written once by its initializer, never freed.
    nonisolated(unsafe) private static let exactDoubles: UnsafePointer<Double> = {
        let table = UnsafeMutablePointer<Double>.allocate(capacity: 23)
        var power = 1.0
        for n in 0...22 {
            (table + n).initialize(to: power)
            power *= 10
        }
        return UnsafePointer(table)
    }()

    /// nonisolated(unsafe): as above.
    nonisolated(unsafe) private static let exactIntegers: UnsafePointer<UInt64> = {
        let table = UnsafeMutablePointer<UInt64>.allocate(capacity: 20)
        for n in 0...19 { (table + n).initialize(to: (0..<n).reduce(1) { power, _ in power * 10 }) }
        return UnsafePointer(table)
    }()

    private static func compute() -> UnsafePointer<(high: UInt64, low: UInt64)> {
        let table = UnsafeMutablePointer<(high: UInt64, low: UInt64)>.allocate(capacity: largest - smallest + 1)
        var power = [UInt64](repeating: 0, count: 16)  // least significant word first
        power[0] = 1
        for k in 0...largest {
            (table + (k - smallest)).initialize(to: leadingBits(of: power))
            multiply(&power, by: 5)
        }
        var reciprocal = [UInt64](repeating: 0, count: 16)
        reciprocal[15] = 1  // 2⁹⁶⁰, of which 5³⁴² leaves more than 128 bits
        for k in stride(from: -1, through: smallest, by: -1) {
            divide(&reciprocal, by: 5)
            (table + (k - smallest)).initialize(to: leadingBits(of: reciprocal))
        }
        return UnsafePointer(table)
    }

    private static func multiply(_ words: inout [UInt64], by factor: UInt64) {
        var carry: UInt64 = 0
        for position in words.indices {
            let product = words[position].multipliedFullWidth(by: factor)
            let (low, overflow) = product.low.addingReportingOverflow(carry)
            words[position] = low
            carry = product.high + (overflow ? 1 : 0)
        }
    }

    private static func divide(_ words: inout [UInt64], by divisor: UInt64) {
        var remainder: UInt64 = 0
        for position in words.indices.reversed() {
            (words[position], remainder) = divisor.dividingFullWidth((remainder, words[position]))
        }
    }

    private static func leadingBits(of words: [UInt64]) -> (high: UInt64, low: UInt64) {
        let top = words.lastIndex { $0 != 0 } ?? 0
        func word(_ distance: Int) -> UInt64 { top >= distance ? words[top - distance] : 0 }
        let shift = UInt64(words[top].leadingZeroBitCount)
        guard shift > 0 else { return (word(0), word(1)) }
        return (word(0) << shift | word(1) >> (64 - shift), word(1) << shift | word(2) >> (64 - shift))
    }
}
