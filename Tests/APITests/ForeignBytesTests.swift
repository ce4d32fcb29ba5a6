import Formats
import HTTPServer
import Models
import NamedFields
import Networks
import Service
import Testing
import Wire

@testable import API

/// Files and states that others made, each with a right checksum and one thing that cannot be.
struct ForeignBytesTests {
    private static let octets: Fields = ["Content-Type": "application/octet-stream"]

    /// A part of a model file, and what is put in its place.
    static let changes: [(what: String, model: Int, from: BinaryPart, to: BinaryPart)] = [
        ("lookback", 0, .int(3), .int(.max)), ("lookback", 0, .int(3), .int(0)),
        ("horizon", 0, .int(2), .int(.max)), ("season", 0, .int(12), .int(-1)),
        ("hidden", 0, .int(4), .int(1 << 24)), ("dropout", 0, .double(0.25), .double(.nan)),
        ("dropout", 0, .double(0.25), .double(-1)), ("dropout", 0, .double(0.25), .double(1)),
        ("readout", 0, .text("last"), .text("every_step")),
        ("divisor", 0, .double(2), .double(0)), ("divisor", 0, .double(2), .double(.infinity)),
        ("offset", 0, .double(1), .double(.nan)), ("tail", 0, .doubles([1.5, 2.5, 3.5]), .doubles([1.5, .nan, 3.5])),
        ("tail", 0, .doubles([1.5, 2.5, 3.5]), .doubles([1.5, 2.5])),
        ("name", 0, .text("b"), .text("a")), ("name", 0, .text("b"), .text(String(repeating: "b", count: 100_000))),
        ("separator", 0, .text("-"), .text("é")), ("period", 1, .int(2), .int(.max)),
        ("logarithm", 1, .doubles([4.5]), .doubles([-4.5])), ("labels", 2, .text("no"), .text("ä")),
    ]

    @Test("a model file with a part that cannot be is refused in words and not stored", arguments: changes)
    func modelParts(what: String, model: Int, from: BinaryPart, to: BinaryPart) throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        var parts = [BinaryPart](ForeignModels.all[model])
        try server.send(.post, "/models?name=good", fields: Self.octets, bytes: parts.sealedAsModel, expecting: 201)
        parts[try #require(parts.firstIndex(of: from))] = to
        let answer = try server.send(
            .post, "/models?name=x", fields: Self.octets, bytes: parts.sealedAsModel, expecting: 422)
        #expect(answer["code"] == "invalid_file")
        #expect((answer["detail"]?.string ?? "").utf8.count < 500)
        try server.send(.get, "/models/x", expecting: 404)
    }

    @Test(
        "times that no labels could have given are refused, and those that could go on",
        arguments: [
            (Int64.max, Int64.max), (.min, 0), (0, 24_000), (1, .min), (1, 1 << 40),
        ])
    func times(step: Int64, last: Int64) throws {
        var parts = [BinaryPart](ForeignModels.forecaster)
        let place = try #require(parts.firstIndex(of: .int(24001)))
        #expect(parts[place - 1] == .int(1))
        (parts[place - 1], parts[place]) = (.int(step), .int(last))
        #expect(throws: ModelFileError.self) { try ModelFile.decode(parts.sealedAsModel) }
    }

    @Test("many layers of many units without their parameters are refused before they are laid out")
    func layers() throws {
        let model = ForeignModels.forecaster
        var many = model
        many.network.layers = Array(repeating: model.network.layers[0], count: 9000)
        var wide = model
        wide.network.layers = Array(repeating: LayerDescription(cell: .lstm(), hidden: 65_536), count: 64)
        for other in [many, wide] {
            // What stands there by name is another network's; the tensors are as they were.
            let parts = [BinaryPart](model, fields: ModelFile.fields(of: other))
            #expect(throws: ModelFileError.self) { try ModelFile.decode(parts.sealedAsModel) }
        }
    }

    @Test("a description that is nothing but counts, or objects in objects, is refused before it takes memory")
    func descriptions() {
        let model = ForeignModels.forecaster
        var deep = FieldValue.null
        for _ in 0..<1000 { deep = .list([deep]) }
        let nulls = FieldValue.list(Array(repeating: .null, count: 1_000_000))
        // Each name is looked for among those before it.
        let members = FieldValue.members((0..<300_000).map { FieldMember("\($0)", .null) })
        for value in [deep, nulls, members, .null, .members([])] {
            let parts = [BinaryPart](model, fields: value)
            let error = #expect(throws: ModelFileError.self) { try ModelFile.decode(parts.sealedAsModel) }
            guard value == members else { continue }
            #expect(error.map { "\($0)".contains("an object of fewer members") } == true, "\(error as Any)")
        }
        var parts = [BinaryPart](model)
        parts[1] = .short(.max)
        #expect(throws: ModelFileError.self) { try ModelFile.decode(parts.sealedAsModel) }
    }

    @Test("the parts that tests change are those of the file")
    func parts() {
        for model in ForeignModels.all { #expect([BinaryPart](model).sealedAsModel == ModelFile.encode(model)) }
    }

    // MARK: States

    private func session(_ model: Model, _ server: TestServer) throws -> [BinaryPart] {
        try server.send(
            .post, "/models?name=m", fields: Self.octets, bytes: ModelFile.encode(model), expecting: 201)
        try server.send(.post, "/sessions", #"{"model": "m", "id": "s"}"#, expecting: 201)
        let row = (0..<model.network.inputs).map { "\($0 + 1).5" }.joined(separator: ",")
        try server.send(
            .post, "/sessions/s/steps", #"{"inputs": [[\#(row)], [\#(row)], [\#(row)], [\#(row)]]}"#, expecting: 200)
        return [BinaryPart](try server.service.state(of: "s"), of: try server.service.session("s").model)
    }

    @Test("a blob that counts to the end of numbers, or claims what is not there, is refused and moves nothing")
    func blobs() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let parts = try session(ForeignModels.differenced, server)
        #expect(parts.sealedAsState == (try server.service.stateBlob(of: "s")))
        let before = try server.send(.get, "/sessions/s/state", expecting: 200)
        // Place 5 is the step, 6 and 7 the rows and columns to look back on, 11 the network's steps, 12 its first layer.
        let changes: [(Int, BinaryPart)] = [
            (5, .int(.max)), (5, .int(-1)), (6, .int(20_000)), (7, .int(20_000)), (6, .int(.min)), (8, .double(.nan)),
            (8, .double(-1)), (11, .int(.max)), (12, .floats([.nan, 0, 0])), (12, .floats([0, 0])),
            (12, .floats([0, 0, 0, 0])), (3, .int(.min)), (4, .shortText(String(repeating: "x", count: 100_000))),
        ]
        for (place, part) in changes where place != 3 {
            var changed = parts
            changed[place] = part
            let answer = try server.send(
                .put, "/sessions/s/state", fields: Self.octets, bytes: changed.sealedAsState, expecting: 422)
            #expect((answer["detail"]?.string ?? "").utf8.count < 500)
            #expect(try server.send(.get, "/sessions/s/state", expecting: 200) == before, "\(place) \(part)")
        }
        var counting = parts
        (counting[6], counting[7]) = (.int(20_000), .int(20_000))
        try server.send(
            .put, "/sessions/s/state", fields: Self.octets,
            bytes: counting.sealedAsState + Array(repeating: 0, count: 20_000),
            expecting: 422)
        try server.send(.post, "/sessions/s/steps", #"{"inputs": [[2]]}"#, expecting: 200)
    }

    @Test("a session restored near the end of what is counted takes rows up to it and is told to begin anew beyond")
    func lastStep() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        var parts = try session(ForeignModels.differenced, server)
        parts[5] = .int(Int64(ModelLimit.steps) - 1)
        try server.send(
            .put, "/sessions/s/state", fields: Self.octets, bytes: parts.sealedAsState, expecting: 200)
        let last = try server.send(.post, "/sessions/s/steps", #"{"inputs": [[2]]}"#, expecting: 200)
        #expect(last["step"]?.int == ModelLimit.steps)
        let answer = try server.send(.post, "/sessions/s/steps", #"{"inputs": [[2]]}"#, expecting: 409)
        #expect(answer["detail"]?.string?.contains("reset") == true)
        try server.send(.post, "/sessions/s/reset", expecting: 200)
        try server.send(.post, "/sessions/s/steps", #"{"inputs": [[2]]}"#, expecting: 200)
    }

    @Test("a state as JSON is held to the model as well, and one that no row could follow is refused")
    func jsonStates() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        _ = try session(ForeignModels.differenced, server)
        let layers = #""layers": [{"h": [0, 0, 0]}]"#
        for body in [
            #"{"step": 9, \#(layers), "lags": [[1], [0], [1]]}"#, #"{"step": 9, \#(layers), "lags": [[1], [1]]}"#,
            #"{"step": 9007199254740992, \#(layers), "lags": [[1], [1], [1]]}"#,
            #"{"step": 9, "layers": [{"h": [0, 0, 0], "c": [0, 0, 0]}], "lags": [[1], [1], [1]]}"#,
            #"{"step": 9, \#(layers), "sum": [0, 0, 0], "lags": [[1], [1], [1]]}"#,
            #"{"step": 9, \#(layers), "lags": [[1, 1], [1, 1], [1, 1]]}"#,
            #"{"step": 9, "layers": [{"h": [1e39, 0, 0]}], "lags": [[1], [1], [1]]}"#,
        ] {
            try server.send(.put, "/sessions/s/state", body, expecting: 422)
        }
        try server.send(
            .put, "/sessions/s/state", #"{"step": 9, \#(layers), "lags": [[1], [1], [1]]}"#, expecting: 200)
    }

    @Test("a state whose numbers have overflowed is told as that, in both forms, and a reset ends it")
    func overflow() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        _ = try session(ForeignModels.classifier, server)
        try server.send(
            .put, "/sessions/s/state",
            #"{"step": 9, "layers": [{"h": [3e38, 3e38]}], "sum": [3e38, 3e38], "lags": [[1, 1]]}"#, expecting: 200)
        try server.send(.post, "/sessions/s/steps", #"{"inputs": [[1, 1], [1, 1], [1, 1]]}"#, expecting: 200)
        for type in ["application/json", "application/octet-stream"] {
            let answer = try server.send(.get, "/sessions/s/state", fields: ["Accept": type], expecting: 409)
            #expect(answer["detail"]?.string?.contains("overflowed") == true)
        }
        try server.send(.post, "/sessions/s/reset", expecting: 200)
        try server.send(.get, "/sessions/s/state", expecting: 200)
    }

    @Test("time labels of many bytes and few characters are labels without a rule")
    func labels() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        for first in ["2021年2月10日", "١٩٦١-٠١-٠١", "👨‍👩‍👧‍👦", "2021-01-01Té:é", "2021-01-01T"] {
            let body = #"""
                {"model": "m", "task": {"kind": "forecast", "target": "y", "time": "t", "lookback": 1},
                 "data": {"csv": "t,y\n\#(first),1\nb,2\n"}}
                """#
            try server.send(.post, "/train?validate=only", body, expecting: 200)
        }
    }
}
