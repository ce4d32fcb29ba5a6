import Resources
import Testing
import Wire

@testable import HTTPServer

@Suite("Memory of requests")
struct RequestMemoryTests {
    private let upload = Route(.post, "/", name: "u", body: .collect(limit: 1 << 30), execution: .onLoop) {
        request, responder in
        responder.respond(Response(type: "x", bytes: request.body))
    }

    private func head(_ length: Int) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n"
    }

    @Test("what a client announces takes nothing; what it sends does")
    func announced() throws {
        let bench = try LoopBench([upload]) { $0.requestMemory = 64 << 20 }
        let memory = bench.loop.context.memory
        let transport = bench.connect(5)
        bench.send(transport, head(32 << 20))
        #expect(memory.used == 0)
        bench.send(transport, "a")
        #expect(1...65_536 ~= memory.used)
        for _ in 0..<32 { bench.send(transport, String(repeating: "x", count: 65_536)) }
        #expect(2 << 20...8 << 20 ~= memory.used)
    }

    @Test("unfinished contents beyond the budget are told to come later, and small requests go on")
    func exhausted() throws {
        let bench = try LoopBench([upload]) { $0.requestMemory = 16 << 20 }
        let memory = bench.loop.context.memory
        let large = String(repeating: "x", count: 6 << 20)
        var refused = 0
        for descriptor in 10..<16 as Range<Int32> {
            let transport = bench.connect(descriptor)
            bench.send(transport, head(8 << 20) + large)
            refused += text(transport.written).hasPrefix("HTTP/1.1 503") ? 1 : 0
            #expect(memory.used <= 16 << 20)
        }
        #expect(1...5 ~= refused)
        let small = bench.connect(5)
        bench.send(small, head(5) + "hello")
        #expect(text(small.written).hasPrefix("HTTP/1.1 200") && text(small.written).hasSuffix("hello"))
    }

    @Test("content that never fits is told so, with the limit, and holds nothing afterwards")
    func impossible() throws {
        let bench = try LoopBench([upload]) { $0.requestMemory = 16 << 20 }
        let transport = bench.connect(5)
        bench.send(transport, head(64 << 20) + String(repeating: "x", count: 20 << 20))
        #expect(text(transport.written).hasPrefix("HTTP/1.1 413"))
        #expect(text(transport.written).contains("at most"))
        #expect(bench.loop.context.memory.used < 1_024)
    }

    @Test("a content of any size arrives whole, and takes hardly more than its bytes", arguments: [0, 1, 2, 3, 10])
    func whole(_ megabytes: Int) throws {
        for extra in [0, 1, 65_537] where megabytes + extra > 0 {
            let count = megabytes << 20 + extra
            // Letters in an order that tells a piece that is out of its place.
            let letters = (0..<count).map { index -> UInt8 in
                let turn = index / 7 + index / 65_536
                return UInt8(97 + turn % 26)
            }
            let content = text(letters)
            let seen = Monitor(0)
            let budget = MemoryBudget(limit: 64 << 20)
            let route = Route(.post, "/", name: "u", body: .collect(limit: 1 << 30), execution: .onLoop) {
                request, responder in
                seen.withLock { $0 = budget.used }
                responder.respond(Response(type: "x", bytes: request.body))
            }
            let bench = try LoopBench([route]) { $0.memory = budget }
            let transport = bench.connect(5)
            bench.send(transport, head(count) + content)
            for _ in 0..<50 { bench.turn() }
            #expect(text(transport.written).hasSuffix("\r\n\r\n" + content))
            #expect(count...(count + 2 << 20) ~= seen.withLock { $0 })
            #expect(budget.used == 0)
        }
    }

    @Test("an answer is counted until it is out")
    func answers() throws {
        let bench = try LoopBench([upload]) { $0.requestMemory = 64 << 20 }
        let memory = bench.loop.context.memory
        let transport = bench.connect(5)
        transport.room = 100_000
        bench.send(transport, head(2 << 20) + String(repeating: "x", count: 2 << 20))
        #expect(transport.written.count == 100_000)
        #expect(2 << 20...3 << 20 ~= memory.used)
        transport.room = .max
        bench.readiness.announce(5, writable: true)
        bench.turn()
        #expect(transport.written.count > 2 << 20)
        #expect(memory.used == 0)
    }

    @Test("where answers that nobody takes hold all the memory, no handler makes more, and the loop answers")
    func untaken() throws {
        let route = Route(.get, "/list", name: "list", execution: .queue(InlineQueue())) { _, responder in
            responder.respond(Response(type: "x", bytes: [UInt8](repeating: 0x78, count: 600_000)))
        }
        let watch = Route(.get, "/fare", name: "fare", execution: .queue(InlineQueue()), isWatch: true) {
            $1.respond(Response(type: "x", bytes: []))
        }
        let bench = try LoopBench([route, watch, .text(.get, "/", "hello")]) { $0.requestMemory = 1 << 20 }
        let unread = (10..<20 as Range<Int32>).map { bench.connect($0) }
        for transport in unread {
            transport.room = 100
            bench.send(transport, "GET /list HTTP/1.1\r\nHost: a\r\n\r\n")
        }
        #expect(bench.loop.context.memory.used < 2 << 20)
        let other = bench.connect(5)
        bench.send(other, "GET /list HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(text(other.written).hasPrefix("HTTP/1.1 503 ") && text(other.written).contains("Retry-After"))
        other.written = []
        bench.send(other, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(text(other.written).hasPrefix("HTTP/1.1 200 "))
        other.written = []
        bench.send(other, "GET /fare HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(text(other.written).hasPrefix("HTTP/1.1 200 "))
        // Once they are taken, there is memory again.
        for transport in unread {
            transport.room = .max
            bench.readiness.announce(transport.descriptor, writable: true)
        }
        bench.turn()
        other.written = []
        bench.send(other, "GET /list HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(text(other.written).hasPrefix("HTTP/1.1 200 "))
    }

    @Test("a closed connection gives back what its request held", arguments: [false, true])
    func closed(_ isAnswered: Bool) throws {
        let bench = try LoopBench([upload]) { $0.requestMemory = 64 << 20 }
        let transport = bench.connect(5)
        transport.room = 0
        bench.send(transport, head(isAnswered ? 100_000 : 200_000) + String(repeating: "x", count: 100_000))
        #expect(bench.loop.context.memory.used >= 100_000)
        transport.ending = .failed(104)
        bench.readiness.announce(5, readable: true, broken: true)
        bench.turn()
        #expect(transport.isClosed)
        #expect(bench.loop.context.memory.used == 0)
    }
}

/// Runs work where it is submitted.
private struct InlineQueue: WorkQueue {
    func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        work()
        return true
    }
}
