/// Where the content of a message ends (RFC 9112, 6.3), and what else of the head decides about the connection.
public enum Framing: Sendable, Hashable {
    case none
    case length(Int)
    case chunked
    /// A response that ends when the connection does.
    case untilClose

    /// The framing of a request. Every doubt is an error: two servers that resolve it differently disagree about where
    /// the next request begins.
    static func ofRequest(_ fields: Fields, version: HTTPVersion) throws(HTTPError) -> Framing {
        var length: String?
        var lengths = 0
        var hasCoding = false
        // One pass, told apart by length first: this runs for every request.
        for field in fields {
            switch field.name.utf8.count {
            case 14 where equalWithoutCase(field.name, "Content-Length"):
                length = field.value
                lengths += 1
            case 17 where equalWithoutCase(field.name, "Transfer-Encoding"):
                hasCoding = true
            default: break
            }
        }
        guard !hasCoding else {
            guard lengths == 0 else {
                throw HTTPError(.malformed, "a message must not have both Content-Length and Transfer-Encoding")
            }
            guard version == .http11 else {
                throw HTTPError(.malformed, "HTTP/1.0 has no Transfer-Encoding")
            }
            return try chunkedOnly(fields.tokens("Transfer-Encoding"))
        }
        guard let length else { return .none }
        guard lengths == 1 else {
            throw HTTPError(.malformed, "a message must not have more than one Content-Length")
        }
        let count = try contentLength(length)
        return count == 0 ? .none : .length(count)
    }

    /// The framing of a response to a request of this method.
    static func ofResponse(_ head: ResponseHead, to method: Method) throws(HTTPError) -> Framing {
        if method == .head || !Status.allowsContent(head.status) { return .none }
        if head.fields.contains("Transfer-Encoding") {
            guard head.fields.contains("Content-Length") == false else {
                throw HTTPError(.malformed, "a response must not have both Content-Length and Transfer-Encoding")
            }
            return try chunkedOnly(head.fields.tokens("Transfer-Encoding"))
        }
        let lengths = head.fields.values("Content-Length")
        guard let length = lengths.first else { return .untilClose }
        guard lengths.allSatisfy({ $0 == length }) else {
            throw HTTPError(.malformed, "a response must not have two different Content-Length")
        }
        let count = try contentLength(length)
        return count == 0 ? .none : .length(count)
    }

    private static func chunkedOnly(_ codings: [String]) throws(HTTPError) -> Framing {
        if codings == ["chunked"] { return .chunked }
        guard codings.last == "chunked", !codings.dropLast().contains("chunked") else {
            if codings.count == 1 && codings[0] != "identity" {
                throw HTTPError(.notImplemented, "the transfer coding \"\(codings[0])\" is not known; use \"chunked\"")
            }
            throw HTTPError(.malformed, "the last transfer coding, and only the last, must be \"chunked\"")
        }
        throw HTTPError(.notImplemented, "of the transfer codings only \"chunked\" is known")
    }

    /// Digits only: no sign, no space, no list.
    private static func contentLength(_ text: String) throws(HTTPError) -> Int {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 &- 0x30 < 10 }) else {
            throw HTTPError(.malformed, "Content-Length must be a decimal number, not \"\(text.prefix(32))\"")
        }
        guard let count = Int(text), count <= largestContent else {
            throw HTTPError(.contentTooLarge(limit: largestContent), "Content-Length is larger than any limit")
        }
        return count
    }

    /// One exabyte: larger than any content, small enough that sums of a few do not overflow.
    static let largestContent = 1 << 60
}

/// What a request head says about its connection, beside the framing.
struct ConnectionOptions: Sendable, Hashable {
    /// The peer wants to use the connection again.
    var keepsAlive: Bool
    /// The peer waits for `100 Continue` before it sends the content.
    var awaitsContinue: Bool

    /// Checks the fields every request must have right: `Host` (RFC 9112, 3.2), `Expect` (RFC 9110, 10.1.1).
    init(_ head: RequestHead) throws(HTTPError) {
        var host: String?
        var hosts = 0
        var hasConnection = false
        var hasExpect = false
        for field in head.fields {
            switch field.name.utf8.count {
            case 4 where equalWithoutCase(field.name, "Host"):
                host = field.value
                hosts += 1
            case 6 where equalWithoutCase(field.name, "Expect"): hasExpect = true
            case 10 where equalWithoutCase(field.name, "Connection"): hasConnection = true
            default: break
            }
        }
        guard hosts == 1 || hosts == 0 && head.version == .http10 else {
            throw HTTPError(
                .malformed, hosts == 0 ? "the Host header is missing" : "there is more than one Host header")
        }
        if let host, !Authority.isValid(host) {
            throw HTTPError(
                .malformed, "the Host header is not a host with an optional port, such as \"localhost:8080\"")
        }
        // Two names for one request: whoever decided by the one and serves by the other would be deceived.
        if let target = head.authority, let host,
            !target.isSame(as: host, defaultPort: Self.defaultPort(head.rawTarget))
        {
            throw HTTPError(.malformed, "the Host header and the address in the request line name different hosts")
        }
        let connection = hasConnection ? head.fields.tokens("Connection") : []
        if connection.contains("close") {
            keepsAlive = false
        } else {
            keepsAlive = head.version == .http11 || connection.contains("keep-alive")
        }
        awaitsContinue = false
        guard hasExpect, head.version == .http11 else { return }
        let expectations = head.fields.tokens("Expect")
        guard expectations.allSatisfy({ $0 == "100-continue" }) else {
            throw HTTPError(.expectationFailed, "the only expectation that can be met is \"100-continue\"")
        }
        awaitsContinue = !expectations.isEmpty
    }

    /// Of an absolute target: that of its scheme.
    private static func defaultPort(_ target: String) -> Int {
        equalWithoutCase(String(target.prefix { $0 != ":" }), "https") ? 443 : 80
    }
}
