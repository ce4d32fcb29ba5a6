import Dispatch
import Glibc
import Testing
import Wire

@testable import HTTPServer

@Suite("A server stops")
struct StoppingTests {
    private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("what is in flight is finished, what is idle is closed, and nobody new is let in")
    func graceful() throws {
        let gate = Monitor(false)
        let started = Counter()
        let routes = [
            Route(.get, "/", name: "slow", execution: .queue(testQueue)) { _, responder in
                started.add(1)
                _ = gate.wait { $0 ? true : nil }
                responder.respond(Response(type: "text/plain", text: "finished"))
            },
            Route.text(.get, "/quick", "quick"),
        ]
        // One loop, so that the idle connection's end tells that the busy one's loop is stopping too.
        try withServer(routes: routes, { $0.loops = 1 }) { server, port in
            let idle = try RawClient(port)
            try idle.send("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try idle.receive(until: "quick"))
            let busy = try RawClient(port)
            try busy.send(get)
            #expect(eventually { started.value == 1 })

            let result = Monitor<Bool?>(nil)
            DispatchQueue(label: "stop").async {
                let isWhole = server.stop(within: .seconds(30))
                result.change { $0 = isWhole }
            }
            #expect(try idle.receiveToEnd().hasSuffix("quick"))
            #expect(eventually { (try? RawClient(port)) == nil }, "new connections are refused")
            #expect(result.withLock { $0 } == nil, "the slow request is waited for")
            gate.change { $0 = true }
            let answer = try busy.receiveToEnd()
            #expect(answer.contains("Connection: close\r\n") && answer.hasSuffix("finished"))
            busy.close()
            #expect(result.wait(for: patience) { $0 } == true)
        }
    }

    @Test("what does not finish in time is cut, within the time")
    func bounded() throws {
        let gate = Monitor(false)
        let started = Counter()
        let routes = [
            Route(.get, "/", name: "endless", execution: .queue(testQueue)) { _, _ in
                started.add(1)
                _ = gate.wait { $0 ? true : nil }
            }
        ]
        try withServer(routes: routes) { server, port in
            defer { gate.change { $0 = true } }
            let client = try RawClient(port)
            try client.send(get)
            #expect(eventually { started.value == 1 })
            let before = Clock.now()
            #expect(server.stop(within: .milliseconds(200)) == false)
            #expect(Clock.now() - before < .seconds(10))
            #expect(try client.receiveToEnd() == "")
        }
    }

    @Test("streams are told, and may end themselves in their own words")
    func streams() throws {
        let routes = [
            Route(.get, "/", name: "events", execution: .onLoop) { _, responder in
                let stream = responder.stream(status: 200, fields: [:])
                stream.write(Array("event\n".utf8))
                stream.onStopping {
                    stream.write(Array("goodbye\n".utf8))
                    stream.finish()
                }
            }
        ]
        try withServer(routes: routes) { server, port in
            let client = try RawClient(port)
            try client.send(get)
            #expect(try client.receive(until: "event"))
            let result = Monitor<Bool?>(nil)
            DispatchQueue(label: "stop").async {
                let isWhole = server.stop(within: .seconds(30))
                result.change { $0 = isWhole }
            }
            #expect(try client.receiveToEnd().hasSuffix("8\r\ngoodbye\n\r\n0\r\n\r\n"))
            client.close()
            #expect(result.wait(for: patience) { $0 } == true)
        }
    }

    @Test("a stopped server starts again on the same port")
    func restart() throws {
        try withServer(routes: [.text(.get, "/", "one")]) { server, port in
            #expect(text(try client(port).request(.get, "/").body) == "one")
            server.stop(within: .seconds(30))
            try withServer(routes: [.text(.get, "/", "two")], { $0.port = port }) { _, _ in
                let answer = try client(port).request(.get, "/")
                #expect(text(answer.body) == "two")
            }
        }
    }

    @Test("a listener that was closed refuses at once, though a process that is just being started has it open still")
    func refusing() throws {
        let listener = try Listener(host: "127.0.0.1", port: 0)
        // What a child has between fork and exec.
        let copy = dup(listener.descriptors[0])
        defer { close(copy) }
        _ = try ClientSocket(host: "127.0.0.1", port: listener.port, timeout: patience)
        listener.close()
        let error = #expect(throws: HTTPClientError.self) {
            try ClientSocket(host: "127.0.0.1", port: listener.port, timeout: patience)
        }
        #expect(error?.reason == .refused)
    }

    @Test("an idle connection and a head that drips in end by their own times")
    func timeouts() throws {
        try withServer(routes: [.text(.get, "/", "")]) {
            // Long enough for the first bytes to follow their connection on a machine that is busy.
            $0.timeouts.idle = .seconds(1)
            $0.timeouts.head = .milliseconds(150)
        } _: { _, port in
            let idle = try RawClient(port)
            #expect(try idle.receiveToEnd() == "")
            let slow = try RawClient(port)
            try slow.send("GET / HT")
            #expect(try slow.receiveToEnd().hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
        }
    }
}
