import Dispatch
import Foundation
import Glibc
import Synchronization

/// Signals as ordinary calls on a thread, instead of handlers that may do next to nothing.
enum Signals {
    /// Calls `handle` for each of these signals from now on, on a thread of its own; their usual effect is off.
    ///
    /// Call it before the process starts other threads: they inherit that the signals are blocked, so none is lost or
    /// takes its usual effect, however early it comes. (A dispatch source must have the signal ignored first, and
    /// loses what comes between.)
    static func follow(_ signals: [Int32], handle: @escaping @Sendable (Int32) -> Void) {
        var set = sigset_t()
        sigemptyset(&set)
        for number in signals { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let thread = Thread { [set] in
            var set = set
            while true {
                var number: Int32 = 0
                if sigwait(&set, &number) == 0 { handle(number) }
            }
        }
        thread.name = "signals"
        thread.start()
    }

    /// A peer that closes its end makes writing fail with an error, not the process end.
    static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}

/// SIGTERM and SIGINT ask a server or a worker to stop. A second one, from a person who has no patience, ends the
/// process at once.
final class StopSignal: Sendable {
    private let received = DispatchSemaphore(value: 0)
    private let count = Atomic<Int>(0)

    /// `onFirst` is told the name of the first signal before `wait` returns.
    init(onFirst: @escaping @Sendable (String) -> Void) {
        Signals.follow([SIGTERM, SIGINT]) { [self] number in
            let name = number == SIGTERM ? "SIGTERM" : "SIGINT"
            if count.add(1, ordering: .relaxed).newValue == 1 {
                onFirst(name)
                received.signal()
            } else {
                Output.error("timestep: \(name) again; ending at once")
                _exit(128 + number)
            }
        }
    }

    func wait() { received.wait() }

    /// Calls `body` on a thread of its own when the first signal has come, even if that was before now.
    func then(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread { [self] in
            wait()
            body()
        }
        thread.name = "stop"
        thread.start()
    }
}
