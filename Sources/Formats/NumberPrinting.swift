/// Shortest numbers as JSON text, written straight into a buffer.
///
/// Plain digits while the decimal point lies within them or close by (0.0001 to 10¹⁶), else `1.5e-7`; a whole number
/// has no point. Everything reads back to the same bits, −0 included.
enum NumberPrinting {
    /// No number takes more; the writers below may touch this many bytes whatever they answer.
    static let room = 48

    /// Writes a finite number and answers how many bytes it took.
    @inline(__always)
    static func write(_ value: Float, to target: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen) -> Int {
        var position = target
        if value.sign == .minus {
            position.pointee = Ascii.minus
            position += 1
        }
        if value == 0 {
            position.pointee = Ascii.zero
            return position + 1 - target
        }
        let decimal = shortestDecimal(value.magnitude, powers: powers)
        return layOut(decimal, at: position) - target
    }

    @inline(__always)
    static func write(_ value: Double, to target: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen) -> Int {
        var position = target
        if value.sign == .minus {
            position.pointee = Ascii.minus
            position += 1
        }
        if value == 0 {
            position.pointee = Ascii.zero
            return position + 1 - target
        }
        let decimal = shortestDecimal(value.magnitude, powers: powers)
        return layOut(decimal, at: position) - target
    }

    static func write(_ value: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
        var position = target
        if value < 0 {
            position.pointee = Ascii.minus
            position += 1
        }
        let magnitude = value.magnitude
        guard magnitude >= 100_000_000 else {
            return writeInteger(UInt32(truncatingIfNeeded: magnitude), at: position) - target
        }
        var digits = Array(String(magnitude).utf8)
        digits.withUnsafeMutableBufferPointer {
            if let base = $0.baseAddress { position.update(from: base, count: $0.count) }
        }
        return position + digits.count - target
    }

    // MARK: Digits

    /// Eight decimal digits of a number below 10⁸ as bytes 0 … 9, the first in the lowest byte:
    /// halves, quarters and eighths by multiplication, no loop and no table.
    @inline(__always)
    private static func eightDigits(_ value: UInt32) -> UInt64 {
        let fours = UInt64(value / 10_000) | UInt64(value % 10_000) << 32
        let hundreds = ((fours &* 10_486) >> 20) & 0x0000_007F_0000_007F
        let twos = hundreds | (fours &- 100 &* hundreds) << 16
        let tens = ((twos &* 103) >> 10) & 0x000F_000F_000F_000F
        return tens | (twos &- 10 &* tens) << 8
    }

    private static let asciiZeros: UInt64 = 0x3030_3030_3030_3030

    @inline(__always)
    private static func store(_ word: UInt64, at position: UnsafeMutablePointer<UInt8>) {
        UnsafeMutableRawPointer(position).storeBytes(of: word.littleEndian, as: UInt64.self)
    }

    /// Below 10⁸, without leading zeros.
    @inline(__always)
    private static func writeInteger(
        _ value: UInt32, at position: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        let digits = eightDigits(value)
        let leadingZeros = min(digits.trailingZeroBitCount / 8, 7)
        store((digits | asciiZeros) >> UInt64(leadingZeros * 8), at: position)
        return position + (8 - leadingZeros)
    }

    /// Writes all digits and answers how many are left once trailing zeros are dropped.
    ///
    /// - digits: 1 … 10¹⁷ − 1, of `count` digits
    @inline(__always)
    private static func writeDigits(
        _ digits: UInt64, count: Int, at position: UnsafeMutablePointer<UInt8>
    ) -> Int {
        // Shifted left to exactly 16 digits (or 17), so that the text starts at `position`.
        var rest = digits
        var start = position
        if count == 17 {
            let first = rest / 10_000_000_000_000_000
            start.pointee = Ascii.zero + UInt8(truncatingIfNeeded: first)
            rest -= first * 10_000_000_000_000_000
            start += 1
        } else {
            rest *= scale[16 - count]
        }
        let upper = eightDigits(UInt32(truncatingIfNeeded: rest / 100_000_000))
        let lower = eightDigits(UInt32(truncatingIfNeeded: rest % 100_000_000))
        store(upper | asciiZeros, at: start)
        store(lower | asciiZeros, at: start + 8)
        let significant =
            lower != 0 ? 16 - lower.leadingZeroBitCount / 8 : upper != 0 ? 8 - upper.leadingZeroBitCount / 8 : 0
        return significant + (start - position)
    }

    @inline(__always)
    private static func digitCount(_ value: UInt64) -> Int {
        // floor(log₁₀ 2ⁿ) from the bit length, corrected by one comparison.
        let guess = ((64 - value.leadingZeroBitCount) * 1233) >> 12
        return guess + (value >= scale[guess] ? 1 : 0)
    }

    /// nonisolated(unsafe): 10⁰ … 10¹⁹, written once by its initialiser, never freed.
    nonisolated(unsafe) private static let scale: UnsafePointer<UInt64> = {
        let table = UnsafeMutablePointer<UInt64>.allocate(capacity: 20)
        var power: UInt64 = 1
        for n in 0..<20 {
            (table + n).initialize(to: power)
            if n < 19 { power *= 10 }
        }
        return UnsafePointer(table)
    }()

    // MARK: Layout

    @inline(__always)
    private static func layOut(
        _ decimal: Decimal10, at position: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        if decimal.exponent == 0, decimal.digits < 100_000_000 {
            return writeInteger(UInt32(truncatingIfNeeded: decimal.digits), at: position)
        }
        let count = digitCount(decimal.digits)
        let point = count + decimal.exponent  // digits before the decimal point
        if -3...0 ~= point {
            store(0x3030_3030_3030_2E30, at: position)  // "0.000000"
            let start = position + (2 - point)
            return start + writeDigits(decimal.digits, count: count, at: start)
        }
        if 1...16 ~= point {
            let significant = writeDigits(decimal.digits, count: count, at: position)
            if significant <= point {
                for zero in significant..<point { position[zero] = Ascii.zero }
                return position + point
            }
            // Opens a gap for the point: at most 16 bytes follow it.
            let tail = UnsafeMutableRawPointer(position + point)
            let words = (tail.loadUnaligned(as: UInt64.self), tail.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            tail.storeBytes(of: words.0, toByteOffset: 1, as: UInt64.self)
            tail.storeBytes(of: words.1, toByteOffset: 9, as: UInt64.self)
            position[point] = Ascii.point
            return position + significant + 1
        }
        let significant = writeDigits(decimal.digits, count: count, at: position + 1)
        position[0] = position[1]
        var end = position + 1
        if significant > 1 {
            position[1] = Ascii.point
            end = position + significant + 1
        }
        end.pointee = Ascii.e
        return end + 1 + write(point - 1, to: end + 1)
    }
}
