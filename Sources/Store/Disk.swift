import Foundation
import GRDB
import Glibc

/// How the disk under the data folder stands.
extension Store {
    /// Writes and syncs a small file and removes it.
    ///
    /// Throws what a checkpoint or an upload would: `.diskFull`, `.unwritable`, `.inputOutput`.
    public func probeDisk() throws(StoreError) {
        let operations = storage.operations
        let path = directory + "/probe"
        // One that a crash left.
        try operations.remove(path)
        let descriptor = try operations.create(path)
        defer { Glibc.close(descriptor) }
        do {
            try operations.fill(descriptor, bytes: Self.probeBytes, path: path)
        } catch {
            try? operations.remove(path)
            throw error
        }
        try operations.remove(path)
    }

    /// More than a file system keeps in the file's own record.
    private static let probeBytes = 8_192

    /// Bytes that this process may still write to the disk of the data folder; nil where the system does not say.
    public var freeBytes: Int? {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return nil }
        return Int(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }

    /// Since when the first job of the queue has been waiting; nil where none waits.
    public func waitingSince() throws(StoreError) -> Date? {
        try database.read { db in
            let sql = "SELECT id, created_at FROM jobs WHERE status = 'queued' ORDER BY queue_order LIMIT 1"
            guard let row = try Row.fetchOne(db, sql: sql) else { return nil }
            // The event that put it there. Retention may have removed that of a job that was over before.
            let queued = try Int64.fetchOne(
                db,
                sql: """
                    SELECT at FROM events WHERE job_id = ? AND kind = 'status' AND status = 'queued'
                    ORDER BY sequence DESC LIMIT 1
                    """, arguments: [row["id"] as String])
            return Date(microseconds: queued ?? row["created_at"])
        }
    }
}
