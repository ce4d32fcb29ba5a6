import Glibc
import Wire

/// A small blocking client for the command line and for tests.
///
/// Keeps one connection between requests; used by several threads at once, the others get connections of their own.
/// Sends large contents only after `100 Continue`, and stops sending when the server answers early.
public final class HTTPClient: Sendable {
    public struct Timeouts: Sendable {
        /// For each address of the host.
        public var connect: Duration = .seconds(5)
        /// Without a byte in either direction; nil waits for ever (a stream with long silences).
        public var silence: Duration? = .seconds(60)

        public init() {}
    }

    /// The content of a request.
    public enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// As long as the file is when it is opened; never held in memory.
        case file(path: String)
    }

    public let host: String
    public let port: Int
    private let timeouts: Timeouts
    private let idle = Monitor<ClientSocket?>(nil)

    /// `base`: `http://127.0.0.1:8080`, `http://[::1]:8080`, `localhost:8080`.
    public init(base: String, timeouts: Timeouts = Timeouts()) throws(HTTPClientError) {
        (host, port) = try Self.parse(base)
        self.timeouts = timeouts
    }

    deinit {
        close()
    }

    /// Sends a request and gives the whole answer.
    public func request(
        _ method: Wire.Method, _ target: String, fields: Fields = [:], body: Body = .none
    ) throws(HTTPClientError) -> (head: ResponseHead, body: [UInt8]) {
        var answer = ResponseHead(status: 0)
        var content: [UInt8] = []
        do {
            try request(method, target, fields: fields, body: body) {
                answer = $0
            } receive: {
                content += $0
                return true
            }
        } catch let error as HTTPClientError {
            throw error
        } catch {
            // The closures above throw nothing; whatever else came out is told in its own words.
            throw HTTPClientError(.malformed, "\(error)")
        }
        return (answer, content)
    }

    /// Sends a request and hands the answer over as it comes. `head` is called first; `receive` gives false to stop
    /// reading (the connection is closed then). What they throw comes out here, beside `HTTPClientError`.
    public func request(
        _ method: Wire.Method, _ target: String, fields: Fields = [:], body: Body = .none,
        head: (ResponseHead) throws -> Void, receive: ([UInt8]) throws -> Bool
    ) throws {
        let content = try ClientContent(body)
        if let socket = takeIdle() {
            var exchange = ClientExchange(socket: socket, method: method, silence: timeouts.silence)
            do {
                try send(&exchange, target, fields, content, head, receive)
                return
            } catch let error as HTTPClientError
                where error.reason == .closed && !exchange.hasAnswer && Self.idempotent.contains(method)
            {
                // The server closed the kept connection just now; asking again does no harm (RFC 9110, 9.2.2).
            }
        }
        let socket = try ClientSocket(host: host, port: port, timeout: timeouts.connect)
        var exchange = ClientExchange(socket: socket, method: method, silence: timeouts.silence)
        try send(&exchange, target, fields, try ClientContent(body), head, receive)
    }

    /// Closes the kept connection.
    public func close() {
        idle.withLock { $0 = nil }
    }

    private static let idempotent: Set<Wire.Method> = [.get, .head, .put, .delete, .options]

    private func send(
        _ exchange: inout ClientExchange, _ target: String, _ fields: Fields, _ content: ClientContent,
        _ head: (ResponseHead) throws -> Void, _ receive: ([UInt8]) throws -> Bool
    ) throws {
        try exchange.send(target: target, host: authority, fields: fields, content: content)
        if try exchange.receive(head, receive) {
            idle.withLock { $0 = exchange.socket }
        }
    }

    /// The kept connection, if the server has not closed it meanwhile.
    private func takeIdle() -> ClientSocket? {
        let socket = idle.withLock { socket in
            defer { socket = nil }
            return socket
        }
        return socket?.isQuiet == true ? socket : nil
    }

    /// For the Host field.
    private var authority: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    private static func parse(_ base: String) throws(HTTPClientError) -> (String, Int) {
        let invalid = HTTPClientError(
            .invalidAddress, "\"\(base)\" is not the address of a server; write it as http://127.0.0.1:8080")
        guard !base.lowercased().hasPrefix("https://") else {
            throw HTTPClientError(.invalidAddress, "\(base): TLS is not spoken here; use http://")
        }
        var rest = Substring(base)
        if rest.lowercased().hasPrefix("http://") { rest = rest.dropFirst("http://".count) }
        while rest.hasSuffix("/") { rest = rest.dropLast() }
        var name = rest
        var port: Substring?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { throw invalid }
            name = rest[rest.index(after: rest.startIndex)..<end]
            let tail = rest[rest.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw invalid }
            if !tail.isEmpty { port = tail.dropFirst() }
        } else if let colon = rest.firstIndex(of: ":") {
            name = rest[..<colon]
            port = rest[rest.index(after: colon)...]
        }
        guard !name.isEmpty, !name.contains("/"), !name.contains(" ") else { throw invalid }
        guard let port else { return (String(name), 80) }
        guard let number = Int(port), 1...65_535 ~= number else { throw invalid }
        return (String(name), number)
    }
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
        /// The file to send cannot be read, or changed meanwhile.
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
