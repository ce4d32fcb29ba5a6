import Foundation
import GRDB

/// Saved states of training, written as models are: a file complete on the disk, then a row that names it.
extension Store {
    /// What `newestCheckpoint` found.
    public struct FoundCheckpoint: Sendable {
        public let checkpoint: Checkpoint
        public let bytes: [UInt8]
        /// Newer ones that could not be used, newest first: torn, damaged or missing.
        public let skipped: [StoreError]
    }

    /// Saves a state of training and forgets all but the newest `Options.keptCheckpoints`. `event` is the text of the
    /// event that tells of it.
    ///
    /// Throws `.diskFull`, `.unwritable` and `.inputOutput`; the earlier checkpoints stay then.
    public func recordCheckpoint(
        _ bytes: [UInt8], step: Int, event payload: String? = nil, job: String, attempt: Int, at now: Date
    ) throws(StoreError) -> LeaseVerdict {
        let name = Identifier.make(prefix: FileArea.checkpoints.prefix, at: now)
        let file = try PendingFile(name, in: .checkpoints, of: storage, at: now)
        try file.write(bytes)
        let stored = try file.complete()
        var forgotten: [String] = []
        // One transaction, by the holder alone: the new row appears and the oldest disappear together, and every row
        // names a file that is complete. A crash before it leaves an orphan file and the checkpoints as they were; one
        // after it leaves old files without rows.
        let verdict = try asHolder(job, attempt, naming: file) { db in
            try db.execute(
                sql: "UPDATE jobs SET checkpoints = checkpoints + 1, losses = 0 WHERE id = ?", arguments: [job])
            try db.execute(
                sql: """
                    INSERT INTO checkpoints (job_id, number, attempt, step, file, bytes, digest, created_at)
                    VALUES (?, (SELECT checkpoints FROM jobs WHERE id = ?), ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [job, job, attempt, step, stored.name, stored.bytes, stored.digest, now.microseconds])
            forgotten = try String.fetchAll(
                db,
                sql: """
                    DELETE FROM checkpoints WHERE job_id = ? AND number <=
                        (SELECT checkpoints FROM jobs WHERE id = ?) - ?
                    RETURNING file
                    """, arguments: [job, job, max(1, options.keptCheckpoints)])
            try append(.checkpoint, to: job, attempt: attempt, payload: payload, at: now, db)
        }
        guard verdict != .lost else {
            file.abandon()
            return .lost
        }
        file.settle()
        storage.discard(.checkpoints, forgotten)
        return verdict
    }

    /// The newest checkpoint whose file is whole; nil where there is none. A torn one falls back to the one before.
    ///
    /// Throws `.inputOutput` where a file is there and cannot be read: going on from an older one would hide a fault
    /// that passes.
    public func newestCheckpoint(of job: String) throws(StoreError) -> FoundCheckpoint? {
        let rows = try database.read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM checkpoints WHERE job_id = ? ORDER BY number DESC", arguments: [job]
            ).map { ($0["file"] as String, Checkpoint(row: $0)) }
        }
        var skipped: [StoreError] = []
        for (name, checkpoint) in rows {
            let file = StoredFile(name: name, bytes: checkpoint.bytes, digest: checkpoint.digest)
            do throws(StoreError) {
                let bytes = try storage.read(.checkpoints, file)
                return FoundCheckpoint(checkpoint: checkpoint, bytes: bytes, skipped: skipped)
            } catch {
                switch error.reason {
                case .fileTorn, .fileDamaged, .fileMissing: skipped.append(error)
                default: throw error
                }
            }
        }
        return nil
    }

    /// The job's checkpoints, newest first, without looking at their files.
    public func checkpoints(of job: String) throws(StoreError) -> [Checkpoint] {
        try database.read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM checkpoints WHERE job_id = ? ORDER BY number DESC", arguments: [job]
            ).map(Checkpoint.init(row:))
        }
    }

    /// Removes the job's rows in the caller's transaction; answers the files to remove once it is committed.
    static func forgetCheckpoints(of job: String, _ db: Database) throws -> [String] {
        try String.fetchAll(db, sql: "DELETE FROM checkpoints WHERE job_id = ? RETURNING file", arguments: [job])
    }
}

extension Checkpoint {
    init(row: Row) {
        self.init(
            job: row["job_id"], attempt: row["attempt"], number: row["number"], step: row["step"], bytes: row["bytes"],
            digest: row["digest"], createdAt: row.date("created_at"))
    }
}
