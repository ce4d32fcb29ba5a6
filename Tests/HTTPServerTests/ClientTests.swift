import Testing
import Wire

@testable import HTTPServer

@Suite("The client")
struct ClientTests {
    @Test("where nothing listens it says so, with the address")
    func refused() throws {
        // No port that was free a moment ago: the server of another test may have it by now.
        let error = #expect(throws: HTTPClientError.self) { try client(1).request(.get, "/") }
        #expect(error?.reason == .refused)
        #expect(error?.description == "nothing listens at 127.0.0.1:1")
    }

    @Test(
        "addresses",
        arguments: [
            ("http://127.0.0.1:8080", "127.0.0.1", 8080), ("http://localhost", "localhost", 80),
            ("localhost:99/", "localhost", 99), ("http://[::1]:8080/", "::1", 8080), ("[fe80::1]", "fe80::1", 80),
        ])
    func addresses(_ base: String, _ host: String, _ port: Int) throws {
        let client = try HTTPClient(base: base)
        #expect(client.host == host && client.port == port)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "http://", "https://a", "http://a:port", "http://a:0", "http://a:70000", "http://[::1", "http://a/b",
            "a b",
        ])
    func noAddress(_ base: String) {
        let error = #expect(throws: HTTPClientError.self) { try HTTPClient(base: base) }
        #expect(error?.reason == .invalidAddress)
    }

    @Test("a host that does not exist is named")
    func unknownHost() throws {
        let error = #expect(throws: HTTPClientError.self) {
            try HTTPClient(base: "http://no.such.host.invalid").request(.get, "/")
        }
        #expect(error?.reason == .unknownHost && error?.description.contains("no.such.host.invalid") == true)
    }

    @Test("one connection serves many requests")
    func keepsAlive() throws {
        let peers = Monitor<Set<String>>([])
        let route = Route(.get, "/", name: "peer", execution: .onLoop) { request, responder in
            peers.change { _ = $0.insert(request.peer) }
            responder.respond(Response(status: 200))
        }
        try withServer(routes: [route]) { _, port in
            let client = try client(port)
            for _ in 0..<20 { #expect(try client.request(.get, "/").head.status == 200) }
            #expect(peers.withLock { $0.count } == 1)
        }
    }

    @Test("a kept connection that the server closed meanwhile is replaced")
    func replaced() throws {
        // Long enough for a request to follow its connection on a machine that is busy.
        try withServer(routes: [.text(.get, "/", "ok")], { $0.timeouts.idle = .seconds(1) }) { server, port in
            let client = try client(port)
            for _ in 0..<3 {
                #expect(text(try client.request(.get, "/").body) == "ok")
                #expect(eventually { server.connections == 0 })
            }
        }
    }

    @Test("a file is sent as it is, and one that is not there is named")
    func files() throws {
        let route = Route(.post, "/", name: "echo", body: .collect(limit: 1 << 30), execution: .onLoop) {
            request, responder in
            responder.respond(Response(type: "text/plain", bytes: request.body))
        }
        try withServer(routes: [route]) { _, port in
            let client = try client(port)
            #expect(try client.request(.post, "/", body: .file(path: "/proc/self/status")).head.status == 200)
            let path = "/proc/self/exe"
            let answer = try client.request(.post, "/", body: .file(path: path))
            #expect(answer.body.starts(with: [0x7F, 0x45, 0x4C, 0x46]), "a large one asks first")
            let error = #expect(throws: HTTPClientError.self) {
                try client.request(.post, "/", body: .file(path: "/no/such/file"))
            }
            #expect(error?.reason == .unreadableFile)
        }
    }

    @Test("reading may stop in the middle of an endless answer")
    func stopsReading() throws {
        let ended = Monitor(false)
        let route = Route(.get, "/", name: "endless", execution: .queue(testQueue)) { _, responder in
            let stream = responder.stream(status: 200, fields: [:])
            while stream.writeWaiting([UInt8](repeating: 1, count: 1_000)) {}
            ended.change { $0 = true }
        }
        try withServer(routes: [route]) { _, port in
            var count = 0
            try client(port).request(.get, "/") { _ in
            } receive: { piece in
                count += piece.count
                return count < 10_000
            }
            #expect(count >= 10_000)
            #expect(ended.wait(for: patience) { $0 ? true : nil } == true)
        }
    }

    @Test("a server that says nothing is given up after the time")
    func silence() throws {
        let gate = Monitor(false)
        let route = Route(.get, "/", name: "silent", execution: .queue(testQueue)) { _, _ in
            _ = gate.wait { $0 ? true : nil }
        }
        try withServer(routes: [route]) { _, port in
            defer { gate.change { $0 = true } }
            var timeouts = HTTPClient.Timeouts()
            timeouts.silence = .milliseconds(50)
            let client = try HTTPClient(base: "http://127.0.0.1:\(port)", timeouts: timeouts)
            let error = #expect(throws: HTTPClientError.self) { try client.request(.get, "/") }
            #expect(error?.reason == .timeout)
        }
    }
}
