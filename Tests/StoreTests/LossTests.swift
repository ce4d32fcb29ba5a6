import Foundation
import Testing

@testable import Store

/// A folder as a server leaves it that is killed: with what it committed in the write-ahead log.
private func killedFolder() throws -> StoreFolder {
    let folder = StoreFolder()
    let store = try folder.open(.server)
    try store.addDataset()
    for _ in 1...3 { try store.addVersion() }
    let copy = StoreFolder()
    try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path)
    try store.close()
    return copy
}

extension StoreFolder {
    fileprivate var database: URL { URL(fileURLWithPath: path + "/timestep.sqlite") }
    fileprivate var log: URL { URL(fileURLWithPath: path + "/timestep.sqlite-wal") }

    fileprivate func trash() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/trash").sorted()
    }

    fileprivate func flip(bit: Int, of file: URL) throws {
        var bytes = try Data(contentsOf: file)
        bytes[bit / 8] ^= 1 << (bit % 8)
        try bytes.write(to: file)
    }

    fileprivate func acceptingServer() throws -> Store {
        var options = Store.Options()
        options.acceptsLoss = true
        return try open(.server, options)
    }
}

@Test("a folder whose server was killed opens without a word, and every file is still named")
func killedServer() throws {
    let folder = try killedFolder()
    #expect(try Data(contentsOf: folder.log).count > 10_000)
    let files = try folder.files()
    let store = try folder.open(.server)
    #expect(store.orphansAtStart.isEmpty && store.acceptedLoss == nil)
    #expect(try folder.files() == files && folder.trash().isEmpty)
    try store.expectWhole(folder)
}

@Test("with any bit of the write-ahead log flipped, a server either finds all or refuses, and deletes nothing")
func flippedLog() throws {
    var generator = SeededGenerator(state: 4)
    var refusals = 0
    for _ in 0..<24 {
        let folder = try killedFolder()
        let files = try folder.files()
        let size = try Data(contentsOf: folder.log).count
        try folder.flip(bit: Int.random(in: 0..<size * 8, using: &generator), of: folder.log)
        let log = try Data(contentsOf: folder.log)
        do {
            // The bit lay in what a later frame replaces, or in no frame at all.
            try folder.open(.server).expectWhole(folder)
        } catch {
            refusals += 1
            #expect((error as? StoreError)?.reason == .transactionsLost)
            // What SQLite cannot read is left for whoever can, and no worker writes over it.
            #expect(try Data(contentsOf: folder.log) == log)
            #expect(reason { _ = try folder.open(.worker) } == .transactionsLost)
            #expect(try Data(contentsOf: folder.log) == log)
        }
        #expect(try folder.files() == files && folder.trash().isEmpty)
    }
    #expect(refusals > 12)
}

@Test("a new database does not live in its log alone")
func newDatabase() throws {
    let folder = StoreFolder()
    let store = try folder.open(.server)
    #expect(try Data(contentsOf: folder.log).isEmpty)
    #expect(try Data(contentsOf: folder.database).count > 4096)
    withExtendedLifetime(store) {}
}

@Test("a write-ahead log that was removed, or cut, is missed")
func missingLog() throws {
    for length in [0, 32, 9_000] {
        let folder = try killedFolder()
        let files = try folder.files()
        try Data(contentsOf: folder.log).prefix(length).write(to: folder.log)
        if length == 0 { try FileManager.default.removeItem(at: folder.log) }
        #expect(reason { _ = try folder.open(.server) } == .transactionsLost)
        #expect(try folder.files() == files)
    }
}

@Test("a database that is gone is missed by its files, its mark or its log; an empty folder is no loss")
func missingDatabase() throws {
    for traces in 0..<8 {
        let folder = try killedFolder()
        try FileManager.default.removeItem(at: folder.database)
        if traces & 1 == 0 { try FileManager.default.removeItem(atPath: FolderMark.path(folder.path)) }
        if traces & 2 == 0 { try FileManager.default.removeItem(at: folder.log) }
        if traces & 4 == 0 { for file in try folder.files() { unlink(folder.path + "/" + file) } }
        let files = try folder.files()
        let reason = reason { _ = try folder.open(.server) }
        #expect(reason == (traces == 0 ? nil : .transactionsLost))
        #expect(try folder.files() == files)
    }
}

@Test("an older copy of the database, and the database of another folder, are refused")
func foreignDatabase() throws {
    /// The database of a folder after one more dataset and an orderly end, when it has everything.
    func next(_ folder: StoreFolder) throws -> Data {
        let store = try folder.open(.server)
        try store.addDataset()
        try store.close()
        #expect((try? Data(contentsOf: folder.log))?.isEmpty ?? true)
        return try Data(contentsOf: folder.database)
    }
    let folder = StoreFolder()
    let old = try next(folder)
    let new = try next(folder)
    try old.write(to: folder.database)
    do {
        _ = try folder.open(.server)
        Issue.record("opened")
    } catch {
        #expect(error.reason == .transactionsLost)
        #expect(error.description.contains("Restore") && !error.description.contains(folder.path))
    }
    let other = StoreFolder()
    for _ in 1...9 { try next(other).write(to: folder.database) }
    #expect(reason { _ = try folder.open(.server) } == .transactionsLost)
    try new.write(to: folder.database)
    #expect(try folder.open(.server).datasets(limit: 9).items.count == 2)
}

@Test("a loss that is accepted puts the files without a row and the log into the trash, once, and the store goes on")
func acceptedLoss() throws {
    for gone in [true, false] {
        let folder = try killedFolder()
        let files = try folder.files()
        if gone {
            try FileManager.default.removeItem(at: folder.database)
        } else {
            try Data(contentsOf: folder.log).prefix(40).write(to: folder.log)
        }
        let store = try folder.acceptingServer()
        #expect(store.acceptedLoss?.reason == .transactionsLost)
        #expect(Set(store.orphansAtStart.moved) == files)
        #expect(try folder.files().isEmpty && folder.trash().count == files.count + 1)
        try store.addVersion()
        try store.expectWhole(folder)
        try store.close()
        let next = try folder.open(.server)
        #expect(next.acceptedLoss == nil && next.orphansAtStart.isEmpty)
        try next.expectWhole(folder)
    }
}

@Test("files in the trash go when they have lain there for long enough; what is not ours stays")
func trashIsEmptied() throws {
    let folder = StoreFolder()
    let store = try folder.open(.server)
    let name = "ds_01ARYZ6S410000000000000000"
    try Data([1]).write(to: URL(fileURLWithPath: folder.path + "/datasets/" + name))
    try Data([1]).write(to: URL(fileURLWithPath: folder.path + "/trash/notes.1"))
    let policy = RetentionPolicy(trash: .seconds(100))
    #expect(try store.sweep(policy, at: .start).orphans.moved == ["datasets/" + name])
    #expect(try folder.trash().count == 2)
    #expect(try store.sweep(policy, at: .start + 100).trash == 0)
    #expect(try store.sweep(policy, at: .start + 101).trash == 1)
    #expect(try folder.trash() == ["notes.1"])
}

@Test("after an end that was not clean a damaged page of the database is refused and named, and nothing is deleted")
func damagedPage() throws {
    let folder = StoreFolder()
    let store = try folder.open(.server)
    for _ in 1...3 { try store.addVersion() }
    try store.close()
    // Whether the last end was clean is the note in the lock's file.
    #expect(FileLock.holder(of: folder.path + "/server.lock") == nil)
    try Data("1\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/server.lock"))
    let files = try folder.files()
    let whole = try Data(contentsOf: folder.database)
    var refusals = 0
    for page in 1..<whole.count / 4096 {
        var bytes = whole
        // The kind of a page, and how many cells it has.
        bytes[page * 4096] ^= 0x40
        bytes[page * 4096 + 3] ^= 0x40
        try bytes.write(to: folder.database)
        if reason({ _ = try folder.open(.server) }) == .damagedDatabase { refusals += 1 }
        #expect(try folder.files() == files)
    }
    #expect(refusals > whole.count / 4096 / 2)
    try whole.write(to: folder.database)
    _ = try folder.open(.server)
}

@Test("the database and its log are their owner's alone, also where they were not")
func rights() throws {
    let folder = StoreFolder()
    var store = try folder.open(.server)
    try store.addDataset()
    func rights(_ suffix: String) -> mode_t {
        var status = stat()
        return stat(folder.database.path + suffix, &status) == 0 ? status.st_mode & 0o777 : 0
    }
    for suffix in ["", "-wal", "-shm"] { #expect(rights(suffix) == 0o600) }
    try store.close()
    chmod(folder.database.path, 0o644)
    store = try folder.open(.server)
    try store.addDataset()
    for suffix in ["", "-wal", "-shm"] { #expect(rights(suffix) == 0o600) }
}

@Test("the write-ahead log stays small, however much is written, and is emptied on demand")
func boundedLog() throws {
    let folder = StoreFolder()
    let store = try folder.open(.server)
    let job = try store.addRunningJob()
    for step in 0..<2_000 {
        _ = try store.report(
            JobProgress(fraction: 0), event: String(repeating: "p", count: 2_000), job: job.id, attempt: 1,
            at: .start + step)
    }
    #expect(try Data(contentsOf: folder.log).count < 2 << 20)
    try store.checkpointLog()
    // The database alone has it all now.
    let copy = StoreFolder()
    try FileManager.default.createDirectory(atPath: copy.path, withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: folder.database, to: copy.database)
    #expect(try copy.open().events(of: job.id, limit: 9_999).items.count == 2_002)
}
