import Formats
import Testing
import Wire

@testable import API

/// What people call things has an end: it is kept, and told again in every answer.
struct TextLimitTests {
    private func pointers(_ answer: JSON) -> [String] {
        answer["errors"]?.array?.compactMap { $0["pointer"]?.string } ?? []
    }

    @Test("texts that are kept are refused beyond their limits, each with its place")
    func texts() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let long = String(repeating: "x", count: 1_000_000)
        let tags = (0..<101).map { "\"t\($0)\": \"\"" }.joined(separator: ",")
        for (extra, pointer) in [
            (#", "description": "\#(long)""#, "#/description"), (#", "tags": {"a": "\#(long)"}"#, "#/tags/a"),
            (#", "tags": {\#(tags)}"#, "#/tags"),
        ] {
            let answer = try server.send(.post, "/train", Bodies.forecast(extra: extra), expecting: 422)
            #expect(pointers(answer) == [pointer])
            #expect(answer.text.utf8.count < 20_000)
        }
        let name = try server.send(
            .post, "/train", Bodies.forecast(extra: #", "tags": {"\#(long)": ""}"#), expecting: 422)
        #expect(pointers(name).first?.hasPrefix("#/tags/xxx") == true && name.text.utf8.count < 20_000)
        let kept = String(repeating: "x", count: 1000)
        try server.send(
            .post, "/train", Bodies.forecast(extra: #", "description": "\#(kept)", "tags": {"a": "\#(kept)"}"#),
            expecting: 202)
    }

    @Test(
        "columns, labels and unknown fields of any length are told in part",
        arguments: ["csv", "records", "key", "model"])
    func echoes(what: String) throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let long = String(repeating: "y", count: 1_000_000)
        let task = #"{"kind": "classify", "sequence": "s", "label": "label"}"#
        let body =
            switch what {
            case "csv": #"{"model": "m", "task": \#(task), "data": {"csv": "s,\#(long),label\n1,2,a\n2,2,b\n"}}"#
            case "records":
                #"{"model": "m", "task": \#(task), "data": {"records": [{"x": [1], "label": "\#(long)"}, {"x": [1], "label": "b"}]}}"#
            case "key": Bodies.forecast(extra: #", "\#(long)": 1"#)
            default: Bodies.forecast(model: long)
            }
        let answer = try server.send(.post, "/train", body, expecting: 422)
        #expect(answer.text.utf8.count < 20_000, "\(answer.text.utf8.count)")
        let twice = try server.send(.post, "/train", #"{"\#(long)": 1, "\#(long)": 1}"#, expecting: 400)
        #expect(twice.text.utf8.count < 20_000)
    }

    @Test("a hundred thousand unknown targets are answered as one", .timeLimit(.minutes(1)))
    func unknownTargets() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let targets = (0..<100_000).map { "\"t\($0)\"" }.joined(separator: ",")
        let rows = String(repeating: "1\\n", count: 100)
        let body = #"""
            {"model": "m", "task": {"kind": "forecast", "target": [\#(targets)], "lookback": 1}, "data": {"csv": "y\n\#(rows)"}}
            """#
        for target in ["/train", "/train?validate=only"] {
            let answer = try server.send(.post, target, body, expecting: 422)
            #expect(pointers(answer).count == 100)
            #expect(answer["detail"]?.string?.hasPrefix("100000 things are wrong") == true)
        }
    }
}
