import Foundation
import Synchronization

/// Everything that outlives a process: datasets, jobs, events, checkpoints, models, versions, aliases.
///
/// One folder, any number of processes of one machine: a database (SQLite, write-ahead log) and the files its rows name.
/// The server opens it as `.server`, of which there is one at a time; workers open it as `.worker`. Verbs block the
/// calling thread for the length of a short transaction (milliseconds; at most the busy time-out), so they belong on no
/// event loop. Times are arguments: the store reads no clock. All verbs may be called from any thread.
///
/// A file is complete and on the disk before a row names it, and is removed only after its row is gone; so a crash can
/// leave a file without a row, which the next server removes, and never a row without its file.
public final class Store: Sendable {
    public enum Role: Sendable {
        /// Holds the lock of the data folder, and cleans up what a crashed server left.
        case server
        case worker
    }

    public struct Options: Sendable {
        /// How long a transaction waits for another process's.
        public var busyTimeout: Duration = .seconds(10)
        /// Checkpoints kept of a job that is not finished; at least 1. Two, so that a torn one has a predecessor.
        public var keptCheckpoints = 2
        /// After so many lost leases in a row without a checkpoint in between a job fails (`worker_lost`), so that one
        /// that kills its workers does not do so for ever.
        public var lossLimit = 32

        /// Off only in tests, which kill processes and cut no power: commits reach the disk before they return.
        var syncsCommits = true

        public init() {}
    }

    public let directory: String
    public let options: Options
    let storage: FileStorage
    let database: DatabaseFile
    private let serverLock: Mutex<FileLock?>

    /// Opens the data folder, making it where it is missing and bringing its schema up to date.
    ///
    /// Throws `.serverRunning` (role server), `.newerDatabase`, `.damagedDatabase`, `.diskFull`, `.inputOutput`.
    public convenience init(
        directory: String, role: Role = .server, options: Options = Options(), at now: Date
    ) throws(StoreError) {
        try self.init(directory: directory, role: role, options: options, at: now, operations: SystemFiles())
    }

    init(
        directory: String, role: Role, options: Options, at now: Date, operations: any FileOperations
    ) throws(StoreError) {
        self.directory = directory
        self.options = options
        storage = FileStorage(directory: directory, operations: operations)
        try storage.makeDirectories()
        serverLock = Mutex(role == .server ? try Self.lockServer(directory) : nil)
        // Processes that start together would meet in switching the journal mode and in the migration, where SQLite's
        // busy time-out does not help: they open one after the other.
        let opening = try FileLock(waitingFor: directory + "/opening.lock")
        database = try DatabaseFile(
            path: Self.databasePath(directory), options: options, migrator: Schema.migrator())
        withExtendedLifetime(opening) {}
        if role == .server {
            try settleIdempotencyKeys()
            try removeOrphans()
        }
    }

    /// Whether a store was ever opened there.
    public static func exists(in directory: String) -> Bool {
        FileManager.default.fileExists(atPath: databasePath(directory))
    }

    private static func databasePath(_ directory: String) -> String { directory + "/timestep.sqlite" }

    /// Finishes the transactions in flight and gives the folder back. Verbs throw afterwards.
    public func close() throws(StoreError) {
        try database.close()
        serverLock.withLock { $0 = nil }
    }

    /// A number that changes whenever any process committed something. Cheap enough to ask every few milliseconds.
    public func dataVersion() throws(StoreError) -> Int64 {
        try database.dataVersion()
    }

    private static func lockServer(_ directory: String) throws(StoreError) -> FileLock {
        let path = directory + "/server.lock"
        guard let lock = try FileLock(trying: path) else {
            let holder = FileLock.holder(of: path)
            let who = holder.map { "process \($0)" } ?? "another process"
            throw StoreError(
                .serverRunning(directory: directory, processID: holder),
                "a server already runs on \(directory) (\(who)); stop it, or choose another data folder")
        }
        lock.writeHolder()
        return lock
    }
}
