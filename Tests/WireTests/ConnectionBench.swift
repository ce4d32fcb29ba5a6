@testable import Wire

/// A connection between a scripted client and a scripted handler, with a clock moved by hand.
///
/// The socket is two arrays: what the client sends is fed in, and of what the server queues `window` bytes are taken
/// at each pump.
struct Bench {
    var connection: Connection
    var now: Moment
    /// What happened, one word or two each.
    var log: [String] = []
    /// Everything the client has received.
    var received = ""
    /// Bytes the client takes at each pump; a slow reader takes few.
    var window = Int.max
    /// What the handler does with a request; nil: nothing yet.
    var handler: (inout Bench, RequestHead) -> Void = { bench, _ in bench.answer("ok") }
    /// What the handler does with the end of accepted content.
    var whenComplete: (inout Bench) -> Void = { bench in bench.answer("got \(bench.content.count)") }
    var content: [UInt8] = []
    var isClosed = false

    init(limits: Limits = Limits(), timeouts: Timeouts = Timeouts()) {
        now = at(0)
        connection = Connection(limits: limits, timeouts: timeouts, at: now)
    }

    mutating func send(_ text: String) {
        connection.receive(bytes(text)[...], at: now)
        pump()
    }

    mutating func sendByteByByte(_ text: String) {
        for byte in bytes(text) {
            connection.receive([byte], at: now)
            pump()
        }
    }

    /// The client closes its sending direction.
    mutating func endSending() {
        connection.receiveEnd()
        pump()
    }

    mutating func wait(until seconds: Double) {
        now = at(seconds)
        if let deadline = connection.deadline, now >= deadline { connection.expire(at: now) }
        pump()
    }

    mutating func answer(_ body: String, status: Int = 200, fields: Fields = [:]) {
        connection.respond(ResponseHead(status: status, fields: fields), body: bytes(body), date: [], at: now)
    }

    mutating func accept(_ limit: Int) {
        do {
            try connection.acceptBody(limit: limit, at: now)
        } catch {
            answer(error.detail, status: error.status)
        }
    }

    mutating func pump() {
        repeat {
            while let event = connection.next(at: now) { handle(event) }
        } while take()
    }

    private mutating func handle(_ event: Connection.Event) {
        switch event {
        case .request(let head, _):
            log.append("\(head.method) \(head.path)")
            content = []
            handler(&self, head)
        case .body(let data):
            content += data
        case .bodyEnd:
            log.append("body \(content.count)")
            whenComplete(&self)
        case .refused(let error):
            log.append("refused \(error.status)")
            answer("refused", status: error.status)
        case .bodyFailed(let error):
            log.append("failed \(error.status)")
            if error.reason != .peerGone { answer("failed", status: error.status) }
        case .finishWriting:
            log.append("finishWriting")
        case .close:
            log.append("close")
            isClosed = true
        }
    }

    /// The client takes what it can. True: it took something and is ready for more.
    private mutating func take() -> Bool {
        let count = min(connection.outgoing.count, window)
        guard count > 0 else { return false }
        connection.outgoing.withBuffers { buffers in
            var all: [UInt8] = []
            for buffer in buffers { all += buffer }
            received += text(all.prefix(count))
        }
        let offered = connection.outgoing.withBuffers { $0.reduce(0) { $0 + $1.count } }
        connection.sent(min(count, offered), at: now)
        return window == Int.max
    }

    /// The statuses the client has seen, from complete answers.
    var statuses: [Int] {
        received.components(of: "HTTP/1.1 ").dropFirst().compactMap { Int($0.prefix(3)) }
    }
}

extension String {
    /// The parts between occurrences of a separator.
    func components(of separator: String) -> [String] {
        let all = Array(utf8)
        let separator = Array(separator.utf8)
        var parts: [ArraySlice<UInt8>] = []
        var start = 0
        var index = 0
        while index + separator.count <= all.count {
            if all[index] == separator[0] && all[index..<index + separator.count].elementsEqual(separator) {
                parts.append(all[start..<index])
                index += separator.count
                start = index
            } else {
                index += 1
            }
        }
        parts.append(all[start...])
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }
}
