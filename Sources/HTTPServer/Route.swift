import Wire

/// One row of the endpoint table.
public struct Route: Sendable {
    public var method: Wire.Method
    /// `/jobs/{id}/events`: a segment in braces captures. A literal segment is preferred to a capture. GET answers HEAD
    /// too.
    public var pattern: String
    public var body: BodyPlan
    public var execution: Execution
    /// Names the route in metrics and logs; a path would be unbounded.
    public var name: String
    /// Tells how the server fares, in a few kilobytes: answered even where requests hold all the memory there is for
    /// them.
    public var isWatch: Bool
    /// Answers through the responder, now or later, or throws before it has; see
    /// `Application.response(to:request:id:)`.
    public var handler: @Sendable (Request, any Responder) throws -> Void

    public init(
        _ method: Wire.Method, _ pattern: String, name: String, body: BodyPlan = .none, execution: Execution,
        isWatch: Bool = false, handler: @escaping @Sendable (Request, any Responder) throws -> Void
    ) {
        self.method = method
        self.pattern = pattern
        self.body = body
        self.execution = execution
        self.name = name
        self.isWatch = isWatch
        self.handler = handler
    }
}

/// What a route does with the content of a request.
public enum BodyPlan: Sendable {
    /// Wants none; what comes is read and dropped within `Limits.drainedBytes`.
    case none
    /// Wants all of it before the handler runs; 413 above `limit` bytes.
    case collect(limit: Int)
    /// Reads it as it comes, from `Request.bodyStream`, on a queue; 413 above `limit` bytes.
    case stream(limit: Int)
}

/// Where a handler runs.
public enum Execution: Sendable {
    /// On the event loop: only for answers from memory, in well under 50 µs.
    case onLoop
    /// On threads of its own. A full queue is answered with 503.
    case queue(any WorkQueue)
    /// On the event loop where the content has at most so many bytes, to spare two changes of thread; the handler hands
    /// to other threads itself what will take longer. Else as `queue`.
    case briefly(upTo: Int, else: any WorkQueue)
}
