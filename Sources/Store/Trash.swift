import Foundation

/// Files that no row names, and where they go.
///
/// Mostly they are what crashes left. But a row may be missing because the database lost it, and then the file is the
/// only copy of somebody's model: so none is removed at once. It is moved to `trash/`, under its name and the second it
/// was moved in, and stays there for `RetentionPolicy.trash`. A model comes back by importing its file.
public struct Orphans: Sendable, Equatable {
    /// Moved to the trash, `area/name`.
    public var moved: [String] = []
    /// Unfinished uploads and writes, removed.
    public var removed = 0

    public var count: Int { moved.count + removed }
    public var isEmpty: Bool { count == 0 }
}

extension FileStorage {
    var trash: String { directory + "/trash" }

    /// The name of a file in the trash.
    static func trashName(_ name: String, at now: Date) -> String { "\(name).\(now.microseconds / 1_000_000)" }

    /// The database's write-ahead log.
    private static let logName = "timestep.sqlite-wal"

    /// Puts a copy of the write-ahead log into the trash, where there is one: SQLite overwrites what it cannot read of
    /// it, and removes one without its database.
    func keepLog(at now: Date) throws(StoreError) {
        let bytes: [UInt8]
        do {
            bytes = try operations.read(directory + "/" + Self.logName)
        } catch {
            guard case .fileMissing = error.reason else { throw error }
            return
        }
        guard !bytes.isEmpty else { return }
        let file = try PendingFile(
            Identifier.make(prefix: FileArea.incoming.prefix, at: now), in: .incoming, of: self, at: now)
        try file.write(bytes)
        let stored = try file.complete()
        try operations.rename(path(.incoming, stored.name), to: trash + "/" + Self.trashName(Self.logName, at: now))
        file.settle()
    }

    /// When a file came into the trash, by its name; nil for files of others.
    static func trashTime(_ name: String) -> Int64? {
        guard let dot = name.lastIndex(of: ".") else { return nil }
        let stem = String(name[..<dot])
        guard FileArea.allCases.contains(where: { $0.owns(stem) }) || stem == logName else { return nil }
        return Int64(name[name.index(after: dot)...])
    }
}

extension Store {
    /// Moves files that no row names and nobody is about to name to the trash.
    ///
    /// A file that is being written, or waits for its row, is locked by its process (see `PendingFile`), so locking it
    /// fails here and it stays. Once the lock is ours, the writer has either committed its row, which the second look
    /// at the database finds, or died. Files that do not look like ours are left alone.
    @discardableResult
    func clearOrphans(at now: Date) throws(StoreError) -> Orphans {
        var orphans = Orphans()
        for area in FileArea.allCases {
            for name in try storage.operations.list(storage.directory(of: area)) where area.owns(name) {
                guard try !isNamed(name, in: area) else { continue }
                let path = storage.path(area, name)
                guard let lock = storage.operations.lock(path) else { continue }
                defer { withExtendedLifetime(lock) {} }
                guard try !isNamed(name, in: area) else { continue }
                // What cannot be moved is no reason not to start; the next clean-up tries again.
                if area == .incoming {
                    if (try? storage.operations.remove(path)) != nil { orphans.removed += 1 }
                } else {
                    let target = storage.trash + "/" + FileStorage.trashName(name, at: now)
                    if (try? storage.operations.rename(path, to: target)) != nil {
                        orphans.moved.append(area.rawValue + "/" + name)
                    }
                }
            }
        }
        return orphans
    }

    /// Removes what lay in the trash since before `time`, in seconds since 1970. Answers how many files.
    func emptyTrash(before time: Int64) throws(StoreError) -> Int {
        var removed = 0
        for name in try storage.operations.list(storage.trash) {
            guard let moved = FileStorage.trashTime(name), moved < time else { continue }
            guard (try? storage.operations.remove(storage.trash + "/" + name)) != nil else { continue }
            removed += 1
        }
        return removed
    }

    func isNamed(_ name: String, in area: FileArea) throws(StoreError) -> Bool {
        let sql: String
        switch area {
        case .incoming: return false
        case .datasets: sql = "SELECT EXISTS (SELECT 1 FROM datasets WHERE id = ?)"
        case .models: sql = "SELECT EXISTS (SELECT 1 FROM versions WHERE file = ?)"
        case .checkpoints: sql = "SELECT EXISTS (SELECT 1 FROM checkpoints WHERE file = ?)"
        }
        return try database.read { db in try Bool.fetchOne(db, sql: sql, arguments: [name]) ?? false }
    }
}
