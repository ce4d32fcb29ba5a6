import Resources
import Wire

/// The writer's end of an answer under way: collects what any thread writes until the loop takes it.
///
/// Many small writes between two turns of the loop become one chunk and one system call.
final class StreamHandle: ResponseStream {
    enum Ending {
        case goesOn
        case finished
        case aborted
    }

    private struct State {
        var chunks: [[UInt8]] = []
        var queued = 0
        /// Bytes the connection still holds, as of the last time the loop said so.
        var inConnection = 0
        /// The loop knows that there is something to take.
        var isAnnounced = false
        var ending = Ending.goesOn
        var end: StreamEnd?
        /// Above the high mark, and not yet below the low one since.
        var isAbove = false
        var isStopping = false
        var onClose: [@Sendable (StreamEnd) -> Void] = []
        var onWritable: [@Sendable () -> Void] = []
        var onStopping: [@Sendable () -> Void] = []

        /// What waits is counted.
        let memory: MemoryShare

        var waiting: Int { queued + inConnection }
        var takesMore: Bool { end == nil && ending == .goesOn }
    }

    let token: UInt64
    let serial: UInt64
    /// Goes on until its peer leaves.
    let isEndless: Bool
    private let loop: EventLoop
    private let state: Monitor<State>

    init(loop: EventLoop, token: UInt64, serial: UInt64, isEndless: Bool = false) {
        self.loop = loop
        self.token = token
        self.serial = serial
        self.isEndless = isEndless
        state = Monitor(State(memory: MemoryShare(of: loop.context.memory)))
    }

    // MARK: The writer's side

    func write(_ bytes: [UInt8]) -> Int? {
        let (waiting, mustAnnounce) = state.withLock { Self.append(bytes, to: &$0, loop.context.streamMark) }
        if mustAnnounce { announce() }
        return waiting
    }

    func writeCounted(_ bytes: [UInt8]) throws(MemoryRefusal) -> Int? {
        let mark = loop.context.streamMark
        let (waiting, mustAnnounce) = try state.withLock { state throws(MemoryRefusal) in
            if state.takesMore { try state.memory.take(bytes.count, for: "the answer") }
            return Self.append(bytes, to: &state, mark)
        }
        if mustAnnounce { announce() }
        return waiting
    }

    /// Gives what waits, and whether the loop must be told.
    private static func append(_ bytes: [UInt8], to state: inout State, _ mark: Int) -> (Int?, Bool) {
        guard state.takesMore else { return (nil, false) }
        if !bytes.isEmpty { state.chunks.append(bytes) }
        state.queued += bytes.count
        state.memory.settle(at: state.waiting)
        if state.waiting >= mark { state.isAbove = true }
        return (state.waiting, announce(&state))
    }

    func writeWaiting(_ bytes: [UInt8]) -> Bool {
        precondition(!loop.isCurrent, "waiting on the loop would wait for the loop itself")
        guard write(bytes) != nil else { return false }
        return state.wait { state in
            if state.end != nil { return false }
            return state.isAbove ? nil : true
        }
    }

    func finish() {
        end(.finished)
    }

    func abort() {
        end(.aborted)
    }

    var isClosed: Bool {
        state.withLock { $0.end != nil }
    }

    func onClose(_ action: @escaping @Sendable (StreamEnd) -> Void) {
        let end = state.withLock { state in
            if state.end == nil { state.onClose.append(action) }
            return state.end
        }
        if let end { action(end) }
    }

    func onWritable(_ action: @escaping @Sendable () -> Void) {
        state.withLock { state in
            if state.end == nil { state.onWritable.append(action) }
        }
    }

    func onStopping(_ action: @escaping @Sendable () -> Void) {
        let isStopping = state.withLock { state in
            if !state.isStopping && state.end == nil { state.onStopping.append(action) }
            return state.isStopping
        }
        if isStopping { action() }
    }

    private func end(_ ending: Ending) {
        let mustAnnounce = state.withLock { state in
            guard state.takesMore else { return false }
            state.ending = ending
            return Self.announce(&state)
        }
        if mustAnnounce { announce() }
    }

    private static func announce(_ state: inout State) -> Bool {
        defer { state.isAnnounced = true }
        return !state.isAnnounced
    }

    private func announce() {
        let token = token
        loop.perform { loop in
            if let peer = loop.peer(token) { loop.touch(peer) }
        }
    }

    var isFull: Bool {
        state.withLock { $0.isAbove }
    }

    // MARK: The loop's side

    /// Gives what was written since the last time, small pieces joined, and whether that was all.
    func take() -> (chunks: [[UInt8]], ending: Ending) {
        state.withLock { state in
            state.isAnnounced = false
            let chunks = state.chunks
            state.chunks = []
            state.inConnection += state.queued
            state.queued = 0
            guard chunks.count > 1 else { return (chunks, state.ending) }
            var joined: [[UInt8]] = []
            for chunk in chunks {
                if let last = joined.last, last.count + chunk.count <= Self.joined {
                    joined[joined.count - 1] += chunk
                } else {
                    joined.append(chunk)
                }
            }
            return (joined, state.ending)
        }
    }

    /// Written pieces are joined up to this size; larger ones gain nothing.
    private static let joined = 16_384

    /// So much still waits in the connection: lets writers go on when it is little enough.
    func drained(to inConnection: Int) {
        let low = loop.context.streamMark / 4
        let (mayGoOn, actions): (Bool, [@Sendable () -> Void]) = state.withLock { state in
            state.inConnection = inConnection
            state.memory.settle(at: state.waiting)
            guard state.isAbove, state.waiting < low else { return (false, []) }
            state.isAbove = false
            return (true, state.onWritable)
        }
        guard mayGoOn else { return }
        state.change { _ in }
        for action in actions { action() }
    }

    /// Nothing will be taken any more.
    func close(_ end: StreamEnd) {
        let actions: [@Sendable (StreamEnd) -> Void] = state.change { state in
            guard state.end == nil else { return [] }
            state.end = end
            state.chunks = []
            state.queued = 0
            state.memory.settle(at: 0)
            state.onWritable = []
            state.onStopping = []
            let actions = state.onClose
            state.onClose = []
            return actions
        }
        for action in actions { action(end) }
    }

    func serverStops() {
        let actions: [@Sendable () -> Void] = state.withLock { state in
            guard !state.isStopping else { return [] }
            state.isStopping = true
            let actions = state.onStopping
            state.onStopping = []
            return actions
        }
        for action in actions { action() }
    }
}
