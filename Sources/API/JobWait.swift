import Dispatch
import HTTPServer
import Service
import Store
import Synchronization
import Wire

/// One long poll: answers when the job's status is no longer what it was, or when the time is up.
///
/// It costs a closure and a timer, no thread. Ends exactly once: by a change, by its time, or by the server's stop.
/// The list of waits keeps it alive until then.
final class JobWait: Sendable {
    private struct State {
        var subscription: ChangeFollower.Subscription?
        var timer: (any DispatchSourceTimer)?
        var isLooking = false
        /// A change came while the job was being looked at: look again.
        var changed = false
        var isOver = false
    }

    private let call: Call
    private let id: String
    private let status: JobStatus
    private let state = Mutex(State())

    /// `status` is what the job had when the request came.
    init(_ call: Call, job id: String, from status: JobStatus) {
        self.call = call
        self.id = id
        self.status = status
    }

    /// Throws where too many wait already.
    func start(for seconds: Double) throws(HTTPError) {
        try call.api.listeners.enter()
        call.api.waits.add(self)
        call.request.cancellation.onCancel { [weak self] in self?.leave() }
        let subscription = call.service.changes.subscribe { [weak self] in self?.look() }
        let isOver = state.withLock { state in
            if state.isOver { return true }
            state.subscription = subscription
            state.timer = startTimer(seconds)
            return false
        }
        if isOver { subscription.cancel() }
        // Whatever happened between the first look and the subscription.
        look(isFirst: true)
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

    private func startTimer(_ seconds: Double) -> any DispatchSourceTimer {
        let timer = DispatchSource.makeTimerSource(queue: .global())
        timer.schedule(deadline: .now() + seconds, leeway: .milliseconds(50))
        timer.setEventHandler { [weak self] in self?.end() }
        timer.resume()
        return timer
    }

    private func look(isFirst: Bool = false) {
        let mayLook = state.withLock { state in
            guard !state.isOver else { return false }
            if state.isLooking {
                state.changed = true
                return false
            }
            state.isLooking = true
            return true
        }
        guard mayLook else { return }
        call.api.queues.listeners.resume { [self] in
            var isFirst = isFirst
            repeat {
                do {
                    let job = try isFirst ? call.service.job(id) : call.api.listeners.job(id, call.service)
                    isFirst = false
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
            state.timer?.cancel()
            state.timer = nil
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

/// The long polls that are under way.
final class Waits: Sendable {
    private let waits = Mutex<[ObjectIdentifier: JobWait]>([:])

    /// How many wait.
    var count: Int { waits.withLock { $0.count } }

    func add(_ wait: JobWait) { waits.withLock { $0[ObjectIdentifier(wait)] = wait } }

    func remove(_ wait: JobWait) { waits.withLock { $0[ObjectIdentifier(wait)] = nil } }

    func endAll() {
        for wait in waits.withLock({ Array($0.values) }) { wait.end() }
    }
}
