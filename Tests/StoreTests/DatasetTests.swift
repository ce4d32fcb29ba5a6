import Foundation
import Resources
import Testing

@testable import Store

@Test("a dataset is its bytes, their digest and what was told of them, from every process's view")
func datasetRoundTrip() throws {
    let folder = StoreFolder()
    let server = try folder.open(.server)
    let writer = try server.beginDataset(at: .start)
    try writer.write(Array("a,b\n".utf8))
    try writer.write([])
    try writer.write(Array("1,2\n".utf8))
    #expect(writer.bytes == 8)
    #expect(try server.datasets(limit: 10).items.isEmpty)
    let description = DatasetDescription(origin: .inline, format: "csv", schema: "[\"a\"]", rows: 1)
    let dataset = try writer.finish(description, at: .start + 5)
    let seen = try folder.open().dataset(dataset.id)
    #expect(seen == dataset)
    #expect(dataset.id == writer.id && dataset.bytes == 8 && dataset.rows == 1 && dataset.origin == .inline)
    #expect(dataset.createdAt == .start + 5)
    #expect(dataset.digest == SHA256.hex(of: Array("a,b\n1,2\n".utf8)))
    #expect(try SystemFiles().read(server.path(of: dataset)) == Array("a,b\n1,2\n".utf8))
}

@Test("an upload that is abandoned, dropped or finished twice leaves what it should")
func uploadEnds() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let abandoned = try store.beginDataset(at: .start)
    try abandoned.write([1])
    #expect(try folder.files().count == 1)
    abandoned.abandon()
    #expect(reason { try abandoned.write([2]) } == .writerClosed)
    do {
        let dropped = try store.beginDataset(at: .start)
        try dropped.write([1])
    }
    #expect(try folder.files().isEmpty)
    let description = DatasetDescription(format: "csv", schema: "", rows: 0)
    let writer = try store.beginDataset(at: .start)
    _ = try writer.finish(description, at: .start)
    #expect(reason { _ = try writer.finish(description, at: .start) } == .writerClosed)
    writer.abandon()
    try store.expectWhole(folder)
    #expect(try store.datasets(limit: 10).items.map(\.bytes) == [0])
}

@Test("after a full disk an upload is closed and its file gone")
func fullDisk() throws {
    let folder = StoreFolder()
    let files = FaultyFiles()
    let store = try folder.open(operations: files)
    let writer = try store.beginDataset(at: .start)
    try writer.write([1])
    files.fail(1, code: ENOSPC)
    guard case .diskFull = reason({ try writer.write([2]) }) else {
        Issue.record("not a full disk")
        return
    }
    #expect(try folder.files().isEmpty)
    #expect(reason { try writer.write([3]) } == .writerClosed)
}

@Test("lists come newest first, in pages that join without gap or overlap", arguments: [1, 2, 3, 7, 8, 20])
func pages(_ limit: Int) throws {
    let store = try StoreFolder().open()
    let all = try (0..<7).map { try store.addDataset(at: .start + $0).id }
    var seen: [String] = []
    while true {
        let page = try store.datasets(after: seen.last, limit: limit)
        seen += page.items.map(\.id)
        #expect(page.items.count <= limit)
        #expect(page.hasMore == (seen.count < 7))
        if !page.hasMore { break }
    }
    #expect(seen == all.reversed())
}

@Test("a dataset stays while a job that is not over names it, and the job keeps its digest afterwards")
func datasetInUse() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let dataset = try store.addDataset()
    let new = NewJob(model: "m", spec: "{}", seed: 1, datasetID: dataset.id)
    let first = try store.submit(new, at: .start)
    let second = try store.submit(new, at: .start)
    #expect(
        reason { try store.deleteDataset(dataset.id) } == .datasetInUse(id: dataset.id, jobs: [first.id, second.id]))
    try store.cancel(first.id, at: .start)
    try store.pause(second.id, at: .start)
    #expect(reason { try store.deleteDataset(dataset.id) } == .datasetInUse(id: dataset.id, jobs: [second.id]))
    try store.cancel(second.id, at: .start)
    try store.deleteDataset(dataset.id)
    #expect(try store.job(first.id).datasetID == nil)
    #expect(try store.job(first.id).datasetDigest == dataset.digest)
    #expect(reason { try store.retry(first.id, at: .start) } == .datasetGone(job: first.id))
    #expect(try store.job(first.id).status == .cancelled)
    try store.expectWhole(folder)
}

@Test("what is not there is named")
func missingDataset() throws {
    let store = try StoreFolder().open()
    let missing = StoreError.Reason.notFound(kind: .dataset, id: "ds_x")
    #expect(reason { _ = try store.dataset("ds_x") } == missing)
    #expect(reason { try store.deleteDataset("ds_x") } == missing)
    #expect(reason { try store.touchDataset("ds_x", at: .start) } == missing)
    let job = NewJob(model: "m", spec: "", seed: 0, datasetID: "ds_x")
    #expect(reason { _ = try store.submit(job, at: .start) } == missing)
    #expect(try store.jobs(limit: 10).items.isEmpty)
}

@Test("use moves the time of last use forward only: touching, submitting, claiming")
func lastUse() throws {
    let store = try StoreFolder().open()
    let id = try store.addDataset(at: .start + 10).id
    try store.touchDataset(id, at: .start + 20)
    try store.touchDataset(id, at: .start + 15)
    #expect(try store.dataset(id).lastUsedAt == .start + 20)
    _ = try store.submit(NewJob(model: "m", spec: "", seed: 0, datasetID: id), at: .start + 30)
    #expect(try store.dataset(id).lastUsedAt == .start + 30)
    _ = try store.claim(worker: "w", lease: .seconds(1), at: .start + 40)
    #expect(try store.dataset(id).lastUsedAt == .start + 40)
}

@Test("a dataset file that was changed behind the store's back is named before it is trained on")
func verifiedDatasets() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    // Longer than the pieces in which it is read.
    let dataset = try store.addDataset([UInt8](repeating: 3, count: 3_000_000))
    let path = store.path(of: dataset)
    try store.verifyDataset(dataset)
    var bytes = try SystemFiles().read(path)
    bytes[2_999_999] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(reason { try store.verifyDataset(dataset) } == .fileDamaged(path: path))
    try Data(bytes.dropLast()).write(to: URL(fileURLWithPath: path))
    #expect(reason { try store.verifyDataset(dataset) } == .fileTorn(path: path, have: 2_999_999, need: 3_000_000))
    try SystemFiles().remove(path)
    #expect(reason { try store.verifyDataset(dataset) } == .fileMissing(path: path))
}
