import CPosix
import Foundation
import Logging
import Synchronization

/// Starts the worker processes, starts them again when they end, and stops them.
///
/// Each worker is a process of its own, so that a trap or an out-of-memory kill in training never takes the
/// live sessions down. Its standard input is a channel from here: a byte on it hints that work waits, its end tells the
/// worker that the server is gone. One thread a worker waits for its end; it sleeps in `waitid` and costs nothing. One
/// more listens for the workers' signs of life (`LifeSigns`) and kills one that gives none for too long.
public final class Supervisor: Sendable {
    /// How long to wait before starting a worker that ended by itself: doubling from 0.1 s to 30 s, back to the
    /// start once a worker has lived for a minute. A worker that cannot start must not eat a core by trying. One that
    /// had started well was ended by its job, and the jobs behind that one wait for a second at most.
    struct BackOff {
        static let first: Duration = .milliseconds(100)
        static let longest: Duration = .seconds(30)
        static let longestOnceReady: Duration = .seconds(1)
        static let healthyAfter: Duration = .seconds(60)

        private var next = BackOff.first

        mutating func delay(afterLiving lived: Duration, wasReady: Bool = false) -> Duration {
            if lived >= Self.healthyAfter { next = Self.first }
            if wasReady { next = min(next, Self.longestOnceReady) }
            defer { next = min(next * 2, Self.longest) }
            return next
        }
    }

    private struct Child {
        var process: pid_t
        var input: Int32
        var lastSign: SuspendingClock.Instant
        var isReady = false
        var wasSilent = false
    }

    private struct State {
        var children: [Int: Child] = [:]
        var isStopping = false
        var restarts = 0
        var silenced = 0
    }

    /// A worker that starts on a busy machine may need some seconds to its first sign, however short the lease.
    static let shortestSilence: Duration = .seconds(10)
    /// However long the lease: a worker that was stopped in the middle of a transaction keeps everybody from writing.
    static let longestSilence: Duration = .seconds(15)
    /// After so many missed signs a worker counts as silent, for people who ask.
    static let noticedSilence: Duration = LifeSigns.interval * 5

    private let command: [String]
    private let count: Int
    private let logger: Logger
    /// How long a worker may give no sign of life; nil for workers that give none.
    private let silence: Duration?
    /// Told of every worker that ended, as soon as it did: its process, and how it ended.
    private let hasEnded: @Sendable (pid_t, WorkerEnd) -> Void
    private let state = Mutex(State())
    private let ended = DispatchGroup()
    /// Wakes the back-off of every worker when the supervisor stops.
    private let stopping = DispatchSemaphore(value: 0)
    private let watchEnds = DispatchSemaphore(value: 0)

    /// `command` is the program and its arguments, run `count` times side by side.
    public init(
        command: [String], count: Int, logger: Logger, silence: Duration? = nil,
        hasEnded: @escaping @Sendable (_ process: pid_t, _ how: WorkerEnd) -> Void = { _, _ in }
    ) {
        self.command = command
        self.count = count
        self.logger = logger
        self.silence = silence
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
        guard let silence, count > 0 else { return }
        let thread = Thread { [self] in watch(for: silence) }
        thread.name = "watchdog"
        thread.start()
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
    /// How many were killed because they gave no sign of life.
    public var silenced: Int { state.withLock { $0.silenced } }
    /// How many give no sign of life just now.
    public var silent: Int {
        guard silence != nil else { return 0 }
        let now = SuspendingClock.now
        return state.withLock { $0.children.values.count { now - $0.lastSign > Self.noticedSilence } }
    }
    public var processes: [pid_t] { state.withLock { $0.children.values.map(\.process) } }

    /// Asks every worker to stop (it writes a checkpoint first) and kills those that have not after `limit`.
    public func stop(within limit: Duration) {
        state.withLock { state in
            state.isStopping = true
            for child in state.children.values { kill(child.process, SIGTERM) }
        }
        for _ in 0..<count { stopping.signal() }
        watchEnds.signal()
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
            var wasReady = false
            switch launch(as: index) {
            case .success(let child):
                waitForEnd(of: child.process)
                let (isStopping, last) = state.withLock { state in
                    // What it said last: whether it had come to work.
                    var last = state.children.removeValue(forKey: index) ?? child
                    listen(to: &last, at: .now)
                    if !state.isStopping { state.restarts += 1 }
                    return (state.isStopping, last)
                }
                wasReady = last.isReady
                // Nobody finds them in the list any more: only now may their numbers go to others.
                let status = reap(child.process)
                close(child.input)
                let how = WorkerEnd(status, wasSilent: last.wasSilent, isStopping: isStopping)
                hasEnded(child.process, how)
                if isStopping { return }
                // Whatever the dead worker held may wait for the others now.
                hint()
                logger.warning(
                    "worker ended and is started again",
                    metadata: ["worker": "\(index)", "pid": "\(child.process)", "ended": "\(how)"])
            case .failure(let code):
                if state.withLock({ $0.isStopping }) { return }
                logger.error(
                    "worker did not start",
                    metadata: [
                        "command": "\(command.joined(separator: " "))", "error": "\(String(cString: strerror(code)))",
                    ])
            }
            let delay = backOff.delay(afterLiving: ContinuousClock.now - started, wasReady: wasReady)
            if stopping.wait(timeout: .now() + delay.timeInterval) == .success { return }
        }
    }

    // MARK: - Silence

    private func watch(for silence: Duration) {
        var last = SuspendingClock.now
        while watchEnds.wait(timeout: .now() + LifeSigns.interval.timeInterval) == .timedOut {
            let now = SuspendingClock.now
            // A server that was stopped or starved itself has no right to judge: everybody begins anew.
            let wasAway = now - last > LifeSigns.interval * 3
            last = now
            killSilent(for: silence, at: now, isForgiving: wasAway)
        }
    }

    private func killSilent(for silence: Duration, at now: SuspendingClock.Instant, isForgiving: Bool) {
        let killed = state.withLock { state in
            var killed: [(index: Int, process: pid_t)] = []
            for index in state.children.keys.sorted() {
                guard var child = state.children[index] else { continue }
                listen(to: &child, at: now)
                if isForgiving { child.lastSign = now }
                if now - child.lastSign > silence, !child.wasSilent {
                    // The signal that even a stopped process cannot put off. Under the lock: it is not reaped yet.
                    kill(child.process, SIGKILL)
                    child.wasSilent = true
                    state.silenced += 1
                    killed.append((index, child.process))
                }
                state.children[index] = child
            }
            return killed
        }
        for (index, process) in killed {
            logger.error(
                "worker gave no sign of life and is killed",
                metadata: [
                    "worker": "\(index)", "pid": "\(process)", "silent_seconds": "\(silence.timeInterval)",
                ])
        }
    }

    private func listen(to child: inout Child, at now: SuspendingClock.Instant) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { bytes in
            while true {
                let count = cposix_hear(child.input, bytes.baseAddress, bytes.count)
                guard count > 0 else { return }
                child.lastSign = now
                if bytes[..<count].contains(LifeSigns.ready) { child.isReady = true }
            }
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
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGPIPE] { sigaddset(&defaults, signal) }
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
            let child = Child(process: process, input: ends[1], lastSign: .now)
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
}

extension Duration {
    /// Seconds, for interfaces that want them as a floating-point number.
    public var timeInterval: TimeInterval {
        TimeInterval(components.seconds) + TimeInterval(components.attoseconds) * 1e-18
    }
}
