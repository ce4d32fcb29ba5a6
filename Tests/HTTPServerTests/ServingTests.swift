import Foundation
import Synchronization
import Testing
import Wire

@testable import HTTPServer

@Suite("A server answers")
struct ServingTests {
    @Test("a handler's answer comes back, from the loop and from a queue")
    func answers() throws {
        let routes = [
            Route.text(.get, "/loop", "from memory"),
            Route(.post, "/queue/{name}", name: "queue", body: .collect(limit: 100), execution: .queue(testQueue)) {
                request, responder in
                let body = "\(request.parameters["name"] ?? "") \(request.query("q") ?? "") \(text(request.body))"
                responder.respond(Response(status: 201, type: "text/x", text: body, fields: ["Location": "/x"]))
            },
        ]
        try withServer(routes: routes) { _, port in
            let client = try client(port)
            let (head, body) = try client.request(.get, "/loop")
            #expect(head.status == 200 && head.fields["Content-Type"] == "text/plain")
            #expect(head.fields["Date"]?.hasSuffix(" GMT") == true)
            #expect(text(body) == "from memory")
            let (created, echo) = try client.request(.post, "/queue/a%20b?q=%C3%A4", body: .bytes(Array("hello".utf8)))
            #expect(created.status == 201 && created.fields["Location"] == "/x")
            #expect(text(echo) == "a b ä hello")
        }
    }

    @Test("what the table does not have is 404, another method 405 with Allow")
    func unknown() throws {
        try withServer(routes: [.text(.get, "/a", ""), .text(.post, "/a", "")]) { _, port in
            let client = try client(port)
            let missing = try client.request(.get, "/b")
            #expect(missing.head.status == 404 && text(missing.body).hasPrefix("not_found"))
            let wrong = try client.request(.delete, "/a")
            #expect(wrong.head.status == 405)
            #expect(wrong.head.fields["Allow"] == "GET, HEAD, OPTIONS, POST")
            #expect(try client.request(.get, "/%zz").head.status == 400)
            #expect(try client.request(.connect, "a:1").head.status == 501)
            #expect(try client.request("BREW", "/a").head.status == 405)
        }
    }

    @Test("HEAD has the head of GET and no content; the connection goes on")
    func head() throws {
        try withServer(routes: [.text(.get, "/a", "hello")]) { _, port in
            let client = try RawClient(port)
            try client.send(
                "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let answer = try client.receiveToEnd()
            #expect(answer.components(separatedBy: "Content-Length: 5\r\n").count == 3)
            #expect(answer.components(separatedBy: "hello").count == 2)
        }
    }

    @Test("OPTIONS tells the methods of a resource, of the whole server, and of nothing")
    func options() throws {
        try withServer(routes: [.text(.get, "/a", ""), .text(.put, "/b/{x}", "")]) { _, port in
            let client = try client(port)
            let one = try client.request(.options, "/b/1").head
            #expect(one.status == 204 && one.fields["Allow"] == "OPTIONS, PUT")
            let all = try client.request(.options, "*").head
            #expect(all.status == 204 && all.fields["Allow"] == "GET, HEAD, OPTIONS, PUT")
            #expect(try client.request(.options, "/c").head.status == 404)
        }
    }

    @Test("what a handler throws is answered by the application", arguments: [true, false])
    func throwing(_ isOnLoop: Bool) throws {
        let execution: Execution = isOnLoop ? .onLoop : .queue(testQueue)
        let routes = [
            Route(.get, "/own", name: "own", execution: execution) { _, _ in throw TestError() },
            Route(.get, "/http", name: "http", execution: execution) { _, _ in
                throw HTTPError(.overloaded(retryAfterSeconds: 7), "full")
            },
            Route(.get, "/silent", name: "silent", execution: execution) { _, _ in },
        ]
        try withServer(routes: routes) { _, port in
            let client = try client(port)
            let own = try client.request(.get, "/own")
            #expect(own.head.status == 500 && text(own.body) == "thrown: TestError()")
            let http = try client.request(.get, "/http")
            #expect(http.head.status == 503 && http.head.fields["Retry-After"] == "7")
            let silent = try client.request(.get, "/silent")
            #expect(silent.head.status == 500 && text(silent.body).hasPrefix("internal_error"))
        }
    }

    @Test("a request that is not admitted reaches no handler, and its content is not asked for")
    func admission() throws {
        var application = TestApplication()
        application.admission = { head in
            head.fields["Key"] == "right" ? nil : Response(status: 401, type: "text/plain", text: "no key")
        }
        application.routes = [
            Route(.post, "/a", name: "a", body: .collect(limit: 100), execution: .onLoop) { _, responder in
                responder.respond(Response(status: 200))
            }
        ]
        try withServer(application) { _, port in
            let client = try client(port)
            #expect(try client.request(.post, "/a", body: .bytes([1])).head.status == 401)
            #expect(try client.request(.get, "/unknown").head.status == 401)
            #expect(try client.request(.post, "/a", fields: ["Key": "right"], body: .bytes([1])).head.status == 200)
        }
    }

    @Test("a full queue is 503, and its work never runs")
    func fullQueue() throws {
        let gate = Monitor(false)
        let queue = ThreadQueue(name: "small", threads: 1, depth: 1)
        let counter = Counter()
        let route = Route(.get, "/", name: "slow", execution: .queue(queue)) { _, responder in
            counter.add(1)
            _ = gate.wait { $0 ? true : nil }
            responder.respond(Response(status: 200))
        }
        try withServer(routes: [route]) { _, port in
            let first = try RawClient(port)
            try first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(eventually { counter.value == 1 })
            let second = try RawClient(port)
            try second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(eventually { queue.waiting == 1 })
            let refused = try client(port).request(.get, "/")
            #expect(refused.head.status == 503 && refused.head.fields["Retry-After"] == "1")
            gate.change { $0 = true }
            #expect(try first.receive(until: "200 OK"))
            #expect(try second.receive(until: "200 OK"))
            #expect(counter.value == 2)
        }
    }

    @Test("a sane request id is kept, another is replaced, and the record has it")
    func requestIDs() throws {
        let application = TestApplication(routes: [.text(.get, "/a", "hello")])
        try withServer(application) { _, port in
            let client = try client(port)
            #expect(
                try client.request(.get, "/a", fields: ["X-Request-Id": "abc-1"]).head.fields["X-Request-Id"] == "abc-1"
            )
            let made = try client.request(.get, "/b", fields: ["X-Request-Id": "a b"]).head.fields["X-Request-Id"]
            #expect(made?.hasPrefix("req_") == true)
            let records = try #require(application.records.first(2))
            #expect(records.map(\.id) == ["abc-1", made])
            #expect(records.map(\.route) == ["/a", nil])
            #expect(records.map(\.status) == [200, 404])
            #expect(records.allSatisfy { $0.isComplete && $0.bytesSent > 80 && $0.peer.hasPrefix("127.0.0.1:") })
        }
    }

    @Test("garbage is answered with its status, logged without a method, and closes")
    func garbage() throws {
        let application = TestApplication(routes: [.text(.get, "/a", "hello")])
        try withServer(application) { _, port in
            let client = try RawClient(port)
            try client.send("\u{16}\u{3}\u{1}\u{0}\u{0}")
            let answer = try client.receiveToEnd()
            #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n") && answer.contains("Connection: close"))
            let record = try #require(application.records.first(1)?.first)
            #expect(record.status == 400 && record.method == nil)
        }
    }

    @Test("a connection too many is told so")
    func tooManyConnections() throws {
        try withServer(routes: [.text(.get, "/", "hello")], { $0.maximumConnections = 2 }) { server, port in
            let first = try RawClient(port)
            let second = try RawClient(port)
            #expect(eventually { server.connections == 2 })
            let third = try RawClient(port)
            #expect(try third.receiveToEnd().hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
            first.close()
            #expect(eventually { server.connections == 1 })
            try second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try second.receive(until: "hello"))
            #expect(try client(port).request(.get, "/").head.status == 200)
        }
    }

    @Test("a taken port and a name nobody has are said in words")
    func cannotListen() throws {
        try withServer(routes: []) { _, port in
            let taken = #expect(throws: ServerError.self) {
                try withServer(routes: [], { $0.port = port }) { _, _ in }
            }
            #expect(taken?.reason == .addressInUse)
            #expect(taken?.description.contains("\(port)") == true)
        }
        let unknown = #expect(throws: ServerError.self) {
            try withServer(routes: [], { $0.host = "no.such.host.invalid" }) { _, _ in }
        }
        #expect(unknown?.reason == .unknownHost)
    }

    @Test("a server on ::1 is reached there")
    func ipv6() throws {
        do {
            try withServer(routes: [.text(.get, "/", "six")], { $0.host = "::1" }) { _, port in
                let client = try HTTPClient(base: "http://[::1]:\(port)")
                #expect(text(try client.request(.get, "/").body) == "six")
            }
        } catch let error as ServerError where error.reason == .system(99) || error.reason == .system(97) {
            // EADDRNOTAVAIL, EAFNOSUPPORT: this machine has no IPv6.
        }
    }
}

/// A number several threads add to.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    func add(_ number: Int) {
        count.add(number, ordering: .relaxed)
    }

    var value: Int { count.load(ordering: .relaxed) }
}
