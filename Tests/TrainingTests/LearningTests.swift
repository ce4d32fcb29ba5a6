import Kernels
import Models
import Networks
import TestSupport
import Testing
import Training

/// It must learn: real data, default settings, every seed counted.
@Suite("Learning", .serialized)
struct LearningTests {
    @Test(
        "airline: an LSTM of 32 forecasts 24 months at an RMSE of 20 or less, mean of seeds 1, 2, 3",
        arguments: OptimizationSpec.Precision.allCases)
    func airlineForecast(precision: OptimizationSpec.Precision) throws {
        let scores = try [UInt64(1), 2, 3].map { seed in
            let spec = TrainingSpec(
                task: .forecast(
                    ForecastTask(
                        target: ["passengers_thousands"], time: "month", lookback: 24, horizon: 24,
                        transform: [.log, .seasonalDifference(12)], holdout: 24)),
                network: NetworkSpec(layers: [LayerSpec(cell: .lstm(), hidden: 32)]),
                training: OptimizationSpec(
                    epochs: 150, batchSize: 32, optimizer: OptimizerSpec(.adam, learningRate: 0.005),
                    clip: .init(norm: 1), seed: seed, precision: precision))
            let trainer = try Trainer(spec, .series(try airline()), datasetDigest: "")
            try trainer.run()
            let done = try trainer.finish().report
            let report = try #require(done.holdout)
            // What fewer bits cost in the answer: little beside what the network itself misses.
            let reduced = try #require(done.precision)
            for scores in [reduced.bfloat16, reduced.int8] {
                #expect((scores.horizon?.rmse ?? .infinity) < 1.05 * report.horizon.rmse)
            }
            #expect(abs((report.baselines.seasonalNaive?.horizon.rmse ?? 0) - 76.99) < 0.01)
            return report.horizon.rmse
        }
        print("airline, 24 months ahead, trained in \(precision), RMSE:", scores)
        #expect(scores.reduce(0, +) / 3 <= 20)
    }

    @Test(
        "vowels: every seed tells the speakers apart",
        arguments: [(Cell.lstm(), 0.957), (.gru(.after), 0.96), (.elman(.tanh), 0.96)],
        OptimizationSpec.Precision.allCases)
    func vowelSpeakers(_ bound: (cell: Cell, least: Double), precision: OptimizationSpec.Precision) throws {
        let (cell, least) = bound
        let (train, test) = (try vowels("train"), try vowels("test"))
        for seed in [UInt64(1), 2, 3] {
            let spec = TrainingSpec(
                task: .classify(ClassifyTask(pool: .last)),
                network: NetworkSpec(layers: [LayerSpec(cell: cell, hidden: 64)]),
                training: OptimizationSpec(
                    epochs: 40, batchSize: 16, optimizer: OptimizerSpec(.adam, learningRate: 0.003), seed: seed,
                    precision: precision))
            let trainer = try Trainer(spec, .sequences(train), datasetDigest: "")
            try trainer.run()
            let model = try trainer.finish().model
            let found = try Predictor(model, kernels: KernelSet())
                .classify(RawSequences(values: test.values, lengths: test.lengths, width: 12))
            let right = zip(found, test.labels).filter { probabilities, label in
                probabilities.max() == zip(probabilities, model.outputNames).first { $0.1 == label }?.0
            }.count
            let accuracy = Double(right) / Double(test.count)
            print("vowels, \(cell), trained in \(precision), seed \(seed):", accuracy)
            #expect(accuracy >= least)
        }
    }
}
