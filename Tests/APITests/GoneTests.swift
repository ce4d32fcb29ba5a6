import Formats
import Foundation
import HTTPServer
import Testing
import Wire

@testable import API

/// Clients that leave, are slow, or do not read: nobody else notices.
struct GoneTests {
    @Test("a long poll ends when its client leaves, whichever way it does", arguments: [false, true])
    func longPoll(_ isHalfClosed: Bool) throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let job = try server.send(.post, "/train", Bodies.forecast(), expecting: 202)["id"]?.string ?? ""
        var clients = try (0..<5).map { _ in try RawConnection(server.base) }
        for client in clients { client.send("GET /jobs/\(job)?wait=300 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") }
        #expect(eventually { server.api.waits.count == 5 })
        if isHalfClosed {
            for client in clients { client.endSending() }
            #expect(clients[0].receive().isEmpty, "the connection is closed without an answer")
        } else {
            clients = []
        }
        #expect(eventually { server.api.waits.count == 0 && server.connections == 0 })
        #expect(server.api.listeners.open == 0)
    }

    @Test("an event stream ends when its client leaves")
    func eventStream() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let job = try server.send(.post, "/train", Bodies.forecast(), expecting: 202)["id"]?.string ?? ""
        var client: RawConnection? = try RawConnection(server.base)
        client?.send(
            "GET /jobs/\(job)/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
        #expect(client?.receive().hasPrefix("HTTP/1.1 200") == true)
        #expect(server.api.listeners.open == 1)
        client = nil
        #expect(eventually { server.api.listeners.open == 0 && server.connections == 0 })
    }

    @Test("more listeners than fit are told so")
    func listeners() throws {
        let listeners = Listeners(most: 2)
        try listeners.enter()
        try listeners.enter()
        #expect(throws: HTTPError.self) { try listeners.enter() }
        listeners.leave()
        try listeners.enter()
    }

    @Test("listeners leave most connections to others, however few there are")
    func listenersOfFew() {
        #expect([1, 2, 10, 60, 10_000, 1_000_000].map(APIConfiguration.listeners) == [1, 1, 4, 24, 4_000, 4_096])
    }

    @Test("listeners who wait for numbers to come share what they read, and see what they asked for")
    func placesToCome() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let job = try server.send(.post, "/train", Bodies.forecast(), expecting: 202)["id"]?.string ?? ""
        let last = try server.service.lastEvent(of: job)
        #expect(last > 0)
        for after in last..<last + 100 {
            let reading = try server.api.listeners.turn(job, after: after, server.service)
            #expect(reading.events.items.isEmpty)
        }
        #expect(server.api.listeners.turns.places == 1)
        let all = try server.api.listeners.turn(job, after: 0, server.service)
        #expect(all.events.items.last?.sequence == last)
    }

    @Test("uploads that drip keep no thread: another goes through, and so do streamed answers")
    func uploads() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.forecast())
        let slow = try (0..<20).map { _ in try RawConnection(server.base) }
        for client in slow {
            client.send(
                "POST /datasets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\nContent-Length: 900\r\n\r\nt,y\n1,"
            )
        }
        #expect(eventually { server.connections == 20 })
        let dataset = try server.send(
            .post, "/datasets", fields: ["Content-Type": "text/csv"], bytes: Array(Bodies.months.utf8), expecting: 201)
        #expect(dataset["rows"] == 48)
        let answer = try server.send(
            .post, "/predict", #"{"model": "m"}"#, fields: ["Accept": "application/x-ndjson"])
        #expect(answer.status == 200 && answer.text.contains(#""event":"done""#))
        slow[0].send("2\n" + String(repeating: "1,2\n", count: 223) + "1")
        #expect(slow[0].receive().hasPrefix("HTTP/1.1 "))
    }

    @Test("streams whose clients do not read keep no thread")
    func unread() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.classify())
        let inputs = (0..<10_000).map { "[[\($0 % 7), 1]]" }.joined(separator: ",")
        let body = #"{"model": "c", "inputs": [\#(inputs)]}"#
        let unread = try (0..<8).map { _ in try RawConnection(server.base) }
        for client in unread {
            client.send(
                "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/x-ndjson\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }
        #expect(unread[7].receive().hasPrefix("HTTP/1.1 "))
        let answer = try server.send(
            .post, "/predict", #"{"model": "c", "inputs": [[[1, 2]]]}"#, fields: ["Accept": "application/x-ndjson"])
        #expect(answer.status == 200 && answer.text.contains(#""event":"done""#), "\(answer.text)")
    }
}

/// Answers that a client has already.
struct ConditionalTests {
    @Test(
        "what a client has already is not sent again",
        arguments: ["/models/m/versions/1/file", "/models/m/versions/1", "/openapi.yaml"])
    func unchanged(_ path: String) throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.forecast())
        let first = try server.send(.get, path)
        let tag = try #require(first.fields["ETag"])
        #expect(first.status == 200 && !first.body.isEmpty)
        for known in [tag, "*", "W/\(tag)", "\"a,b\", \(tag)", "W/\"x\" ,\(tag), \"y\""] {
            let answer = try server.send(.get, path, fields: ["If-None-Match": known])
            #expect(answer.status == 304 && answer.body.isEmpty && answer.fields["ETag"] == tag, "\(known)")
        }
        for unknown in ["\"x\"", "", tag.replacingOccurrences(of: "\"", with: ""), "\"*\"", "\"\(tag)\""] {
            let answer = try server.send(.get, path, fields: ["If-None-Match": unknown])
            #expect(answer.status == 200 && answer.body == first.body, "\(unknown)")
        }
    }

    @Test("a version whose aliases changed is another answer")
    func changed() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.forecast())
        let tag = try #require(try server.send(.get, "/models/m/versions/1").fields["ETag"])
        try server.send(.put, "/models/m/aliases/best", #"{"version": 1}"#, expecting: 200)
        #expect(try server.send(.get, "/models/m/versions/1", fields: ["If-None-Match": tag]).status == 200)
    }
}
