import Foundation

/// The part of a job that its verbs move, and the rules by which they do: no clock, no database.
///
/// `attempt` counts the times a worker held the job. A queued job's attempt was in no hands yet, so (job, attempt) names
/// one hold for ever, and a worker that outlived its hold can be told from the present one.
struct JobState: Sendable, Equatable {
    var status: JobStatus = .queued
    var wish: JobWish?
    var attempt = 1
    /// A worker held the present attempt.
    var isTaken = false
    /// Leases lost in a row without a checkpoint.
    var losses = 0
    /// Set exactly while running.
    var leaseUntil: Date?

    /// Whether this hold is the present one. The lease's end does not matter here: as long as nobody took the job away
    /// an overslept worker may go on.
    func isHeld(by attempt: Int) -> Bool { status == .running && self.attempt == attempt }

    func isExpired(at now: Date) -> Bool {
        guard let leaseUntil else { return false }
        return leaseUntil <= now
    }

    // MARK: - What workers and time do

    /// queued -> running.
    mutating func take(until end: Date) {
        status = .running
        isTaken = true
        leaseUntil = end
    }

    /// The worker gives the job back of its own will: running -> what was wished, else the queue.
    mutating func release() {
        losses = 0
        letGo()
    }

    /// running -> what was wished, else back to the queue.
    private mutating func letGo() {
        let wish = wish
        leave(for: .queued)
        switch wish {
        case .cancel: status = .cancelled
        case .pause: status = .paused
        case nil: enterQueue()
        }
    }

    /// The worker's hold ended and the job is not to blame: as `release`, but earlier losses still count.
    mutating func giveWay() { letGo() }

    /// The worker died: as `release`, but too often in a row is `failed`.
    mutating func lose(limit: Int) {
        losses += 1
        if wish == nil, losses >= limit { leave(for: .failed) } else { letGo() }
    }

    /// running -> succeeded or failed.
    mutating func end(_ status: JobStatus) { leave(for: status) }

    // MARK: - What people do

    /// Cancels at once what no worker holds, else asks the worker. Asked twice it answers the same.
    mutating func cancel(at now: Date) throws(StoreError) {
        switch status {
        case .queued, .paused: status = .cancelled
        case .running:
            wish = .cancel
            if isExpired(at: now) { letGo() }
        case .cancelled: break
        case .succeeded, .failed: throw refused(.cancel, "it is over already")
        }
    }

    /// Pauses at once what no worker holds, else asks the worker. Asked twice it answers the same.
    mutating func pause(at now: Date) throws(StoreError) {
        switch status {
        case .queued: status = .paused
        case .running:
            guard wish != .cancel else { throw refused(.pause, "it is being cancelled") }
            wish = .pause
            if isExpired(at: now) { letGo() }
        case .paused: break
        case .succeeded, .failed, .cancelled: throw refused(.pause, "it is over already")
        }
    }

    /// Back to the queue from a pause; takes back a pause that was asked for and not answered yet.
    mutating func resume() throws(StoreError) {
        switch status {
        case .paused: enterQueue()
        case .running where wish == .pause: wish = nil
        case .running where wish == .cancel: throw refused(.resume, "it is being cancelled")
        case .queued, .running: throw refused(.resume, "it is not paused")
        case .failed, .cancelled: throw refused(.resume, "it is over; retry it instead")
        case .succeeded: throw refused(.resume, "it is over already")
        }
    }

    /// A new attempt at what failed or was cancelled.
    mutating func retry() throws(StoreError) {
        switch status {
        case .failed, .cancelled:
            status = .queued
            attempt += 1
            isTaken = false
            losses = 0
        case .queued, .running: throw refused(.retry, "it is not over yet")
        case .paused: throw refused(.retry, "it is only paused; resume it instead")
        case .succeeded: throw refused(.retry, "it succeeded; submit a new job to train again")
        }
    }

    private mutating func enterQueue() {
        status = .queued
        if isTaken { attempt += 1 }
        isTaken = false
    }

    private mutating func leave(for status: JobStatus) {
        self.status = status
        wish = nil
        leaseUntil = nil
    }

    private func refused(_ verb: JobVerb, _ why: String) -> StoreError {
        StoreError(
            .notAllowed(verb: verb, status: status), "cannot \(verb.rawValue) a job that is \(status.rawValue): \(why)")
    }
}
