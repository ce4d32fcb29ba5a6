import Foundation
import GRDB

/// How a worker's hold ends without the worker's will: its lease ended, it died, or the store failed it.
///
/// Whatever it was, the job goes to the end of the queue: one that kills its workers, or whose files cannot be read,
/// holds up nobody else. Where it may be the job's fault it counts, and too often in a row is the job's end.
extension Store {
    /// Sends jobs whose lease ended where they belong: back to the queue with `attempt` raised, to `cancelled` or
    /// `paused` where that was wished, to `failed` after too many losses. Answers how many. `claim` does it too; a
    /// server calls it so that a job does not look `running` while no worker is left.
    @discardableResult
    public func settleLeases(at now: Date) throws(StoreError) -> Int {
        // Reading first takes no write lock: servers ask this every second.
        let moment = judgementTime(now)
        let expired = try database.read { db in try Self.expired(at: moment, db) }
        guard !expired.isEmpty else { return 0 }
        // One transaction: a job leaves its dead worker's hands and enters the queue in one piece.
        return try database.write { db in try settleLeases(by: moment, at: now, db) }
    }

    @discardableResult
    func settleLeases(by moment: Date, at now: Date, _ db: Database) throws -> Int {
        let expired = try Self.expired(at: moment, db)
        for (id, end) in expired {
            let loss: Loss =
                end == Self.endedWithBoot ? .ofBoot : Loss(because: "its lease ended without a word from it")
            try lose(id, loss, at: now, db)
        }
        return expired.count
    }

    /// When leases ended that were given in another boot of the machine: long ago.
    static let endedWithBoot: Int64 = 0

    /// Takes what a worker held from it before its lease ends: whoever saw the process die need not wait. Answers how
    /// many jobs that were.
    ///
    /// `end` completes "the worker of attempt 2 was lost: …"; `wasKilled` says that it was ended from outside, as
    /// processes are for which there is no memory.
    @discardableResult
    public func settleLeases(
        ofDeadWorker worker: String, because end: String, wasKilled: Bool = false, at now: Date
    ) throws(StoreError) -> Int {
        func held(_ db: Database) throws -> [String] {
            try String.fetchAll(
                db, sql: "SELECT id FROM jobs WHERE status = 'running' AND worker = ? ORDER BY queue_order",
                arguments: [worker])
        }
        guard try database.read({ db in try !held(db).isEmpty }) else { return 0 }
        // One transaction: as when a lease ends. Should the worker live after all, its attempt is over and its writes
        // change nothing.
        return try database.write { db in
            let jobs = try held(db)
            for id in jobs { try lose(id, Loss(because: end, wasKilled: wasKilled), at: now, db) }
            return jobs.count
        }
    }

    /// Takes the job from a worker that could not go on for an error of the store. Answers the new status; nil where
    /// the hold was lost before.
    ///
    /// A full disk and a busy database are nobody's fault and pass. What else there is, a file that cannot be read
    /// above all, may last: it counts as a worker lost does.
    @discardableResult
    public func interrupt(
        _ job: String, attempt: Int, by error: any Error, at now: Date
    ) throws(StoreError) -> JobStatus? {
        // One transaction: as `release`.
        try database.write { db in
            guard try Self.state(of: job, db).isHeld(by: attempt) else { return nil }
            let passes = (error as? StoreError)?.passes ?? false
            return try lose(job, Loss(because: "\(error)", isOfStore: true, counts: !passes), at: now, db)
        }
    }

    /// Why a hold ended.
    private struct Loss {
        var because: String
        /// The worker lives; what it needed of the data folder could not be had.
        var isOfStore = false
        var wasKilled = false
        /// Whether the job may be to blame.
        var counts = true

        static let ofBoot = Loss(because: "the machine was started again", counts: false)

        /// The line among the events of a job that will be tried again.
        func event(attempt: Int) -> String {
            isOfStore
                ? "attempt \(attempt) could not go on: \(because)"
                : "the worker of attempt \(attempt) was lost: \(because)"
        }

        /// The job's end, after so many in a row.
        func failure(_ count: Int) -> JobFailure {
            let times = "\(count) times without reaching another checkpoint, the last time because"
            guard !isOfStore else {
                return JobFailure(
                    code: JobFailure.storageFailed,
                    detail: "the job could not go on \(times) of this: \(because); mend it, then retry")
            }
            let advice =
                wasKilled
                ? "it probably needs more memory than there is: make the network, the batch or the data smaller, then retry"
                : "the server's log may tell more; retry once the cause is mended"
            return JobFailure(
                code: JobFailure.workerLost, detail: "the job lost its worker \(times) \(because); \(advice)")
        }
    }

    /// Sends a job whose hold ended where it belongs, and notes why. Answers the new status.
    @discardableResult
    private func lose(_ id: String, _ loss: Loss, at now: Date, _ db: Database) throws -> JobStatus {
        let old = try Self.state(of: id, db)
        var new = old
        if loss.counts { new.lose(limit: options.lossLimit) } else { new.giveWay() }
        var effects = Effects(requeues: new.status == .queued)
        if new.status == .failed {
            effects.error = loss.failure(new.losses)
        } else {
            try append(.error, to: id, attempt: old.attempt, payload: loss.event(attempt: old.attempt), at: now, db)
        }
        try move(id, from: old, to: new, with: effects, at: now, db)
        return new.status
    }

    /// The jobs whose lease has ended, and when it did.
    private static func expired(at moment: Date, _ db: Database) throws -> [(id: String, end: Int64)] {
        try Row.fetchAll(
            db,
            sql: "SELECT id, lease_until FROM jobs WHERE status = 'running' AND lease_until <= ? ORDER BY queue_order",
            arguments: [moment.microseconds]
        ).map { (id: $0["id"], end: $0["lease_until"]) }
    }
}
