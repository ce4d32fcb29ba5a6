import HTTPServer
import Service
import Synchronization

/// One upload of a dataset: pieces go to the disk as they come. No thread waits for a slow client: what has come starts a
/// turn on the transfer threads, and turns of one upload never overlap.
final class Upload: Sendable {
    private struct State {
        var isTurning = false
        var wanted = false
    }

    private let call: Call
    private let body: BodyReader
    private let receiver: DatasetReceiver
    private let state = Mutex(State())

    init(_ call: Call, _ body: BodyReader, _ receiver: DatasetReceiver) {
        self.call = call
        self.body = body
        self.receiver = receiver
    }

    func start() {
        // The body keeps the upload alive until it has come to its end, good or bad.
        body.onInput { [self] in turn() }
    }

    private func turn() {
        let mayTurn = state.withLock { state in
            state.wanted = true
            defer { state.isTurning = true }
            return !state.isTurning
        }
        guard mayTurn else { return }
        call.api.queues.transfer.resume { [self] in take() }
    }

    private func take() {
        state.withLock { $0.wanted = false }
        do {
            for _ in 0..<Self.batch {
                switch try body.take() {
                case .bytes(let piece): try receiver.write(piece)
                case .nothing: return rest()
                case .end: return try call.answerUpload(try receiver.finish())
                }
            }
        } catch {
            receiver.abandon()
            return call.fail(error)
        }
        // Others have their turn.
        call.api.queues.transfer.resume { [self] in take() }
    }

    /// Network reads of one turn.
    private static let batch = 16

    /// Ends the turn; the next begins when something comes, or at once where it has come meanwhile.
    private func rest() {
        let again = state.withLock { state in
            if !state.wanted { state.isTurning = false }
            return state.wanted
        }
        if again { call.api.queues.transfer.resume { [self] in take() } }
    }
}
