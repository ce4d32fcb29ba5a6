import CPosix
import Glibc

/// What a descriptor has become ready for.
struct ReadyEvent {
    var token: UInt64
    /// Data, the end of data, or an error that reading will tell.
    var isReadable = false
    var isWritable = false
    /// The peer will send no more; what it sent may still wait to be read.
    var peerFinished = false
    /// Reset, or closed in both directions.
    var isBroken = false
}

/// Tells a loop which of its descriptors are ready. Edges, not levels: each change is told once, and the loop remembers
/// it until a read or write would block, so nothing is ever re-armed.
///
/// A protocol so that a loop runs in tests without a kernel, and other kernels have a place.
protocol Readiness: AnyObject, Sendable {
    /// Watches a connection in both directions.
    func watch(_ descriptor: Int32, token: UInt64) -> Bool
    /// Watches a listener.
    func watchInput(_ descriptor: Int32, token: UInt64) -> Bool
    func unwatch(_ descriptor: Int32)
    /// Waits until something is ready, somebody called `wake`, or the time is up (nil: without end).
    func wait(atMost duration: Duration?, _ handle: (ReadyEvent) -> Void)
    /// Ends the present wait or, if there is none, the next one. From any thread.
    func wake()
}

/// Readiness by Linux's epoll, with an eventfd to wake it.
final class Epoll: Readiness {
    private let descriptor: Int32
    private let wakeUp: Int32

    /// No connection has this token: its slot number would be the last of four thousand million.
    private static let wakeUpToken = UInt64.max

    init() throws(ServerError) {
        descriptor = cposix_epoll_create()
        wakeUp = cposix_eventfd()
        guard descriptor >= 0, wakeUp >= 0, cposix_epoll_add_input(descriptor, wakeUp, Self.wakeUpToken) == 0 else {
            throw ServerError(.system(errno), "an event queue could not be made: \(SystemError.text(errno))")
        }
    }

    deinit {
        close(descriptor)
        close(wakeUp)
    }

    func watch(_ descriptor: Int32, token: UInt64) -> Bool {
        cposix_epoll_add(self.descriptor, descriptor, token) == 0
    }

    func watchInput(_ descriptor: Int32, token: UInt64) -> Bool {
        cposix_epoll_add_input(self.descriptor, descriptor, token) == 0
    }

    func unwatch(_ descriptor: Int32) {
        _ = cposix_epoll_remove(self.descriptor, descriptor)
    }

    func wait(atMost duration: Duration?, _ handle: (ReadyEvent) -> Void) {
        var milliseconds: Int32 = -1
        if let duration {
            // Rounded up: a wait that ends before its deadline would only be begun again.
            let (seconds, attoseconds) = duration.components
            milliseconds = Int32(
                clamping: max(0, seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
        }
        withUnsafeTemporaryAllocation(of: cposix_event.self, capacity: Self.capacity) { events in
            // EINTR counts as a wait without events.
            let count = cposix_epoll_wait(descriptor, events.baseAddress, Int32(events.count), milliseconds)
            for index in 0..<Int(max(0, count)) {
                let event = events[index]
                if event.token == Self.wakeUpToken {
                    _ = cposix_eventfd_clear(wakeUp)
                } else {
                    handle(
                        ReadyEvent(
                            token: event.token, isReadable: event.readable != 0, isWritable: event.writable != 0,
                            peerFinished: event.peer_finished != 0, isBroken: event.broken != 0))
                }
            }
        }
    }

    func wake() {
        _ = cposix_eventfd_signal(wakeUp)
    }

    /// Events taken in one call; the rest come with the next.
    private static let capacity = 256
}

/// The system's words for an errno.
enum SystemError {
    static func text(_ code: Int32) -> String {
        String(cString: strerror(code))
    }
}
