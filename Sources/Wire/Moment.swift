/// A point on somebody's monotonic clock. Wire has no clock: whoever has one passes moments in, a test moves them by
/// hand.
public struct Moment: Sendable, Hashable, Comparable {
    /// Since an origin that means nothing.
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    public static func < (left: Moment, right: Moment) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    public static func + (moment: Moment, duration: Duration) -> Moment {
        let (seconds, attoseconds) = duration.components
        return Moment(nanoseconds: moment.nanoseconds + seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    public static func - (left: Moment, right: Moment) -> Duration {
        .nanoseconds(left.nanoseconds - right.nanoseconds)
    }
}

/// Watches the pace of one transfer: a window that must bring enough bytes before the next one opens.
struct PaceWatch: Sendable {
    private let pace: Pace
    private var end: Moment?
    private var moved = 0

    init(_ pace: Pace) {
        self.pace = pace
    }

    /// When somebody should ask for the verdict; nil while nothing is under way.
    var deadline: Moment? { end }

    /// The transfer is under way from now on; does nothing where it was already.
    mutating func start(at now: Moment) {
        guard end == nil else { return }
        end = now + pace.window
        moved = 0
    }

    /// The transfer rests: it is done, or it is we who hold it back.
    mutating func stop() {
        end = nil
    }

    mutating func moved(_ bytes: Int) {
        moved += bytes
    }

    /// True: the window is over and brought too little. A window that brought enough is followed by another.
    mutating func isTooSlow(at now: Moment) -> Bool {
        guard let end, now >= end else { return false }
        if moved < pace.bytes { return true }
        self.end = now + pace.window
        moved = 0
        return false
    }
}
