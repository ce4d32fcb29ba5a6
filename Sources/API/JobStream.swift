import Dispatch
import Formats
import HTTPServer
import Service
import Store
import Synchronization
import Wire

/// The live events of one job to one listener, until the job is terminal or the listener is gone.
///
/// Events are read from the database in the order of their numbers, whoever wrote them, so a listener that comes back
/// with the last number it saw misses nothing and sees nothing twice. No thread waits: a change of the database, room
/// for more bytes, or a slow tick starts a turn on the store's threads, and turns of one stream never overlap.
final class JobStream: Sendable {
    /// Below the idle limits of common proxies.
    static let pingInterval: Double = 15
    /// Events read in one turn: about 20 kB, well below what may wait for a slow peer.
    static let batch = 100

    private struct State {
        var last: Int64
        var lastKind: JobEvent.Kind?
        var isTurning = false
        var wanted = false
        var isOver = false
        var subscription: ChangeFollower.Subscription?
        var timer: (any DispatchSourceTimer)?
    }

    private let call: Call
    private let job: String
    private let format: EventFormat
    private let stream: any ResponseStream
    private let state: Mutex<State>

    /// Sends the head at once; `after` is the number of the last event the listener has seen.
    ///
    /// Throws where too many listen already.
    init(_ call: Call, job: String, after: Int64, format: EventFormat) throws(HTTPError) {
        try call.api.listeners.enter()
        self.call = call
        self.job = job
        self.format = format
        state = Mutex(State(last: after))
        stream = call.responder.stream(status: 200, fields: format.fields, isEndless: true)
    }

    func start() {
        stream.write(format.opening)
        let subscription = call.service.changes.subscribe { [weak self] in self?.turn() }
        state.withLock { state in
            state.subscription = subscription
            state.timer = startPinging()
        }
        stream.onWritable { [weak self] in self?.turn() }
        // The open connection keeps the stream alive: this closure goes when the connection does.
        stream.onClose { [self] _ in close() }
        stream.onStopping { [weak self] in
            self?.end(with: Problem(.stopping, "the server is stopping; connect again to go on"))
        }
        turn()
    }

    private func startPinging() -> any DispatchSourceTimer {
        let timer = DispatchSource.makeTimerSource(queue: .global())
        timer.schedule(deadline: .now() + Self.pingInterval, repeating: Self.pingInterval, leeway: .seconds(1))
        timer.setEventHandler { [weak self] in self?.ping() }
        timer.resume()
        return timer
    }

    private func ping() {
        stream.write(format.ping)
    }

    private func turn() {
        let mayTurn = state.withLock { state in
            guard !state.isOver else { return false }
            state.wanted = true
            if state.isTurning { return false }
            state.isTurning = true
            return true
        }
        guard mayTurn else { return }
        call.api.queues.listeners.resume { [self] in
            do {
                while try next() {}
            } catch { end(with: Problem(error)) }
        }
    }

    /// Sends what has come; true if there is reason to look again.
    private func next() throws -> Bool {
        let after = state.withLock { state in
            state.wanted = false
            return state.last
        }
        let reading = try call.api.listeners.turn(job, after: after, call.service)
        for event in reading.events.items {
            guard send(event) != nil else { return rest() }
        }
        if stream.isFull {
            _ = rest()
            // The listener may have taken it all before the turn ended; no further edge tells of that then.
            if !stream.isFull { turn() }
            return false
        }
        if reading.events.hasMore { return true }
        return try reading.job.status.isTerminal && finish() ? rest() : again()
    }

    /// The bytes that wait for the listener; nil where the stream is over.
    private func send(_ event: JobEvent) -> Int? {
        let isOver = state.withLock { state in
            state.last = event.sequence
            state.lastKind = event.kind
            return state.isOver
        }
        if isOver { return nil }
        var writer = JSONWriter()
        writer.event(event)
        return stream.write(format.frame(event.kind.rawValue, id: event.sequence, writer.take()))
    }

    /// The end of a terminal job's stream. Where its own `done` was seen before, or retention removed it, it is said
    /// again under the last number. False: the job was retried meanwhile and the stream goes on.
    private func finish() throws -> Bool {
        let (last, kind) = state.withLock { ($0.last, $0.lastKind) }
        if kind != .done {
            let job = try call.service.job(job)
            guard job.status.isTerminal else { return false }
            var writer = JSONWriter()
            writer.end(of: job, after: last)
            stream.write(format.frame(JobEvent.Kind.done.rawValue, id: last, writer.take()))
        }
        close()
        stream.finish()
        return true
    }

    private func end(with problem: Problem) {
        guard !state.withLock({ $0.isOver }) else { return }
        stream.write(format.frame(problem, id: nil, requestID: call.request.id))
        close()
        stream.finish()
    }

    private func again() -> Bool {
        state.withLock { state in
            let again = state.wanted && !state.isOver
            if !again { state.isTurning = false }
            return again
        }
    }

    /// Ends the turn; the next one begins when something happens.
    private func rest() -> Bool {
        state.withLock { $0.isTurning = false }
        return false
    }

    private func close() {
        let (wasOver, subscription) = state.withLock { state in
            let wasOver = state.isOver
            state.isOver = true
            state.timer?.cancel()
            state.timer = nil
            defer { state.subscription = nil }
            return (wasOver, state.subscription)
        }
        subscription?.cancel()
        if !wasOver { call.api.listeners.leave() }
    }
}
