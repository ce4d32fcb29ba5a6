import Resources
import Testing
import Wire

@testable import HTTPServer

@Suite("Nobody takes what is others'")
struct FairnessTests {
    private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("a peer that pipelines fast leaves the others their turns, and is served to the end")
    func pipelining() throws {
        let bench = try LoopBench([.text(.get, "/", "hello")])
        let fast = bench.connect(5)
        let other = bench.connect(6)
        fast.arrive(String(repeating: get, count: 2_000))
        other.arrive(get)
        bench.readiness.announce(5, readable: true)
        bench.readiness.announce(6, readable: true)
        bench.turn()
        #expect(!other.written.isEmpty)
        #expect(bench.records.all.count < 100)
        for _ in 0..<100 { bench.turn() }
        #expect(bench.records.all.count == 2_001, "and it goes on without further events")
    }

    @Test("a peer that takes large answers fast leaves the others their turns")
    func largeAnswers() throws {
        let large = String(repeating: "x", count: 256 << 10)
        let bench = try LoopBench([.text(.get, "/", "hello"), .text(.get, "/l", large)])
        let fast = bench.connect(5)
        let other = bench.connect(6)
        fast.arrive(String(repeating: "GET /l HTTP/1.1\r\nHost: a\r\n\r\n", count: 40))
        other.arrive(get)
        bench.readiness.announce(5, readable: true)
        bench.readiness.announce(6, readable: true)
        bench.turn()
        #expect(!other.written.isEmpty && fast.written.count < 3 << 20)
        for _ in 0..<20 { bench.turn() }
        #expect(fast.written.count > 10 << 20)
    }

    @Test("a client has its turn in the turn of the loop after it came, though thousands of another wait")
    func thousands() throws {
        let bench = try LoopBench([.text(.get, "/", "hello")])
        let flood = (100..<10_100 as Range<Int32>).map { bench.come($0, of: 1) }
        for transport in flood { transport.arrive(get) }
        bench.tick.withLock { $0 = .microseconds(100) }
        bench.turn()
        #expect(1...100 ~= bench.records.all.count, "in parts, a turn each")
        let other = bench.come(5, of: 2)
        other.arrive(get)
        bench.turn()
        #expect(text(other.written).hasSuffix("hello") && bench.records.all.count < 100)
        // Those that have been served ask again: they wait behind those that have not.
        flood[0].arrive(get)
        bench.readiness.announce(100, readable: true)
        for _ in 0..<400 { bench.turn() }
        #expect(bench.records.all.count == 10_002, "and it goes on without further events")
        #expect(bench.records.all.last?.peer == "test:100")
    }

    @Test("input that is kept is counted, and ends its connection where there is no memory for it")
    func input() throws {
        let held = Monitor<[any Responder]>([])
        let route = Route(.get, "/", name: "later", execution: .onLoop) { _, responder in
            held.withLock { $0.append(responder) }
        }
        let bench = try LoopBench([route]) { $0.requestMemory = 1 << 20 }
        var peers: [ScriptedTransport] = []
        for descriptor in 10..<50 as Range<Int32> {
            let transport = bench.connect(descriptor)
            transport.arrive(String(repeating: get, count: 2_000))
            bench.readiness.announce(descriptor, readable: true)
            bench.turn()
            peers.append(transport)
            #expect(bench.loop.context.memory.used <= 1 << 20)
        }
        #expect(peers.contains { $0.isClosed } && peers.contains { !$0.isClosed })
        // What waits for an answer is let go of with its connection.
        for transport in peers where !transport.isClosed {
            bench.readiness.announce(transport.descriptor, broken: true)
            bench.turn()
        }
        #expect(bench.loop.context.memory.used == 0)
        held.withLock { $0 = [] }
    }

    @Test("the beginnings of heads are counted")
    func heads() throws {
        let bench = try LoopBench([.text(.get, "/", "hello")])
        let transport = bench.connect(5)
        bench.send(transport, "GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + String(repeating: "x", count: 20_000))
        #expect(bench.loop.context.memory.used >= 20_000)
        bench.send(transport, "\r\n\r\n")
        #expect(text(transport.written).hasSuffix("hello"))
        #expect(bench.loop.context.memory.used == 0)
    }

    @Test("the more connections are open, the less waits for each slow peer")
    func marks() throws {
        let bench = try LoopBench([])
        let context = bench.loop.context
        context.places.taken.store(10, ordering: .relaxed)
        #expect(context.streamMark == 262_144)
        context.places.taken.store(10_000, ordering: .relaxed)
        #expect(context.streamMark * 10_000 <= 128 << 20)
        context.places.taken.store(1_000_000, ordering: .relaxed)
        #expect(context.streamMark == 8_192)
    }

    @Test("what waits for the peer of a stream is counted")
    func streams() throws {
        let streams = Monitor<(any ResponseStream)?>(nil)
        let route = Route(.get, "/", name: "s", execution: .onLoop) { _, responder in
            streams.withLock { $0 = responder.stream(status: 200, fields: [:]) }
        }
        let bench = try LoopBench([route]) { $0.requestMemory = 16 << 20 }
        let transport = bench.connect(5)
        transport.room = 0
        bench.send(transport, get)
        let stream = try #require(streams.withLock { $0 })
        stream.write([UInt8](repeating: 1, count: 1 << 20))
        #expect(stream.isFull)
        bench.turn()
        #expect(bench.loop.context.memory.used >= 1 << 20)
        #expect(throws: MemoryRefusal.self) { try stream.writeCounted([UInt8](repeating: 1, count: 20 << 20)) }
        transport.room = .max
        bench.readiness.announce(5, writable: true)
        for _ in 0..<5 { bench.turn() }
        #expect(!stream.isFull && bench.loop.context.memory.used == 0)
        stream.finish()
        bench.turn()
        #expect(text(transport.written.suffix(5)) == "0\r\n\r\n")
    }

    @Test("what is written or sent after the end takes no memory")
    func afterTheEnd() throws {
        let streams = Monitor<(any ResponseStream)?>(nil)
        let route = Route(.get, "/", name: "s", execution: .onLoop) { _, responder in
            streams.withLock { $0 = responder.stream(status: 200, fields: [:]) }
        }
        let bench = try LoopBench([route])
        let memory = bench.loop.context.memory
        bench.send(bench.connect(5), get)
        let stream = try #require(streams.withLock { $0 })
        stream.finish()
        #expect(try stream.writeCounted([UInt8](repeating: 1, count: 1 << 20)) == nil)
        #expect(memory.used == 0)
        let share = MemoryShare(of: memory)
        let reader = BodyReader(declaredLength: nil, mark: 1 << 20, memory: share) {}
        _ = try reader.push([1, 2, 3])
        #expect(share.held == 3)
        reader.finish(HTTPError(.timeout, "too slow"))
        #expect(try !reader.push([UInt8](repeating: 1, count: 1 << 20)))
        #expect(share.held == 3)
        #expect(try reader.read() == [1, 2, 3] && share.held == 0)
    }
}

/// Runs work where it is submitted.
private struct AtOnce: WorkQueue {
    func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        work()
        return true
    }
}

@Suite("Room for new connections")
struct RoomTests {
    private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("those that have waited longest without a request go first, and those that are served stay")
    func order() throws {
        let held = Monitor<(any Responder)?>(nil)
        let route = Route(.get, "/", name: "later", execution: .onLoop) { _, responder in
            held.withLock { $0 = responder }
        }
        let bench = try LoopBench([route])
        let served = bench.connect(5)
        bench.send(served, get)
        let oldest = bench.connect(6)
        bench.move(.seconds(2))
        let head = bench.connect(7)
        bench.send(head, "GET / HT")
        bench.move(.seconds(7))
        let newest = bench.connect(8)
        bench.loop.makeRoom(for: 1)
        #expect(oldest.isClosed && !head.isClosed)
        bench.loop.makeRoom(for: 9)
        #expect(head.isClosed && !served.isClosed && !newest.isClosed)
        held.withLock { $0 = nil }
    }

    @Test("contents that drip give their place, those that come do not")
    func contents() throws {
        let route = Route(.post, "/", name: "u", body: .collect(limit: 1 << 30), execution: .onLoop) { _, responder in
            responder.respond(Response(status: 204))
        }
        let bench = try LoopBench([route])
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n"
        let drips = bench.connect(5)
        let comes = bench.connect(6)
        bench.send(drips, head)
        bench.send(comes, head + String(repeating: "x", count: 200_000))
        for _ in 0..<20 {
            bench.move(.seconds(1))
            bench.send(drips, String(repeating: "x", count: 140))
        }
        bench.loop.makeRoom(for: 9)
        #expect(drips.isClosed && !comes.isClosed)
    }

    @Test("answers that nobody takes give their place, whole ones and streams; those that are taken do not")
    func answers() throws {
        let streams = Monitor<[any ResponseStream]>([])
        let stream = Route(.get, "/s", name: "s", execution: .onLoop) { _, responder in
            let stream = responder.stream(status: 200, fields: [:])
            stream.write([UInt8](repeating: 1, count: 200_000))
            streams.withLock { $0.append(stream) }
        }
        let bench = try LoopBench([.text(.get, "/", String(repeating: "x", count: 1_000_000)), stream])
        var slow: [ScriptedTransport] = []
        for (descriptor, path) in [(5, "/"), (6, "/s")] as [(Int32, String)] {
            let transport = bench.connect(descriptor)
            transport.room = 50_000
            transport.untaken = 50_000
            bench.send(transport, "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
            slow.append(transport)
        }
        let taking = bench.connect(7)
        taking.room = 60_000
        bench.send(taking, get)
        // The kernel tells of no room, for its buffer is still nearly full, but the peer takes what it holds.
        let buffered = bench.connect(8)
        buffered.room = 60_000
        buffered.untaken = 60_000
        bench.send(buffered, get)
        // A stream that has nothing to say is no fault of its peer's.
        let quiet = bench.connect(9)
        bench.send(quiet, "GET /s HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.loop.makeRoom(for: 9)
        #expect(slow.allSatisfy { !$0.isClosed }, "not at once")
        for _ in 0..<12 {
            bench.move(.seconds(1))
            taking.room += 4_000
            bench.readiness.announce(7, writable: true)
            buffered.untaken -= 4_000
            bench.turn()
        }
        bench.loop.makeRoom(for: 9)
        #expect(slow.allSatisfy { $0.isClosed })
        #expect(!taking.isClosed && !buffered.isClosed && !quiet.isClosed)
        // Whoever stops is found out, however much it has taken before.
        for _ in 0..<12 { bench.move(.seconds(1)) }
        bench.loop.makeRoom(for: 9)
        #expect(taking.isClosed && buffered.isClosed && !quiet.isClosed)
        streams.withLock { $0 = [] }
    }

    @Test("a new peer is served though all connections are held by peers that do not read")
    func unread() throws {
        let large = String(repeating: "x", count: 16 << 20)
        try withServer(routes: [.text(.get, "/", "hello"), .text(.get, "/l", large)]) {
            $0.maximumConnections = 3
            // No other bound ends them while the test waits.
            $0.timeouts.response.window = .seconds(3_600)
        } _: { server, port in
            let holding = try (0..<3).map { _ in
                let client = try RawClient(port)
                try client.send("GET /l HTTP/1.1\r\nHost: a\r\n\r\n")
                return client
            }
            #expect(eventually { server.connections == 3 })
            #expect(eventually { (try? client(port).request(.get, "/").head.status) == 200 })
            _ = holding
        }
    }

    @Test("a small content that has come keeps its place, however long it is worked on")
    func workedOn() throws {
        let held = Monitor<(any Responder)?>(nil)
        let route = Route(.post, "/", name: "u", body: .stream(limit: 1 << 30), execution: .queue(AtOnce())) {
            _, responder in
            held.withLock { $0 = responder }
        }
        let bench = try LoopBench([route])
        let whole = bench.connect(5)
        let drips = bench.connect(6)
        bench.send(whole, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        let answer = held.withLock { $0 }
        bench.send(drips, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nh")
        bench.move(.seconds(20))
        bench.loop.makeRoom(for: 9)
        #expect(drips.isClosed && !whole.isClosed)
        answer?.respond(Response(status: 204))
        bench.turn()
        #expect(text(whole.written).hasPrefix("HTTP/1.1 204"))
        held.withLock { $0 = nil }
    }

    @Test("a new peer is served though all connections are taken by others at rest")
    func full() throws {
        let application = TestApplication(routes: [.text(.get, "/", "hello")])
        try withServer(application, { $0.maximumConnections = 3 }) { server, port in
            let resting = try (0..<3).map { _ in try RawClient(port) }
            #expect(eventually { server.connections == 3 })
            #expect(
                eventually { (try? client(port).request(.get, "/").head.status) == 200 },
                "once they have rested for a while")
            #expect(application.refusals.withLock { $0.contains(.displaced) && $0.contains(.limit) })
            _ = resting
        }
    }
}
