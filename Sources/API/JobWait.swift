import Dispatch
import HTTPServer
import Service
import Store
import Synchronization

/// One long poll: answers when the job's status is no longer what it was, or when the time is up.
///
/// It costs a closure and a timer, no thread. Ends exactly once: by a change, by its time, or by the server's stop.
final class JobWait: Sendable {
    private struct State {
        var subscription: ChangeFollower.Subscription?
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
        let number = call.api.waits.add(self)
        let subscription = call.service.changes.subscribe { [weak self] in self?.look() }
        let isOver = state.withLock { state in
            state.subscription = subscription
            return state.isOver
        }
        if isOver { subscription.cancel() }
        // The timer keeps the wait alive; the follower and the list of waits do not.
        DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { [self] in
            call.api.waits.remove(number)
            end()
        }
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
            defer { state.changed = false }
            if !state.changed || state.isOver { state.isLooking = false }
            return state.changed && !state.isOver
        }
    }

    /// True for the first who asks.
    private func over() -> Bool {
        let (isFirst, subscription) = state.withLock { state in
            defer { state.isOver = true }
            return (!state.isOver, state.subscription)
        }
        subscription?.cancel()
        return isFirst
    }
}

/// The long polls that are under way.
final class Waits: Sendable {
    private struct State {
        var next = 0
        var waits: [Int: JobWait] = [:]
    }

    private let state = Mutex(State())

    func add(_ wait: JobWait) -> Int {
        state.withLock { state in
            state.next += 1
            state.waits[state.next] = wait
            return state.next
        }
    }

    /// How many wait.
    var count: Int { state.withLock { $0.waits.count } }

    func remove(_ number: Int) { state.withLock { $0.waits[number] = nil } }

    func endAll() {
        let waits = state.withLock { state in
            defer { state.waits = [:] }
            return Array(state.waits.values)
        }
        for wait in waits { wait.end() }
    }
}
