import Foundation
import Synchronization
import Testing

@testable import Store

@Test("a policy that says nothing removes nothing")
func emptyPolicy() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let job = try store.addRunningJob()
    _ = try store.recordCheckpoint([1], step: 1, job: job.id, attempt: 1, at: .start)
    _ = try store.beginIdempotent(IdempotencyKey(scope: "s", key: "k"), digest: "", at: .start)
    try store.cancel(job.id, at: .start)
    try store.release(job.id, attempt: 1, at: .start)
    let before = try folder.files()
    #expect(try store.sweep(RetentionPolicy(), at: .start + 1_000_000_000) == SweepReport())
    #expect(try folder.files() == before)
}

@Test("events go a while after their job's end, progress of any job after a while, and numbers are not given again")
func sweptEvents() throws {
    let store = try StoreFolder().open()
    let running = try store.addRunningJob()
    let ended = try store.addRunningJob()
    for job in [running, ended] {
        _ = try store.report(JobProgress(fraction: 0), event: "p", job: job.id, attempt: 1, at: .start)
    }
    try store.fail(ended.id, attempt: 1, JobFailure(code: "c", detail: "d"), at: .start + 100)
    let last = try #require(try store.events(of: ended.id, limit: 99).items.last).sequence
    let policy = RetentionPolicy(events: .seconds(50), progressEvents: .seconds(120))
    #expect(try store.sweep(policy, at: .start + 110).events == 0)
    #expect(try store.sweep(policy, at: .start + 121).events == 2)
    #expect(try store.events(of: running.id, limit: 99).items.map(\.kind) == [.status, .status])
    #expect(try store.sweep(policy, at: .start + 151).events == 5)
    #expect(try store.events(of: ended.id, limit: 99).items.isEmpty)
    #expect(try store.events(of: running.id, limit: 99).items.count == 2)
    _ = try store.report(JobProgress(fraction: 0), epochs: [""], job: running.id, attempt: 1, at: .start + 151)
    #expect(try #require(try store.events(of: running.id, limit: 99).items.last).sequence > last)
}

@Test("checkpoints of jobs that ended go with their files; those of others stay however old")
func sweptCheckpoints() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let paused = try store.addRunningJob()
    let failed = try store.addRunningJob()
    for job in [paused, failed] {
        for step in 1...2 { _ = try store.recordCheckpoint([1], step: step, job: job.id, attempt: 1, at: .start) }
    }
    try store.pause(paused.id, at: .start)
    try store.release(paused.id, attempt: 1, at: .start)
    try store.fail(failed.id, attempt: 1, JobFailure(code: "c", detail: "d"), at: .start + 100)
    let policy = RetentionPolicy(checkpoints: .seconds(50))
    #expect(try store.sweep(policy, at: .start + 150).checkpoints == 0)
    #expect(try store.sweep(policy, at: .start + 151).checkpoints == 2)
    #expect(try store.checkpoints(of: failed.id).isEmpty)
    #expect(try store.checkpoints(of: paused.id).count == 2)
    try store.expectWhole(folder)
    // The failed job can still be retried: it starts over.
    #expect(try store.retry(failed.id, at: .start + 200).status == .queued)
    #expect(try store.newestCheckpoint(of: failed.id) == nil)
}

@Test("unused datasets go by age and origin, never while a job needs them")
func sweptDatasets() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let upload = try store.addDataset(origin: .upload)
    let inline = try store.addDataset(origin: .inline)
    let touched = try store.addDataset(origin: .inline)
    try store.touchDataset(touched.id, at: .start + 80)
    let needed = try store.addDataset(origin: .inline)
    let job = try store.submit(NewJob(model: "m", spec: "", seed: 0, datasetID: needed.id), at: .start)
    let policy = RetentionPolicy(uploadedDatasets: .seconds(1_000), inlineDatasets: .seconds(50))
    #expect(try store.sweep(policy, at: .start + 100).datasets == 1)
    #expect(reason { _ = try store.dataset(inline.id) } == .notFound(kind: .dataset, id: inline.id))
    #expect(Set(try store.datasets(limit: 9).items.map(\.id)) == [upload.id, touched.id, needed.id])
    // A job keeps its dataset for a while after its end, too: for a retry.
    try store.cancel(job.id, at: .start + 200)
    #expect(try store.sweep(policy, at: .start + 240).datasets == 1)
    #expect(try store.sweep(policy, at: .start + 251).datasets == 1)
    #expect(try store.sweep(policy, at: .start + 1_001).datasets == 1)
    #expect(try store.job(job.id).datasetDigest == needed.digest)
    try store.expectWhole(folder)
}

@Test("answered keys go by age, those being answered stay")
func sweptKeys() throws {
    let store = try StoreFolder().open()
    let keys = (0..<3).map { IdempotencyKey(scope: "s", key: "\($0)") }
    for (age, key) in keys.enumerated() { _ = try store.beginIdempotent(key, digest: "", at: .start + age * 10) }
    for key in keys.dropFirst() { try store.finishIdempotent(key, StoredAnswer(status: 200, headers: "", body: [])) }
    let policy = RetentionPolicy(idempotencyKeys: .seconds(100))
    #expect(try store.sweep(policy, at: .start + 115).idempotencyKeys == 1)
    #expect(try store.beginIdempotent(keys[0], digest: "", at: .start) == .inProgress)
    #expect(try store.beginIdempotent(keys[1], digest: "", at: .start) == .fresh)
}

@Test("a sweep removes more events than fit one of its transactions")
func manyEvents() throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob()
    try store.database.write { db in
        try db.execute(
            sql: """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
                INSERT INTO events (job_id, attempt, kind, payload, at) SELECT ?, 1, 'progress', 'p', 0 FROM n
                """, arguments: [job.id])
    }
    #expect(try store.sweep(RetentionPolicy(progressEvents: .seconds(1)), at: .start).events == 12_000)
    #expect(try store.events(of: job.id, limit: 99).items.count == 2)
}

@Test(
    "of each kind of events of one job, running or just over, the newest are kept, however old the job is",
    arguments: Array(Store.mostEvents))
func crowdedEvents(_ kind: JobEvent.Kind, _ most: Int) throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob()
    let other = try store.addRunningJob()
    let told = try store.events(of: job.id, limit: 9).items.filter { $0.kind == kind }.count
    func tell(_ count: Int) throws {
        try store.database.write { db in
            try db.execute(
                sql: """
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
                    INSERT INTO events (job_id, attempt, kind, payload, at) SELECT ?, 1, ?, CAST(i AS TEXT), 0 FROM n
                    """, arguments: [count, job.id, kind.rawValue])
        }
    }
    try tell(most + 6_000)
    #expect(try store.sweep(RetentionPolicy(), at: .start).events == told + 6_000)
    #expect(try store.sweep(RetentionPolicy(), at: .start).events == 0)
    let left = try store.database.read { db in
        try Int.fetchOne(
            db, sql: "SELECT COUNT(*) FROM events WHERE job_id = ? AND kind = ?", arguments: [job.id, kind.rawValue])
    }
    #expect(left == most)
    // A listener who saw an event that went, goes on with the oldest that is left.
    let next = try store.events(of: job.id, after: 6, limit: 9).items.first { $0.kind == kind }
    #expect(next?.payload == "6001")
    #expect(try store.events(of: other.id, limit: 9).items.count == 2)
    try tell(1)
    try store.fail(job.id, attempt: 1, JobFailure(code: "c", detail: "d"), at: .start)
    #expect(try store.sweep(RetentionPolicy(), at: .start + 600).events >= 1)
}

@Test("files without a row go at the next start; files that are not the store's stay")
func orphans() throws {
    let folder = StoreFolder()
    do {
        let store = try folder.open()
        try store.addDataset()
        try store.addVersion()
    }
    let ulid = "01ARYZ6S410000000000000000"
    let orphans = ["incoming/part_", "datasets/ds_", "models/mdl_", "checkpoints/ckp_"].map { $0 + ulid }
    let strangers = ["incoming/notes.txt", "models/mdl_short", "datasets/ds_\(ulid).bak", "models/ds_\(ulid)"]
    for file in orphans + strangers { try Data([1]).write(to: URL(fileURLWithPath: folder.path + "/" + file)) }
    let before = try folder.files()
    _ = try folder.open(.worker)
    #expect(try folder.files() == before)
    _ = try folder.open(.server)
    #expect(try folder.files() == before.subtracting(orphans))
}

private final class Flag: Sendable {
    let isUp = Atomic(false)
}

@Test("the clean-up never takes a file that is being written or waits for its row")
func cleanUpSparesWriters() throws {
    let folder = StoreFolder()
    let uploads = 40
    let done = Flag()
    let store = try folder.open(.server)
    // Another process's view; it cleans without pause while the files come and go. On a thread of its own: a task that
    // never waits would keep the tests' own threads from the writer, for ever where there is only one.
    let cleaner = try folder.open()
    let cleaned = DispatchSemaphore(value: 0)
    Thread {
        do {
            while !done.isUp.load(ordering: .relaxed) { try cleaner.clearOrphans(at: .start) }
        } catch { Issue.record(error) }
        cleaned.signal()
    }.start()
    do {
        defer {
            done.isUp.store(true, ordering: .relaxed)
            cleaned.wait()
        }
        let job = try store.addRunningJob()
        for index in 0..<uploads {
            try store.addDataset([UInt8](repeating: UInt8(index), count: 3_000))
            _ = try store.recordCheckpoint([UInt8(index)], step: index, job: job.id, attempt: 1, at: .start)
            _ = try store.importVersion([UInt8(index)], .plain, model: "m", at: .start)
        }
    }
    #expect(try store.datasets(limit: 1_000).items.count == uploads + 1)
    try store.expectWhole(folder)
}

@Test("a file whose row is not committed yet survives the clean-up under either name")
func cleanUpBetweenFileAndRow() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let cleaner = try folder.open()
    let writer = try store.beginDataset(at: .start)
    try writer.write([1, 2, 3])
    try cleaner.clearOrphans(at: .start)
    #expect(try folder.files().count == 1)
    let name = Identifier.make(prefix: "mdl", at: .start)
    let pending = try PendingFile(name, in: .models, of: store.storage, at: .start)
    try pending.write([1])
    _ = try pending.complete()
    try cleaner.clearOrphans(at: .start)
    #expect(try folder.files().contains("models/" + name))
    pending.settle()
    try cleaner.clearOrphans(at: .start)
    #expect(try !folder.files().contains("models/" + name))
    _ = try writer.finish(DatasetDescription(format: "csv", schema: "", rows: 0), at: .start)
    try store.expectWhole(folder)
}

@Test("a file whose row is committed between the clean-up's first look and its lock stays")
func cleanUpLooksTwice() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let files = FaultyFiles()
    let cleaner = try folder.open(operations: files)
    let name = Identifier.make(prefix: "ds", at: .start)
    let pending = try PendingFile(name, in: .datasets, of: store.storage, at: .start)
    try pending.write([1, 2])
    let stored = try pending.complete()
    let dataset = Dataset(
        id: name, origin: .upload, format: "csv", schema: "", rows: 0, bytes: stored.bytes, digest: stored.digest,
        createdAt: .start, lastUsedAt: .start)
    nonisolated(unsafe) let writer = pending  // Used by this thread alone: the clean-up runs on it.
    files.watchLocks {
        do { try store.insert(dataset, naming: writer) } catch { Issue.record(error) }
        writer.settle()
    }
    #expect(try cleaner.clearOrphans(at: .start).count == 0)
    try store.expectWhole(folder)
}

@Test("after a commit that may have succeeded the file stays until the clean-up knows; after one that did not it goes")
func doubtfulCommit() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    func left(after reason: StoreError.Reason) throws -> Int {
        let name = Identifier.make(prefix: "mdl", at: .start)
        let pending = try PendingFile(name, in: .models, of: store.storage, at: .start)
        _ = try pending.complete()
        do {
            try store.database.write(naming: pending) { _ in throw StoreError(reason, "") }
        } catch {
            #expect(error.reason == reason)
        }
        return try folder.files().count
    }
    #expect(try left(after: .busy) == 0)
    #expect(try left(after: .diskFull(path: "database")) == 0)
    #expect(try left(after: .inputOutput(operation: "use", path: "database", code: 1034)) == 1)
    #expect(try left(after: .unwritable(path: "database")) == 2)
    #expect(try store.clearOrphans(at: .start).count == 2)
}
