import Foundation
import Glibc

/// Times as RFC 3339 has them, in UTC: `2026-01-02T03:04:05.678Z`.
public enum Timestamp {
    /// To the millisecond, rounded down, so that a text never lies after the moment it tells.
    static func text(_ date: Date) -> String {
        let milliseconds = Int((date.timeIntervalSince1970 * 1000).rounded(.down))
        let (seconds, rest) = milliseconds.flooredQuotientAndRemainder(by: 1000)
        return text(seconds: seconds, milliseconds: rest)
    }

    /// The moment so many seconds, and thousandths of one, after the beginning of 1970.
    public static func text(seconds: Int, milliseconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        var text: [UInt8] = []
        text.reserveCapacity(24)
        func append(_ number: Int, _ digits: Int, _ after: Character) {
            var divisor = 1
            for _ in 1..<digits { divisor *= 10 }
            while divisor > 0 {
                text.append(UInt8(48 + number / divisor % 10))
                divisor /= 10
            }
            if let byte = after.asciiValue { text.append(byte) }
        }
        append(Int(parts.tm_year) + 1900, 4, "-")
        append(Int(parts.tm_mon) + 1, 2, "-")
        append(Int(parts.tm_mday), 2, "T")
        append(Int(parts.tm_hour), 2, ":")
        append(Int(parts.tm_min), 2, ":")
        append(Int(parts.tm_sec), 2, ".")
        append(milliseconds, 3, "Z")
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads a date and time with `Z` or an offset, and any number of digits of a second; nil when it is none.
    static func date(_ text: String) -> Date? {
        var scanner = Scanner(bytes: Array(text.utf8))
        guard let year = scanner.digits(4), scanner.skip("-"), let month = scanner.digits(2), scanner.skip("-"),
            let day = scanner.digits(2), scanner.skip("T") || scanner.skip("t") || scanner.skip(" "),
            let hour = scanner.digits(2), scanner.skip(":"), let minute = scanner.digits(2), scanner.skip(":"),
            let second = scanner.digits(2)
        else { return nil }
        var fraction = 0.0
        if scanner.skip(".") {
            guard let value = scanner.fraction() else { return nil }
            fraction = value
        }
        guard let offset = scanner.offset(), scanner.isAtEnd else { return nil }
        var parts = tm()
        parts.tm_year = Int32(year - 1900)
        parts.tm_mon = Int32(month - 1)
        parts.tm_mday = Int32(day)
        parts.tm_hour = Int32(hour)
        parts.tm_min = Int32(minute)
        let minutes = timegm(&parts)
        // What had to be normalized (the 30th of February) was no date.
        guard parts.tm_mon == month - 1, parts.tm_mday == day, parts.tm_hour == hour, parts.tm_min == minute,
            second <= 60
        else { return nil }
        return Date(timeIntervalSince1970: Double(minutes + second - offset) + fraction)
    }

    private struct Scanner {
        let bytes: [UInt8]
        var position = 0

        var isAtEnd: Bool { position == bytes.count }

        mutating func skip(_ character: Character) -> Bool {
            guard position < bytes.count, bytes[position] == character.asciiValue else { return false }
            position += 1
            return true
        }

        mutating func digit() -> Int? {
            guard position < bytes.count, (48...57).contains(bytes[position]) else { return nil }
            position += 1
            return Int(bytes[position - 1]) - 48
        }

        mutating func digits(_ count: Int) -> Int? {
            var number = 0
            for _ in 0..<count {
                guard let digit = digit() else { return nil }
                number = number * 10 + digit
            }
            return number
        }

        mutating func fraction() -> Double? {
            var value = 0.0
            var scale = 0.1
            guard let first = digit() else { return nil }
            value = Double(first) * scale
            while let next = digit() {
                scale /= 10
                value += Double(next) * scale
            }
            return value
        }

        /// Seconds east of Greenwich.
        mutating func offset() -> Int? {
            if skip("Z") || skip("z") { return 0 }
            let sign = skip("+") ? 1 : skip("-") ? -1 : 0
            guard sign != 0, let hours = digits(2), skip(":"), let minutes = digits(2), hours < 24, minutes < 60
            else { return nil }
            return sign * (hours * 3600 + minutes * 60)
        }
    }

}

extension Int {
    /// Division that rounds down, so that the remainder is never negative.
    fileprivate func flooredQuotientAndRemainder(by divisor: Int) -> (Int, Int) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
