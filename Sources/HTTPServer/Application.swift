import Wire

/// What the server serves.
public protocol Application: Sendable {
    /// Read once, when the server is made.
    var routes: [Route] { get }

    /// The answer to an error: what a handler threw, or an `HTTPError` of the server itself (404, 405, 408, 413, …).
    /// `request` is nil where no head could be read, `id` names it all the same, and is nil where there is not even a
    /// connection to read from. The server adds the fields that an `HTTPError` demands. Called on
    /// a loop or on a handler's thread: from memory only.
    func response(to error: any Error, request: Request?, id: String?) -> Response

    /// Looked at before the body is read and before the route is sought; an answer here ends the request (a missing
    /// key). On the loop: from memory only.
    func admit(_ request: Request) -> Response?

    /// Told of each request when its answer was handed to the kernel or its peer was lost. On the loop: must not block.
    func completed(_ record: RequestRecord)

    /// Told of each connection that was refused, could not be accepted, or had to make room. On a loop: must not block.
    func refusedConnection(_ reason: ConnectionRefusal)
}

/// Why a connection was not served, or no longer.
public enum ConnectionRefusal: String, Sendable, CaseIterable {
    /// All connections are in use.
    case limit
    /// The process is out of descriptors or the kernel of memory.
    case descriptors
    /// It waited without a request, or hardly sent or took anything, and made room for a new one.
    case displaced
}

extension Application {
    public func refusedConnection(_ reason: ConnectionRefusal) {}
    public func admit(_ request: Request) -> Response? { nil }
    public func completed(_ record: RequestRecord) {}
}

/// What became of one request, for logs and metrics.
public struct RequestRecord: Sendable {
    public var id: String
    /// The route's name; nil where none matched or no head could be read.
    public var route: String?
    public var method: Wire.Method?
    public var path: String?
    /// As sent, or 499 where the peer was gone before an answer began.
    public var status: Int
    /// From the end of the head to the last byte handed to the kernel.
    public var duration: Duration
    /// Content received, after chunk decoding.
    public var bytesReceived: Int
    /// Head and content sent, as on the wire.
    public var bytesSent: Int
    /// False where the peer was lost, or the handler aborted, before the end of the answer.
    public var isComplete: Bool
    public var peer: String
}
