import Glibc

/// A decimal number found in text: ±`digits` · 10^`exponent`, and where it stands.
struct DecimalText {
    var isNegative = false
    /// The first 19 significant digits.
    var digits: UInt64 = 0
    var exponent = 0
    /// More digits followed than fit; the value lies between `digits` and `digits + 1`.
    var isTruncated = false
    /// Written as JSON demands: no plus, no leading zero, digits on both sides of a point.
    var isJSON = true
    var start: UnsafePointer<UInt8>
    var end: UnsafePointer<UInt8>

    /// Reads `[+-] digits [. digits] [e [+-] digits]` from `start`; nil when no number begins there.
    /// A point needs a digit on one side at least. `end` is where the number stops.
    @inline(__always)
    init?(at start: UnsafePointer<UInt8>, before limit: UnsafePointer<UInt8>) {
        self.start = start
        self.end = start
        var cursor = start
        guard cursor < limit else { return nil }
        if cursor.pointee == Ascii.minus {
            isNegative = true
            cursor += 1
        } else if cursor.pointee == Ascii.plus {
            isJSON = false
            cursor += 1
        }
        let integerStart = cursor
        var digits: UInt64 = 0
        Self.readDigits(&digits, &cursor, limit)
        var count = cursor - integerStart
        if count == 0 {
            isJSON = false
        } else if integerStart.pointee == Ascii.zero, count > 1 {
            isJSON = false
        }
        var exponent = 0
        if cursor < limit, cursor.pointee == Ascii.point {
            let fractionStart = cursor + 1
            var fractionEnd = fractionStart
            Self.readDigits(&digits, &fractionEnd, limit)
            let fractionCount = fractionEnd - fractionStart
            if fractionCount > 0 || count > 0 {
                if fractionCount == 0 { isJSON = false }
                exponent = 0 &- fractionCount
                count &+= fractionCount
                cursor = fractionEnd
            }
        }
        guard count > 0 else { return nil }
        let digitsEnd = cursor
        var written = 0
        if cursor < limit, cursor.pointee | 0x20 == Ascii.e { written = Self.readExponent(&cursor, limit) }
        self.digits = digits
        self.exponent = exponent &+ written
        end = cursor
        if count > 19 { keepLeadingDigits(from: integerStart, to: digitsEnd, exponent: written) }
    }

    @inline(__always)
    private static func readDigits(
        _ digits: inout UInt64, _ cursor: inout UnsafePointer<UInt8>, _ limit: UnsafePointer<UInt8>
    ) {
        while limit - cursor >= 8 {
            let eight = UInt64(littleEndian: UnsafeRawPointer(cursor).loadUnaligned(as: UInt64.self))
            // A byte outside "0" … "9" sets its highest bit in one of the two.
            guard
                ((eight &+ 0x4646_4646_4646_4646) | (eight &- 0x3030_3030_3030_3030)) & 0x8080_8080_8080_8080 == 0
            else { break }
            // Pairs, then fours, then eight digits, by multiplication.
            var value = eight &- 0x3030_3030_3030_3030
            value = value &* 10 &+ value &>> 8
            let first = (value & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
            let second = ((value &>> 16) & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001
            digits = digits &* 100_000_000 &+ (first &+ second) &>> 32
            cursor += 8
        }
        while cursor < limit {
            let digit = cursor.pointee &- Ascii.zero
            guard digit < 10 else { return }
            digits = digits &* 10 &+ UInt64(digit)
            cursor += 1
        }
    }

    /// Reads `e±ddd`; leaves the cursor alone when no digit follows. Held within ±10⁹, which no mantissa can undo.
    private static func readExponent(
        _ cursor: inout UnsafePointer<UInt8>, _ limit: UnsafePointer<UInt8>
    ) -> Int {
        var position = cursor + 1
        var isNegative = false
        if position < limit, position.pointee == Ascii.minus || position.pointee == Ascii.plus {
            isNegative = position.pointee == Ascii.minus
            position += 1
        }
        guard position < limit, position.pointee &- Ascii.zero < 10 else { return 0 }
        var value = 0
        while position < limit, position.pointee &- Ascii.zero < 10 {
            value = min(value * 10 + Int(position.pointee - Ascii.zero), 1_000_000_000)
            position += 1
        }
        cursor = position
        return isNegative ? -value : value
    }

    /// Reads the mantissa again when it has more digits than 64 bits hold: leading zeros dropped, then 19 digits.
    @inline(never)
    private mutating func keepLeadingDigits(
        from start: UnsafePointer<UInt8>, to end: UnsafePointer<UInt8>, exponent written: Int
    ) {
        digits = 0
        exponent = written
        var kept = 0
        var isFraction = false
        for position in 0..<(end - start) {
            let byte = start[position]
            if byte == Ascii.point {
                isFraction = true
                continue
            }
            if kept < 19 {
                digits = digits &* 10 &+ UInt64(byte - Ascii.zero)
                if digits != 0 { kept += 1 }
                if isFraction { exponent -= 1 }
            } else {
                if byte != Ascii.zero { isTruncated = true }
                if !isFraction { exponent += 1 }
            }
        }
    }

    /// The nearest binary64 number; infinite beyond its range.
    @inline(__always)
    func double(_ powers: PowersOfTen) -> Double {
        if !isTruncated, digits <= 1 << 53, -22...22 ~= exponent {
            // Both factors are exact in binary64, so one operation rounds once (Clinger 1990).
            let magnitude = Double(Int64(truncatingIfNeeded: digits))
            let value =
                exponent < 0 ? magnitude / powers.exactDouble(0 &- exponent) : magnitude * powers.exactDouble(exponent)
            return isNegative ? -value : value
        }
        return general(powers, fallback: strtod)
    }

    /// The nearest binary32 number, rounded once from the decimal text; infinite beyond its range.
    @inline(__always)
    func float(_ powers: PowersOfTen) -> Float {
        if !isTruncated, digits <= 1 << 53, -22...22 ~= exponent {
            let magnitude = Double(Int64(truncatingIfNeeded: digits))
            let value =
                exponent < 0 ? magnitude / powers.exactDouble(0 &- exponent) : magnitude * powers.exactDouble(exponent)
            // Rounding twice differs from rounding once only where the binary64 value is a binary32 midpoint.
            if value.bitPattern & 0x1FFF_FFFF != 0x1000_0000 { return Float(isNegative ? -value : value) }
        }
        return general(powers, fallback: strtof)
    }

    @inline(never)
    private func general<T: BinaryFormat>(
        _ powers: PowersOfTen,
        fallback: (UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> T
    ) -> T {
        let value: T = nearest(digits, timesTenTo: exponent, powers: powers)
        if isTruncated, value != nearest(digits + 1, timesTenTo: exponent, powers: powers) {
            return byLibrary(fallback)
        }
        return isNegative ? -value : value
    }

    /// More than 19 digits, and the rest of them decide: the C library has the arithmetic for that.
    private func byLibrary<T: BinaryFormat>(
        _ convert: (UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> T
    ) -> T {
        let count = end - start
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: count + 1) { text in
            for position in 0..<count { text[position] = CChar(bitPattern: start[position]) }
            text[count] = 0
            guard let base = text.baseAddress else { return 0 }
            return convert(base, nil)
        }
    }
}
