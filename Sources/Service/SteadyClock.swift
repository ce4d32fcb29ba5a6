import Foundation
import Glibc

/// A clock that begins with the time of day and then only goes on: it is not set, and it counts the time that the
/// machine sleeps. Idle times run on it, so that a clock set forward by two hours ends no session.
struct SteadyClock: Sendable {
    private let origin: Date

    init() { origin = Date() - Self.sinceBoot }

    var reading: @Sendable () -> Date { { [origin] in origin + Self.sinceBoot } }

    private static var sinceBoot: TimeInterval {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return TimeInterval(time.tv_sec) + TimeInterval(time.tv_nsec) / 1e9
    }
}

extension Service {
    /// How far the time of day has been set away from the steady clock, for times that are shown: nothing where the two
    /// only drift apart.
    var clockChange: TimeInterval {
        let change = now().timeIntervalSince(steady())
        return abs(change) < 1 ? 0 : change
    }
}
