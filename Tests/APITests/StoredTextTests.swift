import Formats
import Foundation
import Service
import Store
import Testing

@testable import API

/// What was stored as text outlives the program that wrote it: a row that this one cannot read hides no other, and is told
/// with what is readable.
@Suite("Stored text")
struct StoredTextTests {
    @Test("a job whose specification cannot be read is told without it, and the others as ever")
    func jobs() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let job = try server.send(.post, "/train", Bodies.forecast(), expecting: 202)
        let dataset = try #require(job["spec"]?["data"]?["dataset"]?.string)
        let texts = [
            "", "{", "[]", #"{"training": {"task": {"kind": "divine"}}}"#,
            #"{"training": {"task": {"kind": "forecast", "target": "y", "lookback": "many"}}}"#,
        ]
        var unreadable: [String] = []
        for text in texts {
            let new = NewJob(model: "m", spec: text, seed: 1, datasetID: dataset)
            unreadable.append(try server.store.submit(new, at: Date()).id)
        }
        let page = try server.send(.get, "/jobs", expecting: 200)["data"]?.array ?? []
        #expect(page.count == 1 + texts.count)
        for listed in page {
            let id = try #require(listed["id"]?.string)
            #expect((listed["spec"]?.isNull == true) == unreadable.contains(id))
            #expect(listed["model"]?["name"] == "m" && listed["status"] == "queued")
        }
        #expect(page.contains { $0["spec"] == job["spec"] })
        for id in unreadable {
            try server.send(.get, "/jobs/\(id)", expecting: 200)
            #expect(try server.send(.post, "/jobs/\(id)/cancel", expecting: 200)["status"] == "cancelled")
        }
    }

    @Test("a specification stored before a field was known takes its default; one that knows more is read all the same")
    func otherVersions() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let job = try server.send(.post, "/train", Bodies.forecast(), expecting: 202)
        let dataset = try #require(job["spec"]?["data"]?["dataset"]?.string)
        let text = """
            {"later": 1, "training": {"task": {"kind": "forecast", "target": ["y"], "later": {}},
             "network": {"layers": [{"hidden": 3, "later": [1]}]}, "training": {"epochs": 7, "later": true}}}
            """
        let id = try server.store.submit(
            NewJob(model: "m", spec: text, seed: 1, datasetID: dataset), at: Date()
        ).id
        let spec = try server.send(.get, "/jobs/\(id)", expecting: 200)["spec"]
        #expect(spec?["task"]?["lookback"] == 24 && spec?["task"]?["target"] == "y")
        let layer = spec?["network"]?["layers"]?[0]
        #expect(layer?["cell"] == "lstm" && layer?["hidden"] == 3 && layer?["forget"] == "gate")
        #expect(spec?["training"]?["epochs"] == 7 && spec?["training"]?["batch_size"] == 32)
        #expect(spec?["data"]?["missing"] == "error")
    }

    @Test("a version whose description cannot be read is listed, and its file is there")
    func versions() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Bodies.forecast())
        let file = try server.send(.get, "/models/m/versions/1/file").body
        _ = try server.store.importVersion(
            file, NewVersion(description: "{", report: "no JSON", codeVersion: "other"), model: "m", at: Date())
        let page = try server.send(.get, "/models/m/versions", expecting: 200)["data"]?.array ?? []
        #expect(page.count == 2 && page.contains { $0["task"]?["kind"] == "forecast" && $0["report"]?.object != nil })
        let other = try #require(page.first { $0["version"] == 2 })
        #expect(other["task"]?.isNull == true && other["network"]?.isNull == true && other["report"]?.isNull == true)
        try server.send(.get, "/models/m/versions/2", expecting: 200)
        #expect(try server.send(.get, "/models/m/versions/2/file").body == file)
        try server.send(.post, "/predict", #"{"model": "m:2", "horizon": 2}"#, expecting: 200)
    }

    @Test("a dataset whose scan cannot be read is listed")
    func datasets() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let writer = try server.store.beginDataset(at: Date())
        try writer.write(Array("y\n1\n".utf8))
        let dataset = try writer.finish(
            DatasetDescription(origin: .upload, format: "csv", schema: "{}", rows: 1), at: Date())
        try server.send(.post, "/datasets", fields: ["Content-Type": "text/csv"], bytes: Array("a\n1\n".utf8))
        let page = try server.send(.get, "/datasets", expecting: 200)["data"]?.array ?? []
        #expect(page.count == 2 && page.contains { $0["columns"]?.count == 1 })
        let shown = try server.send(.get, "/datasets/\(dataset.id)", expecting: 200)
        #expect(shown["columns"]?.isNull == true && shown["rows"] == 1)
    }
}
