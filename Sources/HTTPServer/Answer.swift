import Resources
import Synchronization
import Wire

/// The server's responder: whatever happens to a handler, its request is answered once.
final class Answer: Responder {
    private let loop: EventLoop
    private let token: UInt64
    private let serial: UInt64
    /// Without its content.
    private let request: Request?
    private let isClaimed = Atomic<Bool>(false)
    /// Set once, by the one who claims.
    private let stream = AtomicLazyReference<StreamHandle>()

    init(loop: EventLoop, token: UInt64, serial: UInt64, request: Request?) {
        self.loop = loop
        self.token = token
        self.serial = serial
        self.request = request
    }

    deinit {
        guard claim() else { return }
        let error = HTTPError(.internalFailure, "the server's handler gave no answer")
        Self.give(loop.context.response(to: error, request: request), loop, token, serial)
    }

    func respond(_ response: Response) {
        guard claim() else { return }
        Self.give(response, loop, token, serial)
    }

    func abandon() {
        guard claim() else {
            stream.load()?.abort()
            return
        }
        let (token, serial) = (token, serial)
        loop.perform { $0.abandon(token, serial) }
    }

    func stream(status: Int, fields: Fields, isEndless: Bool) -> any ResponseStream {
        let handle = StreamHandle(loop: loop, token: token, serial: serial, isEndless: isEndless)
        guard claim() else {
            handle.close(.aborted)
            return handle
        }
        _ = stream.storeIfNil(handle)
        loop.perform { $0.beginStream(handle, status: status, fields: fields) }
        return handle
    }

    /// The handler threw: answers with the error, or breaks the answer off that has begun.
    func fail(_ error: any Error) {
        if error is CancelledWork { return abandon() }
        guard claim() else {
            stream.load()?.abort()
            return
        }
        Self.give(loop.context.response(to: error, request: request), loop, token, serial)
    }

    private func claim() -> Bool {
        isClaimed.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    }

    private static func give(_ response: Response, _ loop: EventLoop, _ token: UInt64, _ serial: UInt64) {
        loop.perform { $0.answer(token, serial, response) }
    }
}
