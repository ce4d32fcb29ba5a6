import Foundation
import GRDB
import Glibc

/// Whether a data folder's database is the one its files belong to, and has all that was committed to it.
///
/// SQLite drops the tail of a damaged write-ahead log without a word, and makes an empty database where there is none.
/// Either would take every file whose row was lost for a leftover. So the folder is looked at before the database is
/// opened for writing, by a connection that can only read: what is refused stays as it was, for whoever can mend it.
struct FolderInspection {
    let storage: FileStorage
    let databasePath: String

    /// What was found that a caller may want to accept; nil where all is well.
    ///
    /// Throws `.damagedDatabase` where SQLite cannot read the file, or finds it inconsistent after an end that was not
    /// clean (`isThorough`): reading all pages takes seconds a gigabyte.
    func loss(isThorough: Bool) throws(StoreError) -> StoreError? {
        let mark = FolderMark.read(in: storage.directory)
        guard Self.bytes(of: databasePath) > 0 else { return try lossOfDatabase(mark) }
        let found = try read(isThorough: isThorough)
        guard let mark else { return nil }
        if let found, found.identity != mark.identity {
            return Self.lost(
                "the database is not the one that belongs to the files beside it (another was put in its place)")
        }
        let generation = found?.generation ?? 0
        guard generation < mark.generation else { return nil }
        return Self.lost(
            "the database has lost what was committed last: it knows \(generation) transactions, and the folder has "
                + "seen \(mark.generation) (its write-ahead log was damaged or removed, or it is an older copy)")
    }

    /// There is no database: fine in a new folder, a loss where one has worked before.
    private func lossOfDatabase(_ mark: FolderMark.Content?) throws(StoreError) -> StoreError? {
        var traces: [String] = []
        if (mark?.generation ?? 0) > 0 { traces.append("its mark") }
        if Self.bytes(of: databasePath + "-wal") > 0 { traces.append("its write-ahead log") }
        for area in FileArea.allCases where area != .incoming {
            let count = try storage.operations.list(storage.directory(of: area)).count(where: area.owns)
            if count > 0 { traces.append("\(count) files in \(area.rawValue)/") }
        }
        guard !traces.isEmpty else { return nil }
        return Self.lost("the database is gone, and the folder holds \(traces.joined(separator: ", "))")
    }

    private static func lost(_ what: String) -> StoreError {
        StoreError(
            .transactionsLost,
            "\(what); nothing was changed. Restore the whole folder from a backup")
    }

    /// nil where the database is from before it counted.
    private func read(isThorough: Bool) throws(StoreError) -> FolderMark.Content? {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(10)
            configuration.label = "timestep-inspection"
            let queue = try DatabaseQueue(path: databasePath, configuration: configuration)
            let content: FolderMark.Content? = try queue.read { db in
                if isThorough {
                    let faults = try String.fetchAll(db, sql: "PRAGMA quick_check(3)")
                    guard faults == ["ok"] else {
                        throw DatabaseError(
                            resultCode: .SQLITE_CORRUPT, message: faults.joined(separator: "; "))
                    }
                }
                guard try db.tableExists("folder") else { return nil }
                let row = try Row.fetchOne(db, sql: "SELECT identity, generation FROM folder")
                return row.map { FolderMark.Content(identity: $0["identity"], generation: $0["generation"]) }
            }
            try queue.close()
            return content
        } catch {
            throw StoreError.wrapping(error)
        }
    }

    /// 0 where there is no such file.
    private static func bytes(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}
