import Wire

/// A small blocking client for the command line and for tests: one connection, kept alive between requests.
public final class HTTPClient: Sendable {
    public struct Timeouts: Sendable {
        public var connect: Duration = .seconds(5)
        /// Between two reads of an answer; nil waits for ever.
        public var read: Duration? = .seconds(60)

        public init() {}
    }

    /// The content of a request.
    public enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// As long as the file is when it is opened.
        case file(path: String)
    }

    public let host: String
    public let port: Int
    private let timeouts: Timeouts

    /// `base`: `http://127.0.0.1:8080`, `http://[::1]:8080`.
    public init(base: String, timeouts: Timeouts = Timeouts()) throws(HTTPClientError) {
        host = base
        port = 80
        self.timeouts = timeouts
    }

    /// Sends a request and gives the whole answer.
    public func request(
        _ method: Wire.Method, _ target: String, fields: Fields = [:], body: Body = .none
    ) throws(HTTPClientError) -> (head: ResponseHead, body: [UInt8]) {
        throw HTTPClientError(.closed, "no connection")
    }

    /// Sends a request and hands the answer over piece by piece. `receive` gives false to stop reading (the connection
    /// is closed then) and may throw; so may `head`, which is called first.
    public func request(
        _ method: Wire.Method, _ target: String, fields: Fields = [:], body: Body = .none,
        head: (ResponseHead) throws -> Void, receive: ([UInt8]) throws -> Bool
    ) throws {
        throw HTTPClientError(.closed, "no connection")
    }

    /// Closes the kept connection.
    public func close() {}
}

/// Why there is no answer.
public struct HTTPClientError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        /// Not an `http://` address.
        case invalidAddress
        case unknownHost
        /// Nothing listens there.
        case refused
        case timeout
        /// The connection ended before the answer did.
        case closed
        /// The answer is no HTTP.
        case malformed
        /// The file to send cannot be read.
        case unreadableFile
        case system(Int32)
    }

    public var reason: Reason
    public var description: String

    public init(_ reason: Reason, _ description: String) {
        self.reason = reason
        self.description = description
    }
}
