import Synchronization

/// Whether somebody still waits for a piece of work. Cancelled once, from any thread, and never again uncancelled.
///
/// Work that takes long asks between its parts; what is under way within a part is finished.
public final class Cancellation: Sendable {
    private let flag = Atomic<Bool>(false)
    private let actions = Mutex<[@Sendable () -> Void]>([])

    public init() {}

    /// For work that is never cancelled.
    public static var never: Cancellation { Cancellation() }

    public var isCancelled: Bool { flag.load(ordering: .relaxed) }

    /// The first call runs what `onCancel` was given, on the calling thread.
    public func cancel() {
        let waiting = actions.withLock { actions in
            flag.store(true, ordering: .relaxed)
            defer { actions = [] }
            return actions
        }
        for action in waiting { action() }
    }

    /// Between two parts of the work.
    public func check() throws(CancelledWork) {
        if isCancelled { throw CancelledWork() }
    }

    /// Called once, when the work is cancelled, or at once where it is already. It must not block.
    public func onCancel(_ action: @escaping @Sendable () -> Void) {
        let isLate = actions.withLock { actions in
            if !isCancelled { actions.append(action) }
            return isCancelled
        }
        if isLate { action() }
    }

    /// Lets go of what `onCancel` was given: the work is done.
    public func forget() {
        let dropped = actions.withLock { actions in
            defer { actions = [] }
            return actions
        }
        // They may hold the last reference to an answer, whose end takes locks of its own: outside this one.
        _ = dropped
    }
}

/// Nobody waits for the work any more.
public struct CancelledWork: Error, Sendable, Hashable, CustomStringConvertible {
    public init() {}

    public var description: String { "the client is gone; the work was ended" }
}
