import API
import ArgumentParser
import Formats
import Foundation
import HTTPServer
import Kernels
import Logging
import Models
import Networks
import Service
import Store

/// `timestep bench json`: is the network the slow part of a large prediction?
struct JSONBench: Command {
    static let configuration = CommandConfiguration(
        commandName: "json",
        abstract: "Time the JSON of a large prediction beside the network that answers it.",
        discussion:
            "Reading, network and writing run one after the other on one thread; then the whole request by HTTP.")

    @Option(help: "Sequences in the request.") var sequences = 1_000
    @Option(help: "Steps in each sequence.") var steps = 1_000
    @Option(help: "Width of the LSTM.") var hidden = 64
    @Option(help: "Runs of each part; the shortest counts.") var rounds = 3
    @Flag(help: "Print JSON.") var json = false

    private struct Times {
        var read = 0.0
        var network = 0.0
        var write = 0.0
        var requestLast = 0.0
        var requestSequence = 0.0
        var bytesIn = 0
        var bytesOut = 0
    }

    func perform() throws(CommandError) {
        guard sequences > 0, steps > 0, hidden > 0, rounds > 0 else {
            throw CommandError(.usage, "expected numbers of at least 1")
        }
        let times: Times
        do {
            times = try measure()
        } catch {
            throw CommandError(.unavailable, "the benchmark could not run: \(error)")
        }
        json ? print(document: times) : print(text: times)
    }

    private func measure() throws -> Times {
        var times = Times()
        let numbers = BenchModel.numbers(sequences * steps)
        let lengths = [Int](repeating: steps, count: sequences)
        let body = request(numbers, returning: nil)
        times.bytesIn = body.count

        var values: [Float] = []
        times.read = try Stopwatch.best(of: rounds) {
            guard case .numbers(let array)? = try JSON.parse(body)["inputs"] else { return }
            values = array.values.map { Float($0) }
        }
        guard values == numbers else { throw CommandError(.refused, "the numbers read are not those written") }

        let model = BenchModel.forecaster(hidden: hidden, lookback: steps)
        let network = InferenceNetwork(model.network, model.parameters, kernels: KernelSet())
        var outputs: [Float] = []
        times.network = Stopwatch.best(of: rounds) {
            outputs = network.run(values, lengths: lengths, answer: .everyStep)
        }

        times.write = Stopwatch.best(of: rounds) {
            var writer = JSONWriter()
            writer.object { writer in
                writer.key("outputs")
                writer.array { writer in
                    outputs.withUnsafeBufferPointer { all in
                        for sequence in 0..<sequences {
                            writer.rows(
                                UnsafeBufferPointer(rebasing: all[sequence * steps..<(sequence + 1) * steps]), width: 1)
                        }
                    }
                }
            }
            times.bytesOut = writer.take().count
        }
        try measureRequests(model, numbers, &times)
        return times
    }

    /// The same as a client sees it: sockets, queues, checks and transforms included.
    private func measureRequests(_ model: Model, _ numbers: [Float], _ times: inout Times) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("timestep-bench-\(getpid())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let logger = Logger(label: "bench") { LineLogHandler(label: $0, level: .error, style: .json) }
        let store = try Store(directory: folder, role: .server, at: Date())
        var configuration = ServiceConfiguration(dataDirectory: folder)
        configuration.workers = 0
        let service = Service(configuration: configuration, store: store, logger: logger)
        _ = try service.importModel(name: "bench", bytes: ModelFile.encode(model), tags: [:], summary: nil)
        var http = HTTPServer.Configuration()
        http.port = 0
        let server = HTTPServer(
            configuration: http, application: TimestepAPI(service: service, logger: logger), logger: logger)
        let address = try server.start()
        defer { server.stop(within: .seconds(1)) }
        let client = try HTTPClient(base: "http://127.0.0.1:\(address.port)")
        func send(_ body: [UInt8]) throws {
            let answer = try client.request(
                .post, "/predict", fields: ["Content-Type": "application/json"], body: .bytes(body))
            guard answer.head.status == 200 else { throw Problem(status: answer.head.status, body: answer.body).error }
        }
        let last = request(numbers, returning: "last")
        let every = request(numbers, returning: "sequence")
        times.requestLast = try Stopwatch.best(of: rounds) { try send(last) }
        times.requestSequence = try Stopwatch.best(of: rounds) { try send(every) }
    }

    private func request(_ numbers: [Float], returning: String?) -> [UInt8] {
        var writer = JSONWriter(capacity: numbers.count * 16)
        writer.object { writer in
            writer.key("model")
            writer.string("bench")
            if let returning {
                writer.key("return")
                writer.string(returning)
            }
            writer.key("inputs")
            writer.array { writer in
                numbers.withUnsafeBufferPointer { all in
                    for sequence in 0..<sequences {
                        writer.rows(
                            UnsafeBufferPointer(rebasing: all[sequence * steps..<(sequence + 1) * steps]), width: 1)
                    }
                }
            }
        }
        return writer.take()
    }

    // MARK: Output

    private func print(text times: Times) {
        let count = Double(sequences * steps)
        var table = TextTable([("", .left), ("ms", .right), ("million numbers/s", .right), ("MB", .right)])
        func add(_ name: String, _ seconds: Double, bytes: Int? = nil) {
            table.add([
                name, Numerals.fixed(seconds * 1e3, 1), Numerals.fixed(count / seconds / 1e6, 1),
                bytes.map { Numerals.fixed(Double($0) / 1e6, 1) } ?? "",
            ])
        }
        add("reading the JSON", times.read, bytes: times.bytesIn)
        add("the network", times.network)
        add("writing the JSON", times.write, bytes: times.bytesOut)
        add("whole request by HTTP, one answer a sequence", times.requestLast)
        add("whole request by HTTP, one answer a step", times.requestSequence)
        Output.line(
            "\(sequences) sequences x \(steps) steps x 1 feature, LSTM \(hidden), one thread, \(InstructionSet.best.rawValue)"
        )
        for line in table.lines(for: .plain, indent: 2) { Output.line(line) }
        let share = (times.read + times.write) / times.network
        Output.line("  reading and writing together take \(Numerals.fixed(share, 2)) of the network's time")
    }

    private func print(document times: Times) {
        let document: JSON = [
            "object": "bench_json", "sequences": .number(Double(sequences)), "steps": .number(Double(steps)),
            "hidden": .number(Double(hidden)), "instruction_set": .string(InstructionSet.best.rawValue),
            "read_seconds": .number(times.read), "network_seconds": .number(times.network),
            "write_seconds": .number(times.write), "request_last_seconds": .number(times.requestLast),
            "request_sequence_seconds": .number(times.requestSequence), "bytes_in": .number(Double(times.bytesIn)),
            "bytes_out": .number(Double(times.bytesOut)),
        ]
        Output.line(document.text)
    }
}
