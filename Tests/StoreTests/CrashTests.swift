import Foundation
import Glibc
import Resources
import Synchronization
import Testing

@testable import Store

/// Longer than the free room of a database page, so that storing it makes the database grow by several pages.
private let longText = String(repeating: "0123456789", count: 2_000)

/// A piece of work that touches files. What it needs is prepared without faults.
struct Story: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Whether a failing operation may go unnoticed: removals after the transaction are made good by the next start.
    let mayFailSilently: Bool
    /// Whether it stores `longText`.
    var grows = true
    let prepare: @Sendable (Store) throws -> Void
    /// Can be done again after it failed.
    let act: @Sendable (Store) throws -> Void

    static let all = [
        Story(testDescription: "upload a dataset", mayFailSilently: false, prepare: { _ in }) { store in
            let writer = try store.beginDataset(at: .start)
            for piece in 0..<3 { try writer.write([UInt8](repeating: UInt8(piece), count: 100)) }
            _ = try writer.finish(DatasetDescription(format: "csv", schema: longText, rows: 3), at: .start)
        },
        Story(testDescription: "write a checkpoint", mayFailSilently: true) { store in
            let job = try store.addRunningJob()
            for step in 1...2 {
                _ = try store.recordCheckpoint([UInt8(step)], step: step, job: job.id, attempt: 1, at: .start)
            }
        } act: { store in
            let job = try #require(try store.jobs(limit: 1).items.first)
            let verdict = try store.recordCheckpoint(
                [UInt8](repeating: 3, count: 500), step: 3, event: longText, job: job.id, attempt: 1, at: .start)
            #expect(verdict == .keep)
        },
        Story(testDescription: "publish", mayFailSilently: true) { store in
            let job = try store.addRunningJob()
            _ = try store.recordCheckpoint([1], step: 1, job: job.id, attempt: 1, at: .start)
        } act: { store in
            let job = try #require(try store.jobs(limit: 1).items.first)
            let new = NewVersion(description: longText, report: longText, codeVersion: "0.1")
            _ = try store.publish([UInt8](repeating: 1, count: 500), new, job: job.id, attempt: 1, at: .start)
        },
        Story(testDescription: "import a model", mayFailSilently: false, prepare: { _ in }) { store in
            let new = NewVersion(description: longText, report: longText, codeVersion: "0.1")
            _ = try store.importVersion([1, 2, 3], new, model: "airline", at: .start)
        },
        Story(testDescription: "delete a dataset", mayFailSilently: true, grows: false) { store in
            try store.addDataset()
        } act: { store in
            for dataset in try store.datasets(limit: 1).items { try store.deleteDataset(dataset.id) }
        },
        Story(testDescription: "delete a version", mayFailSilently: true, grows: false) { store in
            try store.addVersion()
        } act: { store in
            for version in try store.versions(of: "airline", limit: 1).items {
                try store.deleteVersion(version.version, of: "airline", at: .start)
            }
        },
        Story(testDescription: "delete a model", mayFailSilently: true, grows: false) { store in
            for _ in 1...3 { try store.addVersion() }
            try store.setAlias("best", of: "airline", to: 2, at: .start)
        } act: { store in
            for model in try store.models(limit: 1).items { try store.deleteModel(model.name, at: .start) }
        },
        Story(testDescription: "retry from the start", mayFailSilently: true, grows: false) { store in
            let job = try store.addRunningJob()
            _ = try store.recordCheckpoint([1], step: 1, job: job.id, attempt: 1, at: .start)
            try store.fail(job.id, attempt: 1, JobFailure(code: "diverged", detail: "it diverged"), at: .start)
        } act: { store in
            for job in try store.jobs(status: .failed, limit: 1).items {
                try store.retry(job.id, from: .start, at: .start)
            }
        },
        Story(testDescription: "sweep", mayFailSilently: true, grows: false) { store in
            try store.addDataset()
            let job = try store.addRunningJob()
            _ = try store.recordCheckpoint([1], step: 1, job: job.id, attempt: 1, at: .start)
            try store.cancel(job.id, at: .start)
            try store.release(job.id, attempt: 1, at: .start)
        } act: { store in
            let age = Duration.seconds(5)
            let policy = RetentionPolicy(events: age, checkpoints: age, uploadedDatasets: age)
            _ = try store.sweep(policy, at: .start + 100)
        },
    ]
}

@Test(
    "whichever file operation fails, the error is typed, nothing is left behind, and the work can be repeated",
    arguments: Story.all, [ENOSPC, EIO])
func everyFailingOperation(_ story: Story, _ code: Int32) throws {
    for number in 1... {
        let folder = StoreFolder()
        let files = FaultyFiles()
        let store = try folder.open(operations: files)
        try story.prepare(store)
        let before = try folder.files()
        files.fail(number, code: code)
        let reason = reason { try story.act(store) }
        let isThrough = files.operations.count < number
        files.heal()
        if let reason {
            switch reason {
            case .diskFull: #expect(code == ENOSPC)
            case .inputOutput(_, _, let found): #expect(code == EIO && found == EIO)
            default: Issue.record("\(reason) at operation \(number)")
            }
            #expect(try folder.files().subtracting(before).isEmpty, "operation \(number) left a file behind")
        } else {
            #expect(isThrough || story.mayFailSilently, "operation \(number) failed unnoticed")
        }
        try story.act(store)
        try store.clearOrphans(at: .start)
        try store.expectWhole(folder)
        if isThrough {
            #expect(number > 1, "the story touched no file")
            return
        }
    }
}

@Test(
    "whenever the process dies, the next start finds a whole store, and the work can be repeated",
    arguments: Story.all)
func everyCrash(_ story: Story) throws {
    let folder = StoreFolder()
    let files = FaultyFiles()
    let store = try folder.open(.server, operations: files)
    try story.prepare(store)
    // What the disk holds before and after each operation, in the middle of writes, and at the end.
    let remains = Mutex<[StoreFolder]>([])
    let snapshot: @Sendable () -> Void = {
        let copy = StoreFolder()
        do {
            try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path)
        } catch {
            Issue.record(error)
        }
        remains.withLock { $0.append(copy) }
    }
    files.watch(snapshot)
    try story.act(store)
    snapshot()
    let copies = remains.withLock { $0 }
    #expect(copies.count > 2, "the story touched no file")
    for copy in copies {
        let store = try copy.open(.server)
        try store.expectWhole(copy)
        try story.act(store)
        try store.clearOrphans(at: .start)
        try store.expectWhole(copy)
    }
}

@Test(
    "whichever page the database cannot write, the error is disk full, nothing is left behind, and the work can be repeated",
    arguments: Story.all)
func everyFullPage(_ story: Story) throws {
    var failures = 0
    for extra in 0... {
        let folder = StoreFolder()
        let store = try folder.open()
        try story.prepare(store)
        try store.database.write { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            try db.execute(sql: "PRAGMA max_page_count = \(pages + extra)")
        }
        let before = try folder.files()
        let reason = reason { try story.act(store) }
        if let reason {
            failures += 1
            #expect(reason == .diskFull(path: "database"))
            #expect(try folder.files() == before)
        }
        try store.database.write { db in try db.execute(sql: "PRAGMA max_page_count = 1000000") }
        try story.act(store)
        try store.clearOrphans(at: .start)
        try store.expectWhole(folder)
        if reason == nil {
            #expect(failures > 3 || !story.grows, "the database never had to grow")
            return
        }
    }
}

@Test("short writes lose nothing")
func shortWrites() throws {
    let folder = StoreFolder()
    let files = FaultyFiles()
    let store = try folder.open(operations: files)
    files.limitWrites(to: 7)
    let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0) }
    let dataset = try store.addDataset(bytes)
    #expect(try SystemFiles().read(store.path(of: dataset)) == bytes)
    #expect(dataset.digest == SHA256.hex(of: bytes))
}

@Test(
    "a file is written, synced, renamed, and its directory synced, in this order, before its row; others go after theirs"
)
func orderOfOperations() throws {
    let folder = StoreFolder()
    let files = FaultyFiles()
    let store = try folder.open(operations: files)
    let arrival = ["create", "write", "sync", "rename", "sync directory"]
    files.heal()
    let dataset = try store.addDataset()
    #expect(files.operations == arrival)
    files.heal()
    try store.deleteDataset(dataset.id)
    #expect(files.operations == ["remove"])
    let job = try store.addRunningJob()
    for step in 1...2 {
        files.heal()
        _ = try store.recordCheckpoint([1], step: step, job: job.id, attempt: 1, at: .start)
        #expect(files.operations == arrival)
    }
    files.heal()
    _ = try store.recordCheckpoint([1], step: 3, job: job.id, attempt: 1, at: .start)
    #expect(files.operations == arrival + ["remove"])
    files.heal()
    _ = try store.publish([1], .plain, job: job.id, attempt: 1, at: .start)
    #expect(files.operations == arrival + ["remove", "remove"])
}
