import Foundation
import GRDB

/// Jobs as rows: reading them, and the one place where a job's status is written.
extension Store {
    /// What a change of state brings with it beside the state itself.
    struct Effects {
        var worker: String?
        var error: JobFailure?
        /// Goes to the end of the queue.
        var requeues = false
        /// Forgets when it was started, for a retry.
        var restarts = false
        var version: Int?
        var report: String?
    }

    /// Writes a new state, and the events that tell of it, in the caller's transaction. Every change of a status passes
    /// here, so the events of a job tell its whole life.
    func move(
        _ id: String, from old: JobState, to new: JobState, with effects: Effects = Effects(), at now: Date,
        _ db: Database
    ) throws {
        guard old != new else { return }
        // A clock that went back does not end a job before it began.
        try db.execute(
            sql: """
                UPDATE jobs SET status = :status, wish = :wish, attempt = :attempt, taken = :taken, losses = :losses,
                    lease_until = :lease, worker = COALESCE(:worker, worker),
                    error_code = :code, error_detail = :detail, version = :version, report = :report,
                    queue_order = CASE WHEN :requeues THEN (SELECT MAX(queue_order) + 1 FROM jobs) ELSE queue_order END,
                    started_at = CASE WHEN :restarts THEN NULL WHEN :running THEN COALESCE(started_at, :now)
                        ELSE started_at END,
                    finished_at = CASE WHEN :terminal THEN MAX(:now, created_at, COALESCE(started_at, created_at)) END
                WHERE id = :id
                """,
            arguments: [
                "status": new.status.rawValue, "wish": new.wish?.rawValue, "attempt": new.attempt,
                "taken": new.isTaken, "losses": new.losses, "lease": new.leaseUntil?.microseconds,
                "worker": effects.worker, "code": effects.error?.code, "detail": effects.error?.detail,
                "version": effects.version, "report": effects.report, "requeues": effects.requeues,
                "restarts": effects.restarts, "running": new.status == .running, "terminal": new.status.isTerminal,
                "now": now.microseconds, "id": id,
            ])
        guard old.status != new.status || old.attempt != new.attempt else { return }
        if let error = effects.error {
            try append(.error, to: id, attempt: old.attempt, payload: error.detail, at: now, db)
        }
        try append(.status, to: id, attempt: new.attempt, status: new.status, at: now, db)
        if new.status.isTerminal {
            try append(.done, to: id, attempt: new.attempt, status: new.status, at: now, db)
        }
    }

    /// Throws `.notFound`.
    static func state(of id: String, _ db: Database) throws -> JobState {
        let sql = "SELECT status, wish, attempt, taken, losses, lease_until FROM jobs WHERE id = ?"
        guard let row = try Row.fetchOne(db, sql: sql, arguments: [id]) else { throw StoreError.notFound(.job, id) }
        return JobState(
            status: try row.value("status"), wish: try row.optionalValue("wish"), attempt: row["attempt"],
            isTaken: row["taken"], losses: row["losses"], leaseUntil: row.optionalDate("lease_until"))
    }

    /// Throws `.notFound`.
    static func job(_ id: String, _ db: Database) throws -> Job {
        let row = try Row.fetchOne(db, sql: "SELECT * FROM jobs WHERE id = ?", arguments: [id])
        guard let row else { throw StoreError.notFound(.job, id) }
        return try job(row, metricsStatement(db))
    }

    static func metricsStatement(_ db: Database) throws -> Statement {
        try db.cachedStatement(sql: "SELECT name, value FROM job_metrics WHERE job_id = ?")
    }

    /// The job of a row, with its metrics.
    static func job(_ row: Row, _ metrics: Statement) throws -> Job {
        let values = try Row.fetchAll(metrics, arguments: [row["id"] as String])
        return try Job(row: row, metrics: Store.metrics(values))
    }

    /// Rows of (name, value); what was NaN comes back as NaN.
    static func metrics(_ rows: [Row]) -> [String: Double] {
        Dictionary(uniqueKeysWithValues: rows.map { ($0["name"], $0["value"] ?? Double.nan) })
    }
}

extension Job {
    init(row: Row, metrics: [String: Double]) throws {
        let code: String? = row["error_code"]
        let seed: Int64 = row["seed"]
        self.init(
            id: row["id"], model: row["model"], version: row["version"], status: try row.value("status"),
            wish: try row.optionalValue("wish"), attempt: row["attempt"], spec: row["spec"],
            seed: UInt64(bitPattern: seed), datasetID: row["dataset_id"], datasetDigest: row["dataset_digest"],
            progress: JobProgress(row: row), metrics: metrics,
            error: code.map { JobFailure(code: $0, detail: row["error_detail"] ?? "") }, report: row["report"],
            worker: row["worker"], leaseUntil: row.optionalDate("lease_until"), createdAt: row.date("created_at"),
            startedAt: row.optionalDate("started_at"), finishedAt: row.optionalDate("finished_at"))
    }
}

extension JobProgress {
    /// nil until the first report.
    init?(row: Row) {
        guard let fraction: Double = row["fraction"] else { return nil }
        self.init(
            fraction: fraction, epoch: row["epoch"], epochs: row["epochs"], step: row["step"], steps: row["steps"],
            etaSeconds: row["eta_seconds"])
    }
}
