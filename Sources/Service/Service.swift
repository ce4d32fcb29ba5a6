import Foundation
import Kernels
import Logging
import Store
import Synchronization

/// What the product does: take data, train, publish, predict, step a session.
///
/// Every verb is synchronous and may block on the disk or run a network on the calling thread; callers that must not
/// wait hand off first. Safe to use from any thread.
public final class Service: Sendable {
    /// Written into the lineage of every version, and told by `/healthz`.
    public static let codeVersion = "0.1.0"

    public let configuration: ServiceConfiguration
    public let store: Store
    public let metrics = Metrics()
    public let changes: ChangeFollower
    let supervisor: Supervisor
    let models: ModelCache
    let sessions: Mutex<SessionTable<Session>>
    let logger: Logger
    let now: @Sendable () -> Date
    /// The clock of idle times: nobody sets it, and it goes on while the machine sleeps.
    let steady: @Sendable () -> Date
    let diskProbe = DiskProbe()
    private let chores = DispatchQueue(label: "timestep.chores", qos: .utility)
    private let timers: Mutex<Timers>

    private struct Timers {
        var running: [any DispatchSourceTimer] = []
        var isStopping = false
    }

    /// `store` is opened as the server's. `now` is the clock of everything that is written and of every expiry.
    public init(
        configuration: ServiceConfiguration, store: Store, logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() }, steady: (@Sendable () -> Date)? = nil
    ) {
        self.configuration = configuration
        self.store = store
        self.logger = logger
        self.now = now
        self.steady = steady ?? SteadyClock().reading
        timers = Mutex(Timers())
        changes = ChangeFollower(dataVersion: { try? Int(store.dataVersion()) })
        let changes = changes
        supervisor = Supervisor(
            command: configuration.workerCommand, count: configuration.workers, logger: logger,
            silence: min(max(configuration.lease, Supervisor.shortestSilence), Supervisor.longestSilence)
        ) { process, how in
            // Whoever sees the worker die need not wait for its lease to end.
            do {
                let settled = try store.settleLeases(
                    ofDeadWorker: WorkerConfiguration.name(ofProcess: process), because: "its process ended: \(how)",
                    wasKilled: how.wasKilled, at: now())
                if settled > 0 { changes.poke() }
            } catch {
                logger.error("the lease of a dead worker was not settled", metadata: ["error": "\(error)"])
            }
        }
        models = ModelCache(
            store: store,
            // A large request alone is divided among as many threads as there are for inference. Where others run beside
            // it, the helpers serve one of them, and take what parts the system lets them come to.
            kernels: KernelSet(configuration.kernelInstructionSet, threads: configuration.inferenceThreads),
            memoryLimit: configuration.modelMemory)
        sessions = Mutex(
            SessionTable(
                capacity: configuration.maximumSessions, memory: configuration.sessionMemory,
                evictsWhenFull: configuration.sessionsWhenFull == .evictOldest))
        declareGauges()
    }

    /// Starts the workers and the chores: expiring sessions every second, retention soon and every ten minutes, so that
    /// a server that never runs for that long cleans up too.
    public func start() {
        supervisor.start()
        timers.withLock { timers in
            timers.running = [
                repeating(every: .seconds(1)) { [weak self] in self?.expireSessions() },
                repeating(every: .seconds(600), after: .seconds(5)) { [weak self] in self?.sweep() },
                repeating(every: .seconds(10)) { [weak self] in self?.checkpointLog() },
            ]
        }
    }

    /// Refuses new work, lets the workers write their checkpoints, and returns within about `limit`.
    public func stop(within limit: Duration) {
        timers.withLock { timers in
            timers.isStopping = true
            for timer in timers.running { timer.cancel() }
            timers.running = []
        }
        supervisor.stop(within: limit)
    }

    /// The service's clock, for whatever stands beside what it writes.
    public var currentTime: Date { now() }

    public var isStopping: Bool { timers.withLock { $0.isStopping } }

    func requireRunning() throws(ServiceError) {
        if isStopping {
            throw ServiceError(.stopping, "the server is shutting down; send this to another one, or later")
        }
    }

    /// The first time after `first`, or after one interval.
    private func repeating(
        every interval: Duration, after first: Duration? = nil, _ work: @escaping @Sendable () -> Void
    ) -> any DispatchSourceTimer {
        let timer = DispatchSource.makeTimerSource(queue: chores)
        timer.schedule(
            deadline: .now() + (first ?? interval).timeInterval, repeating: interval.timeInterval,
            leeway: .milliseconds(100))
        timer.setEventHandler(handler: work)
        timer.resume()
        return timer
    }

    /// Removes what retention no longer keeps. A failure is logged and tried again at the next turn.
    func sweep() {
        do {
            tell(of: try store.sweep(configuration.retention.policy, at: now()).orphans)
        } catch {
            logger.error("retention sweep failed", metadata: ["error": "\(error)"])
        }
    }

    /// Says which files were found without a row. After a crash there may be one; many tell of rows that were lost.
    public func tell(of orphans: Orphans) {
        guard !orphans.moved.isEmpty else { return }
        logger.warning(
            "files that the database does not name were moved to the trash",
            metadata: [
                "count": "\(orphans.moved.count)", "folder": "\(configuration.dataDirectory)/trash",
                "files": "\(orphans.moved.prefix(Self.mostNamed).joined(separator: " "))",
                "kept_seconds": "\(configuration.retention.trash.timeInterval)",
            ])
    }

    /// Files that one line of the log names; the folder has the others.
    private static let mostNamed = 100

    private func checkpointLog() {
        do {
            try store.checkpointLog()
        } catch {
            // Commits do it too, and the log stays readable: nothing is lost by waiting for the next turn.
            logger.debug("the write-ahead log was not moved to the database", metadata: ["error": "\(error)"])
        }
    }

    private func declareGauges() {
        metrics.follow(Metrics.Family(.gauge, "timestep_sessions_open", "Live sessions.")) { [weak self] in
            [([], Double(self?.sessions.withLock { $0.entries.count } ?? 0))]
        }
        metrics.follow(
            Metrics.Family(.gauge, "timestep_sessions_bytes", "Memory of the states of live sessions.")
        ) { [weak self] in [([], Double(self?.sessions.withLock { $0.bytes } ?? 0))] }
        metrics.follow(
            Metrics.Family(.gauge, "timestep_models_loaded", "Model versions in memory, each once a precision.")
        ) { [weak self] in [([], Double(self?.models.count ?? 0))] }
        metrics.follow(
            Metrics.Family(.gauge, "timestep_models_loaded_bytes", "Memory of the model versions in memory.")
        ) { [weak self] in [([], Double(self?.models.bytes ?? 0))] }
        metrics.follow(Metrics.Family(.gauge, "timestep_workers", "Worker processes running.")) { [weak self] in
            [([], Double(self?.supervisor.running ?? 0))]
        }
        metrics.follow(
            Metrics.Family(.counter, "timestep_worker_restarts_total", "Workers that ended and were started again.")
        ) { [weak self] in [([], Double(self?.supervisor.restarts ?? 0))] }
        metrics.follow(
            Metrics.Family(.counter, "timestep_workers_silenced_total", "Workers killed for giving no sign of life.")
        ) { [weak self] in [([], Double(self?.supervisor.silenced ?? 0))] }
        metrics.follow(
            Metrics.Family(.gauge, "timestep_workers_silent", "Worker processes without a sign of life for seconds.")
        ) { [weak self] in [([], Double(self?.supervisor.silent ?? 0))] }
        metrics.follow(
            Metrics.Family(
                .gauge, "timestep_queue_wait_seconds", "How long the first job of the queue has waited; 0 without one.")
        ) { [weak self] in [([], ((try? self?.queueAge()) ?? nil)?.timeInterval ?? 0)] }
        metrics.follow(
            Metrics.Family(
                .counter, "timestep_database_transactions_total",
                "Transactions on the database, those that only read among them.")
        ) { [weak self] in [([], Double(self?.store.transactions ?? 0))] }
        metrics.follow(
            Metrics.Family(.gauge, "timestep_disk_free_bytes", "Room on the disk of the data folder.")
        ) { [weak self] in self?.store.freeBytes.map { [([], Double($0))] } ?? [] }
        metrics.follow(
            Metrics.Family(.gauge, "timestep_disk_writable", "Whether a small file could be written, 0 or 1.")
        ) { [weak self] in
            guard let self else { return [] }
            return [([], diskProbe.failure { () throws(StoreError) in try store.probeDisk() } == nil ? 1 : 0)]
        }
        metrics.follow(
            Metrics.Family(.gauge, "timestep_jobs", "Jobs in the store.", labels: ["status"])
        ) { [weak self] in
            ((try? self?.store.jobCounts()) ?? [:]).map { ([$0.key.rawValue], Double($0.value)) }
                .sorted { $0.0[0] < $1.0[0] }
        }
    }
}
