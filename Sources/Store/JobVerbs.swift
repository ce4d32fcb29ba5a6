import Foundation
import GRDB

/// The person's side of a job: cancel, pause, resume, retry, and looking at it. The rules stand in `JobState`.
extension Store {
    /// Queued and paused jobs are cancelled at once; a running one when its worker answers, or its lease ends. Once
    /// asked the job publishes nothing.
    ///
    /// Throws `.notAllowed` for what succeeded or failed, `.notFound`.
    @discardableResult
    public func cancel(_ job: String, at now: Date) throws(StoreError) -> Job {
        try change(job, at: now) { state in try state.cancel(at: judgementTime(now)) }
    }

    /// A queued job is paused at once; a running one when its worker answers, or its lease ends.
    ///
    /// Throws `.notAllowed` for what is over or being cancelled, `.notFound`.
    @discardableResult
    public func pause(_ job: String, at now: Date) throws(StoreError) -> Job {
        try change(job, at: now) { state in try state.pause(at: judgementTime(now)) }
    }

    /// Puts a paused job at the end of the queue, or takes back a pause that no worker answered yet.
    ///
    /// Throws `.notAllowed` for what is not paused, `.notFound`.
    @discardableResult
    public func resume(_ job: String, at now: Date) throws(StoreError) -> Job {
        try change(job, Effects(requeues: true), at: now) { state in try state.resume() }
    }

    /// Puts a failed or cancelled job at the end of the queue with `attempt` raised, to go on from its newest checkpoint
    /// or, with `.start`, from nothing.
    ///
    /// Throws `.notAllowed` in every other state, `.datasetGone`, `.notFound`.
    @discardableResult
    public func retry(
        _ job: String, from start: RetryStart = .newestCheckpoint, at now: Date
    ) throws(StoreError) -> Job {
        // One transaction: the job is queued if and only if what it is to start from is settled. A crash after it leaves
        // at most checkpoint files without rows.
        let (changed, files) = try database.write { db in
            let old = try Self.state(of: job, db)
            var new = old
            try new.retry()
            let before = try Self.job(job, db)
            guard before.datasetID != nil else {
                throw StoreError(
                    .datasetGone(job: job), "the dataset of job '\(job)' was deleted; upload it and submit a new job")
            }
            var files: [String] = []
            if start == .start {
                files = try Self.forgetCheckpoints(of: job, db)
                try db.execute(
                    sql: """
                        UPDATE jobs SET fraction = NULL, epoch = NULL, epochs = NULL, step = NULL, steps = NULL,
                            eta_seconds = NULL
                        WHERE id = ?
                        """, arguments: [job])
                try db.execute(sql: "DELETE FROM job_metrics WHERE job_id = ?", arguments: [job])
            }
            try move(job, from: old, to: new, with: Effects(requeues: true, restarts: true), at: now, db)
            return (try Self.job(job, db), files)
        }
        storage.discard(.checkpoints, files)
        return changed
    }

    private func change(
        _ job: String, _ effects: Effects = Effects(), at now: Date, _ verb: (inout JobState) throws -> Void
    ) throws(StoreError) -> Job {
        // One transaction: the state a verb was allowed in is the state it changes; a worker that publishes or lets go
        // at this moment comes before or after, not between.
        try database.write { db in
            let old = try Self.state(of: job, db)
            var new = old
            try verb(&new)
            var effects = effects
            effects.requeues = effects.requeues && new.status == .queued
            try move(job, from: old, to: new, with: effects, at: now, db)
            return try Self.job(job, db)
        }
    }

    /// Throws `.notFound`.
    public func job(_ id: String) throws(StoreError) -> Job {
        try database.read { db in try Self.job(id, db) }
    }

    /// Newest first, those older than `after`; `status` and `model` narrow it.
    public func jobs(
        status: JobStatus? = nil, model: String? = nil, after: String? = nil, limit: Int
    ) throws(StoreError) -> Page<Job> {
        try database.read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT * FROM jobs
                    WHERE (:status IS NULL OR status = :status) AND (:model IS NULL OR model = :model)
                        AND (:after IS NULL OR id < :after)
                    ORDER BY id DESC LIMIT :limit
                    """,
                arguments: ["status": status?.rawValue, "model": model, "after": after, "limit": limit + 1])
            let metrics = try Self.metricsStatement(db)
            return try Page(rows, limit: limit) { row in try Self.job(row, metrics) }
        }
    }

    /// How many jobs are in each state; those in which there is none are 0.
    public func jobCounts() throws(StoreError) -> [JobStatus: Int] {
        try database.read { db in
            var counts = Dictionary(uniqueKeysWithValues: JobStatus.allCases.map { ($0, 0) })
            for row in try Row.fetchAll(db, sql: "SELECT status, COUNT(*) AS count FROM jobs GROUP BY status") {
                counts[try row.value("status")] = row["count"]
            }
            return counts
        }
    }

    /// How many jobs will be claimed before each of these; those that are not queued are left out.
    ///
    /// The queue is gone through once, however many are asked for.
    public func queuePositions(of jobs: [String]) throws(StoreError) -> [String: Int] {
        try database.read { db in
            let find = try db.cachedStatement(
                sql: "SELECT queue_order FROM jobs WHERE id = ? AND status = 'queued'")
            let count = try db.cachedStatement(
                sql: "SELECT COUNT(*) FROM jobs WHERE status = 'queued' AND queue_order >= ? AND queue_order < ?")
            var orders: [(order: Int64, job: String)] = []
            for job in jobs {
                if let order = try Int64.fetchOne(find, arguments: [job]) { orders.append((order, job)) }
            }
            var positions: [String: Int] = [:]
            var (position, last) = (0, Int64.min)
            for (order, job) in orders.sorted(by: { $0.order < $1.order }) {
                position += try Int.fetchOne(count, arguments: [last, order]) ?? 0
                positions[job] = position
                last = order
            }
            return positions
        }
    }

    /// How many jobs will be claimed before this one; nil where it is not queued.
    ///
    /// Throws `.notFound`.
    public func queuePosition(of job: String) throws(StoreError) -> Int? {
        if let position = try queuePositions(of: [job])[job] { return position }
        _ = try self.job(job)
        return nil
    }
}
