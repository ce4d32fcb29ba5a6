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

    static func isIgnored(_ signal: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// A peer that closes its end makes writing fail with an error, not the process end.
    static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}

/// SIGTERM, SIGINT and SIGHUP ask a server or a worker to stop. A second SIGTERM or SIGINT, from a person who has no
/// patience, ends the process at once; a terminal that is closed may say SIGHUP beside another and more than once.
///
/// A SIGHUP that whoever started the process had it ignore (`nohup`) stays ignored.
final class StopSignal: Sendable {
    private let received = DispatchSemaphore(value: 0)
    private let first = Mutex<String?>(nil)

    init() {
        var signals = [SIGTERM, SIGINT]
        if !Signals.isIgnored(SIGHUP) { signals.append(SIGHUP) }
        Signals.follow(signals) { [self] number in
            let name = number == SIGTERM ? "SIGTERM" : number == SIGINT ? "SIGINT" : "SIGHUP"
            let before = first.withLock { first in
                defer { if first == nil || first == "SIGHUP" { first = name } }
                return first
            }
            if before == nil { received.signal() }
            guard let before, before != "SIGHUP", number != SIGHUP else { return }
            Output.error("timestep: \(name) again; ending at once")
            _exit(128 + number)
        }
    }

    /// The name of the first signal, once it has come.
    @discardableResult
    func wait() -> String {
        received.wait()
        received.signal()
        return first.withLock { $0 ?? "" }
    }

    /// Calls `body` on a thread of its own when the first signal has come, even if that was before now.
    func then(_ body: @escaping @Sendable (String) -> Void) {
        let thread = Thread { [self] in body(wait()) }
        thread.name = "stop"
        thread.start()
    }
}
