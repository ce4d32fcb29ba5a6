import Resources
import Wire

/// The content of a request, read as it arrives.
///
/// Holds at most its mark and a network read: above it the loop stops reading the socket, the kernel's window closes, and
/// the client waits. So an upload of gigabytes costs a quarter of a megabyte. A reader that takes pieces as they come
/// (`take`, told by `onInput`) keeps no thread for a slow client; `read` is for a thread that may wait.
public final class BodyReader: Sendable {
    /// What `Content-Length` announced; nil for a chunked body.
    public let declaredLength: Int?

    /// What `take` finds.
    public enum Piece: Sendable, Equatable {
        case bytes([UInt8])
        /// Nothing yet; `onInput` will tell.
        case nothing
        case end
    }

    private struct State {
        var chunks: [[UInt8]] = []
        var first = 0
        var held = 0
        var isPaused = false
        var end: End?
        var onInput: (@Sendable () -> Void)?
    }

    private enum End {
        case complete
        case failed(HTTPError)
    }

    private let state = Monitor(State())
    private let resume: @Sendable () -> Void
    /// The loop stops reading above this and goes on below half of it.
    private let mark: Int
    /// What is held is counted.
    private let memory: MemoryShare

    /// `resume` is called, from the reading thread, when a paused source may go on.
    init(declaredLength: Int?, mark: Int, memory: MemoryShare, resume: @escaping @Sendable () -> Void) {
        self.declaredLength = declaredLength
        self.mark = mark
        self.memory = memory
        self.resume = resume
    }

    /// A body that is here already, for tests of handlers.
    public init(chunks: [[UInt8]]) {
        declaredLength = chunks.reduce(0) { $0 + $1.count }
        mark = .max
        memory = .unlimited
        resume = {}
        state.withLock { state in
            state.chunks = chunks
            state.held = declaredLength ?? 0
        }
        finish(nil)
    }

    /// The next piece, as it came from the network; nil at the end. Blocks until there is one.
    ///
    /// Throws what ended the body early: `.contentTooLarge`, `.timeout`, `.malformed`, `.peerGone`, `.stopping`.
    public func read() throws(HTTPError) -> [UInt8]? {
        let next: (Result<Piece, HTTPError>, Bool) = state.wait { state in
            let next = Self.next(&state, mark)
            if case .success(.nothing) = next.0 { return nil }
            return next
        }
        if case .bytes(let bytes) = try settle(next) { return bytes }
        return nil
    }

    /// As `read`, without waiting.
    public func take() throws(HTTPError) -> Piece {
        try settle(state.withLock { Self.next(&$0, mark) })
    }

    /// Called when there is something to `take` again, on the loop: it must not block. And at once, should there be
    /// something already.
    public func onInput(_ action: @escaping @Sendable () -> Void) {
        let isReady = state.withLock { state in
            state.onInput = action
            return state.held > 0 || state.end != nil
        }
        if isReady { action() }
    }

    private func settle(_ next: (Result<Piece, HTTPError>, Bool)) throws(HTTPError) -> Piece {
        let piece = try next.0.get()
        if case .bytes(let bytes) = piece { memory.giveBack(bytes.count) }
        if next.1 { resume() }
        return piece
    }

    /// What there is, and whether the source may go on.
    private static func next(_ state: inout State, _ mark: Int) -> (Result<Piece, HTTPError>, Bool) {
        if state.first < state.chunks.count {
            let chunk = state.chunks[state.first]
            state.chunks[state.first] = []
            state.first += 1
            if state.first == state.chunks.count {
                state.chunks.removeAll(keepingCapacity: true)
                state.first = 0
            }
            state.held -= chunk.count
            let mayResume = state.isPaused && state.held < mark / 2
            if mayResume { state.isPaused = false }
            return (.success(.bytes(chunk)), mayResume)
        }
        return switch state.end {
        case nil: (.success(.nothing), false)
        case .complete: (.success(.end), false)
        case .failed(let error): (.failure(error), false)
        }
    }

    /// The loop's side: hands a piece over. True: pause until `resume`.
    func push(_ chunk: [UInt8]) throws(MemoryRefusal) -> Bool {
        // Nobody reads what comes after the end. Only the loop ends a body, so none ends between the two lines.
        guard state.withLock({ $0.end == nil }) else { return false }
        try memory.take(chunk.count, for: "the content of the request")
        let (mustPause, action) = state.change { state -> (Bool, (@Sendable () -> Void)?) in
            state.chunks.append(chunk)
            state.held += chunk.count
            if state.held > mark { state.isPaused = true }
            return (state.isPaused, state.onInput)
        }
        action?()
        return mustPause
    }

    /// The loop's side: no more will come; nil where the body is complete. Only the first call counts.
    func finish(_ error: HTTPError?) {
        let action = state.change { state -> (@Sendable () -> Void)? in
            guard state.end == nil else { return nil }
            state.end = error.map { .failed($0) } ?? .complete
            defer { state.onInput = nil }
            return state.onInput
        }
        action?()
    }
}
