import Foundation
import Synchronization

/// Ids of everything that is stored: a prefix that tells what it names, and a ULID.
///
/// A ULID (github.com/ulid/spec) is 48 bits of milliseconds since 1970 and 80 random bits, written as 26 digits of
/// Crockford's base 32, so that ids sort by the time they were made.
/// Within one process ids only grow: in the same millisecond, or when the clock went back, the random part of the last
/// id is raised by one. Ids of two processes sort by their clocks.
public enum Identifier {
    /// A new id such as `job_01J8Z3K4M5N6P7Q8R9S0T1V2W3`.
    public static func make(prefix: String, at now: Date) -> String {
        let milliseconds = UInt64(max(0, min(now.timeIntervalSince1970 * 1000, 281_474_976_710_655)))
        let ulid = last.withLock { last in
            last = last.next(at: milliseconds)
            return last
        }
        return prefix + "_" + ulid.text
    }

    private static let last = Mutex(ULID(milliseconds: 0, high: 0, low: 0))
}

/// The 128 bits of an id, and which one follows it.
struct ULID: Equatable {
    /// Milliseconds since 1970; 48 bits.
    var milliseconds: UInt64
    /// The upper 16 of the 80 random bits.
    var high: UInt16
    /// The lower 64 of the 80 random bits.
    var low: UInt64

    /// The id after this one: fresh random bits in a later millisecond, else this one plus one.
    func next(at now: UInt64) -> ULID {
        var random = SystemRandomNumberGenerator()
        if now > milliseconds {
            // The top bit stays clear, so that 2^79 ids fit into one millisecond before the carry below is needed.
            return ULID(milliseconds: now, high: random.next() & 0x7fff, low: random.next())
        }
        let (sum, carried) = low.addingReportingOverflow(1)
        guard carried else { return ULID(milliseconds: milliseconds, high: high, low: sum) }
        guard high < .max else { return ULID(milliseconds: milliseconds + 1, high: 0, low: 0) }
        return ULID(milliseconds: milliseconds, high: high + 1, low: 0)
    }

    /// 26 digits, most significant first: 10 for the time, 16 for the random part.
    var text: String {
        var digits: [UInt8] = []
        digits.reserveCapacity(26)
        for position in (0..<10).reversed() { digits.append(Self.digit(milliseconds >> UInt64(5 * position))) }
        // 80 bits in groups of five: the first 16 come from `high`, the rest follow from `low`.
        for position in (0..<16).reversed() {
            let shift = 5 * position
            var group = shift < 64 ? low >> UInt64(shift) : 0
            if shift >= 64 {
                group = UInt64(high) >> UInt64(shift - 64)
            } else if shift > 59 {
                group |= UInt64(high) << UInt64(64 - shift)
            }
            digits.append(Self.digit(group))
        }
        return String(decoding: digits, as: UTF8.self)
    }

    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    private static func digit(_ bits: UInt64) -> UInt8 { alphabet[Int(bits & 31)] }
}
