import Glibc
import Logging
import Synchronization
import Testing
import Wire

@testable import HTTPServer

/// An application made of closures.
struct TestApplication: Application {
    var routes: [Route] = []
    var admission: @Sendable (RequestHead) -> Response? = { _ in nil }
    var records = Records()
    let refusals = Monitor<[ConnectionRefusal]>([])

    /// `status code: detail`, so that tests can tell who answered.
    func response(to error: any Error, request: Request?, id: String?) -> Response {
        if let error = error as? HTTPError {
            return Response(status: error.status, type: "text/plain", text: "\(error.code): \(error.detail)")
        }
        return Response(status: 500, type: "text/plain", text: "thrown: \(error)")
    }

    func admit(_ request: Request) -> Response? {
        admission(request.head)
    }

    func completed(_ record: RequestRecord) {
        records.append(record)
    }

    func refusedConnection(_ reason: ConnectionRefusal) {
        refusals.withLock { $0.append(reason) }
    }
}

/// The records of completed requests, which arrive after the client has its answer.
final class Records: Sendable {
    private let list = Monitor<[RequestRecord]>([])

    func append(_ record: RequestRecord) {
        list.change { $0.append(record) }
    }

    /// Waits until there are so many.
    func first(_ count: Int) -> [RequestRecord]? {
        list.wait(for: patience) { $0.count >= count ? $0 : nil }
    }

    var all: [RequestRecord] { list.withLock { $0 } }
}

/// How long a test waits for what must happen; only a failing test waits so long.
let patience: Duration = .seconds(60)

struct TestError: Error {}

/// Threads for handlers, shared by all tests.
let testQueue = ThreadQueue(name: "tests", threads: 24, depth: 1_000)

/// Waits until a condition holds. For conditions nobody signals.
func eventually(_ condition: () -> Bool) -> Bool {
    let deadline = Clock.now() + patience
    while !condition() {
        if Clock.now() > deadline { return false }
        usleep(2_000)
    }
    return true
}

/// Runs a server on a free port for as long as `body` runs.
func withServer<Result>(
    _ application: TestApplication, _ configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    _ body: (HTTPServer, Int) throws -> Result
) throws -> Result {
    var configuration = HTTPServer.Configuration()
    configuration.port = 0
    configuration.timerResolution = .milliseconds(20)
    configure(&configuration)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let server = HTTPServer(configuration: configuration, application: application, logger: logger)
    let (_, port) = try server.start()
    defer { server.stop(within: .milliseconds(100)) }
    return try body(server, port)
}

func withServer<Result>(
    routes: [Route], _ configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    _ body: (HTTPServer, Int) throws -> Result
) throws -> Result {
    try withServer(TestApplication(routes: routes), configure, body)
}

func client(_ port: Int) throws -> HTTPClient {
    try HTTPClient(base: "http://127.0.0.1:\(port)")
}

func text(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: Array(bytes), as: UTF8.self)
}

/// A client that sends and receives bytes as it is told.
final class RawClient {
    private var socket: ClientSocket?
    private(set) var received: [UInt8] = []
    /// The server has closed, in order or not.
    private(set) var isAtEnd = false

    init(_ port: Int) throws {
        socket = try ClientSocket(host: "127.0.0.1", port: port, timeout: patience)
    }

    /// Sends everything, waiting where it must.
    func send(_ bytes: [UInt8]) throws {
        let socket = try #require(socket)
        var rest = bytes[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(try socket.write(rest))
            if !rest.isEmpty { _ = try socket.wait(toRead: false, toWrite: true, atMost: patience) }
        }
    }

    func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    /// Sends what goes without waiting; gives how much.
    func sendWithoutWaiting(_ bytes: [UInt8]) throws -> Int {
        try #require(socket).write(bytes[...])
    }

    /// Receives until what has come satisfies the condition; false when the server closed or was silent first.
    @discardableResult
    func receive(until condition: ([UInt8]) -> Bool) throws -> Bool {
        while !condition(received) {
            guard try receiveSome() else { return false }
        }
        return true
    }

    func receive(until needle: String) throws -> Bool {
        try receive { text($0).contains(needle) }
    }

    /// Receives whatever comes until the server closes.
    func receiveToEnd() throws -> String {
        while try receiveSome() {}
        return text(received)
    }

    /// One read; false at the end.
    func receiveSome() throws -> Bool {
        let socket = try #require(socket)
        do throws(HTTPClientError) {
            _ = try socket.wait(toRead: true, toWrite: false, atMost: patience)
            guard let bytes = try socket.read() else { return true }
            isAtEnd = bytes.isEmpty
            received += bytes
            return !isAtEnd
        } catch {
            guard error.reason == .closed else { throw error }
            isAtEnd = true
            return false
        }
    }

    /// Lets go of what has come, so that a long answer costs the test no memory.
    func forget() {
        received = []
    }

    func close() {
        socket = nil
    }
}

extension Route {
    /// A route that answers from memory.
    static func text(_ method: Wire.Method, _ pattern: String, _ text: String) -> Route {
        Route(method, pattern, name: pattern, execution: .onLoop) { _, responder in
            responder.respond(Response(type: "text/plain", text: text))
        }
    }
}
