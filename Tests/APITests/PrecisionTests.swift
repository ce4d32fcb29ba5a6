import Formats
import HTTPServer
import Kernels
import Testing
import Wire

@testable import API

/// What a model's networks compute in: chosen for the model, for a session or for a request.
struct PrecisionTests {
    private static let rows = (0..<16).map { "[\(100 + 3 * ($0 % 5))]" }.joined(separator: ", ")
    private static let octets: Fields = ["Content-Type": "application/octet-stream"]

    @Test("a session's steps are the prediction of its rows, to the bit, in each precision")
    func sessions() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.forecast())
        try server.train(Bodies.classify())
        let sequence = (0..<5).map { "[\($0 - 2), \(3 * $0)]" }.joined(separator: ", ")
        for (model, rows) in [("m", Self.rows), ("c", sequence)] {
            var outputs: [JSON] = []
            for precision in Precision.allCases.map(\.rawValue) {
                let whole = try server.send(
                    .post, "/predict",
                    #"{"model": "\#(model)", "inputs": [[\#(rows)]], "return": "sequence", "precision": "\#(precision)"}"#,
                    expecting: 200)
                #expect(whole["precision"] == .string(precision))
                let session = try server.send(
                    .post, "/sessions", #"{"model": "\#(model)", "id": "\#(precision)", "precision": "\#(precision)"}"#,
                    expecting: 201)
                #expect(session["precision"] == .string(precision))
                var steps: [JSON] = []
                for row in try JSON.parse("[\(rows)]").array ?? [] {
                    let answer = try server.send(
                        .post, "/sessions/\(precision)/steps", #"{"inputs": [\#(row.text)]}"#, expecting: 200)
                    steps += answer["outputs"]?.array ?? []
                }
                #expect(whole["outputs"]?[0] == .array(steps), "\(model) \(precision)")
                #expect(
                    try server.send(.get, "/sessions/\(precision)", expecting: 200)["precision"] == .string(precision))
                try server.send(.delete, "/sessions/\(precision)", expecting: 204)
                outputs.append(.array(steps))
            }
            // They are three computations, not one under three names.
            #expect(outputs[0] != outputs[1] && outputs[0] != outputs[2] && outputs[1] != outputs[2])
        }
    }

    @Test("a model's precision is that of what asks for none; open sessions keep theirs")
    func defaults() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.forecast())
        func predicted(_ members: String = "") throws -> String? {
            try server.send(.post, "/predict", #"{"model": "m"\#(members)}"#, expecting: 200)["precision"]?.string
        }
        #expect(try server.send(.get, "/models/m", expecting: 200)["precision"] == "float32")
        #expect(try predicted() == "float32")
        try server.send(.post, "/sessions", #"{"model": "m", "id": "early"}"#, expecting: 201)
        #expect(
            try server.send(.patch, "/models/m", #"{"precision": "int8"}"#, expecting: 200)["precision"] == "int8")
        #expect(try server.send(.patch, "/models/m", #"{"description": "d"}"#, expecting: 200)["precision"] == "int8")
        #expect(try predicted() == "int8")
        #expect(try predicted(#", "precision": "bfloat16""#) == "bfloat16")
        let late = try server.send(.post, "/sessions", #"{"model": "m", "id": "late"}"#, expecting: 201)
        #expect(late["precision"] == "int8")
        #expect(try server.send(.get, "/sessions/early", expecting: 200)["precision"] == "float32")
        let stream = try server.send(.post, "/predict", #"{"model": "m"}"#, fields: ["Accept": "application/x-ndjson"])
        #expect(stream.text.contains(#""event":"done","model":{"name":"m","version":1},"precision":"int8""#))
        // A new version has it too.
        try server.train(Bodies.forecast(seed: 2))
        #expect(try predicted() == "int8")
    }

    @Test("a state goes on in the precision that it came from")
    func states() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.forecast())
        try server.send(.post, "/sessions", #"{"model": "m", "id": "a", "precision": "int8"}"#, expecting: 201)
        try server.send(.post, "/sessions/a/steps", #"{"inputs": [\#(Self.rows)]}"#, expecting: 200)
        let state = try server.send(.get, "/sessions/a/state", expecting: 200)
        #expect(state["model"]?["precision"] == "int8")
        let blob = try server.send(.get, "/sessions/a/state", fields: ["Accept": "application/octet-stream"]).body

        let copy = try server.send(.post, "/sessions", #"{"model": "m", "id": "b", "state": \#(state.text)}"#)
        #expect(try copy.json()["precision"] == "int8")
        let fork = try server.send(.post, "/sessions/a/fork", #"{"id": "c"}"#, expecting: 201)
        #expect(fork["precision"] == "int8")
        try server.send(.post, "/sessions", #"{"model": "m", "id": "d", "precision": "int8"}"#, expecting: 201)
        try server.send(.put, "/sessions/d/state", fields: Self.octets, bytes: blob, expecting: 200)
        let next = try ["a", "b", "c", "d"].map { id in
            try server.send(.post, "/sessions/\(id)/steps", #"{"inputs": [[117], [123]]}"#, expecting: 200)["outputs"]
        }
        #expect(next.allSatisfy { $0 == next[0] })

        let conflicting = #"{"model": "m", "state": \#(state.text), "precision": "float32"}"#
        let refused = try server.send(.post, "/sessions", conflicting, expecting: 409)
        #expect(refused["code"] == "state_of_another_model")
        #expect(refused["detail"]?.string?.contains("int8") == true)
        try server.send(.post, "/sessions", #"{"model": "m", "id": "e"}"#, expecting: 201)
        try server.send(.put, "/sessions/e/state", fields: Self.octets, bytes: blob, expecting: 409)
        try server.send(.put, "/sessions/e/state", state.text, expecting: 409)
        // Whoever means it leaves out where the state comes from.
        let bare = state.replacing([.key("model")], with: .null)
        try server.send(.put, "/sessions/e/state", bare.text, expecting: 200)
    }

    @Test("an unknown precision is told with its place and those there are")
    func unknown() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.forecast())
        for (method, target, body) in [
            (Wire.Method.post, "/predict", #"{"model": "m", "precision": "half"}"#),
            (.post, "/sessions", #"{"model": "m", "precision": "half"}"#),
            (.patch, "/models/m", #"{"precision": "half"}"#),
        ] {
            let problem = try server.send(method, target, body, expecting: 422)
            #expect(problem["errors"]?[0]?["pointer"] == "#/precision")
            for precision in Precision.allCases {
                #expect(problem["errors"]?[0]?["detail"]?.string?.contains("\"\(precision.rawValue)\"") == true)
            }
        }
    }
}
