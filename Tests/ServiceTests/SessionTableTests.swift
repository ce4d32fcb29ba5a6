import Foundation
import Testing

@testable import Service

private final class Counter: CountingSteps {
    let stepCount: Int
    let byteCount: Int
    init(_ stepCount: Int = 0, bytes: Int = 0) { (self.stepCount, byteCount) = (stepCount, bytes) }
}

@Suite struct SessionTableTests {
    private let start = Date(timeIntervalSince1970: 1_000_000)

    private func table(capacity: Int, evicts: Bool = false) -> SessionTable<Counter> {
        SessionTable(capacity: capacity, evictsWhenFull: evicts)
    }

    @Test("a session is open until its idle time is over, then expired with its last step, and never unknown")
    func expiry() {
        var table = table(capacity: 10)
        _ = table.insert(Counter(42), id: "a", timeToLive: .seconds(10), at: start)
        guard case .open = table.find("a", at: start + 9.999) else { return #expect(Bool(false), "still open") }
        guard case .expired(let end) = table.find("a", at: start + 10) else {
            return #expect(Bool(false), "expired")
        }
        #expect(end == ExpiredSession(id: "a", cause: .idleTimeout, expiredAt: start + 10, lastStep: 42))
        guard case .unknown = table.find("b", at: start) else { return #expect(Bool(false), "unknown") }
    }

    @Test("a session in use does not expire, and its idle time starts when the use ends")
    func use() {
        var table = table(capacity: 10)
        let session = Counter()
        _ = table.insert(session, id: "a", timeToLive: .seconds(10), at: start)
        guard case .open = table.use("a", at: start + 5) else { return #expect(Bool(false), "open") }
        #expect(table.expire(at: start + 100).isEmpty)
        table.release("a", session, at: start + 100)
        #expect(table.expire(at: start + 109).isEmpty)
        #expect(table.expire(at: start + 110) == ["a"])
    }

    @Test("a full table refuses with the time after which room is likely, and takes the next one when there is room")
    func full() {
        var table = table(capacity: 1)
        _ = table.insert(Counter(), id: "a", timeToLive: .seconds(20), at: start)
        guard case .full(let seconds) = table.insert(Counter(), id: "b", timeToLive: .seconds(20), at: start + 5) else {
            return #expect(Bool(false), "full")
        }
        #expect(seconds == 15)
        guard case .inserted = table.insert(Counter(), id: "b", timeToLive: .seconds(20), at: start + 20) else {
            return #expect(Bool(false), "the idle session has made room")
        }
    }

    @Test("states that the memory does not hold are refused, or evict, and an end gives its memory back")
    func memory() {
        var table = SessionTable<Counter>(capacity: 10, memory: 100, evictsWhenFull: false)
        let first = Counter(bytes: 60)
        _ = table.insert(first, id: "a", timeToLive: .seconds(20), at: start)
        guard case .noMemory = table.insert(Counter(bytes: 41), id: "b", timeToLive: .seconds(20), at: start) else {
            return #expect(Bool(false), "41 bytes do not fit beside 60 of 100")
        }
        guard case .inserted = table.insert(Counter(bytes: 40), id: "b", timeToLive: .seconds(20), at: start) else {
            return #expect(Bool(false), "40 do")
        }
        table.remove("a", first)
        #expect(table.bytes == 40)
        #expect(table.expire(at: start + 20) == ["b"])
        #expect(table.bytes == 0)

        table = SessionTable<Counter>(capacity: 10, memory: 100, evictsWhenFull: true)
        for id in ["a", "b"] { _ = table.insert(Counter(bytes: 50), id: id, timeToLive: .seconds(20), at: start) }
        guard case .insertedEvicting = table.insert(Counter(bytes: 90), id: "c", timeToLive: .seconds(20), at: start)
        else { return #expect(Bool(false), "it has evicted") }
        #expect(Set(table.entries.keys) == ["c"])
        guard case .noMemory = table.insert(Counter(bytes: 101), id: "d", timeToLive: .seconds(20), at: start) else {
            return #expect(Bool(false), "it never fits")
        }
        #expect(Set(table.entries.keys) == ["c"])
    }

    @Test("an evicting table ends the session that was idle longest, and never one in use")
    func eviction() {
        var table = table(capacity: 2, evicts: true)
        let busy = Counter(7)
        _ = table.insert(busy, id: "busy", timeToLive: .seconds(1_000), at: start)
        _ = table.insert(Counter(8), id: "idle", timeToLive: .seconds(1_000), at: start + 1)
        _ = table.use("busy", at: start + 2)
        guard
            case .insertedEvicting("idle") = table.insert(Counter(), id: "new", timeToLive: .seconds(9), at: start + 3)
        else { return #expect(Bool(false), "evicts the idle one") }
        guard case .expired(let end) = table.find("idle", at: start + 3) else {
            return #expect(Bool(false), "told as evicted")
        }
        #expect(end.cause == .evicted && end.lastStep == 8)
    }

    @Test("a name in use is refused; a name that ended may be taken again and is open then")
    func names() {
        var table = table(capacity: 10)
        _ = table.insert(Counter(), id: "a", timeToLive: .seconds(1), at: start)
        guard case .exists = table.insert(Counter(), id: "a", timeToLive: .seconds(1), at: start) else {
            return #expect(Bool(false), "exists")
        }
        guard case .inserted = table.insert(Counter(), id: "a", timeToLive: .seconds(1), at: start + 1) else {
            return #expect(Bool(false), "free again")
        }
        guard case .open = table.find("a", at: start + 1) else { return #expect(Bool(false), "open") }
    }

    @Test("a session that is closed late does not take the one that has its name by then with it")
    func lateRemoval() {
        var table = table(capacity: 10)
        let (old, new) = (Counter(), Counter())
        _ = table.insert(old, id: "a", timeToLive: .seconds(1), at: start)
        _ = table.insert(new, id: "a", timeToLive: .seconds(10), at: start + 1)
        table.remove("a", old)
        guard case .open(let entry) = table.find("a", at: start + 2), entry.session === new else {
            return #expect(Bool(false), "the new one is open")
        }
        table.remove("a", new)
        guard case .unknown = table.find("a", at: start + 2) else { return #expect(Bool(false), "unknown") }
    }

    @Test("the memory of ended sessions is bounded, and the newest ends are the ones remembered")
    func bounded() {
        var table = table(capacity: 1)
        let count = SessionTable<Counter>.rememberedEnds * 3
        for index in 0..<count {
            _ = table.insert(Counter(index), id: "s\(index)", timeToLive: .seconds(1), at: start + Double(index))
        }
        let end = start + Double(count)
        guard case .unknown = table.find("s0", at: end) else { return #expect(Bool(false), "forgotten") }
        guard case .expired = table.find("s\(count - 2)", at: end) else { return #expect(Bool(false), "remembered") }
    }
}
