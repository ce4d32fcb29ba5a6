import ArgumentParser
import Formats
import Foundation
import Kernels
import Models
import Networks
import Training

/// `timestep bench precision`: what computing in fewer bits costs in accuracy, on the real data of this repository.
struct PrecisionBench: Command {
    static let configuration = CommandConfiguration(
        commandName: "precision",
        abstract: "Train on real data, and score the models in each precision.",
        discussion: """
            A forecaster of the airline series (an LSTM of 32, the last 24 months kept from it, RMSE over all of them) and \
            classifiers of Japanese vowels (an LSTM, a GRU and an Elman network of 64, accuracy and mean cross-entropy on the \
            test set). Every figure is the mean over the seeds. From the root of the repository:

              timestep bench precision

            How training with products in bfloat16 compares:

              timestep bench precision --training float32,bfloat16
            """)

    @Option(help: ArgumentHelp("CSV with the columns month and passengers_thousands.", valueName: "file"))
    var series = "Documentation/examples/airpassengers.csv"
    @Option(help: ArgumentHelp("JSON lines to train the classifiers on.", valueName: "file"))
    var train = "Tests/Fixtures/data/japanese_vowels_train.jsonl"
    @Option(help: ArgumentHelp("JSON lines to score them on.", valueName: "file"))
    var test = "Tests/Fixtures/data/japanese_vowels_test.jsonl"
    @Option(help: ArgumentHelp("Seeds to train with.", valueName: "list")) var seeds = "1,2,3"
    @Option(help: ArgumentHelp("Precisions to train in: float32, bfloat16.", valueName: "list"))
    var training = "float32"
    @Option(help: "Passes over the data. (default: 150 over the series, 40 over the vowels)") var epochs: Int?
    @Option(help: "Instruction set: auto or one that this processor has.") var instructionSet = "auto"
    @Flag(help: "Print JSON.") var json = false

    func perform() throws(CommandError) {
        let seeds = try TrainOptions.integers(seeds, of: "--seeds")
        guard seeds.allSatisfy({ $0 >= 0 }), epochs ?? 1 > 0 else {
            throw CommandError(.usage, "--seeds and --epochs: expected whole numbers, epochs above 0")
        }
        let kernels = KernelSet(try KernelBench.instructionSet(instructionSet))
        let choices = try KernelBench.choices(training, "--training", OptimizationSpec.Precision.allCases)
        var rows: [Row] = []
        do {
            for choice in choices {
                rows.append(try forecaster(seeds, choice, kernels))
                for cell in BenchCell.allCases { rows.append(try classifier(cell, seeds, choice, kernels)) }
            }
        } catch let error as CommandError {
            throw error
        } catch {
            throw CommandError(.file, "\(error)")
        }
        if json {
            let document: JSON = ["rows": .array(rows.map(\.document))]
            return Output.line(document.text)
        }
        var table = TextTable(
            [("data", .left), ("cell", .left), ("trained in", .left), ("", .left)]
                + Precision.allCases.map { ($0.rawValue, .right) })
        for row in rows {
            for (name, digits, figure) in row.figures {
                table.add(
                    [row.data, row.cell.rawValue, row.trained.rawValue, name]
                        + Precision.allCases.map { precision in
                            Numerals.fixed(row.scores[precision].flatMap(figure), digits)
                        })
            }
        }
        for line in table.lines(for: .plain) { Output.line(line) }
    }

    // MARK: Models

    private func forecaster(
        _ seeds: [Int], _ precision: OptimizationSpec.Precision, _ kernels: KernelSet
    ) throws -> Row {
        let task = ForecastTask {
            ($0.target, $0.time, $0.horizon, $0.holdout) = (["passengers_thousands"], "month", 24, 24)
            $0.transform = [.log, .seasonalDifference(12)]
        }
        let data = try load(series, .forecast(task))
        var row = Row(data: "airline", cell: .lstm, trained: precision)
        for seed in seeds {
            let trainer = try trainer(
                TrainingSpec(
                    task: .forecast(task), network: NetworkSpec { $0.layers = [LayerSpec(cell: .lstm(), hidden: 32)] },
                    training: OptimizationSpec {
                        ($0.epochs, $0.batchSize) = (epochs ?? 150, 32)
                        $0.optimizer = OptimizerSpec(.adam, learningRate: 0.005)
                        ($0.seed, $0.precision) = (UInt64(seed), precision)
                    }), data, kernels)
            guard let report = try trainer.finish().report.precision else { continue }
            for (precision, scores) in [
                (Precision.float32, report.float32), (.bfloat16, report.bfloat16), (.int8, report.int8),
            ] { row.add(PrecisionFigures(rmse: scores.horizon?.rmse), precision, of: seeds.count) }
        }
        return row
    }

    private func classifier(
        _ cell: BenchCell, _ seeds: [Int], _ precision: OptimizationSpec.Precision, _ kernels: KernelSet
    ) throws -> Row {
        let task = TaskSpec(.classify)
        let data = try load(train, task)
        guard case .sequences(let unseen) = try load(test, task) else { preconditionFailure("a classifier's data") }
        let sequences = RawSequences(values: unseen.values, lengths: unseen.lengths, width: unseen.features.count)
        var row = Row(data: "vowels", cell: cell, trained: precision)
        for seed in seeds {
            let trainer = try trainer(
                TrainingSpec(
                    task: task, network: NetworkSpec { $0.layers = [LayerSpec(cell: cell.cell, hidden: 64)] },
                    training: OptimizationSpec {
                        ($0.epochs, $0.batchSize) = (epochs ?? 40, 16)
                        $0.optimizer = OptimizerSpec(.adam, learningRate: 0.003)
                        ($0.seed, $0.precision) = (UInt64(seed), precision)
                    }), data, kernels)
            let model = try trainer.finish().model
            for precision in Precision.allCases {
                let answers = try Predictor(model, precision: precision, kernels: kernels)
                    .answers(sequences, after: .last)
                let probabilities = (0..<unseen.count).map { sequence -> [Float] in
                    if case .labels(let found) = answers[sequence, 0] { found } else { [] }
                }
                let figures = PrecisionFigures(probabilities, unseen.labels, names: model.outputNames)
                row.add(figures, precision, of: seeds.count)
            }
        }
        return row
    }

    private func trainer(_ spec: TrainingSpec, _ data: TrainingData, _ kernels: KernelSet) throws -> Trainer {
        let trainer = try Trainer(spec, data, datasetDigest: "", kernels: kernels)
        try trainer.run()
        return trainer
    }

    private func load(_ path: String, _ task: TaskSpec) throws -> TrainingData {
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw CommandError(
                .file, "\(path) cannot be read; start this from the root of the repository, or name files of your own")
        }
        let format: DatasetFormat = if case .forecast = task { .csv } else { .ndjson }
        return try DatasetLoader(path: path, format: format).load(task)
    }

    // MARK: Figures

    private struct Row {
        var data: String
        var cell: BenchCell
        var trained: OptimizationSpec.Precision
        var scores: [Precision: PrecisionFigures] = [:]

        mutating func add(_ figures: PrecisionFigures, _ precision: Precision, of count: Int) {
            scores[precision, default: PrecisionFigures()].add(figures, share: 1 / Double(count))
        }

        /// Those that this kind of model has.
        var figures: [(name: String, digits: Int, of: (PrecisionFigures) -> Double?)] {
            data == "airline"
                ? [("RMSE", 3, \.rmse)] : [("accuracy", 4, \.accuracy), ("cross-entropy", 4, \.crossEntropy)]
        }

        var document: JSON {
            var object = JSONObject()
            object["data"] = .string(data)
            object["cell"] = .string(cell.rawValue)
            object["trained_in"] = .string(trained.rawValue)
            for precision in Precision.allCases { object[precision.rawValue] = scores[precision]?.document ?? .null }
            return .object(object)
        }
    }
}

/// How well a model does on what it has not seen; nil is what it is not asked.
struct PrecisionFigures {
    var rmse: Double?
    var accuracy: Double?
    /// In nats.
    var crossEntropy: Double?

    init(rmse: Double? = nil) { self.rmse = rmse }

    /// - Parameter names: of the probabilities, in order.
    init(_ answers: [[Float]], _ labels: [String], names: [String]) {
        var right = 0
        var sum = 0.0
        for (probabilities, label) in zip(answers, labels) {
            let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] }
            let truth = names.firstIndex(of: label)
            if let truth, best == truth { right += 1 }
            sum -= log(truth.map { Double(probabilities[$0]) } ?? 0)
        }
        accuracy = Double(right) / Double(max(answers.count, 1))
        crossEntropy = sum / Double(max(answers.count, 1))
    }

    mutating func add(_ other: PrecisionFigures, share: Double) {
        func sum(_ left: Double?, _ right: Double?) -> Double? { right.map { (left ?? 0) + share * $0 } }
        rmse = sum(rmse, other.rmse)
        accuracy = sum(accuracy, other.accuracy)
        crossEntropy = sum(crossEntropy, other.crossEntropy)
    }

    var document: JSON {
        var object = JSONObject()
        for (name, value) in [("rmse", rmse), ("accuracy", accuracy), ("cross_entropy", crossEntropy)] {
            if let value { object[name] = value.isFinite ? .number(value) : .null }
        }
        return .object(object)
    }
}
