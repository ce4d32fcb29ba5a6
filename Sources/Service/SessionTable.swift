import Foundation

/// What the table needs to know of a session.
protocol CountingSteps: AnyObject, Sendable {
    /// Steps taken so far; asked when the session ends, so that its client can be told.
    var stepCount: Int { get }
    /// Bytes, the same for all its life.
    var byteCount: Int { get }
}

/// Which sessions are open, and which ended by themselves a while ago. A value: it does no I/O and is told the time.
///
/// Finding is constant time. Expiring looks at every session: linear in open sessions, once a second; at 10,000
/// sessions this is well under a millisecond.
struct SessionTable<Session: CountingSteps> {
    struct Entry {
        let session: Session
        let createdAt: Date
        let timeToLive: Duration
        var lastUsedAt: Date
        /// Requests that are using the session now; a session in use never expires.
        var users = 0

        var expiresAt: Date { lastUsedAt + timeToLive.timeInterval }

        func isOver(at now: Date) -> Bool { users == 0 && expiresAt <= now }
    }

    enum Found {
        case open(Entry)
        case expired(ExpiredSession)
        case unknown
    }

    enum Insertion {
        case inserted
        /// Inserted in the place of the one that had been idle longest.
        case insertedEvicting(id: String)
        case exists
        /// No room; the next session expires after so many seconds if nobody uses it.
        case full(retryAfterSeconds: Int)
        /// The same for its memory.
        case noMemory(retryAfterSeconds: Int)
    }

    /// Remembered ends: enough that a client that comes back the next day is told why, at 100 bytes each.
    static var rememberedEnds: Int { 10_000 }
    /// What a full server suggests at most: after that long a client does better to ask again.
    static var longestRetrySeconds: Int { 60 }

    private(set) var entries: [String: Entry] = [:]
    private var ended: [String: ExpiredSession] = [:]
    /// Ids in the order in which they ended, from `endedStart` on; an id may stand here more than once.
    private var endedOrder: [(id: String, at: Date)] = []
    private var endedStart = 0

    let capacity: Int
    /// Bytes of all sessions together, at most.
    let memory: Int
    let evictsWhenFull: Bool
    private(set) var bytes = 0

    init(capacity: Int, memory: Int = .max, evictsWhenFull: Bool) {
        self.capacity = capacity
        self.memory = memory
        self.evictsWhenFull = evictsWhenFull
    }

    /// Finds without counting as use.
    mutating func find(_ id: String, at now: Date) -> Found {
        if let entry = entries[id] {
            guard entry.isOver(at: now) else { return .open(entry) }
            end(id, cause: .idleTimeout, at: now)
        }
        if let end = ended[id] { return .expired(end) }
        return .unknown
    }

    /// Finds and marks as in use; pair with `release`.
    mutating func use(_ id: String, at now: Date) -> Found {
        guard case .open(var entry) = find(id, at: now) else { return find(id, at: now) }
        entry.users += 1
        entry.lastUsedAt = now
        entries[id] = entry
        return .open(entry)
    }

    mutating func release(_ id: String, _ session: Session, at now: Date) {
        // The id may belong to another session by now.
        guard var entry = entries[id], entry.session === session else { return }
        entry.users -= 1
        entry.lastUsedAt = max(now, entry.lastUsedAt)
        entries[id] = entry
    }

    mutating func insert(_ session: Session, id: String, timeToLive: Duration, at now: Date) -> Insertion {
        if case .open = find(id, at: now) { return .exists }
        var result = Insertion.inserted
        if !hasRoom(for: session) { _ = expire(at: now) }
        while !hasRoom(for: session) {
            // One that could not be alone in the memory puts out nobody.
            let fits = session.byteCount <= memory
            let idle = entries.filter { $0.value.users == 0 }
            guard evictsWhenFull, fits, let oldest = idle.min(by: { $0.value.lastUsedAt < $1.value.lastUsedAt }) else {
                let next = entries.values.map { $0.expiresAt.timeIntervalSince(now) }.min() ?? 1
                let seconds = min(Self.longestRetrySeconds, max(1, Int(next.rounded(.up))))
                return entries.count >= capacity
                    ? .full(retryAfterSeconds: seconds) : .noMemory(retryAfterSeconds: seconds)
            }
            end(oldest.key, cause: .evicted, at: now)
            result = .insertedEvicting(id: oldest.key)
        }
        // A name that is taken again is a new session: its old end is forgotten.
        ended[id] = nil
        entries[id] = Entry(session: session, createdAt: now, timeToLive: timeToLive, lastUsedAt: now)
        bytes += session.byteCount
        return result
    }

    private func hasRoom(for session: Session) -> Bool {
        entries.count < capacity && session.byteCount <= memory - bytes
    }

    /// Removes a session that its client closed: later the id is unknown, not expired. Whoever took the id meanwhile
    /// stays.
    mutating func remove(_ id: String, _ session: Session) {
        guard entries[id]?.session === session else { return }
        entries[id] = nil
        bytes -= session.byteCount
    }

    /// Ends a session by itself: later the id is expired, with the reason.
    mutating func end(_ id: String, cause: ExpiredSession.Cause, at now: Date) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        bytes -= entry.session.byteCount
        ended[id] = ExpiredSession(id: id, cause: cause, expiredAt: now, lastStep: entry.session.stepCount)
        endedOrder.append((id, now))
        while endedOrder.count - endedStart > Self.rememberedEnds {
            let oldest = endedOrder[endedStart]
            if ended[oldest.id]?.expiredAt == oldest.at { ended[oldest.id] = nil }
            endedStart += 1
        }
        // The forgotten front of the list is cut off now and then, so that a removal costs constant time on average.
        if endedStart > Self.rememberedEnds {
            endedOrder.removeFirst(endedStart)
            endedStart = 0
        }
    }

    /// Ends every session whose time is over and that nobody is using; gives their ids.
    mutating func expire(at now: Date) -> [String] {
        let over = entries.filter { $0.value.isOver(at: now) }.map(\.key)
        for id in over { end(id, cause: .idleTimeout, at: now) }
        return over
    }
}
