import CPosix
import Glibc
import Logging
import Synchronization
import Wire

/// Accepts connections on one loop and deals them out to all, in turn.
final class Acceptor {
    private let listener: Listener
    /// Where connections go; the acceptor's own loop may be among them.
    private let loops: [EventLoop]
    private var next = 0
    var isReady = true
    /// When to try again after the process ran out of descriptors.
    private(set) var retryAt: Moment?

    private var warned: Moment?
    /// When connections at rest were last asked for their places.
    private var askedForRoom: Moment?

    /// Between two warnings about the same trouble.
    private static let silence: Duration = .seconds(30)

    /// Slots are numbered from below; no connection reaches these.
    private static let firstToken = UInt64.max - 64

    /// Out of descriptors, accepting would fail at once again and again; connections wait in the kernel meanwhile.
    private static let pause: Duration = .milliseconds(100)

    init?(listener: Listener, loops: [EventLoop], readiness: any Readiness) {
        self.listener = listener
        self.loops = loops
        for (index, descriptor) in listener.descriptors.enumerated() {
            guard readiness.watchInput(descriptor, token: Self.firstToken + UInt64(index)) else { return nil }
        }
    }

    func owns(_ token: UInt64) -> Bool {
        token >= Self.firstToken
    }

    func close(_ readiness: any Readiness) {
        for descriptor in listener.descriptors { readiness.unwatch(descriptor) }
        listener.close()
    }

    /// Accepts whatever waits.
    func acceptWaiting(_ loop: EventLoop) {
        if let retryAt, loop.now >= retryAt {
            self.retryAt = nil
            isReady = true
        }
        guard isReady, retryAt == nil else { return }
        isReady = false
        var left = Self.mostAtOnce
        for descriptor in listener.descriptors {
            while left > 0, let cost = accept(from: descriptor, loop) { left -= cost }
        }
        // More may wait; the connections of the loop have their turn first.
        if left <= 0 { isReady = true }
    }

    /// Connections accepted in one turn of the loop: less than ten milliseconds' worth. They are dealt their turns
    /// fairly here, while the kernel's queue holds them in the order in which they came; and whom it does not hold it
    /// turns away, and such a client tries again only after a second.
    private static let mostAtOnce = 1_024

    /// As many as these cost the time of one refusal, which is written, read and closed.
    private static let costOfRefusal = 4

    /// Accepts one and gives what that costs, in connections accepted; nil: none waits, or none can be taken now.
    private func accept(from listener: Int32, _ loop: EventLoop) -> Int? {
        var address = sockaddr_storage()
        let descriptor = cposix_accept(listener, &address)
        guard descriptor >= 0 else {
            switch errno {
            case EAGAIN, EWOULDBLOCK:
                return nil
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                loop.context.application.refusedConnection(.descriptors)
                warn(errno, loop)
                retryAt = loop.now + Self.pause
                return nil
            default:
                // The one connection failed before it was accepted; the next may be sound.
                return 1
            }
        }
        let transport = SocketTransport(descriptor: descriptor)
        let client = ClientKey(address)
        makeRoom(loop)
        if let refusal = loop.context.places.take(client) {
            refuse(transport, refusal, loop)
            return Self.costOfRefusal
        }
        let text = SocketAddress.text(address)
        let target = loops[next]
        next = (next + 1) % loops.count
        if target === loop {
            loop.adopt(transport, address: text, of: client)
        } else {
            let isTaken = target.post { loop in
                loop.adopt(SocketTransport(descriptor: descriptor), address: text, of: client)
            }
            if !isTaken {
                loop.context.places.leave(client)
                transport.close()
            }
        }
        return 1
    }

    /// Where nearly all connections are in use, those that only wait give their place to new ones. Asked for before the
    /// last place is taken, so that a new peer finds one.
    private func makeRoom(_ loop: EventLoop) {
        let most = loop.context.places.count
        let reserve = min(Self.mostReserve, most / 16)
        guard open(loop) >= most - reserve else { return }
        if let askedForRoom, loop.now - askedForRoom < Self.pause { return }
        askedForRoom = loop.now
        for target in loops { target.perform { $0.makeRoom(for: max(1, reserve)) } }
    }

    /// Places kept free where that is possible: what comes in between two looks.
    private static let mostReserve = 64

    /// Says it once in a while, not ten times a second.
    private func warn(_ code: Int32, _ loop: EventLoop) {
        if let warned, loop.now - warned < Self.silence { return }
        warned = loop.now
        loop.context.logger.warning(
            "no connection can be accepted for now",
            metadata: ["reason": "\(SystemError.text(code))", "open": "\(open(loop))"])
    }

    private func open(_ loop: EventLoop) -> Int {
        loop.context.places.taken.load(ordering: .relaxed)
    }

    /// One connection too many: an answer as far as it goes without waiting, then the end.
    private func refuse(_ transport: SocketTransport, _ refusal: Places.Refusal, _ loop: EventLoop) {
        loop.context.application.refusedConnection(.limit)
        let count = loop.context.places.count
        let detail =
            switch refusal {
            case .full: "all \(count) connections of this server are in use; try again shortly"
            case .unfair:
                "this address has most of the connections of this server, and the last of its \(count) are kept for "
                    + "others; close some, or try again shortly"
            }
        let error = HTTPError(.overloaded(retryAfterSeconds: 1), detail)
        let outgoing = loop.refusal(loop.context.response(to: error, request: nil))
        _ = outgoing.withBuffers { transport.write($0) }
        // Unread input would turn the close into a reset, which destroys the answer: take what has come already.
        _ = loop.readBuffer.withUnsafeMutableBytes { transport.read(into: $0) }
        transport.finishWriting()
        transport.close()
    }
}
