import Foundation
import GRDB

/// Models and their versions: looking at them, describing models, reading files, deleting.
extension Store {
    /// Throws `.notFound`.
    public func model(_ name: String) throws(StoreError) -> ModelInfo {
        try database.read { db in try Self.model(name, db) }
    }

    /// By name, those after `after`.
    public func models(after: String? = nil, limit: Int) throws(StoreError) -> Page<ModelInfo> {
        try database.read { db in
            let names = try String.fetchAll(
                db, sql: "SELECT name FROM models WHERE ? IS NULL OR name > ? ORDER BY name LIMIT ?",
                arguments: [after, after, limit + 1])
            return Page(fetched: try names.map { try Self.model($0, db) }, limit: limit)
        }
    }

    /// The version a reference names: by number, by alias, or by name alone the alias `default` where it is set, else
    /// the newest.
    ///
    /// Throws `.notFound` for the model, the version or the alias.
    public func version(_ reference: ModelReference) throws(StoreError) -> ModelVersion {
        try database.read { db in try Self.version(Self.number(reference, db), of: reference.name, db) }
    }

    /// What a prediction by name asks for each time: which file the reference names just now, and what it computes in.
    /// One transaction, which reads nothing else.
    ///
    /// Throws as `version`.
    public func located(_ reference: ModelReference) throws(StoreError) -> LocatedVersion {
        try database.read { db in
            let number = try Self.number(reference, db)
            let statement = try db.cachedStatement(
                sql: """
                    SELECT digest, precision FROM versions JOIN models ON models.name = versions.model
                    WHERE versions.model = ? AND versions.number = ?
                    """)
            guard let row = try Row.fetchOne(statement, arguments: [reference.name, number]) else {
                _ = try Self.model(reference.name, db)
                throw StoreError.notFound(version: number, of: reference.name)
            }
            return LocatedVersion(
                model: reference.name, version: number, digest: row["digest"], precision: row["precision"])
        }
    }

    /// The number that a reference names; there may be no version of it.
    private static func number(_ reference: ModelReference, _ db: Database) throws -> Int {
        let name = reference.name
        switch reference.selector {
        case .number(let number): return number
        case .alias(let alias):
            if let number = try Self.number(alias, of: name, db) { return number }
            _ = try Self.model(name, db)
            throw StoreError.notFound(alias: alias, of: name)
        case .standard:
            if let number = try Self.number(ModelName.defaultAlias, of: name, db) { return number }
            let newest = try db.cachedStatement(sql: "SELECT MAX(number) FROM versions WHERE model = ?")
            if let number = try Int.fetchOne(newest, arguments: [name]) { return number }
            _ = try Self.model(name, db)
            throw StoreError(
                .notFound(kind: .version, id: name), "model '\(name)' has no versions: all were deleted")
        }
    }

    /// A model's versions, newest first, those below `after`.
    ///
    /// Throws `.notFound`.
    public func versions(of model: String, after: Int? = nil, limit: Int) throws(StoreError) -> Page<ModelVersion> {
        try database.read { db in
            _ = try Self.model(model, db)
            let rows = try Row.fetchCursor(
                db,
                sql: "SELECT number, description, report FROM versions WHERE model = ? AND (? IS NULL OR number < ?) "
                    + "ORDER BY number DESC LIMIT ?", arguments: [model, after, after, limit + 1])
            return try Page(rows, limit: limit) { row in try Self.version(row["number"], of: model, db) }
        }
    }

    /// The version's file, checked against its digest.
    ///
    /// Throws `.notFound` where the version was deleted since, `.fileTorn`, `.fileDamaged`, `.fileMissing`.
    public func modelFile(of version: ModelVersion) throws(StoreError) -> [UInt8] {
        try withFile(of: version) { file throws(StoreError) in try storage.read(.models, file) }
    }

    /// Where the version's file lies, checked against its digest piece by piece. Whoever opens it at once has all of it,
    /// though the version be deleted then.
    ///
    /// Throws as `modelFile`.
    public func modelPath(of version: ModelVersion) throws(StoreError) -> String {
        try withFile(of: version) { file throws(StoreError) in
            try storage.verify(.models, file)
            return storage.path(.models, file.name)
        }
    }

    private func withFile<Result>(
        of version: ModelVersion, _ body: (StoredFile) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let name = try database.read { db in
            try String.fetchOne(
                db, sql: "SELECT file FROM versions WHERE model = ? AND number = ? AND digest = ?",
                arguments: [version.model, version.version, version.digest])
        }
        guard let name else { throw .notFound(version: version.version, of: version.model) }
        do {
            return try body(StoredFile(name: name, bytes: version.bytes, digest: version.digest))
        } catch {
            // Between the look at the row and the file's opening the version may have been deleted: it is not damaged,
            // it is gone.
            guard case .fileMissing = error.reason, try !isNamed(name, in: .models) else { throw error }
            throw .notFound(version: version.version, of: version.model)
        }
    }

    /// Changes what people said about a model; nil leaves as it is, tags are replaced as a whole.
    ///
    /// Throws `.notFound`.
    @discardableResult
    public func updateModel(
        _ name: String, description: String? = nil, tags: [String: String]? = nil, precision: String? = nil,
        at now: Date
    ) throws(StoreError) -> ModelInfo {
        // One transaction: nobody sees half of the new tags.
        try database.write { db in
            _ = try Self.model(name, db)
            try describe(name, description: description, tags: tags, precision: precision, at: now, db)
            return try Self.model(name, db)
        }
    }

    /// `updateModel` in the caller's transaction.
    func describe(
        _ name: String, description: String?, tags: [String: String]?, precision: String? = nil, at now: Date,
        _ db: Database
    ) throws {
        try db.execute(
            sql: """
                UPDATE models SET description = COALESCE(?, description), precision = COALESCE(?, precision),
                    updated_at = MAX(updated_at, ?)
                WHERE name = ?
                """, arguments: [description, precision, now.microseconds, name])
        guard let tags else { return }
        try db.execute(sql: "DELETE FROM model_tags WHERE model = ?", arguments: [name])
        for (tag, value) in tags {
            try db.execute(
                sql: "INSERT INTO model_tags (model, name, value) VALUES (?, ?, ?)", arguments: [name, tag, value])
        }
    }

    /// Deletes a version. Its number is never given again, and the log keeps its lines.
    ///
    /// Throws `.versionAliased` while an alias names it, `.notFound`.
    public func deleteVersion(_ number: Int, of model: String, at now: Date) throws(StoreError) {
        // One transaction: an alias always names a version that is there. The file goes once the row is gone; a crash in
        // between leaves an orphan file.
        try removing(.models) { db in
            let version = try Self.version(number, of: model, db)
            let aliases = try String.fetchAll(
                db, sql: "SELECT alias FROM aliases WHERE model = ? AND number = ? ORDER BY alias",
                arguments: [model, number])
            guard aliases.isEmpty else {
                throw StoreError(
                    .versionAliased(model: model, version: number, aliases: aliases),
                    "version \(number) of '\(model)' is named by the alias \(aliases.joined(separator: ", ")): "
                        + "move or remove that first")
            }
            return [try delete(version, at: now, db)]
        }
    }

    /// Deletes a model with all of its versions, aliases, tags. Its log stays; its numbers are never given again.
    ///
    /// Throws `.notFound`.
    public func deleteModel(_ name: String, at now: Date) throws(StoreError) {
        // One transaction: a model is there with all of its versions or gone with all of them. The files go once the
        // rows are gone; a crash in between leaves orphan files.
        try removing(.models) { db in
            let info = try Self.model(name, db)
            for alias in info.aliases.keys.sorted() { try remove(alias, of: name, at: now, db) }
            let files = try info.versions.map { try delete(Self.version($0, of: name, db), at: now, db) }
            try db.execute(sql: "DELETE FROM models WHERE name = ?", arguments: [name])
            try log(.modelDeleted, name, at: now, db)
            return files
        }
    }

    /// Removes the row and answers the file to remove once that is committed.
    private func delete(_ version: ModelVersion, at now: Date, _ db: Database) throws -> String {
        let file = try String.fetchOne(
            db, sql: "DELETE FROM versions WHERE model = ? AND number = ? RETURNING file",
            arguments: [version.model, version.version])
        try log(
            .versionDeleted, version.model, version: version.version, digest: version.digest,
            job: version.lineage.job, at: now, db)
        guard let file else { throw StoreError.notFound(version: version.version, of: version.model) }
        return file
    }

    // MARK: - Rows

    static func model(_ name: String, _ db: Database) throws -> ModelInfo {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM models WHERE name = ?", arguments: [name]) else {
            throw StoreError.notFound(.model, name)
        }
        let versions = "SELECT number FROM versions WHERE model = ? ORDER BY number"
        let tags = try Row.fetchAll(db, sql: "SELECT name, value FROM model_tags WHERE model = ?", arguments: [name])
        let aliases = try Row.fetchAll(db, sql: "SELECT alias, number FROM aliases WHERE model = ?", arguments: [name])
        return ModelInfo(
            name: name, description: row["description"],
            tags: Dictionary(uniqueKeysWithValues: tags.map { ($0["name"], $0["value"]) }), precision: row["precision"],
            versions: try Int.fetchAll(db, sql: versions, arguments: [name]),
            aliases: Dictionary(uniqueKeysWithValues: aliases.map { ($0["alias"], $0["number"]) }),
            createdAt: row.date("created_at"), updatedAt: row.date("updated_at"))
    }

    /// Throws `.notFound` for the model or the version.
    static func version(_ number: Int, of model: String, _ db: Database) throws -> ModelVersion {
        let sql = "SELECT * FROM versions WHERE model = ? AND number = ?"
        guard let row = try Row.fetchOne(db, sql: sql, arguments: [model, number]) else {
            _ = try Self.model(model, db)
            throw StoreError.notFound(version: number, of: model)
        }
        let metrics = try Row.fetchAll(
            db, sql: "SELECT name, value FROM version_metrics WHERE model = ? AND number = ?",
            arguments: [model, number])
        let seed: Int64? = row["seed"]
        return ModelVersion(
            model: model, version: number,
            lineage: Lineage(
                job: row["job_id"], datasetDigest: row["dataset_digest"], seed: seed.map(UInt64.init(bitPattern:)),
                codeVersion: row["code_version"]),
            isImported: row["imported"], description: row["description"], metrics: Self.metrics(metrics),
            report: row["report"], bytes: row["bytes"], digest: row["digest"], createdAt: row.date("created_at"))
    }
}
