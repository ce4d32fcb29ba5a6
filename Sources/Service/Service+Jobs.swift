import Formats
import Store
import Training

/// Jobs as people see and steer them.
extension Service {
    public func job(_ id: String) throws -> Job { try store.job(id) }

    public func jobs(status: JobStatus?, model: String?, after: String?, limit: Int) throws -> Page<Job> {
        try store.jobs(status: status, model: model, after: after, limit: limit)
    }

    /// How many jobs go before it; nil unless it is queued.
    public func queuePosition(of job: Job) throws -> Int? {
        job.status == .queued ? try store.queuePosition(of: job.id) : nil
    }

    /// The same for the queued ones of a list.
    public func queuePositions(of jobs: [Job]) throws -> [String: Int] {
        try store.queuePositions(of: jobs.filter { $0.status == .queued }.map(\.id))
    }

    /// What was asked for; nil, with a line in the log, where the stored text is none that this program can read: another
    /// version may have written it, or somebody's hand. Such a job is told without it.
    public func readableSpec(of job: Job) -> JobSpec? {
        readable("specification", of: job.id) { try Formats.decode(job.spec) }
    }

    /// What is stored as text, where it can be read: one row that cannot must not hide the others of a list.
    func readable<Value>(_ what: String, of id: String, _ read: () throws -> Value) -> Value? {
        do { return try read() } catch {
            logger.warning(
                "stored text cannot be read; what it belongs to is told without it",
                metadata: ["text": "\(what)", "of": "\(id)", "error": "\(error)"])
            return nil
        }
    }

    /// What training came to; nil until the job succeeded.
    public func report(of job: Job) throws -> TrainingReport? {
        try job.report.map { try Formats.decode($0) }
    }

    public func cancel(_ id: String) throws -> Job { try steer { try store.cancel(id, at: now()) } }

    public func pause(_ id: String) throws -> Job { try steer { try store.pause(id, at: now()) } }

    public func resume(_ id: String) throws -> Job { try steer { try store.resume(id, at: now()) } }

    /// Queues a failed or cancelled job again under its id, from its newest checkpoint or from nothing.
    public func retry(_ id: String, fromStart: Bool = false) throws -> Job {
        try steer { try store.retry(id, from: fromStart ? .start : .newestCheckpoint, at: now()) }
    }

    /// The events of a job in order, those after the number `after`.
    public func events(of job: String, after: Int64, limit: Int) throws -> Page<JobEvent> {
        try store.events(of: job, after: after, limit: limit)
    }

    /// The number of a job's last event; 0 where it has none.
    public func lastEvent(of job: String) throws -> Int64 {
        try store.lastEvent(of: job)
    }

    private func steer(_ verb: () throws -> Job) throws -> Job {
        try requireRunning()
        let job = try verb()
        supervisor.hint()
        changes.poke()
        return job
    }
}
