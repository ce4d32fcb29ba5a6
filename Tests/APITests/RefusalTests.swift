import Formats
import Foundation
import Testing
import Wire

@testable import API

/// Whatever a client sends, it gets a problem document that says what is wrong and where; never a crash, never a job
/// that hangs.
struct RefusalTests {
    @Test("what HTTP refuses comes as a problem document too")
    func protocolErrors() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let missing = try server.send(.get, "/job", expecting: 404)
        #expect(missing["code"] == "not_found" && missing["detail"]?.string?.contains("/openapi.yaml") == true)
        let wrong = try server.send(.delete, "/train")
        #expect(wrong.status == 405)
        #expect(try wrong.json()["code"] == "method_not_allowed")
        #expect(wrong.fields["Allow"]?.contains("POST") == true)
        let options = try server.client().request(.options, "/models/m/aliases/a")
        #expect(options.head.status < 300)
        #expect(
            Set((options.head.fields["Allow"] ?? "").components(separatedBy: ", ")).isSuperset(of: [
                "GET", "PUT", "DELETE",
            ]))
        let head = try server.client().request(.head, "/healthz")
        #expect(head.head.status == 200 && head.body.isEmpty && head.head.fields["Content-Length"] != nil)
        let long = "/jobs/" + String(repeating: "a", count: 9000)
        #expect(try server.send(.get, long, expecting: 414)["code"] == "target_too_long")
    }

    @Test("a parameter that nobody asked for is an error everywhere, but not of a probe")
    func unknownParameters() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        for endpoint in TimestepAPI.endpoints {
            let path = endpoint.pattern.replacing("{n}", with: "1").replacing("{id}", with: "x").replacing(
                "{name}", with: "m"
            )
            .replacing("{alias}", with: "a")
            let answer = try server.send(endpoint.method, path + "?zzz=1", bytes: [])
            if ["/healthz", "/readyz", "/metrics", "/openapi.yaml"].contains(path) {
                #expect(answer.status == 200, "\(path)")
            } else {
                #expect(answer.status == 422, "\(endpoint.method) \(path)")
                let names = try answer.json()["errors"]?.array?.compactMap { $0["parameter"]?.string } ?? []
                #expect(names.contains("zzz"), "\(endpoint.method) \(path)")
            }
        }
    }

    @Test("a request carries its id into the answer and the problem")
    func requestIDs() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let answer = try server.send(.get, "/jobs/job_1", fields: ["X-Request-Id": "abc-7"])
        #expect(answer.fields["X-Request-Id"] == "abc-7")
        #expect(try answer.json()["request_id"] == "abc-7")
    }

    @Test("the key is asked for before anything else")
    func authentication() throws {
        let server = try TestServer(hasWorker: false, apiKey: "secret")
        defer { server.stop() }
        let refused = try server.send(.get, "/jobs")
        #expect(refused.status == 401 && refused.fields["WWW-Authenticate"]?.hasPrefix("Bearer") == true)
        #expect(try refused.json()["request_id"]?.string == refused.fields["X-Request-Id"])
        try server.send(.post, "/train", "not even JSON", expecting: 401)
        try server.send(.get, "/jobs", fields: ["X-API-Key": "other"], expecting: 401)
        try server.send(.get, "/jobs", fields: ["X-API-Key": "secret"], expecting: 200)
        try server.send(.get, "/jobs", fields: ["Authorization": "Bearer secret"], expecting: 200)
        try server.send(.get, "/healthz", expecting: 200)
        try server.send(.get, "/readyz", expecting: 200)
        try server.send(.get, "/openapi.yaml", expecting: 200)
    }

    @Test("JSON is taken as curl sends it, but not from a foreign page")
    func mediaTypes() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let body = Array(#"{"model": "m"}"#.utf8)
        func status(_ fields: Fields) throws -> Int {
            try server.send(.post, "/predict", fields: fields, bytes: body).status
        }
        #expect(try status([:]) == 404)
        #expect(try status(["Content-Type": "application/json; charset=utf-8"]) == 404)
        #expect(try status(["Content-Type": "application/x-www-form-urlencoded"]) == 404)
        #expect(
            try status(["Content-Type": "application/x-www-form-urlencoded", "Origin": "http://evil.example"]) == 403)
        #expect(try status(["Sec-Fetch-Site": "cross-site"]) == 403)
        #expect(try status(["Sec-Fetch-Site": "same-origin"]) == 415, "a page of the server's own names what it sends")
        #expect(try status(["Content-Type": "text/csv"]) == 415)
        let upload = try server.send(.post, "/datasets", fields: ["Content-Type": "text/html"], bytes: body)
        #expect(upload.status == 415 && upload.text.contains("text/csv"))
        try server.send(.post, "/models?name=m", fields: ["Content-Type": "text/csv"], bytes: body, expecting: 415)
    }

    @Test("compressed content is refused as such, and not read as what it is not")
    func compressed() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        for (path, type) in [("/datasets", "text/csv"), ("/predict", "application/json")] {
            let answer = try server.send(
                .post, path, fields: ["Content-Type": type, "Content-Encoding": "gzip"], bytes: [0x1F, 0x8B, 8, 0])
            #expect(answer.status == 415 && answer.fields["Accept-Encoding"] == "identity", "\(path)")
            #expect(try answer.json()["detail"]?.string?.contains("gzip") == true)
        }
        try server.send(.post, "/predict", #"{"model": "m"}"#, fields: ["Content-Encoding": "identity"], expecting: 404)
    }

    @Test("a field in a body where none is due would do nothing, and is told so")
    func needlessBodies() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let job = try #require(try server.send(.post, "/train", Bodies.forecast(), expecting: 202)["id"]?.string)
        for verb in ["pause", "resume", "cancel", "retry"] {
            let problem = try server.send(.post, "/jobs/\(job)/\(verb)", #"{"from": "start"}"#, expecting: 422)
            #expect(problem["errors"]?[0]?["pointer"] == "#/from", "\(verb)")
            try server.send(.post, "/jobs/\(job)/\(verb)", "[1]", expecting: 422)
        }
        #expect(try server.send(.get, "/jobs/\(job)", expecting: 200)["status"] == "queued")
        try server.send(.post, "/jobs/\(job)/pause", "{}", expecting: 200)
        try server.send(.post, "/jobs/\(job)/resume", expecting: 200)
        try server.send(.post, "/sessions/s/reset", #"{"step": 3}"#, expecting: 422)
        try server.send(.post, "/sessions/s/reset", expecting: 404)
    }

    @Test("text that is no JSON is told with line and column")
    func syntax() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        for text in [
            "", "{", "nul", "[1,]", #"{"a": 1, "a": 2}"#, #"{"a": NaN}"#, "\u{1}",
            String(repeating: "[", count: 100_000), "{}x",
        ] {
            let problem = try server.send(.post, "/train", text, expecting: 400)
            #expect(problem["code"] == "invalid_json", "\(text.prefix(20))")
            #expect(problem["detail"]?.string?.contains("line ") == true, "\(text.prefix(20))")
        }
        for text in ["null", "7", "[]", "\"x\""] {
            #expect(try server.send(.post, "/train", text, expecting: 422)["errors"]?[0]?["pointer"] == "#", "\(text)")
        }
    }

    @Test("data that cannot be learnt from is refused at once, with its place", arguments: garbage)
    func garbageData(_ data: String) throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let problem = try server.send(.post, "/train", Bodies.forecast(data: data), expecting: 422)
        let pointers = problem["errors"]?.array?.compactMap { $0["pointer"]?.string } ?? []
        #expect(
            !pointers.isEmpty && pointers.allSatisfy { $0.hasPrefix("#/data") || $0.hasPrefix("#/task") },
            "\(problem.text)")
        #expect(try server.send(.get, "/jobs", expecting: 200)["data"]?.count == 0)
        #expect(try server.send(.get, "/datasets", expecting: 200)["data"]?.count == 0)
    }

    @Test("broken rows, texts and gaps in the same data are told in one answer")
    func mixedTrouble() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let body =
            #"{"model": "m", "task": {"kind": "forecast", "target": "y", "lookback": 3}, "data": {"csv": "y\n1\nNaN\n3\nx\n5\n6,7\n"}}"#
        let problem = try server.send(.post, "/train", body, expecting: 422)
        let pointers = problem["errors"]?.array?.compactMap { $0["pointer"]?.string } ?? []
        #expect(Set(pointers) == ["#/data/csv/5", "#/data/csv/3/y", "#/data/csv/1/y"])
    }

    static let garbage: [String] = [
        #"{"csv": ""}"#, #"{"csv": "month,y,x\n"}"#, #"{"csv": "month,y,x\n2000-01,1,1\n"}"#, #"{"csv": "a,b\n1,2\n"}"#,
        #"{"csv": "month,y,x\n2000-01,one,1\n2000-02,2,2\n"}"#, #"{"csv": "month,y,x\n2000-01,1\n2000-02,2,2,2\n"}"#,
        #"{"csv": "month,y,x\n2000-01,,1\n2000-02,2,2\n"}"#, #"{"csv": "month,y,x\n2000-01,NaN,1\n2000-02,inf,2\n"}"#,
        #"{"csv": "month,y,y\n2000-01,1,1\n"}"#, #"{"csv": "month,y\n\"2000-01,1\n"}"#, #"{"csv": "\u0000\u0001"}"#,
        #"{"records": []}"#, #"{"records": [{}]}"#, #"{"records": [{"month": "2000-01", "y": {"a": 1}}]}"#,
        #"{"records": [{"x": [[1], [1, 2]], "label": "a"}]}"#, #"{"dataset": "ds_none"}"#,
        // The logarithm of a value that is not above 0.
        #"{"csv": \#(JSON.string(Bodies.months.replacingOccurrences(of: "2000-03,", with: "2000-03,-")).text)}"#,
        // A million columns.
        #"{"csv": \#(JSON.string((0..<1_000_000).map { "c\($0)" }.joined(separator: ",") + "\n").text)}"#,
    ]

    @Test(
        "a series that never changes is learnt or refused, and does not hang",
        arguments: ["[]", #"["standardize"]"#, #"["min_max"]"#, #"["log", "difference"]"#])
    func constantSeries(_ transform: String) throws {
        let server = try TestServer()
        defer { server.stop() }
        let rows = (0..<40).map { "\($0),5" }.joined(separator: "\\n")
        let body =
            #"{"model": "m", "task": {"kind": "forecast", "target": "y", "lookback": 3, "horizon": 2, "holdout": 4, "transform": \#(transform)}, "network": {"hidden": 2}, "training": {"epochs": 2}, "data": {"csv": "t,y\n\#(rows)\n"}}"#
        let answer = try server.send(.post, "/train", body)
        guard answer.status == 202 else {
            #expect(answer.status == 422)
            return
        }
        let job = try server.finish(try #require(try answer.json()["id"]?.string))
        #expect(job["status"] == "succeeded" || job["error"]?["detail"]?.string?.isEmpty == false, "\(job.text)")
    }

    @Test("every violation of an upload is told, with row and column")
    func uploads() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        for (type, text) in [
            ("text/csv", "a,b\n1,2\n3\n4,5,6\n"), ("application/x-ndjson", "{\"a\": 1}\n{\"a\": \n"),
            ("application/json", "{\"a\": 1}"), ("application/json", "[1, 2]"), ("text/csv", ""),
            ("application/x-ndjson", ""),
        ] {
            let problem = try server.send(
                .post, "/datasets", fields: ["Content-Type": type], bytes: Array(text.utf8), expecting: 422)
            #expect(problem["errors"]?.count ?? 0 > 0, "\(type) \(text) \(problem.text)")
        }
        #expect(try server.send(.get, "/datasets", expecting: 200)["data"]?.count == 0)
    }

    @Test("what no model can answer is told with its place")
    func predictions() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.forecast())
        try server.train(Bodies.forecast(model: "f", features: #"["x"]"#))
        try server.train(Bodies.classify())
        let row = "[1, 2]"
        for (body, pointer) in [
            (#"{"model": "m", "inputs": [[[1]]]}"#, "#/inputs/0"),
            (#"{"model": "m", "inputs": [[\#(row)]]}"#, "#/inputs"),
            (#"{"model": "m", "inputs": []}"#, "#/inputs"), (#"{"model": "m", "inputs": [[]]}"#, "#/inputs/0"),
            (#"{"model": "m", "inputs": [[[1], [null]]]}"#, "#/inputs/0/1/0"),
            (#"{"model": "m", "inputs": 5}"#, "#/inputs"),
            (#"{"model": "m", "inputs": [[[1], ["a"]]]}"#, "#/inputs/0/1/0"),
            (#"{"model": "m", "inputs": [[[1], [1, 2]]]}"#, "#/inputs/0/1"),
            (#"{"model": "m", "horizon": 0}"#, "#/horizon"), (#"{"model": "m", "top_k": 1}"#, "#/top_k"),
            (#"{"model": "m", "return": "sequence"}"#, "#/inputs"), (#"{"model": "f", "horizon": 3}"#, "#/future"),
            (#"{"model": "f", "horizon": 3, "future": [[[1]]]}"#, "#/future"), (#"{"model": "c"}"#, "#/inputs"),
            (#"{"model": "c", "inputs": [[\#(row)]], "top_k": 9}"#, "#/top_k"),
            (#"{"model": "c", "inputs": [[\#(row)]], "horizon": 1}"#, "#/horizon"),
            (#"{"model": "a b"}"#, "#/model"), (#"{"model": "m:0"}"#, "#/model"),
            (#"{"model": "m", "precision": "float16"}"#, "#/precision"),
        ] {
            let problem = try server.send(.post, "/predict", body, expecting: 422)
            let pointers = problem["errors"]?.array?.compactMap { $0["pointer"]?.string } ?? []
            #expect(pointers.contains(pointer), "\(body) gave \(problem.text)")
            // As a stream it is the same plain answer: nothing was sent yet.
            let stream = try server.send(.post, "/predict", body, fields: ["Accept": "text/event-stream"])
            #expect(stream.status == 422)
        }
        for (model, code) in [("none", "model_not_found"), ("m:9", "version_not_found"), ("m@none", "alias_not_found")]
        {
            #expect(
                try server.send(.post, "/predict", #"{"model": "\#(model)"}"#, expecting: 404)["code"] == .string(code))
            #expect(
                try server.send(.post, "/sessions", #"{"model": "\#(model)"}"#, expecting: 404)["code"] == .string(code)
            )
        }
    }

    @Test("a file that is no model, and a state that is none, are refused whole")
    func files() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.forecast())
        let octets: Fields = ["Content-Type": "application/octet-stream"]
        let file = try server.send(.get, "/models/m/versions/1/file").body
        var torn = file
        torn[torn.count / 2] ^= 1
        for bytes in [[], Array("garbage".utf8), Array(file.dropLast(7)), torn] {
            #expect(
                try server.send(.post, "/models?name=x", fields: octets, bytes: bytes, expecting: 422)["code"]
                    == "invalid_file")
        }
        try server.send(.get, "/models/x", expecting: 404)
        try server.send(.post, "/models", fields: octets, bytes: file, expecting: 422)
        try server.send(.post, "/models?name=a%20b", fields: octets, bytes: file, expecting: 422)

        try server.send(.post, "/sessions", #"{"model": "m", "id": "s"}"#, expecting: 201)
        let blob = try server.send(.get, "/sessions/s/state", fields: ["Accept": "application/octet-stream"]).body
        var broken = blob
        broken[broken.count - 1] ^= 1
        for bytes in [[], Array("garbage".utf8), Array(blob.dropLast(3)), broken] {
            let answer = try server.send(.put, "/sessions/s/state", fields: octets, bytes: bytes)
            #expect(answer.status == 422, "\(answer.text)")
        }
        let state = try server.send(.get, "/sessions/s/state", expecting: 200)
        let layers: JSON = [["h": [0, 0, 0]]]
        let wrong = state.replacing([.key("layers")], with: layers)
        #expect(
            try server.send(.put, "/sessions/s/state", wrong.text, expecting: 422)["errors"]?[0]?["pointer"]?.string?
                .hasPrefix("#") == true)
        let other = state.replacing([.key("model"), .key("digest")], with: .string(String(repeating: "0", count: 64)))
        #expect(
            try server.send(.put, "/sessions/s/state", other.text, expecting: 409)["code"] == "state_of_another_model")
        #expect(try server.send(.get, "/sessions/s/state", expecting: 200) == state)
    }
}
