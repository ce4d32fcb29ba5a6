import Formats
import Foundation
import NamedFields
import Service
import Testing
import Training

@testable import API

/// The contract's schemas of what clients send, against the decoders that read it.
struct RequestBodyTests {
    let contract = ContractDocument.shared

    @Test("every valid body fits its schema and is read", arguments: RequestBody.all)
    func validBodiesAreRead(_ body: RequestBody) throws {
        for example in body.examples {
            let value = try JSON.parse(example)
            #expect(SchemaCheck.findings(value, contract.schema(body.schema)) == [], "\(example)")
            #expect(throws: Never.self, "\(example)") { try body.decode(Array(example.utf8)) }
        }
    }

    @Test("the examples of the contract are read")
    func contractExamplesAreRead() throws {
        var count = 0
        for operation in contract.operations.values {
            guard let content = contract.content(operation["requestBody"] ?? .null)["application/json"],
                let name = content["schema"]?["$ref"]?.string?.split(separator: "/").last,
                let body = RequestBody.all.first(where: { $0.schema == name })
            else { continue }
            for example in contract.examples(content) {
                #expect(throws: Never.self, "\(example.text)") { try body.decode(example.bytes) }
                count += 1
            }
        }
        #expect(count >= 15)
    }

    @Test("the example requests of the documentation fit the contract and are read")
    func documentedExamplesAreRead() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().resolvingSymlinksInPath()
        let folder = root.appendingPathComponent("Documentation/examples")
        var count = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(".json") {
            let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
            let schema = name.hasPrefix("train") ? "TrainRequest" : "PredictRequest"
            let body = try #require(RequestBody.all.first { $0.schema == schema })
            #expect(SchemaCheck.findings(try JSON.parse(bytes), contract.schema(schema)) == [], "\(name)")
            #expect(throws: Never.self, "\(name)") { try body.decode(bytes) }
            count += 1
        }
        #expect(count > 0)
    }

    @Test("the valid bodies show every field of their schema", arguments: RequestBody.all)
    func validBodiesShowEveryField(_ body: RequestBody) throws {
        var shown: Set<String> = []
        var known: Set<String> = []
        for example in body.examples {
            var walk = BodyWalk(contract)
            walk.visit(try JSON.parse(example), contract.schema(body.schema))
            for site in walk.sites { if let fields = site.fields { known.formUnion(fields) } }
            shown.formUnion(walk.sites.flatMap { $0.value.object?.keys ?? [] })
        }
        #expect(known.subtracting(shown).isEmpty)
        #expect(!known.isEmpty)
    }

    @Test("an unknown field is told with its pointer, wherever it stands", arguments: RequestBody.all)
    func unknownFields(_ body: RequestBody) throws {
        try forEverySite(body) { site, root in
            guard site.fields != nil, var object = site.value.object else { return }
            object["zzz"] = 1
            try expect(body, root.replacing(site.path, with: .object(object)), violatesAt: site.path + [.key("zzz")])
        }
    }

    @Test("a missing field is told with its pointer", arguments: RequestBody.all)
    func missingFields(_ body: RequestBody) throws {
        try forEverySite(body) { site, root in
            for name in site.required {
                guard var object = site.value.object else { continue }
                object[name] = nil
                // Without a kind or layers the object is read as another variant, which is the contract's wish.
                guard
                    SchemaCheck.findings(root.replacing(site.path, with: .object(object)), contract.schema(body.schema))
                        != []
                else { continue }
                try expect(
                    body, root.replacing(site.path, with: .object(object)),
                    violatesAt: site.isVariant ? site.path : site.path + [.key(name)])
            }
        }
    }

    @Test("a value of the wrong type is told with its pointer", arguments: RequestBody.all)
    func wrongTypes(_ body: RequestBody) throws {
        let wrong: [JSON] = ["x y", 1.5, true, [], .object(JSONObject()), ["x y"], [[true]]]
        try forEverySite(body) { site, root in
            for value in wrong {
                let changed = root.replacing(site.path, with: value)
                if SchemaCheck.findings(changed, contract.schema(body.schema)).isEmpty {
                    // What the contract allows is read.
                    #expect(throws: Never.self, "\(changed.text)") { try body.decode(changed.bytes) }
                } else {
                    try expect(body, changed, violatesAt: site.path)
                }
            }
        }
    }

    @Test("a number out of range is told with its pointer, and the last one within is read", arguments: RequestBody.all)
    func ranges(_ body: RequestBody) throws {
        var count = 0
        try forEverySite(body) { site, root in
            for (bound, isWrong) in site.bounds {
                let changed = root.replacing(site.path, with: .number(bound))
                if isWrong {
                    try expect(body, changed, violatesAt: site.path)
                } else {
                    #expect(throws: Never.self, "\(site.path.pointer) = \(bound)") { try body.decode(changed.bytes) }
                }
                count += 1
            }
        }
        if body.schema == "TrainRequest" { #expect(count > 60) }
    }

    @Test("all violations come at once")
    func allAtOnce() throws {
        let text = #"""
            {"modle": "m", "task": {"kind": "forecast", "lookback": 0, "transform": ["lgo", {"seasonal_difference": "x"}]},
             "network": {"cell": "lsmt", "hidden": [8, 0]}, "training": {"epochs": "many", "optimizer": {"kind": "sgd", "beta1": 1}},
             "data": {"csv": "a", "dataset": "b", "missing": "guess"}}
            """#
        let pointers = try violations { _ = try Call.decode(Array(text.utf8), RequestBodyTests.train) }.map(
            \.path.pointer)
        let expected = [
            "#/modle", "#/model", "#/task/target", "#/task/lookback", "#/task/transform/0",
            "#/task/transform/1/seasonal_difference", "#/network/cell", "#/network/hidden/1", "#/training/epochs",
            "#/training/optimizer/beta1", "#/data", "#/data/missing",
        ]
        #expect(Set(pointers) == Set(expected))
        #expect(pointers.count == expected.count)
    }

    @Test("what the specification reproaches points to where its author wrote it")
    func shortFormsKeepTheirPlace() throws {
        let start =
            #"{"model": "m", "data": {"dataset": "d"}, "task": {"kind": "forecast", "target": "a"}, "network": "#
        for (network, pointer) in [
            (#"{"hidden": 70000}"#, "#/network/hidden"), (#"{"hidden": [1, 70000]}"#, "#/network/hidden/1"),
            (#"{"layers": [{"hidden": 1}, {"hidden": 70000}]}"#, "#/network/layers/1/hidden"),
            (#"{"dropout": 1}"#, "#/network/dropout"), (#"{"cell": "lstm", "reset": "after"}"#, "#/network/reset"),
        ] {
            let found = try violations {
                _ = try Call.decode(Array((start + network + "}").utf8), RequestBodyTests.train)
            }
            #expect(found.map(\.path.pointer) == [pointer])
        }
    }

    @Test("a misspelt field of a short form finds the one that was meant, of the layer or of the network")
    func misspeltShortForms() throws {
        let start =
            #"{"model": "m", "data": {"dataset": "d"}, "task": {"kind": "forecast", "target": "a"}, "network": "#
        for (network, hint) in [
            (#"{"dropuot": 0.1}"#, "dropout"), (#"{"hiden": 3}"#, "hidden"),
            (#"{"cell": "gru", "rest": "after"}"#, "reset"),
            (#"{"hidden": [3, 4], "initialisation": {}}"#, "initialization"),
        ] {
            let found = try violations {
                _ = try Call.decode(Array((start + network + "}").utf8), RequestBodyTests.train)
            }
            #expect(found.count == 1 && found[0].detail.hasSuffix("did you mean \"\(hint)\"?"), "\(found)")
        }
    }

    @Test("of a task whose kind is not known nothing else is said than that")
    func unknownTask() throws {
        for task in [#"{"kind": "forcast"}"#, "{}", #"{"kind": null, "label": "l"}"#] {
            let text = #"{"model": "m", "data": {"dataset": "d"}, "task": \#(task)}"#
            let found = try violations { _ = try Call.decode(Array(text.utf8), RequestBodyTests.train) }
            #expect(found.map(\.path.pointer) == ["#/task/kind"], "\(task)")
        }
    }

    // MARK: -

    static let train: @Sendable (JSONReader) throws -> TrainRequest? = { TrainRequest(reading: $0) }

    private func forEverySite(_ body: RequestBody, _ act: (BodyWalk.Site, JSON) throws -> Void) throws {
        for example in body.examples {
            let root = try JSON.parse(example)
            var walk = BodyWalk(contract)
            walk.visit(root, contract.schema(body.schema))
            for site in walk.sites { try act(site, root) }
        }
    }

    private func violations(_ act: () throws -> Void) throws -> [Violation] {
        do { try act() } catch let error as Violations { return error.list }
        return []
    }

    /// A violation at the place, or within it.
    private func expect(_ body: RequestBody, _ value: JSON, violatesAt path: [Violation.PathComponent]) throws {
        let found = try violations { try body.decode(value.bytes) }
        // A list of numbers that is nested less deeply than it should is told of as a whole.
        let isTold = found.contains { violation in
            violation.path.starts(with: path) || (path.last == .index(0) && violation.path == Array(path.dropLast()))
        }
        #expect(isTold, "\(body.schema) \(path.pointer): \(value.text.prefix(600)) gave \(found.map(\.path.pointer))")
    }
}
