import Formats
import Foundation
import Testing
import Wire

@testable import API

/// An answer at every step over the whole interface: trained, told, stepped, saved and taken in again.
struct LabelServingTests {
    private static func body(_ model: String, _ task: String, _ records: [String], validation: Bool = true) -> String {
        #"""
        {"model": "\#(model)", "task": {"kind": "label"\#(task)}, "network": {"cell": "gru", "hidden": 4},
         "training": {"epochs": 2, "batch_size": 4\#(validation ? #", "validation": {"fraction": 0.3}"# : "")},
         "data": {"records": [\#(records.joined(separator: ", "))]}}
        """#
    }

    /// Rows of two numbers, a label each.
    static let numberRecords = (1..<9).map { length in
        let rows = (0..<length).map { "[\($0), \(length)]" }.joined(separator: ", ")
        let labels = (0..<length).map { $0 % 2 == 0 ? "\"even\"" : "7" }.joined(separator: ", ")
        return #"{"x": [\#(rows)], "labels": [\#(labels)]}"#
    }

    static let tokenRecords = [
        #"{"x": ["The", "dog", "barks"], "labels": ["DET", "NOUN", "VERB"]}"#,
        #"{"x": "The  cat\nsleeps", "labels": ["DET", "NOUN", "VERB"]}"#, #"{"x": ["dog"], "labels": ["NOUN"]}"#,
    ]

    static let flagRecords = [
        #"{"x": "BTX", "labels": [["T", "P"], [], ["S"]]}"#, #"{"x": ["B", "T"], "labels": [["P", 5], ["S"]]}"#,
    ]

    private func outputs(_ server: TestServer, _ body: String) throws -> [JSON] {
        try server.send(.post, "/predict", body, expecting: 200)["outputs"]?.array ?? []
    }

    @Test("rows of numbers get a label each; the last alone where it is asked for; a stream and a session say the same")
    func numbers() throws {
        let server = try TestServer()
        defer { server.stop() }
        let job = try server.train(Self.body("n", "", Self.numberRecords))
        let report = try #require(job["report"]?["classification"])
        #expect(report["labels"] == 2 && report["train_accuracy"]?.double != nil)
        #expect(job["spec"]?["task"]?["inputs"] == "numbers" && job["spec"]?["task"]?["answers"] == "labels")
        let inputs = "[[[0, 1], [1, 1], [2, 1]], [[3, 4]]]"
        let found = try outputs(server, #"{"model": "n", "inputs": \#(inputs), "top_k": 2}"#)
        #expect(found.map(\.count) == [3, 1])
        #expect(found[0][0]?["top"]?.count == 2 && found[0][0]?["label"] == found[0][0]?["top"]?[0]?["label"])
        #expect(Set(found[0][0]?["probabilities"]?.object?.keys ?? []) == ["7", "even"])
        let last = try outputs(server, #"{"model": "n", "inputs": \#(inputs), "return": "last", "top_k": 2}"#)
        #expect(last == [found[0][2], found[1][0]])

        try server.send(.post, "/sessions", #"{"model": "n", "id": "s"}"#, expecting: 201)
        let path = "/sessions/s/steps"
        let one = try server.send(.post, path, #"{"inputs": [[0, 1]], "top_k": 2}"#, expecting: 200)
        let more = try server.send(.post, path, #"{"inputs": [[1, 1], [2, 1]], "top_k": 2}"#, expecting: 200)
        #expect((one["outputs"]?.array ?? []) + (more["outputs"]?.array ?? []) == found[0].array)
        try server.send(.post, "/sessions/s/forecast", "{}", expecting: 422)

        let events = try server.send(
            .post, "/predict", #"{"model": "n", "inputs": \#(inputs), "top_k": 2}"#,
            fields: ["Accept": "application/x-ndjson"])
        let lines = try events.text.split(separator: "\n").map { try JSON.parse(String($0)) }
        #expect(lines.dropLast().map { $0["output"] } == (found[0].array ?? []) + (found[1].array ?? []))
    }

    @Test(
        "tokens come as a list or as a text; what is not known is one and the same; the model file keeps the alphabet")
    func tokens() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Self.body("t", #", "inputs": "tokens""#, Self.tokenRecords, validation: false))
        let version = try server.send(.get, "/models/t/versions/1", expecting: 200)
        #expect(version["task"]?["split"] == "words" && version["task"]?["symbols"] == 5)
        #expect(version["network"]?["inputs"] == 6 && version["task"]?["inputs"] == ["token"])
        let file = try server.send(.get, "/models/t/versions/1/file")
        try server.send(
            .post, "/models?name=u", fields: ["Content-Type": "application/octet-stream"], bytes: file.body,
            expecting: 201)
        for model in ["t", "u"] {
            let found = try outputs(
                server,
                #"{"model": "\#(model)", "inputs": [["The", "dog", "?"], "The dog  !", ["The", "dog", "the"]]}"#)
            #expect(found.map(\.count) == [3, 3, 3])
            // Neither mark is known, nor is another case of a word.
            #expect(found.count == 3 && found[0] == found[1] && found[1] == found[2])
            try server.send(.post, "/sessions", #"{"model": "\#(model)", "id": "\#(model)"}"#, expecting: 201)
            var stepped: [JSON] = []
            for tokens in [#"["The"]"#, #"["dog", "?"]"#] {
                let answer = try server.send(
                    .post, "/sessions/\(model)/steps", #"{"inputs": \#(tokens)}"#, expecting: 200)
                stepped += answer["outputs"]?.array ?? []
            }
            #expect(stepped == found[0].array)
        }
    }

    @Test("a text of two hundred kilobytes is read, and its answer is that of its tokens")
    func longTexts() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Self.body("t", #", "inputs": "tokens""#, Self.tokenRecords, validation: false))
        let words = (0..<40_000).map { ["The", "dog", "cat", "barks"][$0 % 4] }
        let list = JSON.array(words.map { .string($0) }).text
        let text = words.joined(separator: " ")
        let found = try outputs(server, #"{"model": "t", "inputs": [\#(list), "\#(text)"], "return": "last"}"#)
        #expect(found.count == 2 && found[0] == found[1])
    }

    @Test("tokens that are embedded and read from both ends are labelled whole, and refused a live session in words")
    func bothEnds() throws {
        let server = try TestServer()
        defer { server.stop() }
        let network = #"[{"kind": "embedding", "width": 3}, {"cell": "gru", "hidden": 4, "bidirectional": true}]"#
        try server.train(
            #"{"model": "b", "task": {"kind": "label", "inputs": "tokens"}, "network": {"layers": \#(network)},"#
                + #""training": {"epochs": 2}, "data": {"records": [\#(Self.tokenRecords.joined(separator: ", "))]}}"#)
        let found = try outputs(server, #"{"model": "b", "inputs": ["The dog barks", "The dog", ["The"]]}"#)
        #expect(found.map(\.count) == [3, 2, 1])
        // What comes after a word has a say in its label.
        #expect(found[0][0] != found[1][0])
        let refused = try server.send(.post, "/sessions", #"{"model": "b"}"#, expecting: 409)
        #expect(refused["code"] == "model_needs_whole_sequences")
    }

    @Test("flags are told above the threshold, from records and from rows alike")
    func flags() throws {
        let server = try TestServer()
        defer { server.stop() }
        let task = #", "inputs": "tokens", "split": "characters", "answers": "flags""#
        try server.train(Self.body("f", task, Self.flagRecords, validation: false))
        let found = try outputs(server, #"{"model": "f", "inputs": ["BTX"], "threshold": 0}"#)
        #expect(found[0][0]?["flags"] == ["5", "P", "S", "T"])
        #expect(try outputs(server, #"{"model": "f", "inputs": ["BTX"], "threshold": 0.999}"#)[0][0]?["flags"] == [])
        let probability = try #require(found[0][0]?["probabilities"]?["P"]?.double)
        let set = try outputs(server, #"{"model": "f", "inputs": ["BTX"]}"#)[0][0]?["flags"]?.array ?? []
        #expect(set.contains("P") == (probability > 0.5))
        // The same sequences as rows of a table.
        let csv = #"id,c,flags\n1,B,T P\n1,T,\n1,X,S\n2,B,P 5\n2,T,S\n"#
        let rows = #", "sequence": "id", "label": "flags""#
        let table = #"""
            {"model": "g", "task": {"kind": "label"\#(task)\#(rows)}, "network": {"cell": "gru", "hidden": 4},
             "training": {"epochs": 2, "batch_size": 4}, "data": {"csv": "\#(csv)"}}
            """#
        try server.train(table)
        #expect(try outputs(server, #"{"model": "g", "inputs": ["BTX"], "threshold": 0}"#) == found)
        try server.send(.post, "/sessions", #"{"model": "f", "id": "s"}"#, expecting: 201)
        let steps = try server.send(.post, "/sessions/s/steps", #"{"inputs": ["B"], "threshold": 0}"#, expecting: 200)
        #expect(steps["outputs"]?[0] == found[0][0])
    }

    @Test("an uploaded dataset of labelled steps is described, and trained on by its id")
    func datasets() throws {
        let server = try TestServer()
        defer { server.stop() }
        func upload(_ records: [String]) throws -> JSON {
            try server.send(
                .post, "/datasets", fields: ["Content-Type": "application/x-ndjson"],
                bytes: Array(records.joined(separator: "\n").utf8), expecting: 201)
        }
        let words = try upload(Self.tokenRecords)
        #expect(words["sequences"]?["tokens"] == true && words["sequences"]?["steps"] == 7)
        #expect(words["columns"]?[0]?["kind"] == "list" && words["columns"]?[0]?["name"] == "labels")
        let rows = try upload(Self.numberRecords)
        #expect(rows["sequences"]?["tokens"] == nil && rows["sequences"]?["features"] == 2)
        func train(_ task: String, _ dataset: JSON, _ status: Int) throws -> JSON {
            let id = dataset["id"]?.string ?? ""
            let body = #"{"model": "d", "task": {\#(task)}, "data": {"dataset": "\#(id)"}, "training": {"epochs": 1}}"#
            return try server.send(.post, "/train?validate=only", body, expecting: status)
        }
        #expect(try train(#""kind": "label", "inputs": "tokens""#, words, 200)["steps"] == 1)
        #expect(try train(#""kind": "label""#, rows, 200)["parameters"]?.int ?? 0 > 0)
        for (task, dataset) in [
            (#""kind": "label""#, words), (#""kind": "label", "inputs": "tokens""#, rows),
            (#""kind": "classify""#, rows), (#""kind": "label", "label": "tags""#, rows),
        ] { _ = try train(task, dataset, 422) }
    }

    @Test(
        "data that does not fit is refused with its place",
        arguments: [
            ("", #"{"x": [[1], [2]], "labels": ["a"]}"#, "#/data/records/0/labels", "1 labels for 2 steps"),
            ("", #"{"x": [[1], [2]], "labels": ["a", null]}"#, "#/data/records/0/labels/1", "expected a label"),
            ("", #"{"x": [[1], [2]], "label": ["a", "b"]}"#, "#/data/records/0/labels", "did you mean"),
            ("", #"{"x": [[1], ["b"]], "labels": ["a", "b"]}"#, "#/data/records/0/x/1/0", "step 2"),
            ("", #"{"x": [[1], [2]], "labels": ["a", "a"]}"#, "#/data", "nothing to tell apart"),
            (#", "answers": "flags""#, #"{"x": [[1]], "labels": ["a"]}"#, "#/data/records/0/labels/0", "list of flags"),
            (#", "answers": "flags""#, #"{"x": [[1]], "labels": [[]]}"#, "#/data", "no step has a flag"),
            ("", tokenRecords[0], "#/task/inputs", "\"inputs\": \"tokens\""),
            (#", "inputs": "tokens""#, #"{"x": ["a", 1], "labels": ["a", "b"]}"#, "#/data/records/0/x/1", "a token"),
            (#", "inputs": "tokens""#, #"{"x": "  ", "labels": []}"#, "#/data/records/0/x", "empty"),
            (#", "inputs": "tokens", "min_count": 3"#, tokenRecords[0], "#/task/min_count", "none would be known"),
            (#", "inputs": "tokens", "symbols": ["ä"]"#, tokenRecords[0], "#/task/symbols", "none would be known"),
            (#", "inputs": "tokens", "symbols": ["a", "a"]"#, tokenRecords[0], "#/task/symbols/1", "there twice"),
            (#", "inputs": "tokens", "transform": []"#, tokenRecords[0], "#/task/transform", "numbers"),
            (#", "min_count": 2"#, numberRecords[3], "#/task/min_count", "tokens"),
        ])
    func refusals(_ task: String, _ record: String, _ pointer: String, _ words: String) throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let answer = try server.send(
            .post, "/train", Self.body("r", task, [record], validation: false), expecting: 422)
        let errors = answer["errors"]?.array ?? []
        #expect(
            errors.contains { $0["pointer"]?.string == pointer && $0["detail"]?.string?.contains(words) == true },
            "\(answer.text)")
    }

    @Test("a model is told in what form it reads, and what only other models know")
    func foreignRequests() throws {
        let server = try TestServer()
        defer { server.stop() }
        try server.train(Self.body("t", #", "inputs": "tokens""#, Self.tokenRecords, validation: false))
        try server.train(Self.body("n", "", Self.numberRecords))
        try server.send(.post, "/sessions", #"{"model": "t", "id": "t"}"#, expecting: 201)
        for (path, body, pointer) in [
            ("/predict", #"{"model": "t", "inputs": [[[1]]]}"#, "#/inputs"),
            ("/predict", #"{"model": "n", "inputs": ["a b"]}"#, "#/inputs"),
            ("/predict", #"{"model": "n", "inputs": [[[1]]]}"#, "#/inputs"),
            ("/predict", #"{"model": "t"}"#, "#/inputs"),
            ("/predict", #"{"model": "t", "inputs": [" "]}"#, "#/inputs/0"),
            ("/predict", #"{"model": "t", "inputs": [["a", ""]]}"#, "#/inputs/0/1"),
            ("/predict", #"{"model": "t", "inputs": ["a"], "threshold": 0.5}"#, "#/threshold"),
            ("/predict", #"{"model": "t", "inputs": ["a"], "top_k": 4}"#, "#/top_k"),
            ("/predict", #"{"model": "t", "inputs": ["a"], "horizon": 4}"#, "#/horizon"),
            ("/sessions/t/steps", #"{"inputs": [[1]]}"#, "#/inputs"),
            ("/sessions/t/steps", #"{"inputs": []}"#, "#/inputs"),
        ] {
            let answer = try server.send(.post, path, body, expecting: 422)
            #expect(answer["errors"]?[0]?["pointer"]?.string == pointer, "\(body): \(answer.text)")
        }
    }
}
