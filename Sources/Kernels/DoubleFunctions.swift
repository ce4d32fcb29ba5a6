/// log, exp and cos in double precision, made of nothing but IEEE additions, multiplications and divisions.
///
/// A C library's functions are its own: their last bit differs from one library, version and processor to the next, and
/// with it the bytes of a model whose series or schedule went through one. These give the same bits wherever binary64 does.
///
/// The leading terms of the series are summed as pairs of numbers, so that what is left of the error is the last rounding
/// and less than a thousandth of a unit in the last place beside it; the results are the correctly rounded ones but for
/// about one in a thousand. Reductions of the argument and their constants after fdlibm (Sun Microsystems, 1993); sums and products
/// without loss after Dekker 1971 and Knuth.
public enum DoubleFunctions {
    /// log 2 in two parts: the first has so few bits that its product with an exponent is exact.
    private static let log2 = (high: 0x1.62e42feep-1, low: 0x1.a39ef35793c76p-33)
    /// π / 2 in three parts, the first two short for the same reason.
    private static let quarterTurn = (high: 0x1.921fb544p0, middle: 0x1.0b4611a6p-34, low: 0x1.3198a2e037073p-69)

    /// The natural logarithm; −infinity at zero, NaN below.
    public static func log(_ x: Double) -> Double {
        guard x > 0, x < .infinity else { return x == 0 ? -.infinity : x < 0 ? .nan : x }
        // x = m · 2ᵏ with m from √½ to √2; log m = 2 artanh s = 2 (s + s³/3 + s⁵/5 + …).
        // Numbers below the normal ones are scaled first.
        let scaled = x < .leastNormalMagnitude ? x * 0x1p54 : x
        var k = Int(scaled.bitPattern >> 52) - 1023 - (x < .leastNormalMagnitude ? 54 : 0)
        var m = Double(bitPattern: scaled.bitPattern & 0x000F_FFFF_FFFF_FFFF | 0x3FF0_0000_0000_0000)
        if m > 1.4142135623730951 {
            m *= 0.5
            k += 1
        }
        let f = m - 1
        if let quick = quickLog(f, Double(k)) { return quick }
        let s = Pair(f) / Pair.sum(2, f)
        let square = s * s
        let z = square.high
        var tail = ((1.0 / 27 * z + 1.0 / 25) * z + 1.0 / 23) * z + 1.0 / 21
        tail = (((tail * z + 1.0 / 19) * z + 1.0 / 17) * z + 1.0 / 15) * z + 1.0 / 13
        tail = (((tail * z + 1.0 / 11) * z + 1.0 / 9) * z + 1.0 / 7) * z + 1.0 / 5
        // s² / 3 + s⁴ / 5 + …
        let rest = square * Pair.third + Pair(z * z * tail)
        let own = s + s * rest
        let power = Double(k)
        let sum = Pair(power * log2.high) + Pair(2 * own.high, 2 * own.low)
        return sum.high + (sum.low + power * log2.low)
    }

    /// The same, where the terms after the first need be no pairs: where both ends of what the sum may be off by are rounded
    /// to one number, that is what the pairs come to; nil in the few cases where they are not (Ziv 1991).
    @inline(__always)
    private static func quickLog(_ f: Double, _ power: Double) -> Double? {
        let divisor = Pair.sum(2, f)
        let s = f / divisor.high
        let product = Pair.product(s, divisor.high)
        let rest = (((f - product.high) - product.low) - s * divisor.low) / divisor.high
        let z = s * s
        var tail = ((1.0 / 27 * z + 1.0 / 25) * z + 1.0 / 23) * z + 1.0 / 21
        tail = (((tail * z + 1.0 / 19) * z + 1.0 / 17) * z + 1.0 / 15) * z + 1.0 / 13
        tail = ((((tail * z + 1.0 / 11) * z + 1.0 / 9) * z + 1.0 / 7) * z + 1.0 / 5) * z + 1.0 / 3
        let sum = Pair.sum(power * log2.high, 2 * s)
        let low = sum.low + (power * log2.low + 2 * (s * (z * tail) + rest))
        // The terms beside s are a hundredth of it at most, and each is rounded a few times: 2⁻⁵⁸ of it.
        let error = 0x1p-56 * sum.high.magnitude
        let value = sum.high + (low - error)
        return value == sum.high + (low + error) ? value : nil
    }

    /// e to the power of x. Below the least normal number it is rounded twice.
    public static func exp(_ x: Double) -> Double {
        guard x <= 709.782712893384, x > -745.1332191019412 else { return x.isNaN ? x : x > 0 ? .infinity : 0 }
        // x = k log 2 + r with r within ± log 2 / 2; e to the power of r is 1 + r + r² / 2 + r³ / 6 + …
        let k = (x * 1.4426950408889634).rounded()
        let r = Pair.sum(x - k * log2.high, -k * log2.low)
        let square = r * r
        let cube = square * r * Pair.sixth
        let z = r.high
        // 1 / 16!, 1 / 15!, … 1 / 4!
        var tail = (1 / 20_922_789_888_000.0 * z + 1 / 1_307_674_368_000.0) * z + 1 / 87_178_291_200.0
        tail = ((tail * z + 1 / 6_227_020_800.0) * z + 1 / 479_001_600.0) * z + 1 / 39_916_800.0
        tail = ((tail * z + 1 / 3_628_800.0) * z + 1 / 362_880.0) * z + 1 / 40_320.0
        tail = (((tail * z + 1 / 5_040.0) * z + 1 / 720.0) * z + 1 / 120.0) * z + 1 / 24.0
        let rest = Pair(square.high * square.high * tail)
        let result = Pair(1) + (r + (Pair(square.high * 0.5, square.low * 0.5) + (cube + rest)))
        // In two steps: 2ᵏ itself may be beyond the range where the result is not.
        let half = Int(k) / 2
        return result.value * power(of: half) * power(of: Int(k) - half)
    }

    /// 2 to a power within the normal numbers.
    private static func power(of exponent: Int) -> Double {
        Double(bitPattern: UInt64(exponent + 1023) << 52)
    }

    /// How far from 0 an angle may lie: the quarter turns in it times the first part of one stay exact.
    public static let largestAngle = 100_000.0

    /// The cosine of an angle in radians.
    ///
    /// - Precondition: it lies within ± `largestAngle`.
    public static func cos(_ x: Double) -> Double {
        guard x.isFinite else { return .nan }
        precondition(x.magnitude <= largestAngle, "an angle of \(x)")
        let quarters = (x * 0.6366197723675814).rounded()
        let first = Pair.sum(x - quarters * quarterTurn.high, -quarters * quarterTurn.middle)
        let r = Pair.sum(first.high, first.low - quarters * quarterTurn.low)
        switch Int(quarters) & 3 {
        case 0: return cosine(r)
        case 1: return -sine(r)
        case 2: return -cosine(r)
        default: return sine(r)
        }
    }

    /// 1 − r² / 2 + r⁴ / 24 − … for r within ± π / 4.
    private static func cosine(_ r: Pair) -> Double {
        let square = r * r
        let z = square.high
        // 1 / 18!, 1 / 16!, … 1 / 6!
        var tail = 1 / 87_178_291_200.0 - (1 / 20_922_789_888_000.0 - z / 6_402_373_705_728_000.0) * z
        tail = 1 / 3_628_800.0 - (1 / 479_001_600.0 - tail * z) * z
        tail = 1 / 720.0 - (1 / 40_320.0 - tail * z) * z
        let fourth = square * square * Pair.twentyFourth
        let rest = fourth + Pair(-z * z * z * tail)
        return (Pair(1) + (Pair(square.high * -0.5, square.low * -0.5) + rest)).value
    }

    /// r − r³ / 6 + r⁵ / 120 − … for r within ± π / 4.
    private static func sine(_ r: Pair) -> Double {
        let square = r * r
        let z = square.high
        // 1 / 19!, 1 / 17!, … 1 / 7!
        var tail = 1 / 1_307_674_368_000.0 - (1 / 355_687_428_096_000.0 - z / 121_645_100_408_832_000.0) * z
        tail = 1 / 39_916_800.0 - (1 / 6_227_020_800.0 - tail * z) * z
        tail = 1 / 5_040.0 - (1 / 362_880.0 - tail * z) * z
        let rest = square * -Pair.sixth + square * square * Pair.hundredTwentieth + Pair(-z * z * z * tail)
        return (r + r * rest).value
    }
}

/// A number as the sum of two, the second at most half a unit in the last place of the first: 106 bits.
private struct Pair {
    var high: Double
    var low: Double

    static var third: Pair { Pair(0x1.5555555555555p-2, 0x1.5555555555555p-56) }
    static var sixth: Pair { Pair(0x1.5555555555555p-3, 0x1.5555555555555p-57) }
    static var twentyFourth: Pair { Pair(0x1.5555555555555p-5, 0x1.5555555555555p-59) }
    static var hundredTwentieth: Pair { Pair(0x1.1111111111111p-7, 0x1.1111111111111p-63) }

    init(_ high: Double, _ low: Double = 0) {
        self.high = high
        self.low = low
    }

    var value: Double { high + low }

    /// The sum without loss (Knuth).
    static func sum(_ a: Double, _ b: Double) -> Pair {
        let sum = a + b
        let back = sum - a
        return Pair(sum, (a - (sum - back)) + (b - back))
    }

    /// The same where `a` is not smaller than `b` (Dekker).
    private static func ordered(_ a: Double, _ b: Double) -> Pair {
        let sum = a + b
        return Pair(sum, b - (sum - a))
    }

    /// The product without loss (Dekker), from halves of 26 bits.
    fileprivate static func product(_ a: Double, _ b: Double) -> Pair {
        let product = a * b
        let (aHigh, aLow) = halves(a)
        let (bHigh, bLow) = halves(b)
        return Pair(product, ((aHigh * bHigh - product) + aHigh * bLow + aLow * bHigh) + aLow * bLow)
    }

    private static func halves(_ a: Double) -> (high: Double, low: Double) {
        let scaled = a * 134_217_729
        let high = scaled - (scaled - a)
        return (high, a - high)
    }

    static func + (a: Pair, b: Pair) -> Pair {
        let sum = sum(a.high, b.high)
        return ordered(sum.high, sum.low + (a.low + b.low))
    }

    static func * (a: Pair, b: Pair) -> Pair {
        let product = product(a.high, b.high)
        return ordered(product.high, product.low + (a.high * b.low + a.low * b.high))
    }

    static func / (a: Pair, b: Pair) -> Pair {
        let quotient = a.high / b.high
        let product = product(quotient, b.high)
        let left = (a.high - product.high) - product.low + a.low - quotient * b.low
        return ordered(quotient, left / b.high)
    }

    static prefix func - (a: Pair) -> Pair { Pair(-a.high, -a.low) }
}
