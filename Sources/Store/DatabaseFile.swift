import Foundation
import GRDB
import Glibc
import Synchronization

/// The SQLite database: how it is opened, and the only two ways into it.
///
/// Write-ahead log, so that readers never wait for the writer; foreign keys; write transactions that take the write lock
/// at their start (immediate), so that what they read stays true until they commit; a busy time-out, because several
/// processes write. `synchronous = FULL`: what was committed survives a power cut.
final class DatabaseFile: Sendable {
    private let pool: DatabasePool
    /// A connection that only ever asks for `data_version`: it counts the commits of all others.
    private let watcher: DatabaseQueue
    private let mark: FolderMark
    /// Transactions so far, those that only read among them.
    let transactions = Atomic<Int>(0)

    /// Pages in the write-ahead log after which a commit moves them to the database: 1 MiB. SQLite's own 1,000 leave
    /// four times as much to a log that may be damaged; each move costs two syncs.
    private static let logPages = 250
    /// Bytes that an emptied log keeps on the disk; one that a long reader made larger is cut back to it.
    private static let logBytes = 4 << 20

    /// `path` in `directory`.
    init(
        path: String, directory: String, options: Store.Options, migrator: DatabaseMigrator
    ) throws(StoreError) {
        do {
            var configuration = Configuration()
            configuration.foreignKeysEnabled = true
            configuration.busyMode = .timeout(options.busyTimeout.seconds)
            configuration.maximumReaderCount = 4
            configuration.label = "timestep"
            Self.makePrivate(path)
            pool = try DatabasePool(path: path, configuration: configuration)
            let level = options.syncsCommits ? "FULL" : "OFF"
            try pool.writeWithoutTransaction { db in
                try db.execute(
                    sql: """
                        PRAGMA synchronous = \(level);
                        PRAGMA wal_autocheckpoint = \(Self.logPages);
                        PRAGMA journal_size_limit = \(Self.logBytes);
                        """)
            }
            try Self.migrate(pool, migrator)
            let identity = try pool.read { try String.fetchOne($0, sql: "SELECT identity FROM folder") ?? "" }
            mark = FolderMark(directory: directory, identity: identity)
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
        transactions.add(1, ordering: .relaxed)
        do { return try pool.read(body) } catch { throw StoreError.wrapping(error) }
    }

    /// One immediate transaction: all of `body` or, where it throws, nothing. `file` is what its row names: it goes
    /// where the transaction fails, and is the caller's to settle where it succeeds.
    func write<Value>(
        naming file: PendingFile? = nil, _ body: (Database) throws -> Value
    ) throws(StoreError) -> Value {
        transactions.add(1, ordering: .relaxed)
        do {
            let (value, generation) = try pool.write { db in
                let before = db.totalChangesCount
                let value = try body(db)
                return (value, db.totalChangesCount == before ? nil : try Self.advance(db))
            }
            if let generation { mark.note(generation) }
            return value
        } catch {
            let error = StoreError.wrapping(error)
            file?.leave(after: error)
            throw error
        }
    }

    /// Counts the transaction, in it.
    private static func advance(_ db: Database, past generation: Int64 = 0) throws -> Int64? {
        let sql = "UPDATE folder SET generation = MAX(generation, ?) + 1 RETURNING generation"
        return try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: [generation])
    }

    /// Goes on as the database of the folder, whatever its mark says: what it lacks is lost.
    func adopt(_ found: FolderMark.Content?) throws(StoreError) {
        do {
            let generation = try pool.write { db in try Self.advance(db, past: found?.generation ?? 0) }
            if let generation { mark.note(generation) }
        } catch {
            throw StoreError.wrapping(error)
        }
    }

    /// Moves what the write-ahead log holds to the database, as far as no reader is in the way, so that little depends
    /// on the log's bytes. Waits for nobody.
    func checkpoint() throws(StoreError) {
        do {
            try pool.writeWithoutTransaction { db in _ = try db.checkpoint(.passive) }
        } catch {
            throw StoreError.wrapping(error)
        }
    }

    /// Moves all that the log holds to the database and cuts it to nothing, where no reader is in the way and the disk
    /// has room; else the log stays as it was.
    func emptyLog() {
        try? pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
    }

    /// The database and what SQLite makes beside it (with the database's rights) are their owner's alone.
    ///
    /// A database that is there is not opened: closing it again would drop every lock that this process has on it.
    private static func makePrivate(_ path: String) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { Glibc.close(descriptor) }
        // Whatever else is wrong with it, SQLite words it better.
        for suffix in ["", "-wal", "-shm"] { chmod(path + suffix, 0o600) }
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
            // Left to SQLite the log would stay: it is emptied by the last connection where that may write, and the last
            // one of the pool only reads. What cannot be moved now is moved by the next start.
            emptyLog()
            try pool.close()
            mark.close()
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
            return StoreError(
                .damagedDatabase,
                "the database file is damaged or no database: \(words); restore the whole folder from a backup, or stop the "
                    + "server, copy the folder, put what `sqlite3 timestep.sqlite .recover | sqlite3 recovered.sqlite` "
                    + "makes in the place of timestep.sqlite, and remove timestep.sqlite-wal and timestep.sqlite-shm")
        case .SQLITE_READONLY:
            return StoreError(
                .unwritable(path: "database"),
                "the database cannot be written: \(words); see to the permissions of the data folder and to how its disk is "
                    + "mounted")
        case .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            return StoreError(
                .inputOutput(operation: "use", path: "database", code: error.extendedResultCode.rawValue),
                "the database cannot be used: \(words) (SQLite's code \(error.extendedResultCode.rawValue))")
        default:
            return StoreError(.database(code: error.extendedResultCode.rawValue), "the database refused: \(error)")
        }
    }
}
