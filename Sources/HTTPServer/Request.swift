import Resources
import Wire

/// A request as a handler sees it.
public struct Request: Sendable {
    /// Names the request in logs and in the `X-Request-Id` of the answer: the client's, where it is sane, else made.
    public var id: String
    public var head: RequestHead
    /// What the route's `{captures}` matched, percent-decoded.
    public var parameters: [String: String]
    /// The content, for routes that collect it.
    public var body: [UInt8]
    /// The content as it arrives, for routes that stream it.
    public var bodyStream: BodyReader?
    /// The handler runs on the event loop: it may neither wait nor compute for long.
    public var isOnLoop = false
    /// The peer's address: `127.0.0.1:51234`, `[::1]:51234`.
    public var peer: String
    /// What the request holds of the memory that all requests share. Its collected content is counted already; whoever
    /// makes more of it takes first. Goes back when the answer is out.
    public let memory: MemoryShare
    /// Cancelled when nobody waits for the answer any more.
    public let cancellation: Cancellation

    public init(
        id: String, head: RequestHead, parameters: [String: String] = [:], body: [UInt8] = [],
        bodyStream: BodyReader? = nil, peer: String = "", memory: MemoryShare = .unlimited,
        cancellation: Cancellation = .never
    ) {
        self.id = id
        self.head = head
        self.parameters = parameters
        self.body = body
        self.bodyStream = bodyStream
        self.peer = peer
        self.memory = memory
        self.cancellation = cancellation
    }

    public var method: Wire.Method { head.method }
    public var fields: Fields { head.fields }

    /// The first query value under this name, decoded.
    public func query(_ name: String) -> String? {
        head.queryValue(name)
    }
}
