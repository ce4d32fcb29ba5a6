import CPosix
import Dispatch

/// Threads that run handlers away from the loops.
public protocol WorkQueue: Sendable {
    /// False: the queue is full and the work will not run.
    func submit(_ work: @escaping @Sendable () -> Void) -> Bool
}

/// A fixed number of threads before a bounded queue, first in, first out.
///
/// Threads of its own and not a concurrent Dispatch queue: handlers block (on disk, on each other), and Dispatch
/// answers blocked threads with more threads.
public final class ThreadQueue: WorkQueue {
    private struct State {
        /// Empty where it was taken: work holds its request, and goes when it is done.
        var waiting: [(@Sendable () -> Void)?] = []
        var first = 0
        var running = 0
        var isStopped = false

        var count: Int { waiting.count - first }
    }

    private let state: Monitor<State>
    private let depth: Int
    public let threads: Int

    /// `depth` bounds the work that waits beside the work that runs; `niceness` above 0 lets other threads go first.
    public init(name: String, threads: Int, depth: Int, niceness: Int32 = 0) {
        precondition(threads > 0 && depth >= 0, "a queue without threads would accept work and never run it")
        self.threads = threads
        self.depth = depth
        state = Monitor(State())
        for index in 0..<threads {
            // A serial Dispatch queue whose one block never ends is a thread with a name.
            DispatchQueue(label: "\(name).\(index)").async { [state] in
                // Dispatch never gets this thread back while the queue lives, so nobody else's work is slowed.
                if niceness > 0 { _ = cposix_be_nice(niceness) }
                while let work = Self.next(state) {
                    work()
                    state.withLock { $0.running -= 1 }
                }
            }
        }
    }

    deinit {
        stop()
    }

    public func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        state.changeForOne { state in
            guard !state.isStopped, state.count + state.running < depth + threads else { return false }
            state.waiting.append(work)
            return true
        }
    }

    /// Takes work whatever waits already: for the turns of what was let in before, each of which waits at most once. A
    /// turn that was refused would be lost. False: the queue has ended.
    @discardableResult
    public func resume(_ work: @escaping @Sendable () -> Void) -> Bool {
        state.changeForOne { state in
            guard !state.isStopped else { return false }
            state.waiting.append(work)
            return true
        }
    }

    /// Work that waits for a thread.
    public var waiting: Int { state.withLock { $0.count } }

    /// Work that waits or runs.
    public var count: Int { state.withLock { $0.count + $0.running } }

    /// Takes no more work; what waits still runs, then the threads end.
    public func stop() {
        state.change { $0.isStopped = true }
    }

    /// Blocks until there is work; nil once stopped and empty.
    private static func next(_ state: Monitor<State>) -> (@Sendable () -> Void)? {
        state.wait { state in
            if state.first < state.waiting.count {
                let work = state.waiting[state.first]
                state.waiting[state.first] = nil
                state.first += 1
                state.running += 1
                // Compacting at half keeps the array short at a cost of one move per element.
                if state.first * 2 >= state.waiting.count {
                    state.waiting.removeFirst(state.first)
                    state.first = 0
                }
                return .some(work)
            }
            return state.isStopped ? .some(nil) : nil
        }
    }
}
