import Foundation
import Synchronization

/// Everything that outlives a process: datasets, jobs, events, checkpoints, models, versions, aliases.
///
/// One folder, any number of processes of one machine: a database (SQLite, write-ahead log) and the files its rows name.
/// The server opens it as `.server`, of which there is one at a time; workers open it as `.worker`. Verbs block the
/// calling thread for the length of a short transaction (milliseconds; at most the busy time-out), so they belong on no
/// event loop. Times are arguments: the store reads no clock but that of leases (`LeaseClock`). All verbs may be called from any thread.
///
/// A file is complete and on the disk before a row names it, and is removed only after its row is gone; so a crash can
/// leave a file without a row, which the next server moves to the trash, and never a row without its file. A database
/// that is gone or lacks what was committed to it is refused (`FolderInspection`), not taken for one that never had it.
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
        /// that kills its workers does not do so for ever. Once may be an accident, twice a coincidence.
        public var lossLimit = 3

        /// Goes on with a database that is gone or has lost transactions, where a server would be refused. Files whose
        /// rows were lost go to the trash.
        public var acceptsLoss = false

        /// What leases are reckoned by; nil reckons them by the times that verbs are given.
        public var leaseClock: LeaseClock?
        /// How long leases are given for: one that did not look for half of it was away itself (`Attendance`).
        public var lease: Duration = .seconds(30)

        /// Off only in tests, which kill processes and cut no power: commits reach the disk before they return.
        var syncsCommits = true

        public init() {}
    }

    public let directory: String
    let role: Role
    public let options: Options
    /// Files without a row that the server found at its start.
    public var orphansAtStart: Orphans { orphans.withLock { $0 } }
    /// What was lost and accepted (`Options.acceptsLoss`).
    public let acceptedLoss: StoreError?
    let storage: FileStorage
    let database: DatabaseFile
    private let serverLock: Mutex<FileLock?>
    private let orphans = Mutex(Orphans())
    let ballast: Ballast
    let leaseOffset: Int64
    let attendance = Mutex(Attendance())
    /// Bytes of answers kept since the last look at them all; see `Idempotency`.
    let keptAnswers = Atomic<Int>(Store.mostAnswerBytes)

    /// Opens the data folder, making it where it is missing and bringing its schema up to date.
    ///
    /// Throws `.serverRunning` (role server), `.newerDatabase`, `.damagedDatabase`, `.transactionsLost`, `.diskFull`,
    /// `.unwritable`, `.inputOutput`.
    public convenience init(
        directory: String, role: Role = .server, options: Options = Options(), at now: Date
    ) throws(StoreError) {
        try self.init(directory: directory, role: role, options: options, at: now, operations: SystemFiles())
    }

    init(
        directory: String, role: Role, options: Options, at now: Date, operations: any FileOperations
    ) throws(StoreError) {
        self.directory = directory
        self.role = role
        self.options = options
        let storage = FileStorage(directory: directory, operations: operations)
        let ballast = Ballast(directory: directory, operations: operations)
        self.storage = storage
        self.ballast = ballast
        try ballast.lending(to: role) { () throws(StoreError) in try storage.makeDirectories() }
        let lock = role == .server ? try Self.lockServer(directory) : nil
        // The last server left its note, so it did not close the store: what it was doing may lie half on the disk.
        let endedUncleanly = lock != nil && FileLock.holder(of: Self.lockPath(directory)) != nil
        serverLock = Mutex(lock)
        // Processes that start together would meet in switching the journal mode and in the migration, where SQLite's
        // busy time-out does not help: they open one after the other.
        let opening = try FileLock(waitingFor: directory + "/opening.lock")
        let opened = try ballast.lending(to: role) { () throws(StoreError) in
            try Self.openDatabase(of: storage, role, options, isThorough: endedUncleanly, at: now)
        }
        (database, leaseOffset, acceptedLoss) = (opened.database, opened.leaseOffset, opened.acceptedLoss)
        withExtendedLifetime(opening) {}
        lock?.writeHolder()
        if role == .server {
            try ballast.lending(to: role) { () throws(StoreError) in
                try settleIdempotencyKeys()
                let found = try clearOrphans(at: now)
                orphans.withLock { $0 = found }
            }
            // A new database lies in its log alone: what befell the log would take the whole of it.
            database.emptyLog()
            ballast.restore()
        }
    }

    private struct Opened {
        let database: DatabaseFile
        let leaseOffset: Int64
        let acceptedLoss: StoreError?
    }

    private static func openDatabase(
        of storage: FileStorage, _ role: Role, _ options: Options, isThorough: Bool, at now: Date
    ) throws(StoreError) -> Opened {
        let path = databasePath(storage.directory)
        let inspection = FolderInspection(storage: storage, databasePath: path)
        let loss = try inspection.loss(isThorough: isThorough)
        if let loss {
            // A worker's commits would hide the loss from the next server.
            guard role == .server, options.acceptsLoss else { throw loss }
            try storage.keepLog(at: now)
        }
        let mark = FolderMark.read(in: storage.directory)
        let database = try DatabaseFile(
            path: path, directory: storage.directory, options: options, migrator: Schema.migrator())
        if loss != nil { try database.adopt(mark) }
        let offset: Int64 = if let clock = options.leaseClock { try database.offset(of: clock, at: now) } else { 0 }
        return Opened(database: database, leaseOffset: offset, acceptedLoss: loss)
    }

    /// Whether a store was ever opened there.
    public static func exists(in directory: String) -> Bool {
        FileManager.default.fileExists(atPath: databasePath(directory))
    }

    private static func databasePath(_ directory: String) -> String { directory + "/timestep.sqlite" }

    /// Finishes the transactions in flight and gives the folder back. Verbs throw afterwards.
    public func close() throws(StoreError) {
        try database.close()
        serverLock.withLock { lock in
            lock?.eraseHolder()
            lock = nil
        }
    }

    /// Transactions of this process so far, those that only read among them.
    public var transactions: Int { database.transactions.load(ordering: .relaxed) }

    /// A number that changes whenever any process committed something. Cheap enough to ask every few milliseconds.
    public func dataVersion() throws(StoreError) -> Int64 {
        try database.dataVersion()
    }

    /// Moves what the write-ahead log holds into the database, and makes the ballast again where it was used. The server
    /// calls it every few seconds.
    public func checkpointLog() throws(StoreError) {
        try database.checkpoint()
        ballast.restore()
    }

    private static func lockServer(_ directory: String) throws(StoreError) -> FileLock {
        let path = lockPath(directory)
        guard let lock = try FileLock(trying: path) else {
            let holder = FileLock.holder(of: path)
            let who = holder.map { "process \($0)" } ?? "another process"
            throw StoreError(
                .serverRunning(directory: directory, processID: holder),
                "a server already runs on \(directory) (\(who)); stop it, or choose another data folder")
        }
        return lock
    }

    private static func lockPath(_ directory: String) -> String { directory + "/server.lock" }
}
