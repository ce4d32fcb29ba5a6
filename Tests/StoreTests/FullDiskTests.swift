import Foundation
import GRDB
import Testing

@testable import Store

extension Store {
    /// Deletes from the table fail as on a full disk for as long as the ballast lies there.
    fileprivate func fillDisk(deleting table: String, ballast: String) throws {
        try database.write { db in
            db.add(
                function: DatabaseFunction("grow", argumentCount: 0) { _ in
                    guard access(ballast, F_OK) == 0 else { return nil }
                    throw DatabaseError(resultCode: .SQLITE_FULL)
                })
            try db.execute(sql: "CREATE TEMP TRIGGER grows BEFORE DELETE ON \(table) BEGIN SELECT grow(); END")
        }
    }
}

@Test(
    "a full disk does not keep anything from being deleted, and the room for the next time is made again",
    arguments: ["datasets", "versions", "models", "checkpoints", "aliases", "events", "idempotency"])
func deletingOnFullDisk(_ table: String) throws {
    let folder = StoreFolder()
    let store = try folder.open(.server)
    let ballast = folder.path + "/ballast"
    #expect(try SystemFiles().read(ballast).count == Ballast.bytes)
    let dataset = try store.addDataset()
    try store.addVersion()
    let job = try store.addRunningJob(model: "other")
    _ = try store.recordCheckpoint([1], step: 1, job: job.id, attempt: 1, at: .start)
    try store.fail(job.id, attempt: 1, JobFailure(code: "c", detail: "d"), at: .start)
    if table == "aliases" { try store.setAlias("live", of: "airline", to: 1, at: .start) }
    let key = IdempotencyKey(scope: "POST /train", key: "k")
    _ = try store.beginIdempotent(key, digest: "d", at: .start)
    try store.finishIdempotent(key, StoredAnswer(status: 202, headers: "", body: []))
    try store.fillDisk(deleting: table, ballast: ballast)
    switch table {
    case "datasets": try store.deleteDataset(dataset.id)
    case "versions": try store.deleteVersion(1, of: "airline", at: .start)
    case "models": try store.deleteModel("airline", at: .start)
    case "aliases": try store.removeAlias("live", of: "airline", at: .start)
    case "events": #expect(try store.sweep(RetentionPolicy(events: .seconds(1)), at: .start + 9).events > 0)
    case "idempotency":
        #expect(try store.sweep(RetentionPolicy(idempotencyKeys: .seconds(1)), at: .start + 9).idempotencyKeys == 1)
    default: #expect(try store.sweep(RetentionPolicy(checkpoints: .seconds(1)), at: .start + 9).checkpoints == 1)
    }
    #expect(try SystemFiles().read(ballast).count == Ballast.bytes)
    try store.expectWhole(folder)
}

@Test("a part of a sweep that fails keeps no other from its turn, and is told in the end")
func sweepOnFullDisk() throws {
    let folder = StoreFolder()
    let store = try folder.open(.server)
    let job = try store.addRunningJob()
    _ = try store.recordCheckpoint([1], step: 1, job: job.id, attempt: 1, at: .start)
    try store.fail(job.id, attempt: 1, JobFailure(code: "c", detail: "d"), at: .start)
    try Data([1]).write(to: URL(fileURLWithPath: folder.path + "/trash/ds_01ARYZ6S410000000000000000.1"))
    // No ballast helps here.
    try store.fillDisk(deleting: "events", ballast: folder.path)
    let second = Duration.seconds(1)
    let policy = RetentionPolicy(
        events: second, progressEvents: second, checkpoints: second, uploadedDatasets: second, trash: second)
    #expect(reason { _ = try store.sweep(policy, at: .start + 9) } == .diskFull(path: "database"))
    #expect(try folder.files().isEmpty && store.datasets(limit: 9).items.isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/trash").isEmpty)
}

@Test("a server starts on a full disk, with the room that was kept for it")
func openingOnFullDisk() throws {
    let folder = StoreFolder()
    let store = try folder.open(.server)
    try store.addDataset()
    try store.close()
    // The database is gone and its loss accepted, so that opening has a log to keep, step by step.
    for number in 1...30 {
        try Data([1]).write(to: URL(fileURLWithPath: folder.path + "/timestep.sqlite-wal"))
        unlink(folder.path + "/timestep.sqlite")
        let files = FaultyFiles()
        files.fail(number, code: ENOSPC)
        var options = Store.Options()
        options.acceptsLoss = true
        try folder.open(.server, options, operations: files).close()
        #expect(try SystemFiles().read(folder.path + "/ballast").count == Ballast.bytes)
        if files.operations.count < number { break }
    }
}

@Test("whether the disk can be written is found out by writing, and leaves nothing")
func probedDisk() throws {
    let folder = StoreFolder()
    let files = FaultyFiles()
    let store = try folder.open(operations: files)
    try store.probeDisk()
    for code in [ENOSPC, EROFS] {
        for number in 1...5 {
            files.fail(number, code: code)
            let reason = reason { try store.probeDisk() }
            guard files.operations.count >= number else { break }
            #expect(reason != nil, "operation \(number)")
        }
    }
    files.heal()
    try store.probeDisk()
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/probe"))
    #expect(try #require(store.freeBytes) > 0)
}

@Test(
    "a file whose folder is gone is refused as unwritable, leaves nothing, and is taken once the folder is back",
    arguments: [FileArea.incoming, .datasets, .models])
func vanishedFolder(_ area: FileArea) throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let path = store.storage.directory(of: area)
    func write() throws {
        if area == .models {
            _ = try store.importVersion([1, 2, 3], .plain, model: "airline", at: .start)
        } else {
            try store.addDataset()
        }
    }
    let before = try folder.files()
    // Permissions would not stop a test that runs as root.
    #expect(rename(path, path + "-away") == 0)
    guard case .unwritable(let place) = reason(write) else {
        Issue.record("another error, or none")
        return
    }
    #expect(place.hasPrefix(path + "/"))
    #expect(rename(path + "-away", path) == 0)
    #expect(try folder.files() == before)
    try write()
    try store.expectWhole(folder)
}

@Test("no error says where on the machine the data folder lies")
func relativePaths() throws {
    let folder = StoreFolder()
    let files = FaultyFiles()
    let store = try folder.open(operations: files)
    for code in [ENOSPC, EIO, ENOENT, EROFS] {
        for number in 1...5 {
            files.fail(number, code: code)
            do {
                try store.addDataset()
                Issue.record("operation \(number) failed unnoticed")
            } catch {
                #expect(!error.description.contains(folder.path) && !error.description.contains("/tmp"), "\(error)")
            }
        }
    }
    files.heal()
    let version = try store.addVersion()
    for file in try folder.files() { unlink(folder.path + "/" + file) }
    do {
        _ = try store.modelFile(of: version)
        Issue.record("read")
    } catch {
        #expect(error.description.contains("models/mdl_") && !error.description.contains(folder.path))
    }
}

@Test("a version that is deleted while its file is being opened is not found, and not damaged")
func deletedWhileRead() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let files = FaultyFiles()
    let reader = try folder.open(operations: files)
    let version = try store.addVersion()
    files.beforeReading { _ = try? store.deleteVersion(1, of: "airline", at: .start) }
    #expect(reason { _ = try reader.modelFile(of: version) } == .notFound(kind: .version, id: "airline:1"))
}
