import Wire

/// The content of a request, read as it arrives, by a handler on its own thread.
///
/// Holds at most `high` bytes and a network read: above it the loop stops reading the socket, the kernel's window
/// closes, and the client waits. So an upload of gigabytes costs a quarter of a megabyte.
public final class BodyReader: Sendable {
    /// What `Content-Length` announced; nil for a chunked body.
    public let declaredLength: Int?

    private struct State {
        var chunks: [[UInt8]] = []
        var first = 0
        var held = 0
        var isPaused = false
        var end: End?
    }

    private enum End {
        case complete
        case failed(HTTPError)
    }

    private let state = Monitor(State())
    private let resume: @Sendable () -> Void

    /// The loop stops reading above this and goes on below half of it.
    static let high = 262_144

    /// `resume` is called, from the reading thread, when a paused source may go on.
    init(declaredLength: Int?, resume: @escaping @Sendable () -> Void) {
        self.declaredLength = declaredLength
        self.resume = resume
    }

    /// A body that is here already, for tests of handlers.
    public init(chunks: [[UInt8]]) {
        declaredLength = chunks.reduce(0) { $0 + $1.count }
        resume = {}
        for chunk in chunks { _ = push(chunk) }
        finish(nil)
    }

    /// The next piece, as it came from the network; nil at the end. Blocks until there is one.
    ///
    /// Throws what ended the body early: `.contentTooLarge`, `.timeout`, `.malformed`, `.peerGone`, `.stopping`.
    public func read() throws(HTTPError) -> [UInt8]? {
        let (result, mayResume): (Result<[UInt8]?, HTTPError>, Bool) = state.wait { state in
            if state.first < state.chunks.count {
                let chunk = state.chunks[state.first]
                state.chunks[state.first] = []
                state.first += 1
                if state.first == state.chunks.count {
                    state.chunks.removeAll(keepingCapacity: true)
                    state.first = 0
                }
                state.held -= chunk.count
                let mayResume = state.isPaused && state.held < Self.high / 2
                if mayResume { state.isPaused = false }
                return (.success(chunk), mayResume)
            }
            return switch state.end {
            case nil: nil
            case .complete: (.success(nil), false)
            case .failed(let error): (.failure(error), false)
            }
        }
        if mayResume { resume() }
        return try result.get()
    }

    /// The loop's side: hands a piece over. True: pause until `resume`.
    func push(_ chunk: [UInt8]) -> Bool {
        state.change { state in
            guard state.end == nil else { return false }
            state.chunks.append(chunk)
            state.held += chunk.count
            if state.held > Self.high { state.isPaused = true }
            return state.isPaused
        }
    }

    /// The loop's side: no more will come; nil where the body is complete. Only the first call counts.
    func finish(_ error: HTTPError?) {
        state.change { state in
            guard state.end == nil else { return }
            state.end = error.map { .failed($0) } ?? .complete
        }
    }
}
