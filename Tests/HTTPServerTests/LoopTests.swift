import Foundation
import Logging
import Synchronization
import Testing
import Wire

@testable import HTTPServer

/// Readiness without a kernel: the test says what is ready.
private final class ScriptedReadiness: Readiness {
    private let events = Monitor<[ReadyEvent]>([])
    let watched = Monitor<[Int32: UInt64]>([:])
    let wakeUps = Counter()
    /// What happens elsewhere while the loop waits, once.
    let meanwhile = Monitor<(@Sendable () -> Void)?>(nil)

    func watch(_ descriptor: Int32, token: UInt64) -> Bool {
        watched.withLock { $0[descriptor] = token }
        return true
    }

    func watchInput(_ descriptor: Int32, token: UInt64) -> Bool { true }

    func unwatch(_ descriptor: Int32) {
        watched.withLock { $0[descriptor] = nil }
    }

    func wait(atMost duration: Duration?, _ handle: (ReadyEvent) -> Void) {
        let action = meanwhile.withLock { action in
            defer { action = nil }
            return action
        }
        action?()
        let events = events.withLock { events in
            defer { events = [] }
            return events
        }
        for event in events { handle(event) }
    }

    func wake() {
        wakeUps.add(1)
    }

    func announce(_ descriptor: Int32, readable: Bool = false, writable: Bool = false, token: UInt64? = nil) {
        let known = watched.withLock { $0[descriptor] }
        guard let token = token ?? known else { return }
        events.withLock { $0.append(ReadyEvent(token: token, isReadable: readable, isWritable: writable)) }
    }
}

/// A connection made of arrays.
private final class ScriptedTransport: Transport {
    let descriptor: Int32
    /// What reads will give; after it `ending`, or they would block.
    var bytes: [UInt8] = []
    var ending: TransferResult?
    /// Bytes writes will take in all; after them a write would block.
    var room = Int.max
    var written: [UInt8] = []
    var writes = 0
    var reads = 0
    var hasFinishedWriting = false
    var isClosed = false

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    func arrive(_ text: String) {
        bytes += Array(text.utf8)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        reads += 1
        guard !bytes.isEmpty else { return ending ?? .wouldBlock }
        let count = min(bytes.count, buffer.count)
        buffer.copyBytes(from: bytes.prefix(count))
        bytes.removeFirst(count)
        return .moved(count)
    }

    func write(_ buffers: UnsafeBufferPointer<UnsafeRawBufferPointer>) -> TransferResult {
        writes += 1
        let all = buffers.flatMap { Array($0) }
        let count = min(all.count, room)
        guard count > 0 else { return .wouldBlock }
        written += all.prefix(count)
        room -= count
        return .moved(count)
    }

    func finishWriting() {
        hasFinishedWriting = true
    }

    func close() {
        isClosed = true
    }
}

/// One loop turned by the test, with a clock moved by hand.
private final class LoopBench {
    let readiness = ScriptedReadiness()
    let clock = Monitor(Moment(nanoseconds: 0))
    let loop: EventLoop
    let records: Records

    init(_ routes: [Route], _ configure: (inout HTTPServer.Configuration) -> Void = { _ in }) throws {
        var configuration = HTTPServer.Configuration()
        configure(&configuration)
        let application = TestApplication(routes: routes)
        records = application.records
        let context = try ServerContext(
            configuration: configuration, application: application, logger: Logger(label: "loop"),
            maximumConnections: 10)
        loop = EventLoop(context: context, readiness: readiness) { [clock] in clock.withLock { $0 } }
        loop.adoptThread()
    }

    func connect(_ descriptor: Int32) -> ScriptedTransport {
        let transport = ScriptedTransport(descriptor)
        loop.adopt(transport, address: "test:\(descriptor)")
        turn()
        return transport
    }

    func turn() {
        loop.turn(waitingAtMost: .zero)
    }

    func move(_ duration: Duration) {
        clock.withLock { $0 = $0 + duration }
        turn()
        turn()
    }
}

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
