import Foundation
import GRDB

/// The queue and the worker's side of a job: submit, claim, renew, report, let go, fail.
///
/// A worker holds a job by a lease; everything it writes is conditional on (job, attempt), which names its hold and no
/// other. A worker that died keeps the job until the lease ends; one that outlived its hold changes nothing.
extension Store {
    /// Puts a job at the end of the queue. With `key` the id is noted there in the same transaction, so that a request
    /// repeated after a crash finds the job it made.
    ///
    /// Throws `.badName`, and `.notFound` for the dataset.
    public func submit(_ new: NewJob, key: IdempotencyKey? = nil, at now: Date) throws(StoreError) -> Job {
        try ModelName.check(new.model, "a model")
        let id = Identifier.make(prefix: "job", at: now)
        // One transaction: a job that is not terminal has its dataset, and a key names the job it made. A crash leaves
        // both or neither.
        return try database.write { db in
            let dataset = try Self.dataset(new.datasetID, db)
            try db.execute(
                sql: """
                    INSERT INTO jobs (id, model, status, attempt, taken, queue_order, spec, seed, dataset_id,
                        dataset_digest, created_at)
                    VALUES (?, ?, 'queued', 1, 0, (SELECT COALESCE(MAX(queue_order), 0) + 1 FROM jobs), ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    id, new.model, new.spec, Int64(bitPattern: new.seed), dataset.id, dataset.digest, now.microseconds,
                ])
            try db.execute(
                sql: "UPDATE datasets SET last_used_at = MAX(last_used_at, ?) WHERE id = ?",
                arguments: [now.microseconds, dataset.id])
            try append(.status, to: id, attempt: 1, status: .queued, at: now, db)
            if let key { try note(id, under: key, db) }
            return try Self.job(id, db)
        }
    }

    /// Takes the first job of the queue into a worker's hands for `lease`; nil where none waits.
    ///
    /// Leases that ended are settled first, so a job whose worker died waits in the queue again, behind the others: it
    /// may be what killed it.
    public func claim(worker: String, lease: Duration, at now: Date) throws(StoreError) -> Job? {
        let moment = judgementTime(now)
        // Idle workers ask often: a look that takes no write lock first.
        let waits = try database.read { db in
            try Bool.fetchOne(
                db,
                sql: "SELECT EXISTS (SELECT 1 FROM jobs WHERE status = 'queued' "
                    + "OR (status = 'running' AND lease_until <= ?))",
                arguments: [moment.microseconds]) ?? false
        }
        guard waits else { return nil }
        // One immediate transaction: a job is never in two hands. The lock is taken before the queue is read, so two
        // workers cannot read the same first job. A worker that dies keeps the job only until the lease ends; the next
        // claim finds it with `attempt` raised and its checkpoints in place.
        return try database.write { db in
            try settleLeases(by: moment, at: now, db)
            let first = try String.fetchOne(
                db, sql: "SELECT id FROM jobs WHERE status = 'queued' ORDER BY queue_order LIMIT 1")
            guard let id = first else { return nil }
            let old = try Self.state(of: id, db)
            var new = old
            new.take(until: leaseTime(now).addingTimeInterval(lease.seconds))
            try move(id, from: old, to: new, with: Effects(worker: worker), at: now, db)
            try db.execute(
                sql: """
                    UPDATE datasets SET last_used_at = MAX(last_used_at, ?)
                    WHERE id = (SELECT dataset_id FROM jobs WHERE id = ?)
                    """, arguments: [now.microseconds, id])
            return try Self.job(id, db)
        }
    }

    /// Holds the job for `lease` from now.
    public func renew(
        _ job: String, attempt: Int, lease: Duration, at now: Date
    ) throws(StoreError) -> LeaseVerdict {
        noteAttendance()
        return try asHolder(job, attempt) { db in
            try db.execute(
                sql: "UPDATE jobs SET lease_until = MAX(lease_until, ?) WHERE id = ?",
                arguments: [leaseTime(now).addingTimeInterval(lease.seconds).microseconds, job])
        }
    }

    /// Replaces the job's progress, sets the named metrics, and appends events: one of kind `epoch` for each epoch that
    /// ended since the last report, then one of kind `progress` where there is a payload.
    ///
    /// One transaction, however many epochs: on small data a thousand end in a second.
    public func report(
        _ progress: JobProgress, metrics: [String: Double] = [:], epochs: [String] = [], event payload: String? = nil,
        job: String, attempt: Int, at now: Date
    ) throws(StoreError) -> LeaseVerdict {
        try asHolder(job, attempt) { db in
            for epoch in epochs { try append(.epoch, to: job, attempt: attempt, payload: epoch, at: now, db) }
            try db.execute(
                sql: """
                    UPDATE jobs SET fraction = ?, epoch = ?, epochs = ?, step = ?, steps = ?, eta_seconds = ?
                    WHERE id = ?
                    """,
                arguments: [
                    progress.fraction, progress.epoch, progress.epochs, progress.step, progress.steps,
                    progress.etaSeconds, job,
                ])
            for (name, value) in metrics {
                try db.execute(
                    sql: "INSERT OR REPLACE INTO job_metrics (job_id, name, value) VALUES (?, ?, ?)",
                    arguments: [job, name, value])
            }
            if let payload { try append(.progress, to: job, attempt: attempt, payload: payload, at: now, db) }
        }
    }

    /// Gives the job back: to `cancelled` or `paused` where that was wished, else to its place in the queue. Answers the
    /// new status; nil where the hold was lost before.
    @discardableResult
    public func release(_ job: String, attempt: Int, at now: Date) throws(StoreError) -> JobStatus? {
        // One transaction: a wish that arrives now is either seen here or finds the job in nobody's hands.
        try database.write { db in
            let old = try Self.state(of: job, db)
            guard old.isHeld(by: attempt) else { return nil }
            var new = old
            new.release()
            try move(job, from: old, to: new, at: now, db)
            return new.status
        }
    }

    /// Ends the job as failed; false where the hold was lost before. Its checkpoints stay, for a retry.
    @discardableResult
    public func fail(_ job: String, attempt: Int, _ failure: JobFailure, at now: Date) throws(StoreError) -> Bool {
        // One transaction: a job fails once, with its reason.
        try database.write { db in
            let old = try Self.state(of: job, db)
            guard old.isHeld(by: attempt) else { return false }
            var new = old
            new.end(.failed)
            try move(job, from: old, to: new, with: Effects(error: failure), at: now, db)
            return true
        }
    }

    /// Runs a worker's write where its hold is the present one, and tells it how things stand.
    ///
    /// One transaction: the hold is checked and the write made in one piece, so a worker whose job was taken over
    /// between the two cannot write. A job that is not known is lost, too.
    func asHolder(
        _ job: String, _ attempt: Int, naming file: PendingFile? = nil, _ body: (Database) throws -> Void
    ) throws(StoreError) -> LeaseVerdict {
        try database.write(naming: file) { db in
            let sql = "SELECT COALESCE(wish, '') FROM jobs WHERE id = ? AND attempt = ? AND status = 'running'"
            guard let wish = try String.fetchOne(db, sql: sql, arguments: [job, attempt]) else { return .lost }
            try body(db)
            switch JobWish(rawValue: wish) {
            case .cancel: return .cancel
            case .pause: return .pause
            case nil: return .keep
            }
        }
    }
}
