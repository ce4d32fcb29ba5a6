/// Shortest numbers as JSON text, written straight into a buffer.
///
/// Plain digits while the decimal point lies within them or close by (0.0001 to 10¹⁶), else `1.5e-7`; a whole number
/// has no point. Everything reads back to the same bits, −0 included.
///
/// The digits are made in registers, eight at a time, the first one apart, and stored twice where a point has to go
/// between them: overlapping stores are cheap, loading what was just stored is not.
enum NumberPrinting {
    /// No number takes more; the writers below may touch this many bytes whatever they answer.
    static let room = 48

    /// Writes a finite number and answers how many bytes it took.
    @inline(__always)
    static func write(_ value: Float, to target: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen) -> Int {
        target.pointee = Ascii.minus
        let sign = Int(truncatingIfNeeded: value.bitPattern >> 31)
        let position = target + sign
        if value == 0 {
            position.pointee = Ascii.zero
            return sign &+ 1
        }
        let decimal = shortestDecimal(value.magnitude, powers: powers)
        if decimal.exponent == 0, decimal.digits < 100_000_000 {
            return sign &+ writeInteger(UInt32(truncatingIfNeeded: decimal.digits), at: position)
        }
        return sign &+ layOutNine(decimal, at: position, powers)
    }

    @inline(__always)
    static func write(_ value: Double, to target: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen) -> Int {
        target.pointee = Ascii.minus
        let sign = Int(truncatingIfNeeded: value.bitPattern >> 63)
        let position = target + sign
        if value == 0 {
            position.pointee = Ascii.zero
            return sign &+ 1
        }
        let decimal = shortestDecimal(value.magnitude, powers: powers)
        if decimal.exponent == 0, decimal.digits < 100_000_000 {
            return sign &+ writeInteger(UInt32(truncatingIfNeeded: decimal.digits), at: position)
        }
        return sign &+ layOutSeventeen(decimal, at: position, powers)
    }

    static func write(_ value: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
        let magnitude = value.magnitude
        if magnitude < 100_000_000 {
            target.pointee = Ascii.minus
            let sign = value < 0 ? 1 : 0
            return sign + writeInteger(UInt32(truncatingIfNeeded: magnitude), at: target + sign)
        }
        var count = 0
        for byte in String(value).utf8 {
            target[count] = byte
            count += 1
        }
        return count
    }

    // MARK: Digits

    private static let zeros: UInt64 = 0x3030_3030_3030_3030

    /// Eight decimal digits of a number below 10⁸ as bytes 0 … 9, the first in the lowest byte:
    /// halves, quarters and eighths by multiplication, no loop and no table.
    @inline(__always)
    private static func eightDigits(_ value: UInt32) -> UInt64 {
        let upper = (UInt64(value) &* 109_951_163) &>> 40  // value / 10,000
        let fours = upper | (UInt64(value) &- upper &* 10_000) &<< 32
        let hundreds = ((fours &* 10_486) &>> 20) & 0x0000_007F_0000_007F
        let twos = hundreds | (fours &- 100 &* hundreds) &<< 16
        let tens = ((twos &* 103) &>> 10) & 0x000F_000F_000F_000F
        return tens | (twos &- 10 &* tens) &<< 8
    }

    @inline(__always)
    private static func store(_ word: UInt64, at position: UnsafeMutablePointer<UInt8>) {
        UnsafeMutableRawPointer(position).storeBytes(of: word.littleEndian, as: UInt64.self)
    }

    /// Below 10⁸, without leading zeros.
    @inline(__always)
    private static func writeInteger(_ value: UInt32, at position: UnsafeMutablePointer<UInt8>) -> Int {
        let digits = eightDigits(value)
        let leadingZeros = min(digits.trailingZeroBitCount &>> 3, 7)
        store((digits | zeros) &>> UInt64(truncatingIfNeeded: leadingZeros &<< 3), at: position)
        return 8 &- leadingZeros
    }

    // MARK: Layout

    /// At most nine digits (binary32): one and eight.
    @inline(__always)
    private static func layOutNine(
        _ decimal: Decimal10, at position: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen
    ) -> Int {
        let count = powers.digitCount(decimal.digits)
        let point = count &+ decimal.exponent  // digits before the decimal point
        let nine = UInt32(truncatingIfNeeded: decimal.digits &* powers.exactInteger(9 &- count))
        let first = nine / 100_000_000
        let rest = eightDigits(nine &- first &* 100_000_000)
        let significant = 9 &- rest.leadingZeroBitCount &>> 3
        let lead = Ascii.zero &+ UInt8(truncatingIfNeeded: first)
        let text = rest | zeros

        if 1...16 ~= point {
            position.pointee = lead
            store(text, at: position + 1)
            if significant <= point {
                store(zeros, at: position + 9)
                return point
            }
            position[point] = Ascii.point
            store(text &>> UInt64(truncatingIfNeeded: (point &- 1) &<< 3), at: position + point + 1)
            return significant &+ 1
        }
        if -3...0 ~= point {
            store(0x3030_3030_3030_2E30, at: position)  // "0.000000"
            let start = position + (2 &- point)
            start.pointee = lead
            store(text, at: start + 1)
            return 2 &- point &+ significant
        }
        position.pointee = lead
        position[1] = Ascii.point
        store(text, at: position + 2)
        return writeExponent(point &- 1, after: significant, at: position)
    }

    /// At most seventeen digits (binary64): one and twice eight.
    @inline(__always)
    private static func layOutSeventeen(
        _ decimal: Decimal10, at position: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen
    ) -> Int {
        let count = powers.digitCount(decimal.digits)
        let point = count &+ decimal.exponent
        let seventeen = decimal.digits &* powers.exactInteger(17 &- count)
        let first = seventeen / 10_000_000_000_000_000
        let sixteen = seventeen &- first &* 10_000_000_000_000_000
        let eight = sixteen / 100_000_000
        let upper = eightDigits(UInt32(truncatingIfNeeded: eight))
        let lower = eightDigits(UInt32(truncatingIfNeeded: sixteen &- eight &* 100_000_000))
        let significant =
            lower != 0 ? 17 &- lower.leadingZeroBitCount &>> 3 : 9 &- upper.leadingZeroBitCount &>> 3
        let lead = Ascii.zero &+ UInt8(truncatingIfNeeded: first)
        let text = (upper | zeros, lower | zeros)

        if 1...16 ~= point {
            position.pointee = lead
            store(text.0, at: position + 1)
            store(text.1, at: position + 9)
            if significant <= point { return point }
            // The digits after the point once more, one byte further on.
            let moved = UInt64(truncatingIfNeeded: (point &- 1) &<< 3)
            position[point] = Ascii.point
            if moved < 64 {
                store(text.0 >> moved | text.1 << (64 &- moved), at: position + point + 1)
                store(text.1 >> moved, at: position + point + 9)
            } else {
                store(text.1 >> (moved &- 64), at: position + point + 1)
            }
            return significant &+ 1
        }
        if -3...0 ~= point {
            store(0x3030_3030_3030_2E30, at: position)
            let start = position + (2 &- point)
            start.pointee = lead
            store(text.0, at: start + 1)
            store(text.1, at: start + 9)
            return 2 &- point &+ significant
        }
        position.pointee = lead
        position[1] = Ascii.point
        store(text.0, at: position + 2)
        store(text.1, at: position + 10)
        return writeExponent(point &- 1, after: significant, at: position)
    }

    /// Ends `d.ddd` (or `d`, with one significant digit) with its exponent, which has three digits at most.
    @inline(never)
    private static func writeExponent(
        _ exponent: Int, after significant: Int, at position: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let mantissa = significant > 1 ? significant + 1 : 1
        var end = position + mantissa
        end.pointee = Ascii.e
        end += 1
        if exponent < 0 {
            end.pointee = Ascii.minus
            end += 1
        }
        return end - position + writeInteger(UInt32(exponent.magnitude), at: end)
    }
}
