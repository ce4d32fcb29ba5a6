import Dispatch
import Foundation
import Testing
import Wire

@testable import HTTPServer

@Suite("Many at once")
struct ConcurrencyTests {
    @Test("hundreds of connections each get their own answers, in order", arguments: [1, 3])
    func connections(_ loops: Int) throws {
        let echo = Route(.post, "/echo", name: "echo", body: .collect(limit: 1_000), execution: .queue(testQueue)) {
            request, responder in
            responder.respond(Response(type: "text/plain", bytes: request.body))
        }
        let loop = Route(.get, "/loop/{n}", name: "loop", execution: .onLoop) { request, responder in
            responder.respond(Response(type: "text/plain", text: "<\(request.parameters["n"] ?? "")>"))
        }
        let application = TestApplication(routes: [echo, loop])
        try withServer(application, { $0.loops = loops }) { server, port in
            let clients = try (0..<200).map { _ in try RawClient(port) }
            for round in 0..<5 {
                for (index, client) in clients.enumerated() {
                    let body = "<c\(index)r\(round)>"
                    try client.send(
                        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                            + "GET /loop/l\(index)r\(round) HTTP/1.1\r\nHost: a\r\n\r\n")
                }
            }
            for (index, client) in clients.enumerated() {
                #expect(try client.receive(until: "<l\(index)r4>"))
                let answers = text(client.received).components(separatedBy: "<").dropFirst()
                    .map { String($0.prefix { $0 != ">" }) }
                #expect(answers == (0..<5).flatMap { ["c\(index)r\($0)", "l\(index)r\($0)"] })
            }
            #expect(server.connections == 200)
            #expect(application.records.first(2_000)?.count == 2_000)
        }
    }

    @Test("clients that drip, stall or never read keep nobody else waiting")
    func slowClients() throws {
        let large = [UInt8](repeating: 1, count: 20_000_000)
        let routes = [
            Route.text(.get, "/", "quick"),
            Route(.get, "/large", name: "large", execution: .onLoop) { _, responder in
                responder.respond(Response(type: "x", bytes: large))
            },
            Route(.post, "/u", name: "u", body: .collect(limit: 1_000), execution: .onLoop) { _, responder in
                responder.respond(Response(status: 200))
            },
        ]
        try withServer(routes: routes, { $0.loops = 1 }) { _, port in
            var slow: [RawClient] = []
            for index in 0..<60 {
                let client = try RawClient(port)
                switch index % 3 {
                case 0: try client.send("GET / HT")
                case 1: try client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
                default: try client.send("POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\nabc")
                }
                slow.append(client)
            }
            let client = try client(port)
            for _ in 0..<50 { #expect(text(try client.request(.get, "/").body) == "quick") }
            #expect(try slow[1].receive { $0.count > large.count }, "and each still gets what it asked for")
        }
    }

    @Test("connections that are torn at random moments leave nothing behind")
    func torn() throws {
        let routes = [
            Route.text(.get, "/", "quick"),
            Route(.post, "/u", name: "u", body: .stream(limit: 1 << 20), execution: .queue(testQueue)) {
                request, responder in
                while try request.bodyStream?.read() != nil {}
                let stream = responder.stream(status: 200, fields: [:])
                for _ in 0..<20 {
                    guard stream.writeWaiting([UInt8](repeating: 2, count: 10_000)) else { return }
                }
                stream.finish()
            },
        ]
        let application = TestApplication(routes: routes)
        let message = Array(
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n"
                + String(repeating: "x", count: 2_000)).utf8)
        try withServer(application) { server, port in
            var seed: UInt64 = 7
            for _ in 0..<300 {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let client = try RawClient(port)
                let count = Int(seed >> 33) % (message.count + 1)
                try client.send(Array(message.prefix(count)))
                // Some wait for the first answer, so that the tear meets the second request.
                if seed >> 60 < 4, count >= 27 { _ = try client.receive { !$0.isEmpty } }
                client.close()
            }
            #expect(eventually { server.connections == 0 })
            #expect(text(try client(port).request(.get, "/").body) == "quick")
        }
    }
}

@Suite("Threads for handlers")
struct ThreadQueueTests {
    @Test("work runs in order on one thread, and all of it before the queue ends")
    func order() {
        let done = Monitor<[Int]>([])
        let queue = ThreadQueue(name: "order", threads: 1, depth: 1_000)
        for index in 0..<500 { #expect(queue.submit { done.change { $0.append(index) } }) }
        queue.stop()
        #expect(!queue.submit {})
        #expect(done.wait(for: patience) { $0.count == 500 ? $0 : nil } == Array(0..<500))
    }

    @Test("it takes what its threads and its depth hold, and not one more", arguments: [(1, 0), (1, 3), (3, 2)])
    func bounds(_ threads: Int, _ depth: Int) {
        let gate = Monitor(false)
        let queue = ThreadQueue(name: "bounds", threads: threads, depth: depth)
        var taken = 0
        while queue.submit({ _ = gate.wait { $0 ? true : nil } }) { taken += 1 }
        #expect(taken == threads + depth)
        gate.change { $0 = true }
        #expect(eventually { queue.submit {} })
    }
}
