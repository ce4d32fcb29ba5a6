import Glibc
import Wire

/// The clocks of the process.
enum Clock {
    /// Monotonic time, for deadlines.
    static func now() -> Moment {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Whole seconds since 1970, for the Date field.
    static func secondsSince1970() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return Int64(time.tv_sec)
    }
}

/// The Date line of responses, written once a second and not once a response.
struct DateLine {
    private var second = Int64.min
    private var line: [UInt8] = []

    mutating func bytes(secondsSince1970 now: Int64) -> [UInt8] {
        if now != second {
            second = now
            line = Array("Date: \(HTTPDate.text(secondsSince1970: now))\r\n".utf8)
        }
        return line
    }
}
