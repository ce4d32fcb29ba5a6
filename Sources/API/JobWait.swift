import Dispatch
import HTTPServer
import Service
import Store
import Synchronization
import Wire

/// One long poll: answers when the job's status is no longer what it was, when the time is up, or at once where the job is
/// over already.
///
/// It costs a closure and a place in the list of waits, no thread. Ends exactly once: by a change, by its time, with its
/// client, or by the server's stop. The list of waits keeps it alive until then.
final class JobWait: Sendable {
    private struct State {
        /// What the job had when the request came; nil until it was read.
        var status: JobStatus?
        var subscription: ChangeFollower.Subscription?
        var isLooking = false
        /// A change came while the job was being looked at: look again.
        var changed = false
        var isOver = false
    }

    private let call: Call
    private let id: String
    private let state = Mutex(State())

    init(_ call: Call, job id: String) {
        self.call = call
        self.id = id
    }

    /// Throws where too many wait already, and where there is no such job.
    func start(for seconds: Double) throws {
        try call.api.listeners.enter()
        call.api.waits.add(self, for: seconds)
        call.request.cancellation.onCancel { [weak self] in self?.leave() }
        // Before the first look, so that no change falls between the two.
        let subscription = call.service.changes.subscribe { [weak self] in self?.look() }
        let isOver = state.withLock { state in
            if state.isOver { return true }
            state.subscription = subscription
            return false
        }
        if isOver { return subscription.cancel() }
        do {
            let job = try call.api.listeners.job(id, call.service)
            if job.status.isTerminal {
                if over() { try call.answerJob(job) }
                return
            }
            let changed = state.withLock { state in
                state.status = job.status
                defer { state.changed = false }
                return state.changed
            }
            if changed { look() }
        } catch {
            if over() { throw error }
        }
    }

    /// Answers with the job as it is now.
    func end() {
        guard over() else { return }
        call.api.queues.listeners.resume { [self] in
            do { try call.answerJob(call.service.job(id)) } catch { call.fail(error) }
        }
    }

    /// The client is gone: its connection need not wait for the job.
    private func leave() {
        if over() { call.responder.abandon() }
    }

    private func look() {
        let mayLook = state.withLock { state in
            guard !state.isOver else { return false }
            if state.isLooking || state.status == nil {
                state.changed = true
                return false
            }
            state.isLooking = true
            return true
        }
        guard mayLook else { return }
        call.api.queues.listeners.resume { [self] in
            let status = state.withLock { $0.status }
            repeat {
                do {
                    let job = try call.api.listeners.job(id, call.service)
                    if job.status != status {
                        if over() { try call.answerJob(job) }
                        return
                    }
                } catch {
                    if over() { call.fail(error) }
                    return
                }
            } while again()
        }
    }

    private func again() -> Bool {
        state.withLock { state in
            let again = state.changed && !state.isOver
            state.changed = false
            state.isLooking = again
            return again
        }
    }

    /// True for the first who asks.
    private func over() -> Bool {
        let (isFirst, subscription) = state.withLock { state in
            let isFirst = !state.isOver
            state.isOver = true
            defer { state.subscription = nil }
            return (isFirst, state.subscription)
        }
        subscription?.cancel()
        if isFirst {
            call.api.waits.remove(self)
            call.api.listeners.leave()
        }
        return isFirst
    }
}

/// The long polls that are under way, and when their time is up. One timer looks at all of them: thousands may come and
/// go within a second, and a timer of each would cost more than all else about it.
final class Waits: Sendable {
    private struct State {
        var waits: [ObjectIdentifier: (wait: JobWait, end: DispatchTime)] = [:]
        var timer: (any DispatchSourceTimer)?
    }

    /// Seconds between two looks, each of which is linear in waits: a wait is told in seconds.
    private static let interval = 0.05

    private let state = Mutex(State())

    /// How many wait.
    var count: Int { state.withLock { $0.waits.count } }

    func add(_ wait: JobWait, for seconds: Double) {
        state.withLock { state in
            state.waits[ObjectIdentifier(wait)] = (wait, .now() + seconds)
            if state.timer == nil { state.timer = startTimer() }
        }
    }

    func remove(_ wait: JobWait) { state.withLock { $0.waits[ObjectIdentifier(wait)] = nil } }

    func endAll() { end(where: { _ in true }) }

    private func startTimer() -> any DispatchSourceTimer {
        let timer = DispatchSource.makeTimerSource(queue: .global())
        timer.schedule(deadline: .now() + Self.interval, repeating: Self.interval, leeway: .milliseconds(10))
        timer.setEventHandler { [weak self] in self?.tick() }
        timer.resume()
        return timer
    }

    private func tick() {
        let now = DispatchTime.now()
        end(where: { $0 <= now })
        state.withLock { state in
            guard state.waits.isEmpty else { return }
            state.timer?.cancel()
            state.timer = nil
        }
    }

    private func end(where isOver: (DispatchTime) -> Bool) {
        let over = state.withLock { state in state.waits.values.filter { isOver($0.end) }.map(\.wait) }
        for wait in over { wait.end() }
    }
}
