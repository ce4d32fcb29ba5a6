import Resources
import Testing
import Wire

@testable import HTTPServer

/// A request whose handler has it and has not answered yet.
private final class Held: Sendable {
    private let held = Monitor<(Request, any Responder)?>(nil)

    var route: Route {
        Route(.get, "/", name: "held", execution: .onLoop) { [self] request, responder in
            held.withLock { $0 = (request, responder) }
        }
    }

    var isCancelled: Bool? { held.withLock { $0?.0.cancellation.isCancelled } }

    /// Answers and lets go.
    func answer(_ act: (any Responder) -> Void) {
        let responder = held.withLock { held in
            defer { held = nil }
            return held?.1
        }
        if let responder { act(responder) }
    }
}

/// Work that a test starts by hand.
private final class HandQueue: WorkQueue {
    private let waiting = Monitor<[@Sendable () -> Void]>([])

    func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        waiting.withLock { $0.append(work) }
        return true
    }

    func run() {
        let all = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for work in all { work() }
    }
}

@Suite("Clients that leave")
struct PatienceTests {
    private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("patience begins when the client ends its side, however long nothing happened before")
    func sinceThen() throws {
        let held = Held()
        let bench = try LoopBench([held.route])
        let transport = bench.connect(5)
        bench.send(transport, get)
        bench.readiness.announce(5, readable: true, finished: true)
        // The loop wakes from a long wait.
        bench.readiness.meanwhile.withLock { [clock = bench.clock] action in
            action = { clock.withLock { $0 = $0 + .seconds(600) } }
        }
        bench.turn()
        bench.turn()
        #expect(held.isCancelled == false)
        bench.move(.milliseconds(400))
        #expect(held.isCancelled == false)
        bench.move(.milliseconds(400))
        #expect(held.isCancelled == true)
        held.answer { _ in }
    }

    @Test("of thousands that left together some are let go of in each turn, and others have theirs between")
    func together() throws {
        let held = Monitor<[(Request, any Responder)]>([])
        let later = Route(.get, "/later", name: "later", execution: .onLoop) { request, responder in
            held.withLock { $0.append((request, responder)) }
        }
        let bench = try LoopBench([later, .text(.get, "/", "hello")])
        for descriptor in 100..<2_100 as Range<Int32> {
            bench.send(bench.connect(descriptor), "GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
            bench.readiness.announce(descriptor, readable: true, finished: true)
        }
        bench.turn()
        let other = bench.connect(5)
        func cancelled() -> Int {
            held.withLock { held in held.filter { $0.0.cancellation.isCancelled }.count }
        }
        bench.clock.withLock { $0 = $0 + .seconds(1) }
        bench.tick.withLock { $0 = .microseconds(100) }
        bench.turn()
        #expect(1...200 ~= cancelled())
        other.arrive(get)
        bench.readiness.announce(5, readable: true)
        bench.turn()
        #expect(text(other.written).hasSuffix("hello"))
        #expect(cancelled() < 1_000)
        for _ in 0..<100 { bench.turn() }
        #expect(cancelled() == 2_000, "and it goes on without further events")
        held.withLock { $0 = [] }
    }

    @Test("one that left is let go of at once, though thousands of another client left before")
    func among() throws {
        let held = Monitor<[(Request, any Responder)]>([])
        let later = Route(.get, "/", name: "later", execution: .onLoop) { request, responder in
            held.withLock { $0.append((request, responder)) }
        }
        let bench = try LoopBench([later])
        for descriptor in 100..<2_100 as Range<Int32> {
            bench.send(bench.connect(descriptor, of: 1), get)
            bench.readiness.announce(descriptor, readable: true, finished: true)
        }
        bench.send(bench.connect(5, of: 2), get)
        bench.readiness.announce(5, readable: true, finished: true)
        bench.turn()
        bench.clock.withLock { $0 = $0 + .seconds(1) }
        bench.tick.withLock { $0 = .microseconds(100) }
        bench.turn()
        #expect(held.withLock { $0.last }?.0.cancellation.isCancelled == true)
        held.withLock { $0 = [] }
    }

    @Test("a client that ended its side has less time where few places for connections are left")
    func fewPlaces() throws {
        let held = Held()
        let bench = try LoopBench([held.route])
        bench.loop.context.places.taken.store(8, ordering: .relaxed)
        let transport = bench.connect(5)
        bench.send(transport, get)
        bench.readiness.announce(5, readable: true, finished: true)
        bench.turn()
        #expect(held.isCancelled == false)
        bench.move(.milliseconds(300))
        #expect(held.isCancelled == true)
        held.answer { _ in }
    }

    @Test("work for a connection that broke is cancelled at once")
    func broken() throws {
        let held = Held()
        let bench = try LoopBench([held.route])
        let transport = bench.connect(5)
        bench.send(transport, get)
        #expect(held.isCancelled == false)
        bench.readiness.announce(5, readable: true, finished: true, broken: true)
        bench.turn()
        #expect(held.isCancelled == true && transport.isClosed)
        #expect(bench.records.all.map(\.status) == [499])
    }

    @Test(
        "a client that ends its side has a little time for its answer, then the work is cancelled",
        arguments: [
            false, true,
        ])
    func halfClosed(_ isEndFirst: Bool) throws {
        let held = Held()
        let bench = try LoopBench([held.route])
        let transport = bench.connect(5)
        transport.ending = .ended
        if isEndFirst {
            transport.arrive(get)
            bench.readiness.announce(5, readable: true, finished: true)
            bench.turn()
        } else {
            bench.send(transport, get)
            bench.readiness.announce(5, readable: true, finished: true)
            bench.turn()
        }
        bench.move(.milliseconds(400))
        #expect(held.isCancelled == false)
        bench.move(.seconds(1))
        #expect(held.isCancelled == true && !transport.isClosed)
        held.answer { $0.respond(Response(type: "text/plain", text: "late")) }
        bench.turn()
        #expect(text(transport.written).hasSuffix("late"), "work that goes on all the same still answers")
        #expect(transport.isClosed)
    }

    @Test("a client that is there is never taken as gone")
    func present() throws {
        let held = Held()
        let bench = try LoopBench([held.route])
        bench.send(bench.connect(5), get)
        bench.move(.seconds(3_600))
        #expect(held.isCancelled == false)
        held.answer { $0.abandon() }
    }

    @Test("a request that nobody waits for ends its connection without an answer")
    func abandoned() throws {
        let held = Held()
        let bench = try LoopBench([held.route])
        let transport = bench.connect(5)
        bench.send(transport, get)
        held.answer { $0.abandon() }
        bench.turn()
        #expect(transport.isClosed && transport.written.isEmpty)
        #expect(bench.records.all.map(\.status) == [499])
    }

    @Test("work that found its client gone needs no answer")
    func thrown() throws {
        let route = Route(.get, "/", name: "x", execution: .onLoop) { _, _ in throw CancelledWork() }
        let bench = try LoopBench([route])
        let transport = bench.connect(5)
        bench.send(transport, get)
        #expect(transport.isClosed && transport.written.isEmpty)
    }

    @Test("a request whose client left while it waited for a thread is not run")
    func waiting() throws {
        let queue = HandQueue()
        let runs = Counter()
        let route = Route(.get, "/", name: "x", execution: .queue(queue)) { _, responder in
            runs.add(1)
            responder.respond(Response(status: 204))
        }
        let bench = try LoopBench([route])
        let stays = bench.connect(5)
        bench.send(stays, get)
        let leaves = bench.connect(6)
        bench.send(leaves, get)
        leaves.ending = .ended
        bench.readiness.announce(6, readable: true, finished: true)
        bench.turn()
        bench.move(.seconds(1))
        queue.run()
        bench.turn()
        #expect(runs.value == 1)
        #expect(leaves.isClosed && leaves.written.isEmpty)
        #expect(text(stays.written).hasPrefix("HTTP/1.1 204"))
    }

    @Test("an endless stream with nothing to send is closed when its client has ended its side, whenever it did")
    func idleStream() throws {
        let route = Route(.get, "/", name: "x", execution: .onLoop) { _, responder in
            responder.stream(status: 200, fields: [:], isEndless: true).write(Array("one".utf8))
        }
        let bench = try LoopBench([route])
        let transport = bench.connect(5)
        transport.ending = .ended
        transport.arrive(get)
        bench.readiness.announce(5, readable: true, finished: true)
        bench.turn()
        bench.move(.seconds(1))
        #expect(transport.isClosed)
    }

    @Test("a client that ends its side and reads slowly gets the whole of an answer that comes to an end")
    func slowHalfClosed() throws {
        let streams = Monitor<(any ResponseStream)?>(nil)
        let requests = Monitor<Request?>(nil)
        let route = Route(.get, "/", name: "x", execution: .onLoop) { request, responder in
            requests.withLock { $0 = request }
            streams.withLock { $0 = responder.stream(status: 200, fields: [:]) }
        }
        let bench = try LoopBench([route])
        let transport = bench.connect(5)
        bench.send(transport, get)
        let stream = try #require(streams.withLock { $0 })
        transport.ending = .ended
        bench.readiness.announce(5, readable: true, finished: true)
        bench.turn()
        for piece in 0..<5 {
            stream.write(Array("piece \(piece);".utf8))
            // The end of the peer's side is told with each edge of room.
            transport.room = 5
            bench.readiness.announce(5, readable: true, writable: true, finished: true)
            bench.move(.seconds(1))
            #expect(!transport.isClosed)
            // Nothing more comes at times.
            transport.room = .max
            bench.readiness.announce(5, readable: true, writable: true, finished: true)
            bench.move(.seconds(1))
            #expect(!transport.isClosed)
        }
        #expect(requests.withLock { $0 }?.cancellation.isCancelled == false, "its work goes on")
        stream.finish()
        bench.turn()
        #expect(text(transport.written).contains("piece 4;") && text(transport.written).hasSuffix("0\r\n\r\n"))
        #expect(bench.records.all.map(\.isComplete) == [true])
        streams.withLock { $0 = nil }
    }
}
