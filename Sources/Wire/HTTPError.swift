/// Why the protocol layer, or the router above it, cannot serve a request.
///
/// The application turns it into the response it likes (a problem document); `status` and `fields` are what the
/// protocol demands of that response.
public struct HTTPError: Error, Sendable, Hashable {
    public enum Reason: Sendable, Hashable {
        /// 400: the message breaks the grammar or the framing rules.
        case malformed
        /// 404
        case notFound
        /// 405: the resource exists and knows these methods.
        case methodNotAllowed(allow: [Method])
        /// 408: the head or the body came too slowly.
        case timeout
        /// 413: the content (or the overhead of its chunks) is beyond the limit, in bytes.
        case contentTooLarge(limit: Int)
        /// 414
        case targetTooLong(limit: Int)
        /// 415: content in a coding (gzip, …) that is not undone here.
        case unsupportedCoding
        /// 417: an expectation other than `100-continue`.
        case expectationFailed
        /// 431: too many bytes or too many lines in the head.
        case headTooLarge
        /// 500: the handler threw something it does not explain, or never answered.
        case internalFailure
        /// 501: an unknown transfer coding, or a method longer than any.
        case notImplemented
        /// 503: a queue or the connection table is full; trying again after so many seconds makes sense.
        case overloaded(retryAfterSeconds: Int)
        /// 503: the server is shutting down.
        case stopping
        /// 505
        case versionNotSupported
        /// No response can reach the peer: it closed or reset the connection.
        case peerGone
    }

    public var reason: Reason
    /// A sentence for a person: what was expected, what was found.
    public var detail: String

    public init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    /// The status code. A vanished peer gets 499, which is never sent, only logged (nginx's custom).
    public var status: Int {
        switch reason {
        case .malformed: 400
        case .notFound: 404
        case .methodNotAllowed: 405
        case .timeout: 408
        case .contentTooLarge: 413
        case .targetTooLong: 414
        case .unsupportedCoding: 415
        case .expectationFailed: 417
        case .headTooLarge: 431
        case .peerGone: 499
        case .internalFailure: 500
        case .notImplemented: 501
        case .overloaded, .stopping: 503
        case .versionNotSupported: 505
        }
    }

    /// Fields a response with this status must carry: `Allow` (RFC 9110, 15.5.6), `Accept-Encoding` (15.5.16),
    /// `Retry-After`.
    public var fields: Fields {
        switch reason {
        case .methodNotAllowed(let allow):
            ["Allow": allow.map(\.rawValue).joined(separator: ", ")]
        case .unsupportedCoding:
            ["Accept-Encoding": "identity"]
        case .overloaded(let seconds):
            ["Retry-After": String(seconds)]
        default: [:]
        }
    }

    /// A stable, machine-readable name.
    public var code: String {
        switch reason {
        case .malformed: "malformed_request"
        case .notFound: "not_found"
        case .methodNotAllowed: "method_not_allowed"
        case .timeout: "request_timeout"
        case .contentTooLarge: "content_too_large"
        case .targetTooLong: "target_too_long"
        case .unsupportedCoding: "unsupported_coding"
        case .expectationFailed: "expectation_failed"
        case .headTooLarge: "head_too_large"
        case .internalFailure: "internal_error"
        case .notImplemented: "not_implemented"
        case .overloaded: "overloaded"
        case .stopping: "stopping"
        case .versionNotSupported: "version_not_supported"
        case .peerGone: "peer_gone"
        }
    }
}

extension HTTPError: CustomStringConvertible {
    public var description: String { detail }
}
