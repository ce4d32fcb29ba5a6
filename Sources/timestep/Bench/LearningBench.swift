import ArgumentParser
import Formats
import Foundation
import Glibc

/// `timestep bench learning`: what networks learn of real data, beside what PyTorch's learnt of them.
struct LearningBench: Command {
    static let configuration = CommandConfiguration(
        commandName: "learning",
        abstract: "Train over HTTP on public data, and judge the models by their answers.",
        discussion: """
            Starts a server with its settings at their defaults on a free port of this machine, with a fresh data \
            folder. Each row is trained by POST /train, once a seed, and judged by the answers of POST /predict to \
            sequences that were not trained on. Data and recipes: Benchmarks/learning/README.md.
            """)

    @Option(help: "Rows to train, separated by commas. All: \(LearningRow.names).") var rows: String?
    @Option(help: "Seeds, separated by commas.") var seeds = "1,2,3"
    @Option(help: "Folder of the data.") var data = "Benchmarks/learning"
    @Option(help: "Threads of each training.") var threads = 1
    @Option(help: "Epochs of each training, for a quick look. (default: those of the recipe)") var epochs: Int?
    @Flag(help: "Print JSON.") var json = false

    func perform() throws(CommandError) {
        let (chosen, seeds) = (try chosenRows(), try chosenSeeds())
        var results: [LearningFigures] = []
        do {
            let bench = try BenchServer(program: nil, purpose: "learning")
            defer { bench.end() }
            let server = try Server(address: bench.address, apiKey: nil)
            for row in chosen {
                let figures = try train(row, seeds, bench, server)
                results.append(figures)
                if !json { Output.error("\(row.name): \(figures.summary)") }
            }
        } catch let error as CommandError {
            throw error
        } catch {
            throw CommandError(.unavailable, "the benchmark could not run: \(error)")
        }
        if json {
            return Output.line((["object": "bench_learning", "rows": .array(results.map(\.json))] as JSON).text)
        }
        var table = TextTable([
            ("row", .left), ("learns", .left), ("network", .left), ("here", .right), ("of each seed", .left),
            ("PyTorch", .right), ("to reach", .right), ("time", .right),
        ])
        for figures in results { table.add(figures.cells, isEmphasised: !figures.isReached) }
        for line in table.lines(for: Terminal(descriptor: STDOUT_FILENO, environment: [:])) { Output.line(line) }
    }

    private func train(
        _ row: LearningRow, _ seeds: [UInt64], _ bench: BenchServer, _ server: Server
    ) throws -> LearningFigures {
        let data = try LearningData(row.source, in: data)
        let path = "\(bench.folder)/\(row.name).jsonl"
        try data.write(to: path)
        defer { unlink(path) }
        let dataset = try Datasets.upload(path, format: nil, to: server).read("Dataset: id")?.string ?? ""
        let began = ContinuousClock.now
        var figures: [Double] = []
        for seed in seeds {
            let model = "\(row.name)-\(seed)"
            var training = row.training.object ?? JSONObject()
            training["seed"] = .number(Double(seed))
            training["threads"] = .number(Double(threads))
            if let epochs { training["epochs"] = .number(Double(epochs)) }
            let job: JSON = [
                "model": .string(model), "task": row.task, "network": row.layers, "training": .object(training),
                "data": ["dataset": .string(dataset)],
            ]
            try BenchServer.train(job, server)
            figures.append(try row.measure.score(data, of: model, server))
        }
        return LearningFigures(row: row, figures: figures, seconds: (ContinuousClock.now - began).timeInterval)
    }

    private func chosenRows() throws(CommandError) -> [LearningRow] {
        guard let rows else { return LearningRow.all }
        return try rows.split(separator: ",").map { name throws(CommandError) in
            guard let row = LearningRow.all.first(where: { $0.name == name }) else {
                throw CommandError(.usage, "--rows: \"\(name)\" is none of \(LearningRow.names)")
            }
            return row
        }
    }

    private func chosenSeeds() throws(CommandError) -> [UInt64] {
        try seeds.split(separator: ",").map { text throws(CommandError) in
            guard let seed = UInt64(text), seed < 1 << 53 else {
                throw CommandError(.usage, "--seeds: \"\(text)\" is no whole number from 0 to 9007199254740991")
            }
            return seed
        }
    }
}

/// What one row came to.
struct LearningFigures {
    var row: LearningRow
    /// One a seed.
    var figures: [Double]
    var seconds: Double

    var mean: Double { figures.reduce(0, +) / Double(max(figures.count, 1)) }
    var isReached: Bool { row.reaches(mean) }

    private func text(_ figure: Double) -> String { Numerals.fixed(figure, 3) }
    private var bound: String { (row.measure.isShare ? "≥ " : "≤ ") + "\(row.bound)" }

    var summary: String {
        "\(text(mean)) (\(bound) \(isReached ? "reached" : "missed")), \(Numerals.time(seconds: seconds))"
    }

    var cells: [String] {
        [
            row.name, row.told, row.network, text(mean), figures.map(text).joined(separator: ", "), row.reference,
            bound,
            Numerals.time(seconds: seconds),
        ]
    }

    var json: JSON {
        [
            "row": .string(row.name), "figure": .number(mean), "seeds": .array(figures.map { .number($0) }),
            "pytorch": .string(row.reference), "to_reach": .number(row.bound), "reached": .bool(isReached),
            "seconds": .number(seconds),
        ]
    }
}
