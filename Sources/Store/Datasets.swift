import Foundation
import GRDB

/// Datasets: files that came once and are read by jobs. A dataset that a job may still read cannot go away.
extension Store {
    /// Starts an upload; see `DatasetWriter`.
    public func beginDataset(at now: Date) throws(StoreError) -> DatasetWriter {
        try DatasetWriter(self, at: now)
    }

    /// Throws `.notFound`.
    public func dataset(_ id: String) throws(StoreError) -> Dataset {
        try database.read { db in try Self.dataset(id, db) }
    }

    /// Newest first, those older than `after`.
    public func datasets(after: String? = nil, limit: Int) throws(StoreError) -> Page<Dataset> {
        try database.read { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT * FROM datasets WHERE ? IS NULL OR id < ? ORDER BY id DESC LIMIT ?",
                arguments: [after, after, limit + 1])
            return try Page(rows, limit: limit, Dataset.init(row:))
        }
    }

    /// Where the dataset's file lies. It does not change and stays as long as a job that is not terminal names it.
    public func path(of dataset: Dataset) -> String {
        storage.path(.datasets, dataset.id)
    }

    /// Reads the file to its end and compares its length and digest with the row: some seconds a gigabyte.
    ///
    /// Throws `.fileTorn`, `.fileDamaged`, `.fileMissing`.
    public func verifyDataset(_ dataset: Dataset) throws(StoreError) {
        try storage.verify(
            .datasets, StoredFile(name: dataset.id, bytes: dataset.bytes, digest: dataset.digest))
    }

    /// Notes that it was used just now, for retention.
    public func touchDataset(_ id: String, at now: Date) throws(StoreError) {
        try database.write { db in
            try db.execute(
                sql: "UPDATE datasets SET last_used_at = MAX(last_used_at, ?) WHERE id = ?",
                arguments: [now.microseconds, id])
            guard db.changesCount == 1 else { throw StoreError.notFound(.dataset, id) }
        }
    }

    /// Throws `.notFound`, and `.datasetInUse` while a job that is not terminal names it.
    public func deleteDataset(_ id: String) throws(StoreError) {
        // One transaction: a job that may still run has its dataset. It is asked for jobs and deleted in one piece, so
        // no job can be submitted in between. A crash after it leaves a file without a row, for the next start.
        try removing(.datasets) { db in
            _ = try Self.dataset(id, db)
            let jobs = try String.fetchAll(
                db, sql: "SELECT id FROM jobs WHERE dataset_id = ? AND finished_at IS NULL ORDER BY id",
                arguments: [id])
            guard jobs.isEmpty else {
                throw StoreError(
                    .datasetInUse(id: id, jobs: jobs),
                    "dataset '\(id)' is used by \(jobs.joined(separator: ", ")); cancel first, or wait for the end")
            }
            try db.execute(sql: "DELETE FROM datasets WHERE id = ?", arguments: [id])
            return [id]
        }
    }

    func insert(_ dataset: Dataset, naming file: PendingFile) throws(StoreError) {
        // One statement: the dataset exists with all of its description or not at all.
        try database.write(naming: file) { db in
            try db.execute(
                sql: """
                    INSERT INTO datasets (id, origin, format, schema, rows, bytes, digest, created_at, last_used_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    dataset.id, dataset.origin.rawValue, dataset.format, dataset.schema, dataset.rows, dataset.bytes,
                    dataset.digest, dataset.createdAt.microseconds, dataset.lastUsedAt.microseconds,
                ])
        }
    }

    static func dataset(_ id: String, _ db: Database) throws -> Dataset {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM datasets WHERE id = ?", arguments: [id]) else {
            throw StoreError.notFound(.dataset, id)
        }
        return try Dataset(row: row)
    }
}

extension Dataset {
    init(row: Row) throws {
        self.init(
            id: row["id"], origin: try row.value("origin"), format: row["format"], schema: row["schema"],
            rows: row["rows"], bytes: row["bytes"], digest: row["digest"], createdAt: row.date("created_at"),
            lastUsedAt: row.date("last_used_at"))
    }
}
