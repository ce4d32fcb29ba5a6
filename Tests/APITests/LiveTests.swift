import Formats
import Foundation
import HTTPServer
import Models
import Networks
import Testing
import Wire

@testable import API
@testable import Service

/// What stays open: long polls, live events, and sessions that end by themselves.
struct LiveTests {
    @Test("a long poll ends with the job's change, not with its time")
    func longPoll() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let job = try server.send(.post, "/train", Bodies.forecast(), expecting: 202)["id"]?.string ?? ""
        let waiting = Background { try server.send(.get, "/jobs/\(job)?wait=300", expecting: 200) }
        while server.api.waits.count == 0 { Thread.sleep(forTimeInterval: 0.002) }
        try server.send(.post, "/jobs/\(job)/cancel", expecting: 200)
        #expect(try waiting.result()["status"] == "cancelled")
    }

    @Test("a long poll whose time is up gives the job as it is, and one on a job that is over answers at once")
    func pollsEnd() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let job = try server.send(.post, "/train", Bodies.forecast(), expecting: 202)["id"]?.string ?? ""
        #expect(try server.send(.get, "/jobs/\(job)?wait=0.05", expecting: 200)["status"] == "queued")
        try server.send(.post, "/jobs/\(job)/cancel", expecting: 200)
        #expect(try server.send(.get, "/jobs/\(job)?wait=300", expecting: 200)["status"] == "cancelled")
        try server.send(.get, "/jobs/\(job)?wait=301", expecting: 422)
        try server.send(.get, "/jobs/\(job)?wait=-1", expecting: 422)
        try server.send(.get, "/jobs/none?wait=300", expecting: 404)
    }

    @Test("the step of an answer is that of its own rows, though another request steps the session meanwhile")
    func ownSteps() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.classify())
        try server.send(.post, "/sessions", #"{"model": "c", "id": "s"}"#, expecting: 201)
        let rows = SequenceBatch(values: [1, 0], lengths: [1], width: 2)
        var inner: Int?
        let outer = try server.service.step("s", StepRequest(rows: .numbers(rows))) { _ in
            // The rows of the outer request are taken, its answer is not yet given.
            inner = try server.service.step("s", StepRequest(rows: .numbers(rows))) { _ in }.step
        }
        #expect(inner == 2 && outer.step == 1)
        #expect(try server.send(.get, "/sessions/s", expecting: 200)["step"] == 2)
    }

    @Test("a step of a session that another request has waits for it, and nobody else does")
    func busySession() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.classify())
        try server.send(.post, "/sessions", #"{"model": "c", "id": "s"}"#, expecting: 201)
        let step = #"{"inputs": [[1, 0]]}"#
        #expect(try server.send(.post, "/sessions/s/steps", step, expecting: 200)["step"] == 1)
        let session = try #require(server.service.sessions.withLock { $0.entries["s"]?.session })
        let isHeld = DispatchSemaphore(value: 0)
        let mayEnd = DispatchSemaphore(value: 0)
        let holder = Background {
            try session.alone { state in
                isHeld.signal()
                mayEnd.wait()
                return .number(Double(state.step))
            }
        }
        isHeld.wait()
        // More of them than there are loops.
        let waiting = (0..<4).map { _ in
            Background { try server.send(.post, "/sessions/s/steps", step, expecting: 200) }
        }
        while server.api.queues.inference.count < min(4, server.api.queues.inference.threads) {
            Thread.sleep(forTimeInterval: 0.002)
        }
        try server.send(.get, "/healthz", expecting: 200)
        #expect(try server.send(.get, "/sessions/s", expecting: 200)["step"] == 1)
        mayEnd.signal()
        #expect(try holder.result().int == 1)
        #expect(Set(try waiting.map { try $0.result()["step"]?.int }) == [2, 3, 4, 5])
    }

    @Test("a server that stops answers everyone who waits, and ends every stream in words")
    func stopping() throws {
        let server = try TestServer(hasWorker: false)
        let job = try server.send(.post, "/train", Bodies.forecast(), expecting: 202)["id"]?.string ?? ""
        let waiting = Background { try server.send(.get, "/jobs/\(job)?wait=300", expecting: 200) }
        let hasBegun = DispatchSemaphore(value: 0)
        let stream = Background {
            var text = ""
            try server.client().request(
                .get, "/jobs/\(job)/events", fields: ["Accept": "text/event-stream"], head: { _ in }
            ) { bytes in
                text += String(decoding: bytes, as: UTF8.self)
                if text.contains("event: status") { hasBegun.signal() }
                return true
            }
            return .string(text)
        }
        hasBegun.wait()
        while server.api.waits.count == 0 { Thread.sleep(forTimeInterval: 0.002) }
        server.stop()
        #expect(try waiting.result()["status"] == "queued")
        let events = ServerSentEvents(try stream.result().string ?? "").all
        #expect(events.first?.name == "status" && events.last?.name == "error")
        #expect(events.last?.data["code"] == "stopping" && events.last?.data["event"] == "error")
    }

    @Test("a listener that comes back at any event sees the rest once, in both formats")
    func resuming() throws {
        let server = try TestServer()
        defer { server.stop() }
        let job = try server.train(Bodies.forecast())["id"]?.string ?? ""
        let all = ServerSentEvents(
            try server.send(.get, "/jobs/\(job)/events", fields: ["Accept": "text/event-stream"]).text
        ).all
        #expect(all.count >= 4)
        for (index, event) in all.enumerated() {
            let rest = try server.send(
                .get, "/jobs/\(job)/events",
                fields: ["Accept": "text/event-stream", "Last-Event-ID": try #require(event.id)])
            let expected = index == all.count - 1 ? [all[index]] : Array(all[(index + 1)...])
            #expect(ServerSentEvents(rest.text).all.map(\.id) == expected.map(\.id))
            let after = try server.send(.get, "/jobs/\(job)/events?after=\(event.id ?? "")", expecting: 200)
            #expect(after["data"]?.count == all.count - 1 - index)
        }
        try server.send(.get, "/jobs/\(job)/events", fields: ["Last-Event-ID": "x"], expecting: 422)
        try server.send(.get, "/jobs/none/events", fields: ["Accept": "text/event-stream"], expecting: 404)
    }

    @Test("events come while they happen")
    func liveEvents() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let job = try server.send(.post, "/train", Bodies.forecast(), expecting: 202)["id"]?.string ?? ""
        var text = ""
        var isCancelled = false
        try server.client().request(
            .get, "/jobs/\(job)/events", fields: ["Accept": "application/x-ndjson"], head: { #expect($0.status == 200) }
        ) { bytes in
            text += String(decoding: bytes, as: UTF8.self)
            // The stream is open and has told of the queued job: now something happens.
            if !isCancelled { try server.send(.post, "/jobs/\(job)/cancel", expecting: 200) }
            isCancelled = true
            return true
        }
        let events = try text.split(separator: "\n").map { try JSON.parse(String($0)) }
        #expect(events.last?["event"] == "done" && events.last?["status"] == "cancelled")
        #expect(events.map { $0["id"]?.int ?? 0 } == events.map { $0["id"]?.int ?? 0 }.sorted())
    }

    @Test("a session that nobody uses expires, and says so instead of being unknown")
    func expiry() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.classify())
        try server.send(.post, "/sessions", #"{"model": "c", "id": "s", "ttl_seconds": 0.001}"#, expecting: 201)
        var answer = try server.send(.get, "/sessions/s")
        while answer.status == 200 {
            Thread.sleep(forTimeInterval: 0.01)
            answer = try server.send(.get, "/sessions/s")
        }
        let problem = try answer.json()
        #expect(answer.status == 410 && problem["reason"] == "idle_timeout" && problem["last_step"] == 0)
        #expect(Timestamp.date(problem["expired_at"]?.string ?? "") != nil)
        for (method, path, body) in [
            (Wire.Method.post, "/steps", #"{"inputs": [[1, 2]]}"# as String?), (.get, "/state", nil),
            (.post, "/reset", nil),
            (.post, "/fork", nil), (.delete, "", nil),
        ] {
            #expect(try server.send(method, "/sessions/s" + path, body, expecting: 410)["code"] == "session_expired")
        }
        // The id is free again.
        try server.send(.post, "/sessions", #"{"model": "c", "id": "s"}"#, expecting: 201)
    }

    @Test("a full server says when to try again, or makes room, as it was told")
    func room() throws {
        for evicts in [false, true] {
            let server = try TestServer {
                $0.maximumSessions = 1
                $0.sessionsWhenFull = evicts ? .evictOldest : .refuse
            }
            defer { server.stop() }
            try server.train(Bodies.classify())
            try server.send(.post, "/sessions", #"{"model": "c", "id": "s1"}"#, expecting: 201)
            let second = try server.send(.post, "/sessions", #"{"model": "c", "id": "s2"}"#)
            if evicts {
                #expect(second.status == 201)
                #expect(try server.send(.get, "/sessions/s1", expecting: 410)["reason"] == "evicted")
            } else {
                #expect(second.status == 503)
                #expect(try second.json()["code"] == "full")
                #expect(Int(second.fields["Retry-After"] ?? "") ?? 0 > 0)
            }
        }
    }
}

/// Work on a thread of its own, whose result is waited for.
private final class Background: Sendable {
    private let done = DispatchSemaphore(value: 0)
    private let outcome = Outcome()

    /// Written before the semaphore is signalled and read after it was waited for.
    private final class Outcome: @unchecked Sendable { var value: Result<JSON, any Error>? }

    init(_ work: @escaping @Sendable () throws -> JSON) {
        Thread { [outcome, done] in
            outcome.value = Result { try work() }
            done.signal()
        }.start()
    }

    func result() throws -> JSON {
        done.wait()
        return try outcome.value?.get() ?? .null
    }
}
