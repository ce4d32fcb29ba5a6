import Dispatch
import HTTPServer
import Service
import Store
import Synchronization

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

    func start(for seconds: Double) {
        call.api.waits.add(self)
        let subscription = call.service.changes.subscribe { [weak self] in self?.look() }
        let isOver = state.withLock { state in
            if state.isOver { return true }
            state.subscription = subscription
            state.timer = startTimer(seconds)
            return false
        }
        if isOver { subscription.cancel() }
        // Whatever happened between the first look and the subscription.
        look()
    }

    /// Answers with the job as it is now.
    func end() {
        guard over() else { return }
        do {
            try call.handOff(to: call.api.queues.store) { [self] in try call.answerJob(call.service.job(id)) }
        } catch { call.fail(error) }
    }

    private func startTimer(_ seconds: Double) -> any DispatchSourceTimer {
        let timer = DispatchSource.makeTimerSource(queue: .global())
        timer.schedule(deadline: .now() + seconds, leeway: .milliseconds(50))
        timer.setEventHandler { [weak self] in self?.end() }
        timer.resume()
        return timer
    }

    private func look() {
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
        let accepted = call.api.queues.store.submit { [self] in
            repeat {
                do {
                    let job = try call.service.job(id)
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
        // A full queue: the next change or the timer comes back to it.
        if !accepted { state.withLock { $0.isLooking = false } }
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
        if isFirst { call.api.waits.remove(self) }
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
