import Foundation
import GRDB

/// Names for versions that can be moved, and the log that remembers every move.
///
/// The log is append-only (triggers refuse anything else) and outlives versions and models, so which version an alias
/// named at any time stays answerable.
extension Store {
    /// Points an alias at a version; it need not exist before. Pointing it where it points already logs nothing.
    ///
    /// Throws `.badName`, `.notFound` for the model or version.
    @discardableResult
    public func setAlias(
        _ alias: String, of model: String, to number: Int, at now: Date
    ) throws(StoreError) -> ModelVersion {
        try ModelName.check(alias, "an alias")
        // One transaction: what the alias names and what the log says it names are the same after any crash.
        return try database.write { db in
            let version = try Self.version(number, of: model, db)
            guard try Self.number(alias, of: model, db) != number else { return version }
            try db.execute(
                sql: "INSERT OR REPLACE INTO aliases (model, alias, number) VALUES (?, ?, ?)",
                arguments: [model, alias, number])
            try log(.aliasSet, model, alias: alias, version: number, digest: version.digest, at: now, db)
            return version
        }
    }

    /// Throws `.notFound` for the model or alias.
    public func removeAlias(_ alias: String, of model: String, at now: Date) throws(StoreError) {
        // One transaction: as in `setAlias`.
        try removing { db in
            _ = try Self.model(model, db)
            try remove(alias, of: model, at: now, db)
        }
    }

    /// Which version the alias named at a time, by the log; also of models and versions deleted since.
    ///
    /// Throws `.notFound` where there never was such a model.
    public func alias(_ alias: String, of model: String, at time: Date) throws(StoreError) -> AliasState {
        try database.read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT * FROM registry_log
                    WHERE model = ? AND alias = ? AND at <= ? ORDER BY sequence DESC LIMIT 1
                    """, arguments: [model, alias, time.microseconds])
            guard let entry = try row.map(RegistryEntry.init(row:)) else {
                try Self.requireKnown(model, db)
                return AliasState(alias: alias, version: nil, since: nil)
            }
            return AliasState(
                alias: alias, version: entry.kind == .aliasSet ? entry.version : nil, since: entry.at)
        }
    }

    /// The log of a model, oldest first, lines above `sequence`.
    ///
    /// Throws `.notFound` where there never was such a model.
    public func log(
        of model: String, after sequence: Int64 = 0, limit: Int
    ) throws(StoreError) -> Page<RegistryEntry> {
        try database.read { db in
            try Self.requireKnown(model, db)
            let rows = try Row.fetchAll(
                db, sql: "SELECT * FROM registry_log WHERE model = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                arguments: [model, sequence, limit + 1])
            return Page(fetched: try rows.map(RegistryEntry.init(row:)), limit: limit)
        }
    }

    func remove(_ alias: String, of model: String, at now: Date, _ db: Database) throws {
        let number = try Int.fetchOne(
            db, sql: "DELETE FROM aliases WHERE model = ? AND alias = ? RETURNING number", arguments: [model, alias])
        guard let number else { throw StoreError.notFound(alias: alias, of: model) }
        try log(.aliasRemoved, model, alias: alias, version: number, at: now, db)
    }

    /// Adds a line. Its time is never earlier than the last line's, so that a clock that went back does not change the
    /// past.
    func log(
        _ kind: RegistryEntry.Kind, _ model: String, alias: String? = nil, version: Int? = nil, digest: String? = nil,
        job: String? = nil, at now: Date, _ db: Database
    ) throws {
        try db.execute(
            sql: """
                INSERT INTO registry_log (model, kind, alias, version, digest, job_id, at)
                VALUES (?, ?, ?, ?, ?, ?,
                    MAX(?, COALESCE((SELECT at FROM registry_log ORDER BY sequence DESC LIMIT 1), 0)))
                """, arguments: [model, kind.rawValue, alias, version, digest, job, now.microseconds])
    }

    /// What an alias names now.
    static func number(_ alias: String, of model: String, _ db: Database) throws -> Int? {
        let statement = try db.cachedStatement(sql: "SELECT number FROM aliases WHERE model = ? AND alias = ?")
        return try Int.fetchOne(statement, arguments: [model, alias])
    }

    private static func requireKnown(_ model: String, _ db: Database) throws {
        let sql = "SELECT EXISTS (SELECT 1 FROM registry_log WHERE model = ?)"
        guard try Bool.fetchOne(db, sql: sql, arguments: [model]) == true else {
            throw StoreError.notFound(.model, model)
        }
    }
}

extension RegistryEntry {
    init(row: Row) throws {
        self.init(
            sequence: row["sequence"], model: row["model"], kind: try row.value("kind"), alias: row["alias"],
            version: row["version"], digest: row["digest"], job: row["job_id"], at: row.date("at"))
    }
}
