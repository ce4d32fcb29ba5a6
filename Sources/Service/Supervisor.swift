import CPosix
import Foundation
import Logging
import Synchronization

/// Starts the worker processes, starts them again when they end, and stops them.
///
/// Each worker is a process of its own, so that a trap or an out-of-memory kill in training never takes the
/// live sessions down. Its standard input is a channel from here: a byte on it hints that work waits, its end tells the
/// worker that the server is gone. One thread a worker waits for its end; it sleeps in `waitid` and costs nothing.
public final class Supervisor: Sendable {
    /// How long to wait before starting a worker that ended by itself: doubling from 0.1 s to 30 s, back to the
    /// start once a worker has lived for a minute. A worker that cannot start must not eat a core by trying.
    struct BackOff {
        static let first: Duration = .milliseconds(100)
        static let longest: Duration = .seconds(30)
        static let healthyAfter: Duration = .seconds(60)

        private var next = BackOff.first

        mutating func delay(afterLiving lived: Duration) -> Duration {
            if lived >= Self.healthyAfter { next = Self.first }
            defer { next = min(next * 2, Self.longest) }
            return next
        }
    }

    private struct Child {
        var process: pid_t
        var input: Int32
    }

    private struct State {
        var children: [Int: Child] = [:]
        var isStopping = false
        var restarts = 0
    }

    private let command: [String]
    private let count: Int
    private let logger: Logger
    /// Told of every worker that ended, as soon as it did: its process, and how it ended.
    private let hasEnded: @Sendable (pid_t, String) -> Void
    private let state = Mutex(State())
    private let ended = DispatchGroup()
    /// Wakes the back-off of every worker when the supervisor stops.
    private let stopping = DispatchSemaphore(value: 0)

    /// `command` is the program and its arguments, run `count` times side by side.
    public init(
        command: [String], count: Int, logger: Logger,
        hasEnded: @escaping @Sendable (_ process: pid_t, _ how: String) -> Void = { _, _ in }
    ) {
        self.command = command
        self.count = count
        self.logger = logger
        self.hasEnded = hasEnded
    }

    public func start() {
        for index in 0..<count {
            ended.enter()
            let thread = Thread { [self] in
                keepRunning(index)
                ended.leave()
            }
            thread.name = "worker-\(index)"
            thread.start()
        }
    }

    /// A hint to every worker that a job was queued. Losing it costs a poll interval, never a job.
    public func hint() {
        // Under the lock, where a listed channel is open: once it is closed its number may be that of a database. A
        // full one must not block the server: a hint that does not fit is one of many.
        state.withLock { state in
            for child in state.children.values { _ = cposix_hint(child.input, 0x0A) }
        }
    }

    public var running: Int { state.withLock { $0.children.count } }
    public var restarts: Int { state.withLock { $0.restarts } }
    public var processes: [pid_t] { state.withLock { $0.children.values.map(\.process) } }

    /// Asks every worker to stop (it writes a checkpoint first) and kills those that have not after `limit`.
    public func stop(within limit: Duration) {
        state.withLock { state in
            state.isStopping = true
            for child in state.children.values { kill(child.process, SIGTERM) }
        }
        for _ in 0..<count { stopping.signal() }
        guard ended.wait(timeout: .now() + limit.timeInterval) == .timedOut else { return }
        let killed = state.withLock { state in
            for child in state.children.values { kill(child.process, SIGKILL) }
            return state.children.count
        }
        logger.warning("workers did not stop in time and are killed", metadata: ["count": "\(killed)"])
        ended.wait()
    }

    private func keepRunning(_ index: Int) {
        var backOff = BackOff()
        while true {
            let started = ContinuousClock.now
            switch launch(as: index) {
            case .success(let child):
                waitForEnd(of: child.process)
                let isStopping = state.withLock { state in
                    state.children[index] = nil
                    if !state.isStopping { state.restarts += 1 }
                    return state.isStopping
                }
                // Nobody finds them in the list any more: only now may their numbers go to others.
                let status = reap(child.process)
                close(child.input)
                hasEnded(child.process, Self.describe(status))
                if isStopping { return }
                // Whatever the dead worker held may wait for the others now.
                hint()
                logger.warning(
                    "worker ended and is started again",
                    metadata: ["worker": "\(index)", "pid": "\(child.process)", "ended": "\(Self.describe(status))"])
            case .failure(let code):
                if state.withLock({ $0.isStopping }) { return }
                logger.error(
                    "worker did not start",
                    metadata: [
                        "command": "\(command.joined(separator: " "))", "error": "\(String(cString: strerror(code)))",
                    ])
            }
            let delay = backOff.delay(afterLiving: ContinuousClock.now - started)
            if stopping.wait(timeout: .now() + delay.timeInterval) == .success { return }
        }
    }

    private enum Launch {
        case success(Child)
        case failure(Int32)
    }

    /// Starts one process whose standard input is a channel that only we write to.
    private func launch(as index: Int) -> Launch {
        var ends: [Int32] = [-1, -1]
        guard cposix_channel(&ends) == 0 else { return .failure(errno) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
        // Signals meant for the server (Ctrl-C in a terminal goes to the whole group) must not reach the workers
        // before the server asks them to stop; and a worker starts with nothing blocked or ignored.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for signal in [SIGTERM, SIGINT, SIGPIPE] { sigaddset(&defaults, signal) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        // The lock spans the start, so that `stop` sees every process that exists.
        let result: Launch = state.withLock { state in
            guard !state.isStopping else { return .failure(ECANCELED) }
            var process: pid_t = 0
            let code = posix_spawn(&process, command[0], &actions, &attributes, &arguments, environ)
            guard code == 0 else { return .failure(code) }
            let child = Child(process: process, input: ends[1])
            state.children[index] = child
            return .success(child)
        }
        close(ends[0])
        if case .failure = result { close(ends[1]) }
        return result
    }

    /// The process keeps its number until it is reaped.
    private func waitForEnd(of process: pid_t) {
        var information = siginfo_t()
        while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
    }

    private func reap(_ process: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    private static func describe(_ status: Int32) -> String {
        let signal = status & 0x7F
        return signal == 0 ? "exit code \((status >> 8) & 0xFF)" : "signal \(signal)"
    }
}

extension Duration {
    /// Seconds, for interfaces that want them as a floating-point number.
    public var timeInterval: TimeInterval {
        TimeInterval(components.seconds) + TimeInterval(components.attoseconds) * 1e-18
    }
}
