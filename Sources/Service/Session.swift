import Foundation
import Networks
import Store
import Synchronization

/// One live session: a model version, and a state that stays here between requests.
///
/// Requests to one session run one after the other; its lock is held while the network runs.
final class Session: CountingSteps {
    let id: String
    let loaded: LoadedModel
    private let state: Mutex<SessionState>
    private let isClosing = Atomic<Bool>(false)
    /// Readable while a step runs.
    private let steps: Atomic<Int>

    init(id: String, loaded: LoadedModel, state: SessionState) {
        self.id = id
        self.loaded = loaded
        self.state = Mutex(state)
        steps = Atomic(state.step)
    }

    /// Bytes of its state, and of what is kept beside it.
    var byteCount: Int { loaded.predictor.stateBytes + Self.bytesBeside }

    /// The session itself, its names, its place in the table.
    private static let bytesBeside = 1_024

    /// Requests that hold, or wait for, the session for longer than others should wait.
    private let long = Atomic<Int>(0)

    var hasLong: Bool { long.load(ordering: .relaxed) > 0 }
    func beginLong() { long.add(1, ordering: .relaxed) }
    func endLong() { long.subtract(1, ordering: .relaxed) }

    var stepCount: Int { steps.load(ordering: .relaxed) }

    /// From here on every other request is told that the session is being closed; false where that was so already.
    func beginClosing() -> Bool { !isClosing.exchange(true, ordering: .relaxed) }

    /// Runs `body` alone on the session.
    ///
    /// - Parameter mayWait: where it may not, and another request has the session, `SessionIsBusy` is thrown.
    func alone<Result>(mayWait: Bool = true, _ body: (inout SessionState) throws -> Result) throws -> Result {
        let result: Result?
        if mayWait {
            result = try state.withLock { state in
                try requireOpen()
                defer { steps.store(state.step, ordering: .relaxed) }
                return try body(&state)
            }
        } else {
            result = try state.withLockIfAvailable { state in
                try requireOpen()
                defer { steps.store(state.step, ordering: .relaxed) }
                return try body(&state)
            }
        }
        guard let result else { throw SessionIsBusy() }
        return result
    }

    private func requireOpen() throws {
        guard isClosing.load(ordering: .relaxed) else { return }
        throw ServiceError(.closing, "session \"\(id)\" is being closed and takes no more requests")
    }

    /// Waits for the request in flight.
    func settle() { state.withLock { _ in } }
}

/// Another request has the session, and whoever asks may not wait for it. Nothing was done.
public struct SessionIsBusy: Error {}
