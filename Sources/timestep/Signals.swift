import Dispatch
import Foundation
import Glibc
import Synchronization

/// Signals as ordinary calls on a queue, instead of handlers that may do next to nothing.
final class Signals: Sendable {
    private let sources: Mutex<[any DispatchSourceSignal]>

    /// Calls `handle` for each of these signals from now on, on a queue of its own; their usual effect is off.
    init(_ signals: [Int32], handle: @escaping @Sendable (Int32) -> Void) {
        let queue = DispatchQueue(label: "timestep.signals")
        sources = Mutex(
            signals.map { number in
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
                source.setEventHandler { handle(number) }
                source.resume()
                return source
            })
    }

    /// A peer that closes its end makes writing fail with an error, not the process end.
    static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

    deinit { sources.withLock { for source in $0 { source.cancel() } } }
}

/// Waits for SIGTERM or SIGINT. A second one, from a person who has no patience, ends the process at once.
final class StopSignal: Sendable {
    private let received = DispatchSemaphore(value: 0)
    private let count = Atomic<Int>(0)
    private let signals = Mutex<Signals?>(nil)

    /// `onFirst` is told the name of the first signal before `wait` returns.
    init(onFirst: @escaping @Sendable (String) -> Void) {
        let signals = Signals([SIGTERM, SIGINT]) { [self] number in
            let name = number == SIGTERM ? "SIGTERM" : "SIGINT"
            if count.add(1, ordering: .relaxed).newValue == 1 {
                onFirst(name)
                received.signal()
            } else {
                Output.error("timestep: \(name) again; ending at once")
                _exit(128 + number)
            }
        }
        self.signals.withLock { $0 = signals }
    }

    func wait() { received.wait() }

    /// As if a signal had come.
    func raise() { received.signal() }
}
