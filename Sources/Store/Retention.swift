import Foundation
import GRDB

/// How long things are kept that nobody needs any more; nil keeps them for ever.
public struct RetentionPolicy: Sendable, Equatable {
    /// Events of jobs that ended, from their end.
    public var events: Duration?
    /// Events of kind `progress` of any job, from their own time: a job of days writes millions.
    public var progressEvents: Duration?
    /// Checkpoints of jobs that failed or were cancelled, from their end.
    public var checkpoints: Duration?
    /// Uploaded datasets that no unfinished job needs, from their last use.
    public var uploadedDatasets: Duration?
    /// Datasets that came inside a request and that no unfinished job needs, from their last use.
    public var inlineDatasets: Duration?
    /// Idempotency keys, from the request.
    public var idempotencyKeys: Duration?
    /// Files without a row, from when they were found.
    public var trash: Duration?

    public init(
        events: Duration? = nil, progressEvents: Duration? = nil, checkpoints: Duration? = nil,
        uploadedDatasets: Duration? = nil, inlineDatasets: Duration? = nil, idempotencyKeys: Duration? = nil,
        trash: Duration? = nil
    ) {
        self.events = events
        self.progressEvents = progressEvents
        self.checkpoints = checkpoints
        self.uploadedDatasets = uploadedDatasets
        self.inlineDatasets = inlineDatasets
        self.idempotencyKeys = idempotencyKeys
        self.trash = trash
    }
}

/// What a sweep removed.
public struct SweepReport: Sendable, Equatable {
    public var events = 0
    public var checkpoints = 0
    public var datasets = 0
    public var idempotencyKeys = 0
    /// Files that no row named.
    public var orphans = Orphans()
    /// Files that had lain in the trash for long enough.
    public var trash = 0

    public init() {}
}

/// Retention by age, and files that no row names.
extension Store {
    /// Removes what the policy lets go of. The server calls it from time to time.
    ///
    /// Files come first, for on a full disk they are what makes room, and no part waits for another to succeed: the
    /// first error is thrown once all had their turn.
    public func sweep(_ policy: RetentionPolicy, at now: Date) throws(StoreError) -> SweepReport {
        var report = SweepReport()
        var failure: StoreError?
        /// One part, where the policy has an age for it; it is told before which time things go.
        func part(_ age: Duration?, _ body: (Int64) throws(StoreError) -> Void) {
            guard let age else { return }
            do throws(StoreError) {
                try body(now.addingTimeInterval(-age.seconds).microseconds)
            } catch {
                failure = failure ?? error
            }
        }
        part(policy.trash) { time throws(StoreError) in report.trash = try emptyTrash(before: time / 1_000_000) }
        part(.zero) { _ throws(StoreError) in report.orphans = try clearOrphans(at: now) }
        part(policy.checkpoints) { time throws(StoreError) in
            report.checkpoints = try sweepCheckpoints(before: time)
        }
        part(policy.uploadedDatasets) { time throws(StoreError) in
            report.datasets += try sweepDatasets(.upload, before: time)
        }
        part(policy.inlineDatasets) { time throws(StoreError) in
            report.datasets += try sweepDatasets(.inline, before: time)
        }
        part(policy.idempotencyKeys) { time throws(StoreError) in
            report.idempotencyKeys = try removing { db in
                try db.execute(
                    sql: "DELETE FROM idempotency WHERE created_at < ? AND state <> 'running'", arguments: [time])
                return db.changesCount
            }
        }
        part(policy.events) { time throws(StoreError) in
            report.events += try sweepEvents("finished_at < :time", before: time)
        }
        part(policy.progressEvents) { time throws(StoreError) in
            report.events += try sweepEvents("kind = 'progress'", before: time)
        }
        part(.zero) { _ throws(StoreError) in report.events += try sweepCrowds(at: now) }
        if let failure { throw failure }
        return report
    }

    /// How many rows one transaction of a sweep removes, so that workers do not wait for it past their busy time-out.
    private static let sweepBatch = 5_000

    /// `condition` is SQL over an event and its job.
    private func sweepEvents(_ condition: String, before time: Int64) throws(StoreError) -> Int {
        var total = 0
        while true {
            // Transactions of bounded length; a crash between two leaves the rest to the next sweep.
            let count = try removing { db in
                try db.execute(
                    sql: """
                        DELETE FROM events WHERE sequence IN (
                            SELECT sequence FROM events JOIN jobs ON jobs.id = job_id
                            WHERE at < :time AND \(condition) LIMIT :count)
                        """, arguments: ["time": time, "count": Self.sweepBatch])
                return db.changesCount
            }
            total += count
            if count < Self.sweepBatch { return total }
        }
    }

    /// Events of each kind that one job may have, the newest; `progress` goes by its age alone. On small data thousands of
    /// epochs end in a second, for days. A checkpoint is told of every ten seconds: ten thousand are the last day of a
    /// training of months. A job changes its status or loses its worker seldom, but there is no end to how often it may.
    static let mostEvents: KeyValuePairs<JobEvent.Kind, Int> = [
        .epoch: 100_000, .checkpoint: 10_000, .status: 10_000, .error: 10_000,
    ]

    /// How long after its end a job is still looked at: many sweeps.
    private static let settled: Duration = .seconds(86_400)

    private func sweepCrowds(at now: Date) throws(StoreError) -> Int {
        let jobs = try database.read { db in
            try String.fetchAll(
                db, sql: "SELECT id FROM jobs WHERE finished_at IS NULL OR finished_at > ?",
                arguments: [now.addingTimeInterval(-Self.settled.seconds).microseconds])
        }
        var total = 0
        for job in jobs {
            for (kind, most) in Self.mostEvents { total += try sweepCrowd(of: kind, job, most) }
        }
        return total
    }

    private func sweepCrowd(of kind: JobEvent.Kind, _ job: String, _ most: Int) throws(StoreError) -> Int {
        // The oldest that stays; none where there are few enough.
        let sequence = try database.read { db in
            try Int64.fetchOne(
                db,
                sql: """
                    SELECT sequence FROM events WHERE job_id = ? AND kind = ?
                    ORDER BY sequence DESC LIMIT 1 OFFSET ?
                    """, arguments: [job, kind.rawValue, most - 1])
        }
        guard let sequence else { return 0 }
        var total = 0
        while true {
            let count = try removing { db in
                try db.execute(
                    sql: """
                        DELETE FROM events WHERE sequence IN (
                            SELECT sequence FROM events WHERE job_id = ? AND kind = ? AND sequence < ?
                            ORDER BY sequence LIMIT ?)
                        """, arguments: [job, kind.rawValue, sequence, Self.sweepBatch])
                return db.changesCount
            }
            total += count
            if count < Self.sweepBatch { return total }
        }
    }

    private func sweepCheckpoints(before time: Int64) throws(StoreError) -> Int {
        // One transaction, then the files: a row always has its file.
        let files = try removing(.checkpoints) { db in
            try String.fetchAll(
                db,
                sql: """
                    DELETE FROM checkpoints WHERE job_id IN (SELECT id FROM jobs WHERE finished_at < ?)
                    RETURNING file
                    """, arguments: [time])
        }
        return files.count
    }

    private func sweepDatasets(_ origin: Dataset.Origin, before time: Int64) throws(StoreError) -> Int {
        // One transaction: whether a job needs a dataset and its deletion are one piece, so no job can be submitted in
        // between. The files go once the rows are gone.
        let files = try removing(.datasets) { db in
            try String.fetchAll(
                db,
                sql: """
                    DELETE FROM datasets WHERE origin = ? AND last_used_at < ?
                        AND NOT EXISTS (
                            SELECT 1 FROM jobs WHERE dataset_id = datasets.id
                                AND (finished_at IS NULL OR finished_at >= ?))
                    RETURNING id
                    """, arguments: [origin.rawValue, time, time])
        }
        return files.count
    }
}
