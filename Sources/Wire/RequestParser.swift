/// Reads requests from bytes that arrive in any pieces: a push value, without a socket or a clock.
///
///     parser.next(&input)   →  .head, .body…, .end, .head, …   nil: all input is taken, more is needed
///
/// Fed byte by byte it gives what it gives fed at once (content may be cut differently). After an error it gives the
/// same error for ever: what follows a broken message is not a message.
public struct RequestParser: Sendable {
    public enum Event: Sendable {
        case head(RequestHead, Framing)
        /// A slice of the input.
        case body(ArraySlice<UInt8>)
        /// The request is complete; requests without content have this too.
        case end
    }

    private enum State {
        case requestLine
        case fields(method: Method, target: String, version: HTTPVersion)
        case body(BodyDecoder)
        case failed(HTTPError)
    }

    private var state = State.requestLine
    private var lines = LineReader()
    private var fields = Fields()
    private var headBytes = 0
    /// Before the request line.
    private var emptyLines = 0
    private let limits: Limits

    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Old clients add one or two; who sends more sends no requests.
    private static let mostEmptyLines = 2

    /// Bytes kept of an unfinished head.
    var held: Int {
        switch state {
        case .requestLine, .fields: headBytes + lines.held
        case .body, .failed: 0
        }
    }

    /// True between requests: not a byte of the next one has been taken.
    public var isIdle: Bool {
        if case .requestLine = state { return headBytes == 0 && !lines.isInsideLine }
        return false
    }

    /// Content of the present request still to come, where its framing tells.
    public var remainingContent: Int? {
        if case .body(let decoder) = state { return decoder.remaining }
        return 0
    }

    public mutating func next(_ input: inout ArraySlice<UInt8>) throws(HTTPError) -> Event? {
        do {
            return try advance(&input)
        } catch {
            state = .failed(error)
            throw error
        }
    }

    private mutating func advance(_ input: inout ArraySlice<UInt8>) throws(HTTPError) -> Event? {
        while true {
            switch state {
            case .requestLine:
                guard let line = try requestLine(&input) else { return nil }
                headBytes += line.count + 2
                // An empty line or two after the previous request: some old clients add them (RFC 9112, 2.2).
                if line.isEmpty {
                    emptyLines += 1
                    guard emptyLines <= Self.mostEmptyLines else {
                        throw HTTPError(
                            .malformed,
                            "more than \(Self.mostEmptyLines) empty lines stand where a request should begin")
                    }
                    continue
                }
                let (method, target, version) = try parseRequestLine(line)
                state = .fields(method: method, target: target, version: version)
            case .fields(let method, let target, let version):
                guard let line = try fieldLine(&input) else { return nil }
                headBytes += line.count + 2
                guard line.isEmpty else {
                    guard fields.count < limits.fieldCount else {
                        throw HTTPError(.headTooLarge, "a request may have \(limits.fieldCount) header lines")
                    }
                    let field = try FieldLine.parse(line)
                    fields.append(field.name, field.value)
                    continue
                }
                let head = try RequestHead(method: method, target: target, version: version, fields: fields)
                let framing = try Framing.ofRequest(fields, version: version)
                state = .body(BodyDecoder(framing, limits: limits))
                return .head(head, framing)
            case .body(var decoder):
                // Emptied first, so that the decoder's held line is not shared and copied at each piece.
                state = .requestLine
                let event: BodyDecoder.Event?
                event = try decoder.next(&input)
                switch event {
                case .data(let data):
                    state = .body(decoder)
                    return .body(data)
                case .end:
                    fields = Fields()
                    headBytes = 0
                    emptyLines = 0
                    return .end
                case nil:
                    state = .body(decoder)
                    return nil
                }
            case .failed(let error):
                throw error
            }
        }
    }

    private mutating func requestLine(_ input: inout ArraySlice<UInt8>) throws(HTTPError) -> ArraySlice<UInt8>? {
        if !lines.isInsideLine, let first = input.first, !isToken[first], first != carriageReturn {
            // Told at the first byte: another protocol may never send a line end.
            throw HTTPError(
                .malformed,
                first == 0x16
                    ? "this port speaks plain HTTP, and this looks like TLS"
                    : "a request must begin with a method in capital letters")
        }
        let overhead = Self.longestMethod + " ".utf8.count + " HTTP/1.1\r\n".utf8.count
        // What begins with CR can only be an empty line: told at the byte after it, and not as a long target.
        let isEmpty = (lines.first ?? input.first) == carriageReturn
        let longest = isEmpty ? "\r\n".utf8.count : limits.targetBytes + overhead
        switch lines.next(&input, limit: min(longest, limits.headBytes - headBytes)) {
        case .line(let line): return line
        case .needsInput: return nil
        case .tooLong where isEmpty:
            throw HTTPError(.malformed, "a carriage return before a request must be followed by a line feed")
        case .tooLong: throw targetTooLong
        case .bareLineFeed: throw HTTPError(.malformed, "the request line must end in CR LF")
        }
    }

    private mutating func fieldLine(_ input: inout ArraySlice<UInt8>) throws(HTTPError) -> ArraySlice<UInt8>? {
        switch lines.next(&input, limit: limits.headBytes - headBytes) {
        case .line(let line): return line
        case .needsInput: return nil
        case .tooLong:
            throw HTTPError(.headTooLarge, "the head of a request may have \(limits.headBytes) bytes")
        case .bareLineFeed: throw HTTPError(.malformed, "a header line must end in CR LF")
        }
    }

    /// `GET /path HTTP/1.1`: one space each, nothing else.
    private func parseRequestLine(_ line: ArraySlice<UInt8>) throws(HTTPError) -> (Method, String, HTTPVersion) {
        let space = UInt8(ascii: " ")
        guard let first = line.firstIndex(of: space), let last = line.lastIndex(of: space), first < last else {
            throw HTTPError(.malformed, "a request line must be \"METHOD target HTTP/1.1\"")
        }
        let method = line[..<first]
        let target = line[(first + 1)..<last]
        guard !method.isEmpty, method.allSatisfy({ isToken[$0] }) else {
            throw HTTPError(.malformed, "the method of a request must be a token")
        }
        guard method.count <= Self.longestMethod else {
            throw HTTPError(.notImplemented, "no method is longer than \(Self.longestMethod) letters")
        }
        let version = try parseVersion(line[(last + 1)...])
        guard target.count <= limits.targetBytes else { throw targetTooLong }
        guard !target.isEmpty, target.allSatisfy({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "#") }) else {
            throw HTTPError(
                .malformed, "the request target must be visible ASCII without a fragment; percent-encode the rest")
        }
        return (
            Method(rawValue: String(decoding: method, as: UTF8.self)), String(decoding: target, as: UTF8.self), version
        )
    }

    private func parseVersion(_ text: ArraySlice<UInt8>) throws(HTTPError) -> HTTPVersion {
        let prefix = "HTTP/".utf8
        let digits = text.dropFirst(prefix.count)
        guard text.starts(with: prefix), digits.count == 3, let major = digits.first, let minor = digits.last,
            major &- 0x30 < 10, minor &- 0x30 < 10, digits[digits.startIndex + 1] == UInt8(ascii: ".")
        else {
            throw HTTPError(.malformed, "a request line must end in \"HTTP/1.1\" or \"HTTP/1.0\"")
        }
        guard major == UInt8(ascii: "1") else {
            throw HTTPError(
                .versionNotSupported,
                "this server speaks HTTP/1.1 and HTTP/1.0; a client that began with HTTP/2 must be told to use 1.1")
        }
        return minor == UInt8(ascii: "0") ? .http10 : .http11
    }

    private var targetTooLong: HTTPError {
        HTTPError(
            .targetTooLong(limit: limits.targetBytes), "a request target may have \(limits.targetBytes) bytes")
    }

    /// The longest registered method, UPDATEREDIRECTREF, has 17 letters.
    private static let longestMethod = 32
}
