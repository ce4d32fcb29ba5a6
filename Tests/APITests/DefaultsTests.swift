import Formats
import Service
import TestSupport
import Testing
import Training

@testable import API

/// What the contract says of defaults is what a request gets that leaves everything out.
struct DefaultsTests {
    let contract = ContractDocument.shared

    @Test(
        "a task has the defaults of the contract",
        arguments: [
            ("ForecastTask", #"{"kind": "forecast", "target": "a"}"#), ("ClassifyTask", #"{"kind": "classify"}"#),
        ])
    func task(_ schema: String, _ text: String) throws {
        let spec = try read(#""task": \#(text)"#).spec
        try expect(Formats.encode(spec.task), schema, given: ["kind", "target"])
    }

    @Test("a labeller has the defaults of the contract, of the kind of its inputs")
    func labels() throws {
        for kind in ["numbers", "tokens"] {
            let spec = try read(#""task": {"kind": "label", "inputs": "\#(kind)"}"#).spec
            let encoded = try JSON.parse(Formats.encode(spec.task))
            let properties = contract.schema("LabelTask")["properties"]
            for (name, value) in encoded.object?.members ?? JSONObject().members where name != "kind" {
                let due = name == "inputs" ? .string(kind) : contract.resolve(properties?[name] ?? .null)["default"]
                #expect(value == due, "\(name)")
            }
            #expect((encoded["transform"] == nil) == (kind == "tokens"))
            #expect((encoded["min_count"] == nil) == (kind == "numbers"))
        }
        #expect(try read(#""task": {"kind": "label"}"#).spec.task == TaskSpec(.label))
    }

    @Test("training has the defaults of the contract")
    func training() throws {
        let spec = try read(#""task": {"kind": "classify"}"#).spec
        try expect(Formats.encode(spec.training), "Training", given: ["optimizer"])
        let both = try read(#""task": {"kind": "classify"}, "training": {"validation": {}, "early_stopping": {}}"#).spec
        let encoded = try JSON.parse(Formats.encode(both.training))
        let properties = contract.schema("Training")["properties"]
        for name in ["validation", "early_stopping"] {
            for (field, schema) in contract.members(properties?[name]?["properties"]) {
                #expect(encoded[name]?[field] == schema["default"], "\(name).\(field)")
            }
        }
        let unclipped = try read(#""task": {"kind": "classify"}, "training": {"clip": null}"#).spec
        #expect(unclipped.training.clip == nil)
    }

    @Test(
        "an optimizer has the defaults of its kind",
        arguments: [("Adam", "adam"), ("Adam", "adamw"), ("SGD", "sgd"), ("RMSProp", "rmsprop")])
    func optimizer(_ schema: String, _ kind: String) throws {
        let spec = try read(#""task": {"kind": "classify"}, "training": {"optimizer": {"kind": "\#(kind)"}}"#).spec
        try expect(Formats.encode(spec.training.optimizer), schema, given: ["kind"])
    }

    @Test("no optimizer is the one of the contract")
    func noOptimizer() throws {
        let spec = try read(#""task": {"kind": "classify"}"#).spec
        for (field, value) in contract.members(contract.schema("Optimizer")["default"]) {
            #expect(try JSON.parse(Formats.encode(spec.training.optimizer))[field] == value)
        }
    }

    @Test(
        "a schedule has the defaults of its kind",
        arguments: [
            ("ConstantSchedule", "constant"), ("StepSchedule", "step"), ("ExponentialSchedule", "exponential"),
            ("FallingSchedule", "linear"), ("FallingSchedule", "cosine"), ("PlateauSchedule", "reduce_on_plateau"),
        ])
    func schedule(_ schema: String, _ kind: String) throws {
        let spec = try read(#""task": {"kind": "classify"}, "training": {"schedule": {"kind": "\#(kind)"}}"#).spec
        try expect(Formats.encode(try #require(spec.training.schedule)), schema, given: ["kind"])
    }

    @Test("no network, an empty short form and an empty layer are the same network")
    func network() throws {
        let absent = try read(#""task": {"kind": "classify"}"#).spec.network
        for text in ["{}", #"{"layers": [{}]}"#, #"{"cell": "lstm", "hidden": 32}"#, #"{"hidden": [32]}"#] {
            #expect(try read(#""task": {"kind": "classify"}, "network": \#(text)"#).spec.network == absent, "\(text)")
        }
        let encoded = try JSON.parse(Formats.encode(absent))
        #expect(encoded["dropout"] == contract.schema("Dropout")["default"])
        #expect(encoded["layers"]?[0]?["cell"] == contract.schema("Cell")["default"])
        #expect(encoded["layers"]?[0]?["hidden"] == contract.schema("Hidden")["default"])
        for (field, schema) in contract.members(contract.schema("Initialization")["properties"]) {
            #expect(encoded["initialization"]?[field] == contract.resolve(schema)["default"], "\(field)")
        }
        for (cell, field, schema) in [
            ("gru", "reset", "Reset"), ("elman", "activation", "Activation"),
            ("elman", "residual_state", "ResidualState"), ("lstm", "forget", "Forget"),
            ("lstm", "peepholes", "Peepholes"), ("lstm", "output_sees_previous", "OutputSeesPrevious"),
            ("lstm", "candidate_activation", "CandidateActivation"), ("lstm", "state_activation", "StateActivation"),
        ] {
            let network = try read(#""task": {"kind": "classify"}, "network": {"cell": "\#(cell)"}"#).spec.network
            #expect(
                try JSON.parse(Formats.encode(network))["layers"]?[0]?[field] == contract.schema(schema)["default"])
        }
    }

    @Test("the echo of a specification is a request that asks for the same")
    func echo() throws {
        for text in RequestBody.all.first?.examples ?? [] {
            let request = try Call.decode(Array(text.utf8), TrainRequest.init(reading:))
            let echo = """
                {"model": "m", "data": {"dataset": "d"}, "task": \(Formats.encode(request.spec.task)),
                 "network": \(Formats.encode(request.spec.network)), "training": \(Formats.encode(request.spec.training))}
                """
            #expect(SchemaCheck.findings(try JSON.parse(echo), contract.schema("TrainRequest")) == [], "\(echo)")
            #expect(try Call.decode(Array(echo.utf8), TrainRequest.init(reading:)).spec == request.spec)
        }
    }

    private func read(_ members: String) throws -> TrainRequest {
        try Call.decode(
            Array(#"{"model": "m", "data": {"dataset": "d"}, \#(members)}"#.utf8), TrainRequest.init(reading:))
    }

    /// Every property of the schema is in the value with its default, and every default was looked at.
    private func expect(_ encoded: String, _ schema: String, given: Set<String>) throws {
        let value = try JSON.parse(encoded)
        let properties = contract.members(contract.schema(schema)["properties"])
        #expect(!properties.isEmpty)
        for (name, property) in properties where !given.contains(name) {
            let fallback = try #require(contract.resolve(property)["default"], "\(schema).\(name) has no default")
            let found = value[name] ?? .null
            // A clip is an object of which only one member has a default.
            if let object = fallback.object, found.object != nil {
                for (key, member) in object.members { #expect(found[key] == member, "\(schema).\(name).\(key)") }
            } else {
                #expect(found == fallback, "\(schema).\(name)")
            }
        }
        let found = Set(value.object?.keys ?? [])
        #expect(found.isSubset(of: properties.map(\.0)))
    }
}
