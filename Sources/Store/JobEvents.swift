import Foundation
import GRDB

/// What happened to jobs, as numbered rows that are only ever added. A number is the id of a live event and is never
/// given twice, not even after retention removed the row.
extension Store {
    /// The job's events with numbers above `sequence`, oldest first.
    ///
    /// Throws `.notFound`.
    public func events(
        of job: String, after sequence: Int64 = 0, limit: Int
    ) throws(StoreError) -> Page<JobEvent> {
        try database.read { db in
            _ = try Self.state(of: job, db)
            let rows = try Row.fetchCursor(
                db, sql: "SELECT * FROM events WHERE job_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                arguments: [job, sequence, limit + 1])
            return try Page(rows, limit: limit, JobEvent.init(row:))
        }
    }

    /// The number of the job's last event; 0 where it has none.
    public func lastEvent(of job: String) throws(StoreError) -> Int64 {
        try database.read { db in
            try Int64.fetchOne(db, sql: "SELECT MAX(sequence) FROM events WHERE job_id = ?", arguments: [job]) ?? 0
        }
    }

    func append(
        _ kind: JobEvent.Kind, to job: String, attempt: Int, status: JobStatus? = nil, payload: String? = nil,
        at now: Date, _ db: Database
    ) throws {
        try db.execute(
            sql: "INSERT INTO events (job_id, attempt, kind, status, payload, at) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [job, attempt, kind.rawValue, status?.rawValue, payload, now.microseconds])
    }
}

extension JobEvent {
    init(row: Row) throws {
        self.init(
            sequence: row["sequence"], job: row["job_id"], attempt: row["attempt"], kind: try row.value("kind"),
            status: try row.optionalValue("status"), payload: row["payload"], at: row.date("at"))
    }
}
