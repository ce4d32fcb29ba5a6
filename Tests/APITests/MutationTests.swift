import Formats
import Foundation
import HTTPServer
import Models
import Networks
import Service
import TestSupport
import Testing
import Wire

@testable import API

/// Files, states and labels of others: every part of a valid one changed, sealed again, and then everything done with what
/// is accepted that a server does. Nothing may end the process, and no answer may be a 5xx.
///
/// A few seconds with one seed; `TIMESTEP_FUZZ_SECONDS` makes each of the three go on for so long with fresh ones.
@Suite(.serialized) struct MutationTests {
    private static let octets: Fields = ["Content-Type": "application/octet-stream"]
    private static let precisions = ["float32", "bfloat16", "int8"]

    /// Runs `round` after `round`: so many with the seed of the suite, or for as long as is asked for.
    private func rounds(_ kind: String, _ count: Int, _ round: (inout SeededGenerator) throws -> Void) throws {
        guard let text = ProcessInfo.processInfo.environment["TIMESTEP_FUZZ_SECONDS"], let seconds = Double(text) else {
            var random = SeededGenerator(8)
            for _ in 0..<count { try round(&random) }
            return
        }
        let end = Date().addingTimeInterval(seconds)
        var done = 0
        while Date() < end {
            let seed = UInt64.random(in: 0...UInt64.max)
            // Told before it runs: a round that ends the process leaves its seed behind.
            print("\(kind): seed \(seed) after \(done) cases")
            var random = SeededGenerator(seed)
            for _ in 0..<count where Date() < end {
                try round(&random)
                done += 1
            }
        }
        print("\(kind): \(done) cases")
    }

    private func accepted(_ answer: TestServer.Answer, at location: SourceLocation = #_sourceLocation) -> Bool {
        #expect(answer.status < 500, "\(answer.text.prefix(500))", sourceLocation: location)
        return answer.status < 300
    }

    @Test("changed model files, sealed again, are refused or serve")
    func models() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        var taken = 0
        try rounds("models", 1500) { random in
            let base = ForeignModels.all.randomElement(using: &random) ?? ForeignModels.forecaster
            let file = Mutation.change([BinaryPart](base), &random).sealedAsModel
            // Most are refused, and by the same words over HTTP: every tenth is sent anyway.
            let model = try? ModelFile.decode(file)
            guard model != nil || Int.random(in: 0..<10, using: &random) == 0 else { return }
            let answer = try server.send(.post, "/models?name=m", fields: Self.octets, bytes: file)
            #expect(accepted(answer) == (model != nil))
            guard let model else { return }
            taken += 1
            try serve(model, server, &random)
            try server.send(.delete, "/models/m?force=true", expecting: 204)
        }
        #expect(taken > 0)
    }

    /// What a server does with a model that came in.
    private func serve(_ model: Model, _ server: TestServer, _ random: inout SeededGenerator) throws {
        try server.send(.get, "/models/m/versions", expecting: 200)
        try server.send(.get, "/models/m", expecting: 200)
        let precision = Self.precisions.randomElement(using: &random) ?? ""
        let values = ["0", "1", "-1.5", "1e300", "-1e300", "1e-300", "3.5", "2"]
        func rows(_ count: Int, width: Int) -> String {
            let rows = (0..<count).map { _ in
                "[" + (0..<width).map { _ in values.randomElement(using: &random) ?? "0" }.joined(separator: ",") + "]"
            }
            return "[" + rows.joined(separator: ",") + "]"
        }
        let width = model.network.inputs
        let need: Int
        if case .forecast(let forecast) = model.task {
            need = forecast.lookback + model.lag
            let future = width - model.network.outputs
            let ahead = future > 0 ? #", "future": [\#(rows(3, width: future))]"# : ""
            _ = accepted(try server.send(.post, "/predict", #"{"model": "m", "precision": "\#(precision)"}"#))
            _ = accepted(
                try server.send(
                    .post, "/predict", #"{"model": "m", "horizon": 4, "precision": "\#(precision)"\#(ahead)}"#))
        } else {
            need = model.lag + 2
        }
        if need * width < 10_000 {
            _ = accepted(
                try server.send(
                    .post, "/predict",
                    #"{"model": "m", "precision": "\#(precision)", "inputs": [\#(rows(need, width: width))]}"#))
        }
        guard
            accepted(
                try server.send(.post, "/sessions", #"{"model": "m", "id": "s", "precision": "\#(precision)"}"#))
        else { return }
        for _ in 0..<2 {
            _ = accepted(
                try server.send(
                    .post, "/sessions/s/steps", #"{"inputs": \#(rows(4, width: width)), "return": ["y", "h", "c"]}"#))
        }
        _ = accepted(try server.send(.post, "/sessions/s/forecast", #"{"horizon": 3}"#))
        let blob = try server.send(.get, "/sessions/s/state", fields: ["Accept": "application/octet-stream"])
        _ = accepted(blob)
        _ = accepted(try server.send(.put, "/sessions/s/state", fields: Self.octets, bytes: blob.body))
        try server.send(.delete, "/sessions/s", expecting: 204)
    }

    @Test("changed states, sealed again or as JSON, are refused or go on")
    func states() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        for (index, model) in ForeignModels.all.filter(\.network.streams).enumerated() {
            try server.send(
                .post, "/models?name=m\(index)", fields: Self.octets, bytes: ModelFile.encode(model), expecting: 201)
        }
        var taken = 0
        try rounds("states", 400) { random in
            let index = Int.random(in: 0..<ForeignModels.all.filter(\.network.streams).count, using: &random)
            let precision = Self.precisions.randomElement(using: &random) ?? ""
            let width = ForeignModels.all.filter(\.network.streams)[index].network.inputs
            let row = "[" + (0..<width).map { "\($0 + 1).5" }.joined(separator: ",") + "]"
            try server.send(
                .post, "/sessions", #"{"model": "m\#(index)", "id": "s", "precision": "\#(precision)"}"#, expecting: 201
            )
            defer { _ = try? server.send(.delete, "/sessions/s", expecting: 204) }
            try server.send(
                .post, "/sessions/s/steps", #"{"inputs": [\#(row), \#(row), \#(row), \#(row)]}"#, expecting: 200)
            let answer: TestServer.Answer
            if Bool.random(using: &random) {
                let parts = [BinaryPart](
                    try server.service.state(of: "s"), of: try server.service.session("s").model)
                answer = try server.send(
                    .put, "/sessions/s/state", fields: Self.octets,
                    bytes: Mutation.change(parts, &random).sealedAsState)
            } else {
                let state = try server.send(.get, "/sessions/s/state", expecting: 200)
                answer = try server.send(.put, "/sessions/s/state", Mutation.change(state, &random))
            }
            if accepted(answer) { taken += 1 }
            _ = accepted(
                try server.send(
                    .post, "/sessions/s/steps", #"{"inputs": [\#(row), \#(row)], "return": ["y", "h", "c"]}"#))
            _ = accepted(try server.send(.post, "/sessions/s/forecast", #"{"horizon": 3}"#))
            _ = accepted(try server.send(.get, "/sessions/s/state"))
            _ = accepted(try server.send(.get, "/sessions/s/state", fields: ["Accept": "application/octet-stream"]))
        }
        #expect(taken > 0)
    }

    @Test("time labels of any bytes and any numbers have a rule or none")
    func labels() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        var known = 0
        try rounds("labels", 20_000) { random in
            let labels = Mutation.labels(&random)
            let (index, _) = TimeIndex.survey(labels)
            if let index {
                known += 1
                #expect(index.isReadable && index.label(after: 0) == labels.last)
                for rows in [1, -1, 100_000, Int.max, Int.min, Int.random(in: Int.min...Int.max, using: &random)] {
                    _ = index.label(after: rows)
                    _ = index.moved(by: rows)?.label(after: rows)
                }
            }
            guard Int.random(in: 0..<400, using: &random) == 0 else { return }
            // A quoted field may hold anything but a quote.
            let lines = labels.map { "\"\($0.filter { $0 != "\"" })\",1.5\n" }.joined()
            let data = JSON.string("t,y\n" + lines).text
            let task = #"{"kind": "forecast", "target": "y", "time": "t", "lookback": 1}"#
            _ = accepted(
                try server.send(
                    .post, "/train?validate=only", #"{"model": "m", "task": \#(task), "data": {"csv": \#(data)}}"#))
        }
        #expect(known > 100)
    }
}
