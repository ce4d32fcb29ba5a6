import Foundation
import Testing
import Wire

@testable import HTTPServer

@Suite("A loop without a kernel")
struct LoopTests {
    private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("a small request costs one read and one write, however many were pipelined")
    func systemCalls() throws {
        let bench = try LoopBench([.text(.get, "/", "hello")])
        let transport = bench.connect(5)
        let before = transport.reads
        transport.arrive(get)
        bench.readiness.announce(5, readable: true)
        bench.turn()
        #expect(transport.reads - before == 1 && transport.writes == 1)
        transport.arrive(get + get + get)
        bench.readiness.announce(5, readable: true)
        bench.turn()
        #expect(transport.reads - before == 2 && transport.writes == 2)
        #expect(text(transport.written).components(separatedBy: "hello").count == 5)
        #expect(bench.records.all.count == 4)
    }

    @Test("a socket that is full is written again when there is room, and not before")
    func fullSocket() throws {
        let bench = try LoopBench([.text(.get, "/", String(repeating: "x", count: 1_000))])
        let transport = bench.connect(5)
        transport.room = 100
        transport.arrive(get)
        bench.readiness.announce(5, readable: true)
        bench.turn()
        #expect(transport.written.count == 100)
        let writes = transport.writes
        bench.turn()
        #expect(transport.writes == writes, "nothing tells of room")
        #expect(bench.records.all.isEmpty)
        transport.room = .max
        bench.readiness.announce(5, writable: true)
        bench.turn()
        #expect(transport.written.count > 1_000 && bench.records.all.count == 1)
    }

    @Test("an event for a closed connection does not reach the next one in its slot")
    func staleEvent() throws {
        let bench = try LoopBench([.text(.get, "/", "hello")])
        let first = bench.connect(5)
        let token = bench.readiness.watched.withLock { $0[5] }
        first.ending = .ended
        bench.readiness.announce(5, readable: true)
        bench.turn()
        #expect(first.isClosed)
        let second = bench.connect(6)
        let reads = second.reads
        bench.readiness.announce(6, readable: true, token: token)
        bench.turn()
        #expect(second.reads == reads)
        bench.readiness.announce(6, readable: true)
        bench.turn()
        #expect(second.reads == reads + 1)
    }

    @Test("deadlines are kept by the loop's clock")
    func deadlines() throws {
        let bench = try LoopBench([.text(.get, "/", "hello")]) { $0.timeouts.idle = .seconds(60) }
        let transport = bench.connect(5)
        bench.move(.seconds(59))
        #expect(!transport.isClosed)
        bench.move(.seconds(1))
        #expect(transport.isClosed)
        #expect(bench.loop.openCount == 0)
        #expect(bench.readiness.watched.withLock { $0.isEmpty })
    }

    @Test("a fast upload leaves the others their turns")
    func fairness() throws {
        let route = Route(.post, "/", name: "u", body: .collect(limit: 1 << 30), execution: .onLoop) { _, responder in
            responder.respond(Response(status: 200))
        }
        let bench = try LoopBench([route, .text(.get, "/", "hello")])
        let upload = bench.connect(5)
        let other = bench.connect(6)
        upload.arrive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(EventLoop.readSize * 20)\r\n\r\n")
        for _ in 0..<20 { upload.arrive(String(repeating: "x", count: EventLoop.readSize)) }
        other.arrive(get)
        bench.readiness.announce(5, readable: true)
        bench.readiness.announce(6, readable: true)
        bench.turn()
        #expect(!other.written.isEmpty && upload.written.isEmpty)
        for _ in 0..<10 { bench.turn() }
        #expect(!upload.written.isEmpty, "and the upload goes on without further events")
    }

    @Test("brief work with little content is done on the loop, and with more of it on other threads")
    func brief() throws {
        let places = Monitor<[Bool]>([])
        let loop = UInt(pthread_self())
        let route = Route(
            .post, "/", name: "b", body: .collect(limit: 100), execution: .briefly(upTo: 4, else: testQueue)
        ) { request, responder in
            let isLoop = UInt(pthread_self()) == loop
            places.change { $0.append(isLoop) }
            #expect(request.isOnLoop == isLoop)
            responder.respond(Response(status: 200))
        }
        let bench = try LoopBench([route])
        let transport = bench.connect(5)
        for (count, isOnLoop) in [(4, true), (0, true), (5, false), (4, true)] {
            let content = String(repeating: "x", count: count)
            transport.arrive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n\(content)")
            bench.readiness.announce(5, readable: true)
            bench.turn()
            #expect(places.wait(for: patience) { $0.isEmpty ? nil : $0.removeFirst() } == isOnLoop)
            // The answer of another thread comes by letter.
            for _ in 0..<1_000 where transport.written.isEmpty { bench.turn() }
            #expect(text(transport.written).hasPrefix("HTTP/1.1 200"))
            transport.written = []
        }
    }

    @Test("an answer from another thread wakes a sleeping loop once, and is sent at its next turn")
    func letters() throws {
        let held = Monitor<(any Responder)?>(nil)
        let route = Route(.get, "/", name: "later", execution: .onLoop) { _, responder in
            held.withLock { $0 = responder }
        }
        let bench = try LoopBench([route])
        let transport = bench.connect(5)
        transport.arrive(get)
        bench.readiness.announce(5, readable: true)
        bench.turn()
        #expect(transport.written.isEmpty)
        bench.readiness.meanwhile.withLock {
            $0 = {
                let isDone = Monitor(false)
                _ = testQueue.submit {
                    held.withLock { $0 }?.respond(Response(type: "text/plain", text: "late"))
                    held.withLock { $0 }?.respond(Response(type: "text/plain", text: "twice"))
                    isDone.change { $0 = true }
                }
                _ = isDone.wait(for: patience) { $0 ? true : nil }
            }
        }
        bench.turn()
        #expect(bench.readiness.wakeUps.value == 1)
        #expect(text(transport.written).hasSuffix("late"))
    }

    @Test("a broken connection is closed, whatever it was doing")
    func broken() throws {
        let bench = try LoopBench([.text(.get, "/", "hello")])
        let reading = bench.connect(5)
        reading.ending = .failed(104)
        bench.readiness.announce(5, readable: true)
        bench.turn()
        #expect(reading.isClosed)
        let writing = bench.connect(6)
        writing.room = 0
        writing.arrive(get)
        bench.readiness.announce(6, readable: true)
        bench.turn()
        #expect(!writing.isClosed)
        writing.ending = .failed(104)
        bench.readiness.announce(6, readable: true, writable: true)
        bench.turn()
        #expect(writing.isClosed)
        #expect(bench.records.all.map(\.isComplete) == [false])
    }
}
