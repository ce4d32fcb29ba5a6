import Glibc
import Wire

/// One request of a client and its answer, over a socket it has to itself.
struct ClientExchange {
    let socket: ClientSocket
    private let method: Wire.Method
    private let silence: Duration?
    private var parser: ResponseParser
    private var input: ArraySlice<UInt8> = []
    /// The final head, where it came before the request was sent.
    private var early: ResponseHead?
    /// The whole request went out, so that another may follow.
    private var isSent = false
    /// Bytes of an answer have come.
    private(set) var hasAnswer = false

    init(socket: ClientSocket, method: Wire.Method, silence: Duration?) {
        self.socket = socket
        self.method = method
        self.silence = silence
        parser = ResponseParser(to: method)
    }

    /// Sends head and content; ends early where the server answers early.
    mutating func send(
        target: String, host: String, fields: Fields, content: ClientContent
    ) throws(HTTPClientError) {
        let expects = content.count > Self.sentUnasked
        var head = "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\n"
        for field in fields { head += "\(field.name): \(field.value)\r\n" }
        if !fields.contains("User-Agent") { head += "User-Agent: timestep\r\n" }
        if !fields.contains("Accept") { head += "Accept: */*\r\n" }
        if content.count > 0 || [.post, .put, .patch].contains(method) {
            head += "Content-Length: \(content.count)\r\n"
        }
        if expects { head += "Expect: 100-continue\r\n" }
        var bytes = Array((head + "\r\n").utf8)
        // A small request is one write: two would wait for each other's acknowledgement on a far server.
        if !expects, case .bytes(let small) = content.source, small.count <= Self.joined {
            bytes += small
            try write(bytes)
            isSent = true
            return
        }
        try write(bytes)
        if expects { try awaitContinue() }
        while early == nil, let piece = try content.next() {
            try write(piece)
        }
        isSent = early == nil
    }

    /// Hands the answer over. True: the connection may be used again.
    mutating func receive(_ head: (ResponseHead) throws -> Void, _ receive: ([UInt8]) throws -> Bool) throws -> Bool {
        if let early { try head(early) }
        while true {
            let event: ResponseParser.Event?
            do throws(HTTPError) {
                event = try parser.next(&input)
            } catch {
                throw HTTPClientError(.malformed, "the answer is not HTTP: \(error.detail)")
            }
            switch event {
            case .head(let answer) where answer.status >= 200: try head(answer)
            case .head: continue
            case .body(let data):
                guard try receive(Array(data)) else { return false }
            case .end(let keepsAlive):
                return keepsAlive && isSent && input.isEmpty
            case nil:
                if try readMore() { continue }
                do throws(HTTPError) {
                    _ = try parser.connectionEnded()
                } catch {
                    throw HTTPClientError(.closed, error.detail)
                }
                return false
            }
        }
    }

    /// Contents up to this size go out without asking; asking costs a round trip.
    private static let sentUnasked = 1 << 20
    private static let joined = 65_536
    /// A server that does not know `Expect` gets the content after this long.
    private static let continueWait: Duration = .seconds(1)

    /// Waits for `100 Continue`, a final answer, or long enough.
    private mutating func awaitContinue() throws(HTTPClientError) {
        do throws(HTTPClientError) {
            _ = try socket.wait(toRead: true, toWrite: false, atMost: Self.continueWait)
        } catch {
            if error.reason == .timeout { return }
            throw error
        }
        try readEarly()
    }

    /// Writes everything, looking out for an early answer meanwhile.
    private mutating func write(_ bytes: [UInt8]) throws(HTTPClientError) {
        var rest = bytes[...]
        while !rest.isEmpty, early == nil {
            let count: Int
            do throws(HTTPClientError) {
                count = try socket.write(rest)
            } catch {
                // The server may have answered and closed; its answer says more than the broken pipe.
                if hasAnswer || error.reason != .closed { throw error }
                try readEarly()
                if early == nil { throw error }
                return
            }
            rest = rest.dropFirst(count)
            if rest.isEmpty { return }
            let (canRead, _) = try socket.wait(toRead: true, toWrite: true, atMost: silence)
            if canRead { try readEarly() }
        }
    }

    /// Takes what the server says while we are still sending.
    private mutating func readEarly() throws(HTTPClientError) {
        guard try readMore() else {
            throw HTTPClientError(.closed, "the server closed the connection while the request was being sent")
        }
        do throws(HTTPError) {
            while early == nil, case .head(let answer)? = try parser.next(&input) {
                if answer.status >= 200 { early = answer }
            }
        } catch {
            throw HTTPClientError(.malformed, "the answer is not HTTP: \(error.detail)")
        }
    }

    /// Waits for input. False: the server has closed.
    private mutating func readMore() throws(HTTPClientError) -> Bool {
        while true {
            _ = try socket.wait(toRead: true, toWrite: false, atMost: silence)
            guard let bytes = try socket.read() else { continue }
            guard !bytes.isEmpty else { return false }
            hasAnswer = true
            input = input.isEmpty ? bytes[...] : input + bytes
            return true
        }
    }
}

/// The content of a request, a piece at a time.
final class ClientContent {
    enum Source {
        case bytes([UInt8])
        case file(descriptor: Int32, path: String)
    }

    let source: Source
    let count: Int
    private var sent = 0

    private static let pieceSize = 262_144

    init(_ body: HTTPClient.Body) throws(HTTPClientError) {
        switch body {
        case .none:
            (source, count) = (.bytes([]), 0)
        case .bytes(let bytes):
            (source, count) = (.bytes(bytes), bytes.count)
        case .file(let path):
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            var status = stat()
            guard descriptor >= 0, fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                let reason = descriptor < 0 ? SystemError.text(errno) : "not an ordinary file"
                if descriptor >= 0 { close(descriptor) }
                throw HTTPClientError(.unreadableFile, "\(path) cannot be read: \(reason)")
            }
            (source, count) = (.file(descriptor: descriptor, path: path), Int(status.st_size))
        }
    }

    deinit {
        if case .file(let descriptor, _) = source { close(descriptor) }
    }

    /// The next piece; nil at the end.
    func next() throws(HTTPClientError) -> [UInt8]? {
        guard sent < count else { return nil }
        let wanted = min(count - sent, Self.pieceSize)
        switch source {
        case .bytes(let bytes):
            defer { sent += wanted }
            return Array(bytes[sent..<sent + wanted])
        case .file(let descriptor, let path):
            var result = 0
            let piece = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
                repeat {
                    result = Glibc.read(descriptor, buffer.baseAddress, wanted)
                } while result < 0 && errno == EINTR
                count = max(0, result)
            }
            guard !piece.isEmpty else {
                let reason = result < 0 ? SystemError.text(errno) : "it became shorter while it was sent"
                throw HTTPClientError(.unreadableFile, "\(path) cannot be read: \(reason)")
            }
            sent += piece.count
            return piece
        }
    }
}
