import Foundation
import Testing

@testable import Store

@Test("a job is queued, claimed, published, and its version is found by name")
func wholePath() throws {
    let folder = StoreFolder()
    let store = try folder.open(.server)
    let writer = try store.beginDataset(at: .zero)
    try writer.write(Array("a,b\n1,2\n".utf8))
    let dataset = try writer.finish(DatasetDescription(format: "csv", schema: "[]", rows: 1), at: .zero)
    let submitted = try store.submit(
        NewJob(model: "airline", spec: "{}", seed: 7, datasetID: dataset.id), at: .zero)
    #expect(submitted.status == .queued)
    #expect(try store.queuePosition(of: submitted.id) == 0)
    let claimed = try #require(try store.claim(worker: "w", lease: .seconds(10), at: .zero + 1))
    #expect(claimed.id == submitted.id && claimed.status == .running && claimed.attempt == 1)
    let verdict = try store.recordCheckpoint([1, 2, 3], step: 5, job: claimed.id, attempt: 1, at: .zero + 2)
    #expect(verdict == .keep)
    #expect(try store.newestCheckpoint(of: claimed.id)?.bytes == [1, 2, 3])
    let new = NewVersion(description: "{}", metrics: ["rmse": 1.5], report: "r", codeVersion: "1")
    guard case .published(let version) = try store.publish([9, 9], new, job: claimed.id, attempt: 1, at: .zero + 3)
    else {
        Issue.record("not published")
        return
    }
    #expect(version.version == 1)
    #expect(try store.version(ModelReference(parsing: "airline")) == version)
    #expect(try store.modelFile(of: version) == [9, 9])
    #expect(try store.job(claimed.id).status == .succeeded)
}
