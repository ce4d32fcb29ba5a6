import Formats
import HTTPServer
import Testing
import Wire

@testable import API

/// Every system that is asked for by the fields of its layers: trained, asked, streamed, saved and read again.
@Suite("Systems")
struct SystemTests {
    struct System: Sendable, CustomTestStringConvertible {
        let name: String
        let network: String

        var testDescription: String { name }
    }

    static let forecasters: [System] = [
        System(name: "LSTM without a forget gate", network: #"{"cell": "lstm", "forget": "none", "hidden": 5}"#),
        System(
            name: "LSTM with peepholes",
            network: #"{"cell": "lstm", "peepholes": ["input", "forget", "output"], "hidden": 5}"#),
        System(
            name: "LSTM with coupled gates, a peephole and other functions",
            network: #"{"cell": "lstm", "forget": "coupled", "peepholes": ["output"], "candidate_activation": "relu","#
                + #""state_activation": "identity", "hidden": 5}"#),
        System(name: "residual recurrent network", network: #"{"cell": "elman", "residual_state": true, "hidden": 5}"#),
        System(
            name: "residual connections between layers",
            network: #"{"layers": [{"cell": "gru", "hidden": 4}, {"cell": "gru", "hidden": 4, "residual": true},"#
                + #"{"cell": "gru", "hidden": 4, "residual": true}]}"#),
        System(
            name: "identity RNN",
            network:
                #"{"cell": "elman", "activation": "relu", "hidden": 5, "initialization": {"recurrent": "identity"}}"#),
        System(name: "minimal gated unit", network: #"{"cell": "mgu", "hidden": 5}"#),
        System(
            name: "LSTM with projection", network: #"{"cell": "lstm", "hidden": 7, "projection": {"width": 3}}"#),
        System(
            name: "Jordan's network",
            network: #"{"cell": "elman", "hidden": 6, "projection": {"width": 1, "bias": true}, "head": "none"}"#),
        System(
            name: "Jordan's network with a context that decays",
            network: #"{"cell": "elman", "hidden": 6, "projection": {"width": 1, "bias": true, "activation": "tanh","#
                + #""decay": 0.5}}"#),
        System(
            name: "time-delay network",
            network: #"{"layers": [{"kind": "time_delay", "width": 5, "taps": 4},"#
                + #"{"kind": "time_delay", "width": 4, "taps": 2, "dilation": 2}]}"#),
        System(
            name: "dense layers around a cell",
            network: #"{"layers": [{"kind": "dense", "width": 4}, {"cell": "lstm", "hidden": 5},"#
                + #"{"kind": "dense", "width": 3, "activation": "relu"}], "output_dropout": 0.1, "dropout": 0.1}"#),
    ]

    @Test(
        "a forecaster learns, forecasts, streams the bits of its sequences, and survives its file",
        arguments: forecasters)
    func forecaster(system: System) throws {
        let server = try TestServer()
        defer { server.stop() }
        let rows = (0..<40).map { "\(100 + 10 * ($0 % 4) + $0)" }
        try server.train(
            #"{"model": "m", "task": {"kind": "forecast", "target": "y", "lookback": 6, "horizon": 3},"#
                + #""network": \#(system.network), "training": {"epochs": 3, "seed": 1},"#
                + #""data": {"csv": "y\n\#(rows.joined(separator: "\\n"))\n"}}"#)
        let history = rows.prefix(9).map { "[\($0)]" }
        let inputs = "[[\(history.joined(separator: ", "))]]"
        func forecast(_ model: String) throws -> JSON? {
            try server.send(.post, "/predict", #"{"model": "\#(model)", "inputs": \#(inputs)}"#, expecting: 200)[
                "outputs"]
        }
        let told = try #require(try forecast("m"))
        #expect(told[0]?.array?.count == 3)
        let whole = try server.send(
            .post, "/predict", #"{"model": "m", "inputs": \#(inputs), "return": "sequence"}"#, expecting: 200)
        try server.send(.post, "/sessions", #"{"model": "m", "id": "s"}"#, expecting: 201)
        var steps: [JSON] = []
        for row in history {
            steps +=
                try server.send(.post, "/sessions/s/steps", #"{"inputs": [\#(row)]}"#, expecting: 200)["outputs"]?.array
                ?? []
        }
        #expect(whole["outputs"]?[0] == .array(steps))
        // The state as text, in another session, goes on in the same way.
        let state = try server.send(.get, "/sessions/s/state", expecting: 200)
        try server.send(.post, "/sessions", #"{"model": "m", "id": "t", "state": \#(state.text)}"#, expecting: 201)
        let next = #"{"inputs": [[123]]}"#
        #expect(
            try server.send(.post, "/sessions/s/steps", next, expecting: 200)["outputs"]
                == server.send(.post, "/sessions/t/steps", next, expecting: 200)["outputs"])

        let file = try server.send(.get, "/models/m/versions/1/file")
        try server.send(
            .post, "/models?name=copy", fields: ["Content-Type": "application/octet-stream"], bytes: file.body,
            expecting: 201)
        #expect(try forecast("copy") == told)
    }

    static let readers: [System] = [
        System(name: "two directions", network: #"{"cell": "gru", "hidden": 4, "bidirectional": true}"#),
        System(
            name: "two directions, two layers, residual",
            network: #"{"layers": [{"cell": "lstm", "hidden": 3, "bidirectional": true},"#
                + #"{"cell": "lstm", "hidden": 3, "bidirectional": true, "residual": true}]}"#),
        System(
            name: "time delays from both ends",
            network: #"{"kind": "time_delay", "width": 4, "taps": 2, "bidirectional": true}"#),
    ]

    @Test(
        "what reads from both ends classifies whole sequences, and is refused a live session with the reason",
        arguments: readers)
    func reader(system: System) throws {
        let server = try TestServer()
        defer { server.stop() }
        // The label is told by the first row.
        let records = (0..<24).map { index in
            let rows = (0..<(3 + index % 4)).map { $0 == 0 ? "[\(index % 2 == 0 ? 1 : -1), 0]" : "[0, \($0)]" }
            return #"{"x": [\#(rows.joined(separator: ", "))], "label": "\#(index % 2 == 0 ? "up" : "down")"}"#
        }
        try server.train(
            #"{"model": "c", "task": {"kind": "classify"}, "network": \#(system.network),"#
                + #""training": {"epochs": 60, "seed": 3, "optimizer": {"learning_rate": 0.02}},"#
                + #""data": {"records": [\#(records.joined(separator: ", "))]}}"#)
        func ask(_ model: String) throws -> JSON? {
            let inputs = "[[[1, 0], [0, 1], [0, 2]], [[-1, 0], [0, 1]]]"
            return try server.send(
                .post, "/predict", #"{"model": "\#(model)", "inputs": \#(inputs)}"#, expecting: 200)["outputs"]
        }
        let told = try #require(try ask("c"))
        #expect(told.array?.map { $0["label"]?.string } == ["up", "down"])
        let refused = try server.send(.post, "/sessions", #"{"model": "c", "id": "s"}"#, expecting: 409)
        #expect(refused["detail"]?.string?.contains("both ends") == true)
        #expect(refused["code"] == "model_needs_whole_sequences")
        let file = try server.send(.get, "/models/c/versions/1/file")
        try server.send(
            .post, "/models?name=copy", fields: ["Content-Type": "application/octet-stream"], bytes: file.body,
            expecting: 201)
        #expect(try ask("copy") == told)
    }

    @Test(
        "layers that the task or each other does not fit are refused with their place",
        arguments: [
            (#"{"cell": "gru", "bidirectional": true}"#, "#/network/bidirectional"),
            (#"{"layers": [{"cell": "gru"}, {"kind": "embedding"}]}"#, "#/network/layers/1/kind"),
            (#"{"layers": [{"kind": "embedding"}]}"#, "#/network/layers/0/kind"),
            (#"{"cell": "gru", "projection": {"width": 4}}"#, "#/network/projection"),
            (#"{"layers": [{"hidden": 4}, {"hidden": 5, "residual": true}]}"#, "#/network/layers/1/residual"),
            (#"{"layers": [{"kind": "dense", "bidirectional": true}]}"#, "#/network/layers/0/bidirectional"),
            (#"{"layers": [{"kind": "dense", "taps": 2}]}"#, "#/network/layers/0/taps"),
            (#"{"layers": [{"kind": "time_delay", "taps": 1024, "dilation": 100}]}"#, "#/network/layers/0/dilation"),
            (#"{"cell": "elman", "hidden": 4, "head": "none"}"#, "#/network/head"),
            (#"{"layers": [{"hidden": 4, "residual": true}]}"#, "#/network/layers/0/residual"),
        ])
    func refusals(network: String, pointer: String) throws {
        let server = try TestServer()
        defer { server.stop() }
        let rows = (0..<30).map { "\($0 % 5)" }.joined(separator: "\\n")
        let problem = try server.send(
            .post, "/train?validate=only",
            #"{"model": "m", "task": {"kind": "forecast", "target": "y", "lookback": 4}, "network": \#(network),"#
                + #""data": {"csv": "y\n\#(rows)\n"}}"#, expecting: 422)
        let pointers = problem["errors"]?.array?.map { $0["pointer"]?.string }
        #expect(pointers?.contains(pointer) == true, "\(problem.text)")
    }
}
