import Foundation
import GRDB

/// The SQLite database: how it is opened, and the only two ways into it.
///
/// Write-ahead log, so that readers never wait for the writer; foreign keys; write transactions that take the write lock
/// at their start (immediate), so that what they read stays true until they commit; a busy time-out, because several
/// processes write. `synchronous = FULL`: what was committed survives a power cut.
final class DatabaseFile: Sendable {
    private let pool: DatabasePool
    /// A connection that only ever asks for `data_version`: it counts the commits of all others.
    private let watcher: DatabaseQueue

    init(path: String, options: Store.Options, migrator: DatabaseMigrator) throws(StoreError) {
        do {
            var configuration = Configuration()
            configuration.foreignKeysEnabled = true
            configuration.busyMode = .timeout(options.busyTimeout.seconds)
            configuration.maximumReaderCount = 4
            configuration.label = "timestep"
            pool = try DatabasePool(path: path, configuration: configuration)
            let level = options.syncsCommits ? "FULL" : "OFF"
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = \(level)") }
            try Self.migrate(pool, migrator)
            var watching = Configuration()
            watching.readonly = true
            watching.busyMode = .timeout(options.busyTimeout.seconds)
            watching.label = "timestep-watcher"
            watcher = try DatabaseQueue(path: path, configuration: watching)
        } catch {
            throw StoreError.wrapping(error)
        }
    }

    /// A state of the whole database that does not change while `body` reads it.
    func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do { return try pool.read(body) } catch { throw StoreError.wrapping(error) }
    }

    /// One immediate transaction: all of `body` or, where it throws, nothing. `file` is what its row names: it goes
    /// where the transaction fails, and is the caller's to settle where it succeeds.
    func write<Value>(
        naming file: PendingFile? = nil, _ body: (Database) throws -> Value
    ) throws(StoreError) -> Value {
        do {
            return try pool.write(body)
        } catch {
            let error = StoreError.wrapping(error)
            file?.leave(after: error)
            throw error
        }
    }

    /// A number that changes with every commit of any process. No page is read: well below a millisecond.
    func dataVersion() throws(StoreError) -> Int64 {
        do {
            return try watcher.unsafeRead { try Int64.fetchOne($0, sql: "PRAGMA data_version") ?? 0 }
        } catch {
            throw StoreError.wrapping(error)
        }
    }

    func close() throws(StoreError) {
        do {
            try watcher.close()
            try pool.close()
        } catch {
            throw StoreError.wrapping(error)
        }
    }

    /// Each step of the migration is a transaction: a crash leaves the database at a whole version, and the next start
    /// goes on from there.
    private static func migrate(_ pool: DatabasePool, _ migrator: DatabaseMigrator) throws {
        let applied = try pool.read { try migrator.appliedIdentifiers($0) }
        let unknown = applied.subtracting(migrator.migrations).sorted()
        guard unknown.isEmpty else {
            throw StoreError(
                .newerDatabase(migrations: unknown),
                "the database was written by a newer version of this program (unknown schema: "
                    + "\(unknown.joined(separator: ", "))); run that version, or use another data folder")
        }
        try migrator.migrate(pool)
    }
}

extension StoreError {
    /// The typed error behind whatever a transaction threw.
    static func wrapping(_ error: any Error) -> StoreError {
        if let error = error as? StoreError { return error }
        guard let error = error as? DatabaseError else {
            return StoreError(.database(code: 0), "the database refused: \(error)")
        }
        let words = error.message ?? "no message"
        // What SQLite says where it cannot make room for the index of its log.
        if error.extendedResultCode == .SQLITE_IOERR_SHMSIZE {
            return StoreError(.diskFull(path: "database"), "the database cannot grow: no room left on the disk")
        }
        switch error.resultCode {
        case .SQLITE_FULL:
            return StoreError(.diskFull(path: "database"), "the database cannot grow: no room left on the disk")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return StoreError(.busy, "another process held the database for longer than the busy time-out")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return StoreError(.damagedDatabase, "the database file is damaged or no database: \(words)")
        case .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            return StoreError(
                .inputOutput(operation: "use", path: "database", code: error.extendedResultCode.rawValue),
                "the database cannot be used: \(words) (SQLite's code \(error.extendedResultCode.rawValue))")
        default:
            return StoreError(.database(code: error.extendedResultCode.rawValue), "the database refused: \(error)")
        }
    }
}
