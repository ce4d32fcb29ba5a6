import DequeModule
import Foundation
import Resources

/// What the table needs to know of a session.
protocol CountingSteps: AnyObject, Sendable {
    /// Steps taken so far; asked when the session ends, so that its client can be told.
    var stepCount: Int { get }
    /// Bytes, the same for all its life.
    var byteCount: Int { get }
}

/// Which sessions are open, and which ended by themselves a while ago. A value: it does no I/O and is told the time.
///
/// Finding is constant time, and expiring looks at the sessions whose time may be over.
struct SessionTable<Session: CountingSteps> {
    struct Entry {
        let session: Session
        let createdAt: Date
        let timeToLive: Duration
        var lastUsedAt: Date
        /// Requests that are using the session now; a session in use never expires.
        var users = 0
        /// When it is looked at: its time among those of the table.
        var due: Date

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
    /// Ids in the order in which they ended; an id may stand here more than once.
    private var endedOrder = Deque<(id: String, at: Date)>()
    private var deadlines = Deadlines<String, Date>()

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
        let due = now + timeToLive.timeInterval
        entries[id] = Entry(session: session, createdAt: now, timeToLive: timeToLive, lastUsedAt: now, due: due)
        deadlines.add(id, due: due)
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
        while endedOrder.count > Self.rememberedEnds, let oldest = endedOrder.popFirst() {
            if ended[oldest.id]?.expiredAt == oldest.at { ended[oldest.id] = nil }
        }
    }

    /// Ends every session whose time is over and that nobody is using; gives their ids.
    mutating func expire(at now: Date) -> [String] {
        var over: [String] = []
        var later: [(id: String, due: Date)] = []
        while let (id, due) = deadlines.popDue(at: now) {
            guard let entry = entries[id], entry.due == due else { continue }
            if entry.isOver(at: now) {
                end(id, cause: .idleTimeout, at: now)
                over.append(id)
            } else {
                // One in use is looked at again when it may be idle since now.
                later.append((id, max(entry.expiresAt, entry.users > 0 ? now + entry.timeToLive.timeInterval : now)))
            }
        }
        for (id, due) in later {
            entries[id]?.due = due
            deadlines.add(id, due: due)
        }
        let current = entries
        deadlines.keep(living: current.count) { id, due in current[id]?.due == due }
        return over
    }
}
