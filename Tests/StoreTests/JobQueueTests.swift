import Foundation
import Testing

@testable import Store

@Test("a submitted job shows what was asked, waits with its first attempt to come, and holds nothing yet")
func submittedJob() throws {
    let store = try StoreFolder().open()
    let dataset = try store.addDataset()
    let new = NewJob(model: "airline", spec: "{\"epochs\":1}", seed: .max, datasetID: dataset.id)
    let job = try store.submit(new, at: .start + 1)
    #expect(job.id.hasPrefix("job_"))
    #expect(job.model == "airline" && job.spec == new.spec && job.seed == .max)
    #expect(job.datasetID == dataset.id && job.datasetDigest == dataset.digest)
    #expect(job.status == .queued && job.attempt == 1 && job.wish == nil && job.version == nil)
    #expect(job.progress == nil && job.metrics.isEmpty && job.error == nil && job.report == nil)
    #expect(job.createdAt == .start + 1 && job.startedAt == nil && job.finishedAt == nil && job.leaseUntil == nil)
    #expect(try store.job(job.id) == job)
    #expect(reason { _ = try store.job("job_x") } == .notFound(kind: .job, id: "job_x"))
}

@Test(
    "jobs are claimed in the order of submission; a resumed or retried one goes to the back, a given-back one does not")
func queueOrder() throws {
    let store = try StoreFolder().open()
    let ids = try (0..<4).map { try store.addJob(at: .start + $0).id }
    try store.pause(ids[0], at: .start)
    try store.resume(ids[0], at: .start)
    try store.cancel(ids[1], at: .start)
    try store.retry(ids[1], at: .start)
    #expect(try ids.map { try store.queuePosition(of: $0) } == [2, 3, 0, 1])
    let taken = try #require(try store.claim(worker: "w", lease: .seconds(1), at: .start))
    #expect(taken.id == ids[2])
    #expect(try store.queuePosition(of: ids[2]) == nil)
    #expect(try store.release(ids[2], attempt: 1, at: .start) == .queued)
    #expect(try store.queuePosition(of: ids[2]) == 0)
    let order = try (0..<4).map { _ in try store.claim(worker: "w", lease: .seconds(1), at: .start)?.id }
    #expect(order == [ids[2], ids[3], ids[0], ids[1]])
    #expect(try store.claim(worker: "w", lease: .seconds(1), at: .start) == nil)
}

@Test("however many processes claim at once, every job goes to exactly one")
func exclusiveClaims() async throws {
    let folder = StoreFolder()
    let count = 60
    do {
        let store = try folder.open()
        let dataset = try store.addDataset()
        for _ in 0..<count {
            _ = try store.submit(NewJob(model: "m", spec: "", seed: 0, datasetID: dataset.id), at: .start)
        }
    }
    let claims = try await withThrowingTaskGroup(of: [String].self) { group in
        for worker in 0..<4 {
            group.addTask {
                let store = try folder.open()
                var claimed: [String] = []
                while let job = try store.claim(worker: "w\(worker)", lease: .seconds(60), at: .start) {
                    #expect(job.worker == "w\(worker)")
                    claimed.append(job.id)
                }
                return claimed
            }
        }
        return try await group.reduce(into: [String]()) { $0 += $1 }
    }
    #expect(claims.count == count)
    #expect(Set(claims).count == count)
}

@Test("a worker that died keeps the job until its lease ends; the next holder changes it, the old one nothing")
func lostWorker() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let job = try store.addRunningJob()
    _ = try store.recordCheckpoint([1], step: 1, job: job.id, attempt: 1, at: .start + 5)
    #expect(try store.claim(worker: "b", lease: .seconds(10), at: .start + 9) == nil)
    let second = try #require(try store.claim(worker: "b", lease: .seconds(10), at: .start + 10))
    #expect(second.id == job.id && second.attempt == 2 && second.worker == "b")
    #expect(second.startedAt == .start)
    let before = try store.events(of: job.id, limit: 100).items
    let progress = JobProgress(fraction: 0.9)
    #expect(try store.renew(job.id, attempt: 1, lease: .seconds(99), at: .start + 11) == .lost)
    #expect(try store.report(progress, metrics: ["l": 1], job: job.id, attempt: 1, at: .start + 11) == .lost)
    #expect(try store.report(progress, epochs: [""], job: job.id, attempt: 1, at: .start + 11) == .lost)
    #expect(try store.recordCheckpoint([2], step: 2, job: job.id, attempt: 1, at: .start + 11) == .lost)
    #expect(try store.publish([2], .plain, job: job.id, attempt: 1, at: .start + 11) == .lost)
    #expect(try !store.fail(job.id, attempt: 1, JobFailure(code: "c", detail: "d"), at: .start + 11))
    #expect(try store.release(job.id, attempt: 1, at: .start + 11) == nil)
    #expect(try store.job(job.id) == second)
    #expect(try store.events(of: job.id, limit: 100).items == before)
    #expect(try store.newestCheckpoint(of: job.id)?.bytes == [1])
    try store.expectWhole(folder)
}

@Test("a worker that was seen to die loses its job at once, and nobody else does")
func deadWorker() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let (first, second) = (try store.addJob(), try store.addJob())
    _ = try store.claim(worker: "a", lease: .seconds(10), at: .start)
    _ = try store.claim(worker: "b", lease: .seconds(10), at: .start)
    #expect(try store.settleLeases(ofDeadWorker: "c", because: "it ended", at: .start + 1) == 0)
    #expect(try store.settleLeases(ofDeadWorker: "a", because: "it ended", at: .start + 1) == 1)
    #expect(try store.job(first.id).status == .queued && store.job(second.id).status == .running)
    #expect(try store.events(of: first.id, limit: 9).items.contains { $0.payload?.contains("it ended") == true })
    #expect(try store.settleLeases(ofDeadWorker: "a", because: "it ended", at: .start + 1) == 0)
    let next = try #require(try store.claim(worker: "c", lease: .seconds(10), at: .start + 1))
    #expect(next.id == first.id && next.attempt == 2)
    // The dead one wakes after all: its attempt is over.
    #expect(try store.renew(first.id, attempt: 1, lease: .seconds(99), at: .start + 2) == .lost)
    try store.expectWhole(folder)
}

@Test("a job whose workers are seen to die again and again fails in the end")
func deadWorkers() throws {
    let store = try StoreFolder().open()
    let job = try store.addJob()
    var attempts = 0
    while let claimed = try store.claim(worker: "a", lease: .seconds(10), at: .start), claimed.id == job.id {
        attempts += 1
        try store.settleLeases(ofDeadWorker: "a", because: "it ended", at: .start)
    }
    #expect(attempts == Store.Options().lossLimit)
    let error = try #require(try store.job(job.id).error)
    #expect(error.code == JobFailure.workerLost && !error.detail.contains("memory"))
}

@Test("a job that the store fails gives way to those that wait; only what may last counts, and three times end it")
func interrupted() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let broken = try store.addJob()
    let other = try store.addJob()
    let unreadable = StoreError.system(EIO, "read", folder.path + "/datasets/ds_1")
    for (turn, error) in [unreadable, .system(ENOSPC, "write", "x"), StoreError(.busy, "busy"), unreadable].enumerated()
    {
        #expect(try store.claim(worker: "a", lease: .seconds(10), at: .start)?.id == broken.id)
        #expect(try store.interrupt(broken.id, attempt: turn + 1, by: error, at: .start) == .queued)
        #expect(try store.interrupt(broken.id, attempt: turn + 1, by: error, at: .start) == nil)
        #expect(try store.claim(worker: "a", lease: .seconds(10), at: .start)?.id == other.id)
        try store.interrupt(other.id, attempt: turn + 1, by: StoreError(.busy, "busy"), at: .start)
    }
    _ = try store.claim(worker: "a", lease: .seconds(10), at: .start)
    #expect(try store.interrupt(broken.id, attempt: 5, by: unreadable, at: .start) == .failed)
    let failure = try #require(try store.job(broken.id).error)
    #expect(failure.code == JobFailure.storageFailed && failure.detail.contains("3 times"))
    #expect(failure.detail.contains("datasets/ds_1") && !failure.detail.contains(folder.path))
    // A wish is answered all the same.
    _ = try store.claim(worker: "a", lease: .seconds(10), at: .start)
    try store.cancel(other.id, at: .start)
    #expect(try store.interrupt(other.id, attempt: 5, by: unreadable, at: .start) == .cancelled)
}

@Test("a job whose worker died gives way to those that wait, and the third death ends it with the reason")
func givingWay() throws {
    let store = try StoreFolder().open()
    let deadly = try store.addJob()
    let others = [try store.addJob(), try store.addJob(), try store.addJob()]
    var claims: [String] = []
    while let job = try store.claim(worker: "a", lease: .seconds(10), at: .start) {
        claims.append(job.id)
        if job.id == deadly.id {
            try store.settleLeases(
                ofDeadWorker: "a", because: "its process ended: signal 9 (SIGKILL)", wasKilled: true, at: .start)
        } else {
            try store.fail(job.id, attempt: job.attempt, JobFailure(code: "c", detail: "d"), at: .start)
        }
    }
    #expect(claims == [deadly.id] + others.map(\.id) + [deadly.id, deadly.id])
    let error = try #require(try store.job(deadly.id).error)
    #expect(error.code == JobFailure.workerLost)
    #expect(error.detail.contains("3 times") && error.detail.contains("signal 9 (SIGKILL)"))
    #expect(error.detail.contains("more memory"))
}

@Test("an overslept worker whose job nobody took goes on")
func overslept() throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob()
    #expect(try store.renew(job.id, attempt: 1, lease: .seconds(10), at: .start + 1_000) == .keep)
    #expect(try store.job(job.id).leaseUntil == .start + 1_010)
    #expect(try store.claim(worker: "b", lease: .seconds(10), at: .start + 1_005) == nil)
}

@Test("renewing never shortens a lease")
func leaseGrows() throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob()
    _ = try store.renew(job.id, attempt: 1, lease: .seconds(100), at: .start)
    _ = try store.renew(job.id, attempt: 1, lease: .seconds(1), at: .start)
    #expect(try store.job(job.id).leaseUntil == .start + 100)
}

@Test("settling ended leases shows the job as queued, with the reason among its events, and changes nothing twice")
func settledLease() throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob()
    #expect(try store.settleLeases(at: .start + 9) == 0)
    #expect(try store.settleLeases(at: .start + 10) == 1)
    #expect(try store.settleLeases(at: .start + 11) == 0)
    let settled = try store.job(job.id)
    #expect(settled.status == .queued && settled.attempt == 2)
    let events = try store.events(of: job.id, limit: 10).items
    #expect(events.map(\.kind) == [.status, .status, .error, .status])
    #expect(events.map(\.status) == [.queued, .running, nil, .queued])
    #expect(events.map(\.attempt) == [1, 1, 1, 2])
}

@Test("a job that kills its workers fails in words after so many losses; a checkpoint or a retry counts anew")
func poisonousJob() throws {
    let folder = StoreFolder()
    var options = Store.Options()
    options.lossLimit = 3
    let store = try folder.open(.worker, options)
    let job = try store.addJob()
    func lose(at clock: Int) throws -> Job {
        _ = try store.claim(worker: "w", lease: .seconds(1), at: .start + clock)
        try store.settleLeases(at: .start + clock + 1)
        return try store.job(job.id)
    }
    for clock in [0, 10] { #expect(try lose(at: clock).status == .queued) }
    let third = try #require(try store.claim(worker: "w", lease: .seconds(1), at: .start + 20))
    _ = try store.recordCheckpoint([1], step: 1, job: job.id, attempt: third.attempt, at: .start + 20)
    try store.settleLeases(at: .start + 21)
    #expect(try lose(at: 30).status == .queued)
    let failed = try lose(at: 40)
    #expect(failed.status == .failed && failed.attempt == 5)
    #expect(failed.error?.code == JobFailure.workerLost)
    #expect(failed.error?.detail.contains("3 times") == true)
    try store.retry(job.id, at: .start + 50)
    #expect(try lose(at: 60).status == .queued)
}

@Test("progress and metrics are replaced, NaN stays NaN, and only a payload makes an event")
func progress() throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob()
    var progress = JobProgress(fraction: 0.1, epoch: 1, epochs: 10, step: 5, steps: 50, etaSeconds: 9.5)
    let first = try store.report(
        progress, metrics: ["train_loss": 0.5, "validation_loss": .nan], job: job.id, attempt: 1, at: .start)
    #expect(first == .keep)
    #expect(try store.job(job.id).progress == progress)
    #expect(try store.job(job.id).metrics["validation_loss"]?.isNaN == true)
    progress = JobProgress(fraction: 0.2)
    _ = try store.report(
        progress, metrics: ["train_loss": .infinity], event: "{}", job: job.id, attempt: 1, at: .start + 1)
    let seen = try store.job(job.id)
    #expect(seen.progress == progress)
    #expect(seen.metrics["train_loss"] == .infinity && seen.metrics.count == 2)
    let events = try store.events(of: job.id, limit: 100).items.filter { $0.kind == .progress }
    #expect(events.map(\.payload) == ["{}"])
    #expect(events.map(\.at) == [.start + 1])
}

@Test("epochs that ended since the last report are told with it, in order, before the progress")
func epochsTogether() throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob()
    let before = try store.events(of: job.id, limit: 100).items.count
    let progress = JobProgress(fraction: 0.2)
    _ = try store.report(progress, epochs: ["1", "2", "3"], event: "p", job: job.id, attempt: 1, at: .start)
    let events = try store.events(of: job.id, limit: 100).items.dropFirst(before)
    #expect(events.map(\.kind) == [.epoch, .epoch, .epoch, .progress])
    #expect(events.map(\.payload) == ["1", "2", "3", "p"])
}

@Test("events are read in order, in pages, from any number on, and by the number of the last one seen")
func eventPages() throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob()
    let other = try store.addJob()
    for epoch in 0..<10 {
        _ = try store.report(
            JobProgress(fraction: 0), epochs: ["\(epoch)"], job: job.id, attempt: 1, at: .start)
        try store.pause(other.id, at: .start)
        try store.resume(other.id, at: .start)
    }
    var seen: [JobEvent] = []
    while true {
        let page = try store.events(of: job.id, after: seen.last?.sequence ?? 0, limit: 3)
        seen += page.items
        if !page.hasMore { break }
    }
    #expect(seen.count == 12)
    #expect(seen.compactMap(\.payload) == (0..<10).map { "\($0)" })
    #expect(reason { _ = try store.events(of: "job_x", limit: 1) } == .notFound(kind: .job, id: "job_x"))
}

@Test("jobs are listed by status and model, newest first, and counted")
func jobLists() throws {
    let store = try StoreFolder().open()
    let airlines = try (0..<3).map { try store.addJob(model: "airline", at: .start + $0).id }
    let vowels = try store.addJob(model: "vowels", at: .start + 3).id
    try store.cancel(airlines[1], at: .start)
    #expect(try store.jobs(limit: 10).items.map(\.id) == [vowels] + airlines.reversed())
    #expect(try store.jobs(model: "airline", limit: 2).items.map(\.id) == [airlines[2], airlines[1]])
    #expect(try store.jobs(model: "airline", limit: 2).hasMore)
    #expect(try store.jobs(status: .queued, model: "airline", limit: 9).items.map(\.id) == [airlines[2], airlines[0]])
    #expect(try store.jobs(status: .queued, after: airlines[2], limit: 9).items.map(\.id) == [airlines[0]])
    #expect(try store.jobs(status: .failed, limit: 9).items.isEmpty)
    let counts = try store.jobCounts()
    #expect(counts == [.queued: 3, .running: 0, .paused: 0, .succeeded: 0, .failed: 0, .cancelled: 1])
}
