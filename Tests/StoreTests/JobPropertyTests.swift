import Foundation
import Testing

@testable import Store

/// A second telling of the life of jobs, as a plain table of rules, against which the store is held.
private struct PlainQueue {
    struct PlainJob: Equatable {
        var status = JobStatus.queued
        var wish: JobWish?
        var attempt = 1
        var wasHeld = false
        var lostInARow = 0
        var leaseEnd = 0
        var versions = 0
        var checkpoint: UInt8?
    }

    static let lossLimit = 3

    var jobs: [String: PlainJob] = [:]
    /// Ids in the order in which they are claimed, queued or not.
    var order: [String] = []

    var waiting: [String] { order.filter { jobs[$0]?.status == .queued } }

    mutating func toBack(_ id: String) {
        order.removeAll { $0 == id }
        order.append(id)
    }

    /// The job leaves its worker.
    mutating func leave(_ id: String) {
        guard var job = jobs[id] else { return }
        switch job.wish {
        case .cancel: job.status = .cancelled
        case .pause: job.status = .paused
        case nil:
            job.status = .queued
            job.attempt += 1
            job.wasHeld = false
        }
        job.wish = nil
        jobs[id] = job
    }

    mutating func settle(at now: Int) {
        for id in order {
            guard let job = jobs[id], job.status == .running, job.leaseEnd <= now else { continue }
            jobs[id]?.lostInARow += 1
            if job.wish == nil, job.lostInARow + 1 >= Self.lossLimit {
                jobs[id]?.status = .failed
            } else {
                leave(id)
                // Behind the others, which it shall not hold up.
                if jobs[id]?.status == .queued { toBack(id) }
            }
        }
    }

    mutating func claim(lease: Int, at now: Int) -> String? {
        settle(at: now)
        guard let id = waiting.first else { return nil }
        jobs[id]?.status = .running
        jobs[id]?.wasHeld = true
        jobs[id]?.leaseEnd = now + lease
        return id
    }

    func holds(_ id: String, _ attempt: Int) -> Bool {
        jobs[id]?.status == .running && jobs[id]?.attempt == attempt
    }

    func verdict(_ id: String, _ attempt: Int) -> LeaseVerdict {
        guard holds(id, attempt) else { return .lost }
        return jobs[id]?.wish == .cancel ? .cancel : jobs[id]?.wish == .pause ? .pause : .keep
    }

    /// Whether the verb is allowed; if so its effect.
    mutating func ask(_ verb: JobVerb, _ id: String, at now: Int) -> Bool {
        guard let job = jobs[id] else { return false }
        switch (verb, job.status) {
        case (.cancel, .queued), (.cancel, .paused): jobs[id]?.status = .cancelled
        case (.pause, .queued): jobs[id]?.status = .paused
        case (.cancel, .cancelled), (.pause, .paused): break
        case (.cancel, .running), (.pause, .running):
            if verb == .pause, job.wish == .cancel { return false }
            jobs[id]?.wish = verb == .cancel ? .cancel : .pause
            if job.leaseEnd <= now { leave(id) }
        case (.resume, .paused):
            jobs[id]?.status = .queued
            if job.wasHeld { jobs[id]?.attempt += 1 }
            jobs[id]?.wasHeld = false
            toBack(id)
        case (.resume, .running) where job.wish == .pause: jobs[id]?.wish = nil
        case (.retry, .failed), (.retry, .cancelled):
            jobs[id]?.status = .queued
            jobs[id]?.attempt += 1
            jobs[id]?.wasHeld = false
            jobs[id]?.lostInARow = 0
            toBack(id)
        default: return false
        }
        return true
    }
}

@Test("random verbs of people, workers and time move jobs as the plain rules say", arguments: UInt64(0)..<4)
func randomVerbs(_ seed: UInt64) throws {
    var generator = SeededGenerator(state: seed)
    func draw(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }
    let folder = StoreFolder()
    var options = Store.Options()
    options.lossLimit = PlainQueue.lossLimit
    // Two processes' views, of which any verb may use either.
    let stores = try [folder.open(.server, options), folder.open(.worker, options)]
    var plain = PlainQueue()
    /// Every hold there ever was: the stale ones try to write, too.
    var holds: [(job: String, attempt: Int)] = []
    var clock = 0

    for step in 0..<250 {
        let store = stores[draw(2)]
        if draw(3) == 0 { clock += draw(8) }
        let now = Date.start + clock
        let hold = holds.isEmpty ? nil : holds[draw(2) == 0 ? holds.count - 1 : draw(holds.count)]
        let anyJob = plain.order.isEmpty ? nil : plain.order.sorted()[draw(plain.order.count)]
        switch draw(14) {
        case 0 where plain.order.count < 6:
            let job = try store.addJob(at: now)
            plain.jobs[job.id] = PlainQueue.PlainJob()
            plain.order.append(job.id)
        case 1, 2, 3:
            let lease = 1 + draw(10)
            let job = try store.claim(worker: "w\(step)", lease: .seconds(lease), at: now)
            #expect(job?.id == plain.claim(lease: lease, at: clock))
            if let job { holds.append((job.id, job.attempt)) }
        case 4:
            guard let hold else { continue }
            let verdict = try store.renew(hold.job, attempt: hold.attempt, lease: .seconds(5), at: now)
            #expect(verdict == plain.verdict(hold.job, hold.attempt))
            if verdict != .lost {
                let end = plain.jobs[hold.job]?.leaseEnd ?? 0
                plain.jobs[hold.job]?.leaseEnd = max(end, clock + 5)
            }
        case 5:
            guard let hold else { continue }
            let content = UInt8(truncatingIfNeeded: step)
            let verdict = try store.recordCheckpoint(
                [content], step: step, job: hold.job, attempt: hold.attempt, at: now)
            #expect(verdict == plain.verdict(hold.job, hold.attempt))
            if verdict != .lost {
                plain.jobs[hold.job]?.checkpoint = content
                plain.jobs[hold.job]?.lostInARow = 0
            }
        case 6:
            guard let hold else { continue }
            // Of its own will, or because the store was busy: then behind the others, and losses still count.
            let gives = draw(2) == 0
            let status =
                gives
                ? try store.interrupt(hold.job, attempt: hold.attempt, by: StoreError(.busy, "busy"), at: now)
                : try store.release(hold.job, attempt: hold.attempt, at: now)
            if plain.holds(hold.job, hold.attempt) {
                if !gives { plain.jobs[hold.job]?.lostInARow = 0 }
                plain.leave(hold.job)
                if gives, plain.jobs[hold.job]?.status == .queued { plain.toBack(hold.job) }
                #expect(status == plain.jobs[hold.job]?.status)
            } else {
                #expect(status == nil)
            }
        case 7:
            guard let hold else { continue }
            let failed = try store.fail(
                hold.job, attempt: hold.attempt, JobFailure(code: "diverged", detail: "at step \(step)"), at: now)
            #expect(failed == plain.holds(hold.job, hold.attempt))
            if failed {
                plain.jobs[hold.job]?.status = .failed
                plain.jobs[hold.job]?.wish = nil
            }
        case 8:
            guard let hold, draw(3) == 0 else { continue }
            let verdict = try store.publish([1], .plain, job: hold.job, attempt: hold.attempt, at: now)
            switch plain.verdict(hold.job, hold.attempt) {
            case .lost: #expect(verdict == .lost)
            case .cancel:
                #expect(verdict == .cancelled)
                plain.jobs[hold.job]?.lostInARow = 0
                plain.leave(hold.job)
            case .keep, .pause:
                guard case .published = verdict else {
                    Issue.record("\(verdict) at step \(step)")
                    return
                }
                plain.jobs[hold.job]?.status = .succeeded
                plain.jobs[hold.job]?.wish = nil
                plain.jobs[hold.job]?.versions += 1
                plain.jobs[hold.job]?.checkpoint = nil
            }
        case 9:
            try store.settleLeases(at: now)
            plain.settle(at: clock)
        default:
            guard let id = anyJob else { continue }
            let verb = JobVerb.allCases[draw(4)]
            let before = try store.job(id)
            let start = draw(2) == 0 ? RetryStart.start : .newestCheckpoint
            let reason = reason {
                switch verb {
                case .cancel: try store.cancel(id, at: now)
                case .pause: try store.pause(id, at: now)
                case .resume: try store.resume(id, at: now)
                case .retry: try store.retry(id, from: start, at: now)
                }
            }
            if plain.ask(verb, id, at: clock) {
                #expect(reason == nil)
                if verb == .retry, start == .start { plain.jobs[id]?.checkpoint = nil }
            } else {
                #expect(reason == .notAllowed(verb: verb, status: before.status))
                #expect(try store.job(id) == before)
            }
        }
        try expectEqual(stores[draw(2)], plain, step)
    }
    try stores[0].expectWhole(folder)
    try expectEventsTellTheLife(stores[0])
}

/// What anyone can see of a job, as the store shows it or as the plain rules say.
private struct Sight: Equatable {
    var id: String
    var status: JobStatus
    var wish: JobWish?
    var attempt: Int
    var leaseUntil: Date?
    var isPublished: Bool
    var hasEnded: Bool
    var hasFailed: Bool
    var checkpoint: [UInt8]?
    var position: Int?
}

/// One comparison a step: an expectation costs more than the verb it checks.
private func expectEqual(_ store: Store, _ plain: PlainQueue, _ step: Int) throws {
    let jobs = try store.jobs(limit: 100).items
    let seen = try jobs.map { job in
        Sight(
            id: job.id, status: job.status, wish: job.wish, attempt: job.attempt, leaseUntil: job.leaseUntil,
            isPublished: job.version != nil, hasEnded: job.finishedAt != nil, hasFailed: job.error != nil,
            checkpoint: try store.newestCheckpoint(of: job.id)?.bytes, position: try store.queuePosition(of: job.id))
    }
    let expected = plain.order.sorted(by: >).compactMap { id in
        plain.jobs[id].map { job in
            Sight(
                id: id, status: job.status, wish: job.wish, attempt: job.attempt,
                leaseUntil: job.status == .running ? .start + job.leaseEnd : nil, isPublished: job.versions == 1,
                hasEnded: job.status.isTerminal, hasFailed: job.status == .failed,
                checkpoint: job.checkpoint.map { [$0] }, position: plain.waiting.firstIndex(of: id))
        }
    }
    #expect(seen == expected, "step \(step)")
    let published = jobs.compactMap(\.version).sorted()
    #expect(published == Array(1..<published.count + 1))
    #expect(plain.jobs.values.allSatisfy { $0.versions <= 1 })
}

/// The events alone give each job's present status, and `done` follows exactly the terminal ones.
private func expectEventsTellTheLife(_ store: Store) throws {
    for job in try store.jobs(limit: 100).items {
        let events = try store.events(of: job.id, limit: 10_000).items
        let statuses = events.filter { $0.kind == .status }
        #expect(statuses.first?.status == .queued)
        #expect(statuses.last?.status == job.status && statuses.last?.attempt == job.attempt)
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.sequence < $1.sequence })
        let terminal = statuses.filter { $0.status?.isTerminal == true }
        #expect(events.filter { $0.kind == .done }.map(\.status) == terminal.map(\.status))
        #expect(statuses.filter { $0.status == .running }.map(\.attempt).count <= job.attempt)
        #expect(
            Set(statuses.filter { $0.status == .running }.map(\.attempt)).count
                == statuses.filter { $0.status == .running }.count, "an attempt was held twice")
    }
}
