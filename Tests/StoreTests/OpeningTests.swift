import Foundation
import Synchronization
import Testing

@testable import Store

@Test("a second server on a data folder is refused and told who runs; a worker is not")
func oneServer() throws {
    let folder = StoreFolder()
    let first = try folder.open(.server)
    let process = Int(ProcessInfo.processInfo.processIdentifier)
    #expect(reason { _ = try folder.open(.server) } == .serverRunning(directory: folder.path, processID: process))
    _ = try folder.open(.worker)
    try first.close()
    _ = try folder.open(.server)
}

@Test("a server that ended gives the data folder free")
func lockEndsWithItsHolder() throws {
    let folder = StoreFolder()
    do {
        let store = try folder.open(.server)
        try store.addDataset()
    }
    let store = try folder.open(.server)
    #expect(try store.datasets(limit: 10).items.count == 1)
}

@Test("the database is in write-ahead mode, with foreign keys, synced at every commit")
func pragmas() throws {
    let folder = StoreFolder()
    let store = try Store(directory: folder.path, role: .worker, at: .start)
    let values = try store.database.write { db in
        try ["journal_mode", "foreign_keys", "synchronous"].map {
            try String.fetchOne(db, sql: "SELECT CAST((SELECT * FROM pragma_\($0)) AS TEXT)") ?? ""
        }
    }
    #expect(values == ["wal", "1", "2"])
}

@Test("a write transaction takes the lock at its start and waits for another's, up to the busy time-out")
func immediateTransactions() throws {
    let folder = StoreFolder()
    var options = Store.Options()
    options.busyTimeout = .milliseconds(50)
    let first = try folder.open(.worker, options)
    let second = try folder.open(.worker, options)
    try first.database.write { _ in
        // Nothing written yet, and the lock is held all the same.
        #expect(reason { try second.addDataset() } == .busy)
        let seen = try second.datasets(limit: 10)
        #expect(seen.items.isEmpty)
    }
    try second.addDataset()
    try second.expectWhole(folder)
}

@Test("many that open an empty folder at once make one schema")
func concurrentOpening() async throws {
    // Several rounds: they must meet in the moments between the first look at the schema and the last step.
    for _ in 0..<8 {
        let folder = StoreFolder()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { try folder.open().addDataset() } }
            try await group.waitForAll()
        }
        #expect(try folder.open(.server).datasets(limit: 100).items.count == 4)
    }
}

@Test("the data version changes with every commit of another store and not by reading")
func dataVersion() throws {
    let folder = StoreFolder()
    let server = try folder.open(.server)
    let worker = try folder.open(.worker)
    var last = try server.dataVersion()
    for _ in 0..<3 {
        try worker.addDataset()
        let next = try server.dataVersion()
        #expect(next != last)
        last = next
        _ = try worker.datasets(limit: 10)
        _ = try server.claim(worker: "w", lease: .seconds(1), at: .start)
        #expect(try server.dataVersion() == last)
        // Its own commits count too: a long poll may wait for what a request of this server does.
        try server.addDataset()
        #expect(try server.dataVersion() != last)
        last = try server.dataVersion()
    }
}

@Test("a file that is no database is named as damaged")
func notADatabase() throws {
    let folder = StoreFolder()
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    try Data(repeating: 7, count: 4096).write(to: URL(fileURLWithPath: folder.path + "/timestep.sqlite"))
    #expect(reason { _ = try folder.open() } == .damagedDatabase)
}

@Test("a data folder that cannot be made is a typed error")
func noFolder() throws {
    let reason = reason { _ = try Store(directory: "/dev/null/data", role: .worker, at: .start) }
    guard case .inputOutput(_, _, let code) = reason else {
        Issue.record("\(String(describing: reason))")
        return
    }
    #expect(code == ENOTDIR)
}

@Test("a closed store throws typed errors")
func closed() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    try store.close()
    #expect(reason { _ = try store.job("job_1") } != nil)
    #expect(reason { try store.addDataset() } != nil)
    #expect(try folder.files().isEmpty)
}
