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
    arguments: ["datasets", "versions", "models", "checkpoints"])
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
    try store.fillDisk(deleting: table, ballast: ballast)
    switch table {
    case "datasets": try store.deleteDataset(dataset.id)
    case "versions": try store.deleteVersion(1, of: "airline", at: .start)
    case "models": try store.deleteModel("airline", at: .start)
    default: #expect(try store.sweep(RetentionPolicy(checkpoints: .seconds(1)), at: .start + 9).checkpoints == 1)
    }
    #expect(try SystemFiles().read(ballast).count == Ballast.bytes)
    try store.expectWhole(folder)
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

@Test("no error says where on the machine the data folder lies")
func relativePaths() throws {
    let folder = StoreFolder()
    let files = FaultyFiles()
    let store = try folder.open(operations: files)
    for code in [ENOSPC, EIO, ENOENT] {
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
