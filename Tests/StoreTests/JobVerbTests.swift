import Foundation
import Testing

@testable import Store

/// A job brought to each state in which a verb may find it.
private enum Situation: String, CaseIterable {
    case queued, running, runningToCancel, runningToPause, paused, succeeded, failed, cancelled

    func make(_ store: Store) throws -> Job {
        let id: String
        switch self {
        case .queued, .paused, .cancelled:
            id = try store.addJob().id
        default:
            id = try store.addRunningJob().id
        }
        switch self {
        case .queued, .running: break
        case .runningToCancel, .cancelled: try store.cancel(id, at: .start)
        case .runningToPause, .paused: try store.pause(id, at: .start)
        case .succeeded: _ = try store.publish([1], .plain, job: id, attempt: 1, at: .start)
        case .failed: try store.fail(id, attempt: 1, JobFailure(code: "diverged", detail: "d"), at: .start)
        }
        return try store.job(id)
    }
}

extension Store {
    fileprivate func ask(_ verb: JobVerb, _ job: String, at now: Date) throws -> Job {
        switch verb {
        case .cancel: try cancel(job, at: now)
        case .pause: try pause(job, at: now)
        case .resume: try resume(job, at: now)
        case .retry: try retry(job, at: now)
        }
    }
}

/// Status, wish and attempt afterwards; nil where the verb is refused.
private let rules: [JobVerb: [Situation: (JobStatus, JobWish?, Int)]] = [
    .cancel: [
        .queued: (.cancelled, nil, 1), .running: (.running, .cancel, 1), .runningToCancel: (.running, .cancel, 1),
        .runningToPause: (.running, .cancel, 1), .paused: (.cancelled, nil, 1), .cancelled: (.cancelled, nil, 1),
    ],
    .pause: [
        .queued: (.paused, nil, 1), .running: (.running, .pause, 1), .runningToPause: (.running, .pause, 1),
        .paused: (.paused, nil, 1),
    ],
    .resume: [.runningToPause: (.running, nil, 1), .paused: (.queued, nil, 1)],
    .retry: [.failed: (.queued, nil, 2), .cancelled: (.queued, nil, 2)],
]

@Test(
    "each verb does in each state what the table says, or is refused with the state and a reason",
    arguments: JobVerb.allCases)
func verbTable(_ verb: JobVerb) throws {
    for situation in Situation.allCases {
        let store = try StoreFolder().open()
        let job = try situation.make(store)
        let events = try store.events(of: job.id, limit: 100).items.count
        do {
            let after = try store.ask(verb, job.id, at: .start + 1)
            guard let (status, wish, attempt) = rules[verb]?[situation] else {
                Issue.record("\(verb) is allowed when \(situation)")
                continue
            }
            #expect(after.status == status && after.wish == wish && after.attempt == attempt, "\(situation)")
            #expect(try store.job(job.id) == after)
        } catch let error as StoreError {
            #expect(rules[verb]?[situation] == nil, "\(situation)")
            #expect(error.reason == .notAllowed(verb: verb, status: job.status))
            #expect(error.description.contains("cannot \(verb) a job that is \(job.status)"))
            #expect(try store.job(job.id) == job)
            #expect(try store.events(of: job.id, limit: 100).items.count == events)
        }
    }
}

@Test("verbs on a job that is not there say so", arguments: JobVerb.allCases)
func verbOnNothing(_ verb: JobVerb) throws {
    let store = try StoreFolder().open()
    #expect(reason { _ = try store.ask(verb, "job_x", at: .start) } == .notFound(kind: .job, id: "job_x"))
}

@Test(
    "a worker hears of cancel and pause from each of its writes, and its release carries them out",
    arguments: JobWish.allCases)
func wishesReachTheWorker(_ wish: JobWish) throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob()
    _ = try wish == .cancel ? store.cancel(job.id, at: .start) : store.pause(job.id, at: .start)
    let expected = wish == .cancel ? LeaseVerdict.cancel : .pause
    #expect(try store.renew(job.id, attempt: 1, lease: .seconds(10), at: .start) == expected)
    #expect(try store.report(JobProgress(fraction: 0), job: job.id, attempt: 1, at: .start) == expected)
    #expect(try store.recordCheckpoint([1], step: 1, job: job.id, attempt: 1, at: .start) == expected)
    #expect(try store.release(job.id, attempt: 1, at: .start + 7) == (wish == .cancel ? .cancelled : .paused))
    let after = try store.job(job.id)
    #expect(after.wish == nil)
    #expect(after.finishedAt == (wish == .cancel ? .start + 7 : Date?.none))
    #expect(try store.newestCheckpoint(of: job.id)?.bytes == [1])
}

@Test("where the worker is dead already, cancel and pause do not wait for it", arguments: JobWish.allCases)
func wishesWithoutAWorker(_ wish: JobWish) throws {
    let store = try StoreFolder().open()
    let early = try store.addRunningJob()
    let late = try store.addRunningJob()
    let verb = wish == .cancel ? JobVerb.cancel : .pause
    let expected = wish == .cancel ? JobStatus.cancelled : .paused
    // Asked in time, settled when the lease ends; asked after its end, settled at once.
    #expect(try store.ask(verb, early.id, at: .start).status == .running)
    #expect(try store.ask(verb, late.id, at: .start + 10).status == expected)
    try store.settleLeases(at: .start + 10)
    #expect(try store.job(early.id).status == expected)
    #expect(try store.renew(early.id, attempt: 1, lease: .seconds(1), at: .start + 10) == .lost)
}

@Test("a paused job that a worker held comes back as another attempt, one that waited as the same")
func attemptsAfterPause() throws {
    let store = try StoreFolder().open()
    let held = try store.addRunningJob()
    let waiting = try store.addJob()
    for id in [held.id, waiting.id] { try store.pause(id, at: .start) }
    try store.release(held.id, attempt: 1, at: .start)
    #expect(try store.job(held.id).attempt == 1)
    #expect(try store.resume(held.id, at: .start).attempt == 2)
    #expect(try store.resume(waiting.id, at: .start).attempt == 1)
}

@Test(
    "a retried job goes on from its newest checkpoint, or forgets it all when told to start over",
    arguments: RetryStart.allCases)
func retries(_ start: RetryStart) throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let job = try store.addRunningJob()
    let progress = JobProgress(fraction: 0.5, epoch: 3)
    _ = try store.report(progress, metrics: ["train_loss": 1], job: job.id, attempt: 1, at: .start)
    _ = try store.recordCheckpoint([1], step: 1, job: job.id, attempt: 1, at: .start)
    let failure = JobFailure(code: "diverged", detail: "the loss became infinite at step 7")
    try store.fail(job.id, attempt: 1, failure, at: .start + 1)
    #expect(try store.job(job.id).error == failure)
    let retried = try store.retry(job.id, from: start, at: .start + 2)
    #expect(retried.attempt == 2 && retried.error == nil && retried.finishedAt == nil && retried.startedAt == nil)
    #expect(try store.newestCheckpoint(of: job.id)?.bytes == (start == .start ? [UInt8]?.none : [1]))
    #expect(retried.progress == (start == .start ? JobProgress?.none : progress))
    #expect(retried.metrics == (start == .start ? [:] : ["train_loss": 1]))
    let claimed = try store.claim(worker: "w", lease: .seconds(1), at: .start + 3)
    #expect(claimed?.startedAt == .start + 3 && claimed?.attempt == 2)
    try store.expectWhole(folder)
}

@Test("a failure tells its reason and then its end among the events")
func failureEvents() throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob()
    try store.fail(job.id, attempt: 1, JobFailure(code: "diverged", detail: "why"), at: .start)
    let events = try store.events(of: job.id, after: 0, limit: 10).items.suffix(3)
    #expect(events.map(\.kind) == [.error, .status, .done])
    #expect(events.map(\.payload) == ["why", nil, nil])
    #expect(events.map(\.status) == [nil, .failed, .failed])
}

@Test("a clock that went back ends no job before its start")
func clockWentBack() throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob(at: .start + 100)
    try store.fail(job.id, attempt: 1, JobFailure(code: "c", detail: "d"), at: .start)
    #expect(try store.job(job.id).finishedAt == .start + 100)
}

@Test("a page of large jobs is short and says that there are more; page after page shows each once")
func pagesOfLargeJobs() throws {
    let store = try StoreFolder().open()
    let dataset = try store.addDataset()
    let spec = String(repeating: "s", count: 1 << 20)
    var ids: [String] = []
    for number in 0..<10 {
        // One that is larger than a page.
        let text = number == 4 ? String(repeating: spec, count: 6) : spec
        ids.append(try store.submit(NewJob(model: "m", spec: text, seed: 0, datasetID: dataset.id), at: .start).id)
    }
    var seen: [String] = []
    var hasMore = true
    while hasMore {
        let page = try store.jobs(after: seen.last, limit: 100)
        #expect(!page.items.isEmpty)
        #expect(page.items.count == 1 || page.items.reduce(0) { $0 + $1.spec.utf8.count } <= PageLimit.bytes)
        seen += page.items.map(\.id)
        hasMore = page.hasMore
    }
    #expect(seen == ids.sorted().reversed())
    let exact = try store.jobs(after: seen[seen.count - 3], limit: 2)
    #expect(exact.items.count == 2 && !exact.hasMore)
}

@Test("positions in the queue are the same for many asked at once, in any order, as for each")
func queuePositions() throws {
    let store = try StoreFolder().open()
    let jobs = try (0..<9).map { _ in try store.addJob().id }
    try store.pause(jobs[3], at: .start)
    _ = try store.claim(worker: "w", lease: .seconds(10), at: .start)
    let asked = [jobs[7], jobs[1], jobs[3], jobs[0], jobs[8], "job_none"]
    #expect(try store.queuePositions(of: asked) == [jobs[1]: 0, jobs[7]: 5, jobs[8]: 6])
    for job in jobs { #expect(try store.queuePosition(of: job) == store.queuePositions(of: jobs)[job]) }
    #expect(reason { _ = try store.queuePosition(of: "job_none") } == .notFound(kind: .job, id: "job_none"))
}
