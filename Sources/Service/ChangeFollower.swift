import Foundation
import Synchronization

/// Tells listeners that the database changed, whichever process changed it.
///
/// SQLite's `data_version` moves with every commit of another connection. One thread reads it every 100 ms while
/// somebody listens, and sleeps otherwise; listeners cost a closure each, never a thread.
public final class ChangeFollower: Sendable {
    /// Live enough for a person watching a curve, and 10 reads a second of a number in memory.
    public static let interval: Duration = .milliseconds(100)

    /// Ends with `cancel()` or when the last reference goes.
    public final class Subscription: Sendable {
        private let end: @Sendable () -> Void

        init(end: @escaping @Sendable () -> Void) { self.end = end }

        public func cancel() { end() }

        deinit { end() }
    }

    private struct State {
        var listeners: [Int: @Sendable () -> Void] = [:]
        var nextID = 0
        var timer: (any DispatchSourceTimer)?
        var version: Int?
    }

    /// Counts the changes that were told.
    private let changes = Atomic<UInt64>(0)
    private let dataVersion: @Sendable () -> Int?
    private let queue = DispatchQueue(label: "timestep.changes")
    private let state: Mutex<State>

    /// `dataVersion` gives a number that differs after every change; nil when it cannot be read just now.
    public init(dataVersion: @escaping @Sendable () -> Int?) {
        self.dataVersion = dataVersion
        state = Mutex(State())
    }

    /// `notify` is called on the follower's own queue after every change; it must not block.
    public func subscribe(_ notify: @escaping @Sendable () -> Void) -> Subscription {
        let id = state.withLock { state in
            let id = state.nextID
            state.nextID += 1
            state.listeners[id] = notify
            if state.timer == nil { state.timer = startTimer() }
            return id
        }
        return Subscription { [weak self] in self?.remove(id) }
    }

    /// Looks at once instead of at the next tick: after a change that this process made itself.
    public func poke() {
        queue.async { [weak self] in self?.notifyAll() }
    }

    /// The number of the last change that was told. What is read after this was asked for is at least as new as that change.
    public var generation: UInt64 { changes.load(ordering: .acquiring) }

    public var listenerCount: Int { state.withLock { $0.listeners.count } }

    private func remove(_ id: Int) {
        state.withLock { state in
            state.listeners[id] = nil
            if state.listeners.isEmpty {
                state.timer?.cancel()
                state.timer = nil
                state.version = nil
            }
        }
    }

    private func startTimer() -> any DispatchSourceTimer {
        // Nobody looked for a while: what was read before is old.
        changes.add(1, ordering: .releasing)
        let timer = DispatchSource.makeTimerSource(queue: queue)
        let interval = Self.interval.timeInterval
        timer.schedule(deadline: .now() + interval, repeating: interval, leeway: .milliseconds(20))
        timer.setEventHandler { [weak self] in self?.tick() }
        timer.resume()
        return timer
    }

    private func tick() {
        let version = dataVersion()
        let changed = state.withLock { state in
            // The first look has nothing to compare with: a change may have come between the listener's own read
            // and now, so it counts as one.
            let changed = version != nil && version != state.version
            if version != nil { state.version = version }
            return changed
        }
        if changed { notifyAll() }
    }

    private func notifyAll() {
        changes.add(1, ordering: .releasing)
        let listeners = state.withLock { Array($0.listeners.values) }
        for listener in listeners { listener() }
    }
}
