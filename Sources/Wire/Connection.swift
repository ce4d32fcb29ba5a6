/// One HTTP/1.1 connection of a server, as a value: bytes and moments in, events and bytes out. It has no socket, no
/// clock and no thread; a loop that has them moves it.
///
///     receive(bytes)      →  next() … nil         requests, content, and what to do with the socket
///     respond, begin/write/finish                  put bytes into `outgoing`
///     sent(count)                                  the socket took so many of them
///     deadline, expire(at:)                        the moment has come
///
/// Requests are served one after another: the next one is not looked at before the answer to the last one is complete,
/// so pipelined answers are in order by construction, and a peer that pipelines without reading is held back.
public struct Connection: Sendable {
    public enum Event: Sendable {
        /// A request has begun. Decide its content: `acceptBody`, `ignoreBody`, or answer at once.
        case request(RequestHead, Framing)
        /// A piece of accepted content; a slice of what was received.
        case body(ArraySlice<UInt8>)
        /// The accepted content is complete.
        case bodyEnd
        /// Not a request: answer with this error; the connection closes afterwards.
        case refused(HTTPError)
        /// The accepted content will not be complete; if the answer has not begun, answer with this error.
        case bodyFailed(HTTPError)
        /// Shut the sending direction down; the peer may still be sending.
        case finishWriting
        /// Close the socket. The last event.
        case close
    }

    /// Where the incoming direction stands.
    enum Phase: Sendable {
        /// Between requests, or in a head.
        case head
        /// The head is delivered, what to do with the content is not decided.
        case undecided
        /// Content goes to the handler.
        case body
        /// Content is dropped, to reach the next request.
        case draining(taken: Int)
        /// The request is complete; the answer is not.
        case received
        /// No more requests here: when the answer is out, say so and wait for the peer to close.
        case discarding
        case closed
    }

    /// Where the answer stands.
    enum Answer: Sendable {
        case none
        case streaming(Framing)
        case complete
    }

    /// What must be remembered of the request being served.
    struct Exchange: Sendable {
        var isHead = false
        var version = HTTPVersion.http11
        var keepsAlive = false
        /// The peer waits for `100 Continue`, and it has not been sent.
        var awaitsContinue = false
        var bodyLimit = 0
    }

    let limits: Limits
    let timeouts: Timeouts
    var parser: RequestParser
    var input: ArraySlice<UInt8> = []
    /// The input is a slice of the caller's buffer.
    var isBorrowed = false
    var phase = Phase.head
    var answer = Answer.none
    var exchange = Exchange()
    var pending: Event?
    /// A request, or the refusal of one, is under way.
    var awaitsAnswer = false
    /// The connection ends after the present answer.
    var willClose = false
    var isStopping = false
    var isPaused = false
    /// The peer will send no more.
    var peerEnded = false
    var finishedWriting = false

    /// For the phases that wait without a transfer: head, idle, linger.
    var phaseDeadline: Moment?
    /// The phase deadline is one for the time between requests.
    var isIdle = true
    var bodyPace: PaceWatch
    var responsePace: PaceWatch

    /// The present answer was broken off.
    public internal(set) var isAborted = false
    /// Bytes for the socket.
    public internal(set) var outgoing = ByteQueue()
    /// Content received of the present request.
    public internal(set) var receivedContent = 0
    /// Bytes ever put into `outgoing`, and ever taken by the socket: an answer is out when the second has reached what
    /// the first was at its end.
    public internal(set) var queuedBytes = 0
    public internal(set) var sentBytes = 0

    /// A connection accepted at this moment.
    public init(limits: Limits = Limits(), timeouts: Timeouts = Timeouts(), at now: Moment) {
        self.limits = limits
        self.timeouts = timeouts
        parser = RequestParser(limits: limits)
        bodyPace = PaceWatch(timeouts.body)
        responsePace = PaceWatch(timeouts.response)
        phaseDeadline = now + timeouts.idle
    }

    /// Whether reading the socket now leads anywhere. False holds the peer back.
    public var wantsInput: Bool {
        if peerEnded { return false }
        return switch phase {
        case .head: outgoing.count <= Self.unreadAnswers
        case .body: !isPaused
        case .draining: true
        case .discarding: finishedWriting
        case .undecided, .received, .closed: false
        }
    }

    /// Between requests, with nothing to send.
    public var isAtRest: Bool {
        if case .head = phase { return parser.isIdle && input.isEmpty && outgoing.isEmpty }
        return false
    }

    /// Bytes of content that the present request has announced and not yet sent; nil for a chunked body.
    public var remainingContent: Int? { parser.remainingContent }

    /// Since when the peer has kept the connection without a request: at rest, or within a head.
    public var waitingSince: Moment? {
        guard case .head = phase, let phaseDeadline else { return nil }
        return phaseDeadline + (.zero - (isIdle ? timeouts.idle : timeouts.head))
    }

    /// Bytes that are kept of what came: input not looked at yet, and the beginning of a head.
    public var heldInput: Int { input.count + parser.held }

    /// Moves input that must wait out of the caller's buffer, where the caller stops before `next` has given nil.
    public mutating func keepInputForLater() {
        _ = keepInput()
    }

    /// The next request waits while more than this of earlier answers waits for a peer that pipelines.
    static let unreadAnswers = 65_536

    /// Bytes arrived. Pull `next` afterwards until it gives nil.
    public mutating func receive(_ bytes: ArraySlice<UInt8>, at now: Moment) {
        switch phase {
        case .discarding, .closed: break
        default:
            isBorrowed = input.isEmpty
            input = input.isEmpty ? bytes : input + bytes
        }
    }

    /// The peer will send no more. Pull `next` afterwards.
    public mutating func receiveEnd() {
        peerEnded = true
    }

    /// What there is to do; nil: nothing until something comes in, is sent, or expires.
    public mutating func next(at now: Moment) -> Event? {
        if let event = pending {
            pending = nil
            if case .close = event { phase = .closed }
            return event
        }
        while true {
            switch phase {
            case .head:
                guard let event = nextOfHead(at: now) else { return keepInput() }
                return event
            case .body:
                guard !isPaused else { return keepInput() }
                guard let event = nextOfBody(at: now) else { return keepInput() }
                return event
            case .draining(let taken):
                guard drain(taken, at: now) else { return keepInput() }
            case .received:
                guard case .complete = answer else { return keepInput() }
                beginCycle(at: now)
            case .discarding:
                return nextOfClosing(at: now)
            case .undecided:
                return keepInput()
            case .closed:
                return nil
            }
        }
    }

    private mutating func nextOfHead(at now: Moment) -> Event? {
        if isStopping && parser.isIdle && input.isEmpty {
            // Nobody is served here: no need to wait for the peer. Answers on their way go out first.
            guard outgoing.isEmpty else { return nil }
            phase = .closed
            return .close
        }
        guard outgoing.count <= Self.unreadAnswers else { return nil }
        do throws(HTTPError) {
            guard case .head(let head, let framing)? = try parser.next(&input) else {
                if isIdle && !parser.isIdle {
                    isIdle = false
                    phaseDeadline = now + timeouts.head
                }
                if peerEnded {
                    phase = .discarding
                    return nextOfClosing(at: now)
                }
                return nil
            }
            let options = try ConnectionOptions(head)
            exchange = Exchange(
                isHead: head.method == .head, version: head.version, keepsAlive: options.keepsAlive,
                awaitsContinue: options.awaitsContinue)
            phaseDeadline = nil
            phase = .undecided
            awaitsAnswer = true
            return .request(head, framing)
        } catch {
            stopReceiving()
            awaitsAnswer = true
            return .refused(error)
        }
    }

    private mutating func nextOfBody(at now: Moment) -> Event? {
        do throws(HTTPError) {
            switch try parser.next(&input) {
            case .body(let data):
                receivedContent += data.count
                bodyPace.moved(data.count)
                guard receivedContent <= exchange.bodyLimit else { throw Self.contentTooLarge(exchange.bodyLimit) }
                return .body(data)
            case .end:
                phase = .received
                bodyPace.stop()
                return .bodyEnd
            case .head, nil:
                if peerEnded { throw HTTPError(.peerGone, "the peer closed the connection in the content") }
                return nil
            }
        } catch {
            stopReceiving()
            return .bodyFailed(error)
        }
    }

    /// Drops content. False: more input is needed.
    private mutating func drain(_ taken: Int, at now: Moment) -> Bool {
        do throws(HTTPError) {
            switch try parser.next(&input) {
            case .body(let data):
                bodyPace.moved(data.count)
                receivedContent += data.count
                if taken + data.count > limits.drainedBytes {
                    stopReceiving()
                } else {
                    phase = .draining(taken: taken + data.count)
                }
            case .end:
                phase = .received
                bodyPace.stop()
            case .head, nil:
                guard peerEnded else { return false }
                stopReceiving()
            }
        } catch {
            // The answer is the handler's all the same; the connection is no use after it.
            stopReceiving()
        }
        return true
    }

    private mutating func nextOfClosing(at now: Moment) -> Event? {
        input = []
        if awaitsAnswer {
            guard case .complete = answer else { return nil }
        }
        guard outgoing.isEmpty else { return nil }
        if peerEnded {
            phase = .closed
            return .close
        }
        guard !finishedWriting else { return nil }
        finishedWriting = true
        phaseDeadline = now + timeouts.linger
        return .finishWriting
    }

    private mutating func beginCycle(at now: Moment) {
        phase = .head
        answer = .none
        awaitsAnswer = false
        exchange = Exchange()
        receivedContent = 0
        isIdle = true
        phaseDeadline = now + timeouts.idle
    }

    /// Nothing more can be read here: after the answer the connection closes.
    mutating func stopReceiving() {
        phase = .discarding
        willClose = true
        input = []
        phaseDeadline = nil
        bodyPace.stop()
    }

    /// Input that must wait is moved out of the caller's buffer, and finished input lets go of it: a buffer that is
    /// still referred to would be copied before it is written again.
    private mutating func keepInput() -> Event? {
        if input.isEmpty {
            input = []
        } else if isBorrowed {
            input = ArraySlice(Array(input))
        }
        isBorrowed = false
        return nil
    }

    static func contentTooLarge(_ limit: Int) -> HTTPError {
        HTTPError(.contentTooLarge(limit: limit), "the content may have at most \(limit) bytes here")
    }
}
