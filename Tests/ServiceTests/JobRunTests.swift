import Foundation
import Store
import Testing
import Training

@testable import Service

@Suite struct JobRunTests {
    @Test("every epoch is told once and in order, however fast they end, and far fewer writes tell of them")
    func epochs() throws {
        let place = try Workplace()
        let job = try place.work(on: place.submit(epochs: 2000))
        #expect(job.status == .succeeded)
        #expect(try place.epochs(of: job) == Array(1...2000))
        // One transaction gives all its events one time.
        let times = Set(try place.events(of: job).filter { $0.kind == .epoch }.map(\.at))
        #expect(times.count < 1000)
    }

    @Test("a job that is stopped and gone on with tells every epoch once")
    func goneOnWith() throws {
        let place = try Workplace()
        let job = try place.submit(epochs: 100_000)
        let paused = try place.work(on: job) { ($0.progress?.epoch ?? 0) > 5 }
        #expect(paused.status == .queued && paused.attempt == 2)
        let between = try place.epochs(of: job)
        #expect(between == Array(1...between.count) && between.count == paused.progress?.epoch)
        let later = try place.work(on: job) { ($0.progress?.epoch ?? 0) > between.count + 5 }
        let all = try place.epochs(of: job)
        #expect(all == Array(1...all.count) && all.count == later.progress?.epoch)
    }

    @Test("a dataset whose file was changed or cut trains nothing: the job fails once and says which file")
    func damagedData() throws {
        for isCut in [false, true] {
            let place = try Workplace()
            let job = try place.submit(epochs: 3)
            let path = try place.service.store.path(of: place.service.dataset(#require(job.datasetID)))
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            // Another number, and still a number.
            if isCut { bytes.removeLast(8) } else { bytes[bytes.count - 2] ^= 1 }
            try bytes.write(to: URL(fileURLWithPath: path))
            let failed = try place.work(on: job)
            #expect(failed.status == .failed && failed.attempt == 1)
            #expect(failed.error?.code == "damaged_dataset")
            #expect(failed.error?.detail.contains(try #require(job.datasetID)) == true)
            #expect(failed.error?.detail.contains("/tmp") == false)
            #expect(throws: (any Error).self) { try place.service.model("m") }
        }
    }

    @Test("a dataset or checkpoint that cannot be read holds up nobody: its job gives way, and fails the third time")
    func unreadableFiles() throws {
        for isCheckpoint in [false, true] {
            let place = try Workplace()
            let store = place.service.store
            let broken = try place.submit(epochs: 3)
            let healthy = try place.submit(epochs: 3)
            var path = try store.path(of: place.service.dataset(#require(broken.datasetID)))
            if isCheckpoint {
                let job = try #require(try store.claim(worker: "gone", lease: .seconds(30), at: Date()))
                _ = try store.recordCheckpoint([1], step: 1, job: job.id, attempt: 1, at: Date())
                try store.interrupt(job.id, attempt: 1, by: StoreError(.busy, "busy"), at: Date())
                path = store.directory + "/checkpoints"
                path += "/" + (try #require(FileManager.default.contentsOfDirectory(atPath: path).first))
            }
            // A folder in its place.
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            #expect(try place.work(on: healthy).status == .succeeded)
            let failed = try place.work(on: broken)
            #expect(failed.status == .failed && failed.attempt == (isCheckpoint ? 4 : 3))
            #expect(failed.error?.code == JobFailure.storageFailed)
            #expect(failed.error?.detail.contains(URL(fileURLWithPath: path).lastPathComponent) == true)
            #expect(failed.error?.detail.contains(store.directory) == false)
        }
    }

    @Test(
        "a checkpoint that is not of this training, or that nobody can read, begins the job anew instead of failing it",
        arguments: [false, true])
    func foreignCheckpoint(isForeign: Bool) throws {
        let place = try Workplace()
        let store = place.service.store
        func file(of job: Job) throws -> [UInt8] {
            try store.modelFile(
                of: store.version(ModelReference(name: "m", selector: .number(try #require(job.version)))))
        }
        let whole = try place.work(on: place.submit(epochs: 3))
        let job = try place.submit(epochs: 3)
        var spec = try #require(place.service.readableSpec(of: job)).training
        spec.training.seed += 1
        let data = try place.service.dataset(#require(job.datasetID)).load(for: spec.task, missing: .error, from: store)
        let other = try Trainer(spec, data, datasetDigest: job.datasetDigest)
        _ = try store.claim(worker: "gone", lease: .seconds(30), at: Date())
        let bytes = isForeign ? other.checkpoint() : Array("no checkpoint".utf8)
        _ = try store.recordCheckpoint(bytes, step: 1, job: job.id, attempt: 1, at: Date())
        try store.interrupt(job.id, attempt: 1, by: StoreError(.busy, "busy"), at: Date())
        let ended = try place.work(on: job)
        #expect(ended.status == .succeeded && ended.error == nil && ended.attempt == 2)
        #expect(try place.epochs(of: ended) == [1, 2, 3])
        #expect(try file(of: ended) == file(of: whole))
    }

    @Test("a job that diverges has told the epochs before, says where, and publishes nothing")
    func diverged() throws {
        let place = try Workplace()
        let job = try place.work(on: place.submit(epochs: 1000, learningRate: 1e12))
        #expect(job.status == .failed && job.error?.code == "diverged")
        let epochs = try place.epochs(of: job)
        #expect(epochs == Array(1...max(epochs.count, 1)) && job.progress?.epoch == epochs.count)
        #expect(throws: (any Error).self) { try place.service.model("m") }
    }
}
