/// Reads responses from bytes that arrive in any pieces; the client's counterpart of `RequestParser`.
public struct ResponseParser: Sendable {
    public enum Event: Sendable {
        /// Interim responses (1xx) come first and have no `.end`.
        case head(ResponseHead)
        case body(ArraySlice<UInt8>)
        /// `keepsAlive`: another request may follow on the connection.
        case end(keepsAlive: Bool)
    }

    private enum State {
        case statusLine
        case fields(ResponseHead)
        case body(BodyDecoder, keepsAlive: Bool)
        case ended
    }

    private var state = State.statusLine
    private var lines = LineReader()
    private var headBytes = 0
    private let method: Method
    private let limits: Limits

    /// For the answer to one request of this method.
    public init(to method: Method, limits: Limits = Limits()) {
        self.method = method
        self.limits = limits
    }

    /// Nil: all input is taken and more is needed, or the response is over.
    public mutating func next(_ input: inout ArraySlice<UInt8>) throws(HTTPError) -> Event? {
        while true {
            switch state {
            case .statusLine:
                guard let line = try line(&input) else { return nil }
                state = .fields(try parseStatusLine(line))
            case .fields(var head):
                guard let line = try line(&input) else { return nil }
                guard line.isEmpty else {
                    guard head.fields.count < limits.fieldCount else {
                        throw HTTPError(.headTooLarge, "the response has more than \(limits.fieldCount) header lines")
                    }
                    let field = try FieldLine.parse(line)
                    // Let go of first, so that appending does not copy the lines before it.
                    state = .ended
                    head.fields.append(field.name, field.value)
                    state = .fields(head)
                    continue
                }
                headBytes = 0
                if 100..<200 ~= head.status {
                    state = .statusLine
                } else {
                    let framing = try Framing.ofResponse(head, to: method)
                    let connection = head.fields.tokens("Connection")
                    let keepsAlive =
                        framing != .untilClose && !connection.contains("close")
                        && (head.version == .http11 || connection.contains("keep-alive"))
                    state = .body(BodyDecoder(framing, limits: limits), keepsAlive: keepsAlive)
                }
                return .head(head)
            case .body(var decoder, let keepsAlive):
                state = .ended
                switch try decoder.next(&input) {
                case .data(let data):
                    state = .body(decoder, keepsAlive: keepsAlive)
                    return .body(data)
                case .end:
                    return .end(keepsAlive: keepsAlive)
                case nil:
                    state = .body(decoder, keepsAlive: keepsAlive)
                    return nil
                }
            case .ended:
                return nil
            }
        }
    }

    /// The connection has ended. `.end` where that ends the response properly; an error where it was cut.
    public mutating func connectionEnded() throws(HTTPError) -> Event? {
        switch state {
        case .body(var decoder, _):
            guard decoder.connectionEnded() else {
                throw HTTPError(.peerGone, "the connection ended in the middle of a response")
            }
            state = .ended
            return .end(keepsAlive: false)
        case .ended:
            return nil
        case .statusLine, .fields:
            throw HTTPError(.peerGone, "the connection ended before a response came")
        }
    }

    private mutating func line(_ input: inout ArraySlice<UInt8>) throws(HTTPError) -> ArraySlice<UInt8>? {
        switch lines.next(&input, limit: limits.headBytes - headBytes) {
        case .line(let line):
            headBytes += line.count + 2
            return line
        case .needsInput: return nil
        case .tooLong:
            throw HTTPError(.headTooLarge, "the head of the response has more than \(limits.headBytes) bytes")
        case .bareLineFeed: throw HTTPError(.malformed, "a line of the response does not end in CR LF")
        }
    }

    /// `HTTP/1.1 200 OK`, the phrase optional.
    private func parseStatusLine(_ line: ArraySlice<UInt8>) throws(HTTPError) -> ResponseHead {
        let text = String(decoding: line, as: UTF8.self)
        let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0", parts[1].utf8.count == 3,
            let status = Int(parts[1]), 100...999 ~= status
        else {
            throw HTTPError(.malformed, "the response does not begin with \"HTTP/1.1\" and a status")
        }
        return ResponseHead(
            status: status, reason: parts.count == 3 ? String(parts[2]) : "",
            version: parts[0] == "HTTP/1.0" ? .http10 : .http11)
    }
}
