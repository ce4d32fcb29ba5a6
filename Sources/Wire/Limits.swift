/// How much of everything a peer may send. Each has a status that answers its excess.
public struct Limits: Sendable, Hashable {
    /// 414 beyond. RFC 9110, 4.1 asks for at least 8,000.
    public var targetBytes = 8_192
    /// 431 beyond. Browsers behind two proxies send about 30.
    public var fieldCount = 100
    /// 431 beyond, request line and line ends included; holds a target of the greatest length and long cookies.
    public var headBytes = 32_768
    /// 413 beyond, summed over a body. No client has a use for extensions, yet each byte of content could carry
    /// thousands of them (CVE-2023-39326 in Go).
    public var chunkExtensionBytes = 4_096
    /// 431 beyond. Trailers are read and dropped.
    public var trailerBytes = 8_192
    /// What is read and thrown away of a body nobody wants, to keep the connection. Beyond it, closing is cheaper.
    public var drainedBytes = 65_536

    public init() {}
}

/// A least speed: in each window a transfer that is under way moves so many bytes, or it ends.
///
/// A total time would cut an honest upload of gigabytes, and a time between bytes lets a client hold a connection for
/// a byte a minute.
public struct Pace: Sendable, Hashable {
    public var window: Duration
    public var bytes: Int

    public init(window: Duration, bytes: Int) {
        self.window = window
        self.bytes = bytes
    }
}

/// How long a peer may take. Measured by whoever holds the clock.
public struct Timeouts: Sendable, Hashable {
    /// From the first byte of a head to its last; 408 beyond. Generous for a modem, tight for a slow-head attack.
    public var head: Duration = .seconds(15)
    /// Between requests, or before the first one; the connection closes without a word. Longer than the 60 s after
    /// which common proxies give up, so that they close first and no request meets a closing connection.
    public var idle: Duration = .seconds(75)
    /// A request body slower than this is answered with 408. Not counted while the server itself holds it back.
    public var body = Pace(window: .seconds(30), bytes: 4_096)
    /// A peer that reads a response slower than this is cut. Counted only while bytes wait for it.
    public var response = Pace(window: .seconds(30), bytes: 4_096)
    /// How long a closing connection waits for the peer to read the last answer and close too: closing at once with
    /// unread input would reset the connection and destroy the answer (RFC 9112, 9.6).
    public var linger: Duration = .seconds(2)

    public init() {}
}
