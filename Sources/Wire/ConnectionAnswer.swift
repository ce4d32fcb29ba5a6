/// The outgoing half of a connection: what to do with content, and answers.
extension Connection {
    /// The content of the present request is wanted, up to `limit` bytes; lets a waiting peer send it.
    ///
    /// Throws `.contentTooLarge` where its announced length is beyond the limit already; answer with that.
    public mutating func acceptBody(limit: Int, at now: Moment) throws(HTTPError) {
        guard case .undecided = phase else { return }
        if let remaining = parser.remainingContent, remaining > limit { throw Self.contentTooLarge(limit) }
        exchange.bodyLimit = limit
        phase = .body
        bodyPace.start(at: now)
        guard exchange.awaitsContinue else { return }
        exchange.awaitsContinue = false
        // A peer that has begun to send has stopped waiting (RFC 9110, 10.1.1).
        if input.isEmpty { enqueue(at: now) { $0 += "HTTP/1.1 100 Continue\r\n\r\n".utf8 } }
    }

    /// The content of the present request, if any, is not wanted.
    public mutating func ignoreBody(at now: Moment) {
        switch phase {
        case .undecided, .body:
            phase = .draining(taken: 0)
            isPaused = false
            if parser.remainingContent != 0 { bodyPace.start(at: now) }
        default: break
        }
    }

    /// The handler has enough content for now; a peer that goes on sending fills the kernel's window and waits.
    public mutating func pauseBody() {
        isPaused = true
        bodyPace.stop()
    }

    public mutating func resumeBody(at now: Moment) {
        guard isPaused else { return }
        isPaused = false
        if case .body = phase { bodyPace.start(at: now) }
    }

    /// Answers the present request, or a refusal, whole. `date` is a field line with its end.
    public mutating func respond(_ head: ResponseHead, body: [UInt8], date: [UInt8], at now: Moment) {
        guard mayAnswer else { return }
        let hasContent = Status.allowsContent(head.status)
        let connection = settle(head, at: now)
        let frame = ResponseWriter.Frame(content: hasContent ? .length(body.count) : .none, connection: connection)
        enqueue(at: now) { bytes in
            bytes.reserveCapacity(bytes.count + 512 + (body.count <= ByteQueue.joined ? body.count : 0))
            ResponseWriter.append(status: head.status, fields: head.fields, frame: frame, date: date, to: &bytes)
        }
        if hasContent && !exchange.isHead && !body.isEmpty { enqueue(body, at: now) }
        answer = .complete
    }

    /// Begins an answer that is written piece by piece: of the length that `Content-Length` among its fields tells, or
    /// chunked, or, for HTTP/1.0, ended by closing. False: it has no content (HEAD, 204) and is complete already.
    public mutating func begin(_ head: ResponseHead, date: [UInt8], at now: Moment) -> Bool {
        guard mayAnswer else { return false }
        let framing: Framing
        let content: ResponseWriter.Frame.Content
        if let text = head.fields["Content-Length"], let length = Int(text), length >= 0 {
            (framing, content) = (.length(length), .length(length))
        } else if exchange.version == .http11 {
            (framing, content) = (.chunked, .chunked)
        } else {
            (framing, content) = (.untilClose, .untilClose)
            exchange.keepsAlive = false
        }
        let hasContent = Status.allowsContent(head.status)
        let frame = ResponseWriter.Frame(
            content: hasContent ? content : .none, connection: settle(head, at: now))
        enqueue(at: now) {
            ResponseWriter.append(status: head.status, fields: head.fields, frame: frame, date: date, to: &$0)
        }
        answer = hasContent && !exchange.isHead ? .streaming(framing) : .complete
        if case .streaming = answer { return true }
        return false
    }

    /// A piece of the answer that was begun. More than its announced length breaks it off.
    public mutating func write(_ bytes: [UInt8], at now: Moment) {
        guard case .streaming(let framing) = answer, !bytes.isEmpty else { return }
        switch framing {
        case .chunked:
            enqueue(at: now) { ResponseWriter.appendChunkSize(bytes.count, to: &$0) }
            enqueue(bytes, at: now)
            enqueue(at: now) { $0 += ResponseWriter.lineEnd }
        case .length(let remaining):
            guard bytes.count <= remaining else { return abort() }
            answer = .streaming(.length(remaining - bytes.count))
            enqueue(bytes, at: now)
        case .untilClose, .none:
            enqueue(bytes, at: now)
        }
    }

    /// The answer is complete; one of announced length that is not is broken off.
    public mutating func finish(at now: Moment) {
        guard case .streaming(let framing) = answer else { return }
        switch framing {
        case .chunked: enqueue(at: now) { $0 += "0\r\n\r\n".utf8 }
        case .length(let remaining) where remaining > 0: return abort()
        default: break
        }
        answer = .complete
    }

    /// Breaks the answer off: what was written goes out, then the connection ends without the mark of a complete
    /// answer. (A client of HTTP/1.0 cannot tell; that version has no such mark.)
    public mutating func abort() {
        isAborted = true
        answer = .complete
        awaitsAnswer = true
        stopReceiving()
    }

    /// The socket took the first `count` bytes of `outgoing`.
    public mutating func sent(_ count: Int, at now: Moment) {
        outgoing.removeFirst(count)
        sentBytes += count
        responsePace.moved(count)
        if outgoing.isEmpty { responsePace.stop() }
    }

    /// Makes a fresh connection one that is refused: `respond` with the reason.
    public mutating func refuse() {
        stopReceiving()
        awaitsAnswer = true
    }

    /// The server stops: what is in flight is finished, then the connection closes. Pull `next` afterwards.
    public mutating func stop() {
        isStopping = true
    }

    /// One answer for each request or refusal; a second finds nothing to answer.
    private var mayAnswer: Bool {
        if case .none = answer { return awaitsAnswer }
        return false
    }

    /// Decides, with the head of an answer, whether the connection goes on after it, and what to say about it.
    private mutating func settle(_ head: ResponseHead, at now: Moment) -> StaticString? {
        let isWishedClosed = head.fields.contains("Connection") && head.fields.tokens("Connection").contains("close")
        if isWishedClosed || isStopping || !exchange.keepsAlive || !canReachNextRequest { willClose = true }
        if willClose {
            stopReceiving()
            return "close"
        }
        ignoreBody(at: now)
        return exchange.version == .http10 ? "keep-alive" : nil
    }

    /// Whether what is left of the request's content is worth reading for the sake of the next request.
    private var canReachNextRequest: Bool {
        switch phase {
        case .undecided, .body, .draining:
            if parser.remainingContent == 0 { return true }
            // A peer that was never told to send its content may or may not send it: nobody knows what comes next.
            if exchange.awaitsContinue { return false }
            return parser.remainingContent.map { $0 <= limits.drainedBytes } ?? true
        case .received: return true
        case .head, .discarding, .closed: return false
        }
    }

    private mutating func enqueue(_ bytes: [UInt8], at now: Moment) {
        outgoing.append(bytes)
        queuedBytes += bytes.count
        responsePace.start(at: now)
    }

    private mutating func enqueue(at now: Moment, _ build: (inout [UInt8]) -> Void) {
        let before = outgoing.count
        outgoing.append(build)
        queuedBytes += outgoing.count - before
        responsePace.start(at: now)
    }
}
