import Synchronization

/// What many listeners read of the database after one change, read once for all of them.
///
/// A value read at one generation of `ChangeFollower` is good for every listener of that generation: a change after the
/// reading is told as another one, within the follower's interval. So subscribe first, then read.
public final class SharedReadings<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private final class Reading: Sendable {
        let value = Mutex<Value?>(nil)
    }

    private struct State {
        var generation: UInt64 = 0
        var readings: [Key: Reading] = [:]
    }

    private let state = Mutex(State())

    /// Listeners that lag behind, each at a place of its own, read by themselves beyond this.
    private static var most: Int { 64 }

    public init() {}

    /// Places read since the last change.
    public var places: Int { state.withLock { $0.readings.count } }

    /// `generation` was current before the call. The first caller reads; those who ask meanwhile wait for it.
    public func value(_ key: Key, at generation: UInt64, read: () throws -> Value) throws -> Value {
        let reading = state.withLock { state -> Reading? in
            if generation > state.generation {
                state.generation = generation
                state.readings = [:]
            }
            if let known = state.readings[key] { return known }
            guard state.readings.count < Self.most else { return nil }
            let fresh = Reading()
            state.readings[key] = fresh
            return fresh
        }
        guard let reading else { return try read() }
        return try reading.value.withLock { value in
            if let value { return value }
            let fresh = try read()
            value = fresh
            return fresh
        }
    }
}
