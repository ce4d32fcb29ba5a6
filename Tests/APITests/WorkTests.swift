import Formats
import Foundation
import Glibc
import Kernels
import Models
import Networks
import Service
import Store
import TestSupport
import Testing

@testable import API

/// What a request may cost: refused before it is begun, and ended when nobody waits for it.
struct WorkTests {
    /// A forecaster of one layer, made without training.
    static func forecaster(
        targets: Int = 1, hidden: Int, horizon: Int = 3, named name: (Int) -> String = { "t\($0)" }
    ) -> Model {
        let network = NetworkDescription(
            inputs: targets, layers: [LayerDescription(cell: .lstm(), hidden: hidden)], outputs: targets)
        let layout = ParameterLayout(network)
        var random = SeededGenerator(3)
        return Model(
            task: .forecast(
                ForecastModel(
                    targets: (0..<targets).map(name), features: [], time: nil, lookback: 2, horizon: horizon,
                    season: nil,
                    tail: SeriesTail(
                        rows: [[Double]](repeating: [Double](repeating: 1, count: targets), count: 2), time: nil))),
            transform: [.standardize],
            inputs: InputTransforms(
                columns: [ColumnTransform](
                    repeating: ColumnTransform(steps: [.scale(offset: 0, divisor: 1)]), count: targets),
                laggedColumns: targets),
            network: network,
            parameters: Parameters(
                layout: layout, values: (0..<layout.count).map { _ in Float.random(in: -0.05...0.05, using: &random) }),
            seed: 3, datasetDigest: String(repeating: "ab", count: 32))
    }

    private func server(
        _ model: Model, requestMemory: Int? = nil, _ change: (inout ServiceConfiguration) -> Void = { _ in }
    ) throws -> TestServer {
        let server = try TestServer(hasWorker: false, requestMemory: requestMemory, change: change)
        _ = try server.service.importModel(name: "m", bytes: ModelFile.encode(model))
        return server
    }

    @Test("an object where a row of numbers is due is refused with its place, and takes no memory for those behind it")
    func objects() throws {
        let server = try server(Self.forecaster(hidden: 2), requestMemory: 16 << 20)
        defer { server.stop() }
        let objects = [String](repeating: "{}", count: 1_000_000).joined(separator: ",")
        let problem = try server.send(.post, "/predict", #"{"model": "m", "inputs": [\#(objects)]}"#, expecting: 422)
        #expect(problem["errors"]?[0]?["pointer"] == "#/inputs/0")
        let other = try server.send(.post, "/predict", #"{"model": "m", "top_k": [\#(objects)]}"#, expecting: 413)
        #expect(other["detail"]?.string?.contains("MiB") == true)
    }

    @Test("a state that the memory of requests does not hold as an answer is refused before it is written")
    func states() throws {
        let server = try server(Self.forecaster(hidden: 300), requestMemory: 16 << 10)
        defer { server.stop() }
        _ = try server.service.openSession(OpenSessionRequest(model: ModelReference(name: "m"), id: "s"))
        let problem = try server.send(.get, "/sessions/s/state", expecting: 413)
        #expect(problem["detail"]?.string?.contains("the state") == true)
        try server.send(.get, "/sessions/s/state", fields: ["Accept": "application/octet-stream"], expecting: 200)
    }

    @Test(
        "an answer that the memory of requests does not hold is refused before it is computed, and a smaller one given")
    func wideAnswers() throws {
        let server = try server(Self.forecaster(targets: 200, hidden: 2), requestMemory: 32 << 20)
        defer { server.stop() }
        let problem = try server.send(.post, "/predict", #"{"model": "m", "horizon": 100000}"#, expecting: 413)
        #expect(problem["detail"]?.string?.contains("MiB") == true)
        let small = try server.send(.post, "/predict", #"{"model": "m", "horizon": 10}"#, expecting: 200)
        #expect(small["outputs"]?[0]?.count == 10)
        let row = "[" + [String](repeating: "1", count: 200).joined(separator: ",") + "]"
        try server.send(.post, "/sessions", #"{"model": "m", "id": "s"}"#, expecting: 201)
        try server.send(.post, "/sessions/s/steps", #"{"inputs": [\#(row)]}"#, expecting: 200)
        try server.send(.post, "/sessions/s/forecast", #"{"horizon": 100000}"#, expecting: 413)
        try server.send(.post, "/sessions/s/forecast", #"{"horizon": 10}"#, expecting: 200)
    }

    @Test("more multiply-adds than a request may take are refused, with the steps that it may ask for")
    func operations() throws {
        let server = try server(Self.forecaster(hidden: 8)) { $0.maximumPredictionOperations = 100_000 }
        defer { server.stop() }
        let problem = try server.send(.post, "/predict", #"{"model": "m", "horizon": 1000}"#, expecting: 422)
        #expect(problem["code"] == "too_large")
        #expect(problem["detail"]?.string?.contains("steps at once") == true)
        try server.send(.post, "/predict", #"{"model": "m", "horizon": 10}"#, expecting: 200)
        try server.send(.post, "/sessions", #"{"model": "m", "id": "s"}"#, expecting: 201)
        let rows = [String](repeating: "[1]", count: 1_000).joined(separator: ",")
        try server.send(.post, "/sessions/s/steps", #"{"inputs": [\#(rows)]}"#, expecting: 422)
        try server.send(.post, "/sessions/s/steps", #"{"inputs": [[1]]}"#, expecting: 200)
        try server.send(.post, "/sessions/s/forecast", #"{"horizon": 1000}"#, expecting: 422)
        #expect(try server.send(.get, "/sessions/s", expecting: 200)["step"] == 1)
    }

    @Test("work whose clients have left ends, and stops neither sessions nor small predictions meanwhile")
    func abandoned() throws {
        // Minutes of work, if it were done.
        let server = try server(Self.forecaster(hidden: 512))
        defer { server.stop() }
        _ = try server.service.importModel(name: "small", bytes: ModelFile.encode(Self.forecaster(hidden: 2)))
        try server.send(.post, "/sessions", #"{"model": "small", "id": "s"}"#, expecting: 201)
        let long = try (0..<4).map { _ in try connect(to: server, sending: #"{"model": "m", "horizon": 100000}"#) }
        #expect(waits { server.api.queues.long.count == 4 })
        try server.send(.post, "/sessions/s/steps", #"{"inputs": [[1]]}"#, expecting: 200)
        try server.send(.post, "/predict", #"{"model": "small", "horizon": 2}"#, expecting: 200)
        for socket in long { close(socket) }
        #expect(waits { server.api.queues.long.count == 0 })
    }

    /// A connection that has sent a prediction and does not wait for its answer.
    private func connect(to server: TestServer, sending body: String) throws -> Int32 {
        let port = try #require(UInt16(server.base.split(separator: ":").last ?? ""))
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(connected == 0)
        let text =
            "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
        _ = text.withCString { Glibc.send(socket, $0, text.utf8.count, 0) }
        return socket
    }

    private func waits(for condition: () -> Bool) -> Bool {
        for _ in 0..<2_000 {
            if condition() { return true }
            usleep(10_000)
        }
        return false
    }
}
