import Formats
import Foundation
import Store
import Testing
import Wire

@testable import API

/// `Idempotency-Key`: what is sent twice acts once.
struct RepetitionTests {
    @Test("a training request that is sent again gets the stored answer and queues nothing more")
    func training() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let key: Fields = ["Idempotency-Key": "\"k1\""]
        let first = try server.send(.post, "/train", Bodies.forecast(), fields: key)
        let again = try server.send(.post, "/train", Bodies.forecast(), fields: ["Idempotency-Key": "k1"])
        #expect(first.status == 202 && again.status == 202 && again.body == first.body)
        #expect(first.fields["Idempotent-Replayed"] == nil && again.fields["Idempotent-Replayed"] == "true")
        #expect(again.fields["Location"] == first.fields["Location"])
        #expect(
            try server.send(.post, "/train", Bodies.forecast(epochs: 3), fields: key, expecting: 422)["code"]
                == "idempotency_key_reused")
        #expect(try server.send(.get, "/jobs", expecting: 200)["data"]?.count == 1)
        try server.send(.post, "/train", Bodies.forecast(), fields: ["Idempotency-Key": "k2"], expecting: 202)
        #expect(try server.send(.get, "/jobs", expecting: 200)["data"]?.count == 2)
    }

    @Test("a request that failed leaves its key free")
    func failures() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let key: Fields = ["Idempotency-Key": "k"]
        try server.send(.post, "/train", Bodies.forecast(data: #"{"dataset": "ds_none"}"#), fields: key, expecting: 422)
        try server.send(.post, "/train", Bodies.forecast(), fields: key, expecting: 202)
        for bad in ["", "\"", String(repeating: "a", count: 300)] {
            let problem = try server.send(
                .post, "/train", Bodies.forecast(), fields: ["Idempotency-Key": bad], expecting: 422)
            #expect(problem["errors"]?[0]?["header"] == "Idempotency-Key")
        }
    }

    @Test("steps that are sent again are taken once, plain and as a stream")
    func steps() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.classify())
        let open: Fields = ["Idempotency-Key": "open"]
        let session = try server.send(.post, "/sessions", #"{"model": "c"}"#, fields: open, expecting: 201)
        #expect(try server.send(.post, "/sessions", #"{"model": "c"}"#, fields: open, expecting: 201) == session)
        #expect(try server.send(.get, "/sessions", expecting: 200)["data"]?.count == 1)
        let path = "/sessions/\(session["id"]?.string ?? "")/steps"
        let body = #"{"inputs": [[1, 2], [3, 4]]}"#
        let first = try server.send(.post, path, body, fields: ["Idempotency-Key": "a"])
        #expect(try server.send(.post, path, body, fields: ["Idempotency-Key": "a"]).body == first.body)
        for accept in ["application/x-ndjson", "text/event-stream"] {
            let fields: Fields = ["Idempotency-Key": accept, "Accept": accept]
            let stream = try server.send(.post, path, body, fields: fields)
            let again = try server.send(.post, path, body, fields: fields)
            #expect(stream.status == 200 && again.body == stream.body && again.fields["Idempotent-Replayed"] == "true")
            #expect(again.fields["Content-Type"] == stream.fields["Content-Type"])
        }
        #expect(try server.send(.get, String(path.dropLast(6)), expecting: 200)["step"] == 6)
        // Another wish under the same key, be it only for the format.
        try server.send(
            .post, path, body, fields: ["Idempotency-Key": "a", "Accept": "text/event-stream"], expecting: 422)
    }

    @Test("a repeated request to open a session that was closed since is told so, and opens no other")
    func closedSession() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.classify())
        let open: Fields = ["Idempotency-Key": "open"]
        let body = #"{"model": "c", "id": "pump-7"}"#
        try server.send(.post, "/sessions", body, fields: open, expecting: 201)
        try server.send(.post, "/sessions", body, fields: open, expecting: 201)
        try server.send(.delete, "/sessions/pump-7", expecting: 204)
        let problem = try server.send(.post, "/sessions", body, fields: open, expecting: 410)
        #expect(problem["code"] == "session_closed" && problem["detail"]?.string?.contains("pump-7") == true)
        #expect(try server.send(.get, "/sessions", expecting: 200)["data"]?.count == 0)
        try server.send(.post, "/sessions", body, fields: ["Idempotency-Key": "another"], expecting: 201)
    }

    @Test("an answer too large to be kept is told as such to whoever repeats the request, which acts once")
    func answerNotKept() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.classify())
        try server.send(.post, "/sessions", #"{"model": "c", "id": "s"}"#, expecting: 201)
        let steps = Array(repeating: "[1, 2]", count: 40_000).joined(separator: ",")
        let body = #"{"inputs": [\#(steps)]}"#
        let key: Fields = ["Idempotency-Key": "k"]
        let first = try server.send(.post, "/sessions/s/steps", body, fields: key)
        #expect(first.status == 200 && first.body.count > Store.largestAnswer)
        let problem = try server.send(.post, "/sessions/s/steps", body, fields: key, expecting: 410)
        #expect(problem["code"] == "answer_not_kept")
        #expect(try server.send(.get, "/sessions/s", expecting: 200)["step"] == 40_000)
    }
}
