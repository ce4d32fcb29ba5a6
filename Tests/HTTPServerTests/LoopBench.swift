import Logging
import Testing
import Wire

@testable import HTTPServer

/// Readiness without a kernel: the test says what is ready.
final class ScriptedReadiness: Readiness {
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

    func announce(
        _ descriptor: Int32, readable: Bool = false, writable: Bool = false, finished: Bool = false,
        broken: Bool = false, token: UInt64? = nil
    ) {
        let known = watched.withLock { $0[descriptor] }
        guard let token = token ?? known else { return }
        let event = ReadyEvent(
            token: token, isReadable: readable, isWritable: writable, peerFinished: finished, isBroken: broken)
        events.withLock { $0.append(event) }
    }
}

/// A connection made of arrays.
final class ScriptedTransport: Transport {
    let descriptor: Int32
    /// What reads will give; after it `ending`, or they would block.
    var bytes: [UInt8] = []
    var ending: TransferResult?
    /// Bytes writes will take in all; after them a write would block.
    var room = Int.max
    var written: [UInt8] = []
    /// Of what was written, what the peer has not taken.
    var untaken = 0
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
final class LoopBench {
    let readiness = ScriptedReadiness()
    let clock = Monitor(Moment(nanoseconds: 0))
    /// What passes from one look at the clock to the next, each of which comes after some work.
    let tick = Monitor(Duration.zero)
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
        loop = EventLoop(context: context, readiness: readiness) { [clock, tick] in
            let tick = tick.withLock { $0 }
            return clock.withLock { clock in
                clock = clock + tick
                return clock
            }
        }
        loop.adoptThread()
    }

    /// A connection of a client, in its first turn.
    func connect(_ descriptor: Int32, of client: UInt64 = 1) -> ScriptedTransport {
        let transport = come(descriptor, of: client)
        turn()
        return transport
    }

    /// A connection that has had no turn yet.
    func come(_ descriptor: Int32, of client: UInt64) -> ScriptedTransport {
        let transport = ScriptedTransport(descriptor)
        loop.adopt(transport, address: "test:\(descriptor)", of: ClientKey(bits: client))
        return transport
    }

    /// Lets text arrive on a connection and serves it.
    func send(_ transport: ScriptedTransport, _ text: String) {
        transport.arrive(text)
        readiness.announce(transport.descriptor, readable: true)
        turn()
        // A long text takes more reads than one turn gives.
        while !transport.bytes.isEmpty, !transport.isClosed {
            let left = transport.bytes.count
            turn()
            if transport.bytes.count == left { break }
        }
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
