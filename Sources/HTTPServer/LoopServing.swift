import Logging
import Resources
import Wire

/// From requests to handlers, and from answers to bytes.
extension EventLoop {
    func handle(_ event: Connection.Event, _ peer: Peer) {
        switch event {
        case .request(let head, let framing):
            serve(head, framing, peer)
        case .body(let data):
            receive(data, peer)
        case .bodyEnd:
            guard let exchange = peer.exchange else { return }
            exchange.reader?.finish(nil)
            // All of it is here: from now on the peer waits for the server.
            exchange.reader = nil
            if exchange.isCollecting { run(exchange, peer) }
        case .refused(let error):
            let id = ids.id(for: nil)
            answer(context.response(to: error, request: nil, id: id), begin(id: id, nil, peer), peer)
        case .bodyFailed(let error):
            fail(error, peer)
        case .finishWriting:
            peer.transport.finishWriting()
        case .close:
            close(peer)
        }
    }

    // MARK: Requests

    private func begin(id: String, _ request: Request?, _ peer: Peer) -> Exchange {
        serial += 1
        let exchange = Exchange(
            serial: serial, id: id, request: request, started: now, queuedBefore: peer.connection.queuedBytes)
        if peer.hasEnded { exchange.patienceEnds = now + grace }
        peer.exchange = exchange
        return exchange
    }

    private func serve(_ head: RequestHead, _ framing: Framing, _ peer: Peer) {
        let id = ids.id(for: head.fields)
        let request = Request(
            id: id, head: head, peer: peer.address, memory: MemoryShare(of: context.memory),
            cancellation: Cancellation())
        let exchange = begin(id: id, request, peer)
        if let refusal = context.application.admit(request) {
            return answer(refusal, exchange, peer)
        }
        do throws(HTTPError) {
            guard head.method != .connect else {
                throw HTTPError(.notImplemented, "this server is no proxy: CONNECT is not implemented")
            }
            if head.method == .options && head.path == "*" {
                return answer(Self.options(context.router.methods), exchange, peer)
            }
            switch try context.router.match(head.method, path: head.path) {
            case .found(let route, let parameters):
                exchange.route = route
                exchange.request?.parameters = parameters
                try take(framing, for: context.routes[route], exchange, peer)
            case .otherMethod(let allow) where head.method == .options:
                answer(Self.options(allow), exchange, peer)
            case .otherMethod(let allow):
                throw HTTPError(
                    .methodNotAllowed(allow: allow),
                    "\(head.method) is not allowed here; allowed are \(allow.map(\.rawValue).joined(separator: ", "))")
            case .none:
                throw HTTPError(.notFound, "there is nothing at \(head.path)")
            }
        } catch {
            answer(context.response(to: error, request: exchange.request), exchange, peer)
        }
    }

    /// Settles what happens to the content, and runs the handler once it has what it needs.
    private func take(_ framing: Framing, for route: Route, _ exchange: Exchange, _ peer: Peer) throws(HTTPError) {
        if framing != .none,
            let coding = exchange.request?.fields.tokens("Content-Encoding").first(where: { $0 != "identity" })
        {
            throw HTTPError(
                .unsupportedCoding, "content in the coding \"\(coding)\" is not taken; send it without Content-Encoding"
            )
        }
        switch route.body {
        case .none:
            peer.connection.ignoreBody(at: now)
            run(exchange, peer)
        case .collect(let limit):
            guard framing != .none else {
                peer.connection.ignoreBody(at: now)
                return run(exchange, peer)
            }
            try peer.connection.acceptBody(limit: limit, at: now)
            exchange.isCollecting = true
        case .stream(let limit):
            var length: Int?
            if case .length(let count) = framing { length = count }
            if framing == .none { length = 0 }
            let (token, serial) = (peer.token, exchange.serial)
            let reader = BodyReader(
                declaredLength: length, mark: context.streamMark, memory: MemoryShare(of: context.memory)
            ) { [weak self] in
                self?.post { $0.resumeBody(token, serial) }
            }
            // Asked before the handler is, so that content too large never occupies a thread.
            try peer.connection.acceptBody(limit: limit, at: now)
            exchange.reader = reader
            exchange.request?.bodyStream = reader
            run(exchange, peer)
        }
    }

    private func receive(_ data: ArraySlice<UInt8>, _ peer: Peer) {
        guard let exchange = peer.exchange else { return }
        if exchange.isCollecting {
            do throws(MemoryRefusal) {
                try exchange.collect(data, announced: peer.connection.remainingContent)
            } catch {
                exchange.isCollecting = false
                exchange.request?.body = []
                answer(context.response(to: HTTPError(error), request: exchange.request), exchange, peer)
            }
        } else if let reader = exchange.reader {
            do throws(MemoryRefusal) {
                if try reader.push(Array(data)) { peer.connection.pauseBody() }
            } catch {
                // The handler learns of it where it reads, and what comes is dropped.
                reader.finish(HTTPError(error))
                exchange.reader = nil
            }
        }
    }

    /// A reader that was full has room again.
    private func resumeBody(_ token: UInt64, _ serial: UInt64) {
        guard let peer = peer(token), peer.exchange?.serial == serial else { return }
        peer.connection.resumeBody(at: now)
        touch(peer)
    }

    private func run(_ exchange: Exchange, _ peer: Peer) {
        guard let index = exchange.route, let request = exchange.request else { return }
        exchange.isCollecting = false
        let route = context.routes[index]
        // From here on the handler alone holds the content.
        exchange.request?.body = []
        let handle = Answer(loop: self, token: peer.token, serial: exchange.serial, request: exchange.request)
        switch route.execution {
        case .onLoop:
            Self.call(route.handler, request, exchange.pieces, handle)
        case .briefly(let most, _) where peer.connection.receivedContent <= most:
            if request.memory.budget.isExhausted { return handle.fail(Self.exhausted) }
            var request = request
            request.isOnLoop = true
            Self.call(route.handler, request, exchange.pieces, handle)
        case .queue(let queue), .briefly(_, let queue):
            let handler = route.handler
            let pieces = exchange.pieces
            let isWatch = route.isWatch
            let work: @Sendable () -> Void = {
                // Whoever left while the request waited for its turn gets no work done.
                if request.cancellation.isCancelled { return handle.abandon() }
                if !isWatch, request.memory.budget.isExhausted { return handle.fail(Self.exhausted) }
                Self.call(handler, request, pieces, handle)
            }
            guard queue.submit(work) else {
                return handle.fail(
                    HTTPError(.overloaded(retryAfterSeconds: 1), "the server has no more room for such requests now"))
            }
        }
    }

    /// Small answers are counted once they are there, and cannot be refused then: where they have taken the last of the
    /// memory, no more are made.
    private static let exhausted = HTTPError(
        .overloaded(retryAfterSeconds: 1),
        "requests under way, and answers that their clients have not taken, hold all the memory there is for them; try "
            + "again shortly")

    private static func call(
        _ handler: @Sendable (Request, any Responder) throws -> Void, _ request: Request, _ pieces: ContentPieces,
        _ handle: Answer
    ) {
        var request = request
        do throws(MemoryRefusal) {
            request.body = try pieces.joined(with: request.body, request.memory)
        } catch {
            return handle.fail(HTTPError(error))
        }
        do {
            try handler(request, handle)
        } catch {
            handle.fail(error)
        }
    }

    /// The content came to a bad end.
    private func fail(_ error: HTTPError, _ peer: Peer) {
        guard error.reason != .peerGone, let exchange = peer.exchange else { return close(peer) }
        if let reader = exchange.reader {
            // The handler learns of it where it reads, and answers with it or with what it makes of it.
            reader.finish(error)
        } else if exchange.isCollecting {
            answer(context.response(to: error, request: exchange.request), exchange, peer)
        }
    }

    // MARK: Answers

    /// Gives a whole answer, if the request still waits for one.
    func answer(_ token: UInt64, _ serial: UInt64, _ response: Response) {
        guard let peer = peer(token), let exchange = peer.exchange, exchange.serial == serial else { return }
        answer(response, exchange, peer)
        touch(peer)
    }

    /// Ends a request whose client is gone without an answer.
    func abandon(_ token: UInt64, _ serial: UInt64) {
        guard let peer = peer(token), peer.exchange?.serial == serial else { return }
        close(peer)
    }

    private func answer(_ response: Response, _ exchange: Exchange, _ peer: Peer) {
        let body: [UInt8]
        switch response.body {
        case .none: body = []
        case .bytes(let bytes): body = bytes
        case .file(let path):
            let stream = StreamHandle(loop: self, token: peer.token, serial: exchange.serial)
            return FilePump.start(
                path: path, response: response, request: exchange.request, loop: self, stream: stream)
        }
        // The request is done with: what it still holds is its answer.
        exchange.request?.memory.settle(at: body.count)
        peer.connection.respond(
            head(response.status, response.fields, exchange), body: body, date: date, at: now)
        exchange.status = response.status
        complete(exchange, peer, isComplete: true)
    }

    /// Begins an answer in pieces.
    func beginStream(_ stream: StreamHandle, status: Int, fields: Fields) {
        guard let peer = peer(stream.token), let exchange = peer.exchange, exchange.serial == stream.serial,
            exchange.status == nil
        else { return stream.close(.peerGone) }
        exchange.status = status
        let goesOn = peer.connection.begin(head(status, fields, exchange), date: date, at: now)
        if goesOn {
            exchange.stream = stream
            if isStopping { stream.serverStops() }
        } else {
            complete(exchange, peer, isComplete: true)
            stream.close(.finished)
        }
        touch(peer)
    }

    /// Moves what a stream's writers have queued into its connection.
    func takeStream(_ peer: Peer) {
        guard !peer.isClosed, let exchange = peer.exchange, let stream = exchange.stream else { return }
        let (chunks, ending) = stream.take()
        for chunk in chunks { peer.connection.write(chunk, at: now) }
        stream.drained(to: peer.connection.outgoing.count)
        switch ending {
        case .goesOn: break
        case .finished:
            peer.connection.finish(at: now)
            complete(exchange, peer, isComplete: !peer.connection.isAborted)
        case .aborted:
            peer.connection.abort()
            complete(exchange, peer, isComplete: false)
        }
    }

    /// The answer is in the connection's hands entirely.
    private func complete(_ exchange: Exchange, _ peer: Peer, isComplete: Bool) {
        exchange.reader?.finish(HTTPError(.peerGone, "the request has been answered; its content is read no further"))
        var record = record(of: exchange, peer, sentUpTo: peer.connection.queuedBytes)
        record.isComplete = isComplete
        peer.unsent.append(
            UnsentAnswer(
                end: peer.connection.queuedBytes, record: record, started: exchange.started, stream: exchange.stream,
                memory: exchange.request?.memory))
        peer.exchange = nil
    }

    /// The connection is gone: everyone who waits on it is told.
    func abandonRequests(of peer: Peer) {
        for var answer in peer.unsent {
            answer.record.isComplete = false
            report(answer.record, since: answer.started)
            answer.stream?.close(.peerGone)
        }
        peer.unsent = []
        guard let exchange = peer.exchange else { return }
        peer.exchange = nil
        exchange.request?.cancellation.cancel()
        exchange.reader?.finish(HTTPError(.peerGone, "the peer closed the connection"))
        exchange.stream?.close(.peerGone)
        report(record(of: exchange, peer, sentUpTo: peer.connection.sentBytes), since: exchange.started)
    }

    func report(_ record: RequestRecord, since started: Moment) {
        var record = record
        record.duration = now - started
        context.application.completed(record)
    }

    /// What a connection that cannot be served is told.
    func refusal(_ response: Response) -> ByteQueue {
        var connection = Connection(at: now)
        connection.refuse()
        var body: [UInt8] = []
        if case .bytes(let bytes) = response.body { body = bytes }
        connection.respond(
            ResponseHead(status: response.status, fields: response.fields), body: body, date: date, at: now)
        return connection.outgoing
    }

    private func record(of exchange: Exchange, _ peer: Peer, sentUpTo end: Int) -> RequestRecord {
        RequestRecord(
            id: exchange.id, route: exchange.route.map { context.routes[$0].name },
            method: exchange.request?.method, path: exchange.request?.head.path,
            status: exchange.status ?? HTTPError(.peerGone, "").status, duration: .zero,
            bytesReceived: peer.connection.receivedContent, bytesSent: max(0, end - exchange.queuedBefore),
            isComplete: false, peer: peer.address)
    }

    private func head(_ status: Int, _ fields: Fields, _ exchange: Exchange) -> ResponseHead {
        var fields = fields
        if !fields.contains(RequestIDs.field) { fields.append(RequestIDs.field, exchange.id) }
        return ResponseHead(status: status, fields: fields)
    }

    private var date: [UInt8] {
        dateLine.bytes(secondsSince1970: Clock.secondsSince1970())
    }

    private static func options(_ methods: [Wire.Method]) -> Response {
        Response(status: 204, fields: ["Allow": methods.map(\.rawValue).joined(separator: ", ")])
    }
}
