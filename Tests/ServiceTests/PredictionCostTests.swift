import Foundation
import Store
import TestSupport
import Testing
import Training

@testable import Models
@testable import Networks
@testable import Service

/// What a prediction costs beside the arithmetic, and who does that.
@Suite struct PredictionCostTests {
    /// A place with a network that is large enough to be worth two threads, trained for a step.
    private func place(threads: Int) throws -> Workplace {
        let place = try Workplace { $0.inferenceThreads = threads }
        let spec = TrainingSpec(
            task: .forecast(ForecastTask(target: ["y"], lookback: 4)),
            network: NetworkSpec(layers: [LayerSpec(cell: .lstm(), hidden: 64)]),
            training: OptimizationSpec(epochs: 1))
        let csv = "y\n" + (0..<12).map { "\(sin(Double($0)))\n" }.joined()
        let request = TrainRequest(
            model: "m", spec: try CheckedSpec(spec), source: .inline(format: .csv, bytes: Array(csv.utf8)))
        #expect(try place.work(on: place.service.train(request)).status == .succeeded)
        return place
    }

    @Test("a prediction by name is one transaction on the database once its version is loaded")
    func transactions() throws {
        let place = try place(threads: 1)
        let service = place.service
        try service.store.setAlias("stage", of: "m", to: 1, at: Date())
        _ = try service.predict(PredictRequest(model: ModelReference(name: "m")))
        for name in ["m", "m:1", "m@stage"] {
            let before = service.store.transactions
            _ = try service.predict(PredictRequest(model: ModelReference(parsing: name)))
            #expect(service.store.transactions - before == 1, "\(name)")
        }
        try service.store.setAlias("default", of: "m", to: 1, at: Date())
        let before = service.store.transactions
        _ = try service.predict(PredictRequest(model: ModelReference(name: "m"), precision: .float32))
        #expect(service.store.transactions - before == 1)
    }

    @Test("a large prediction is divided among the threads for inference, and its numbers do not depend on them")
    func threads() throws {
        var answers: [String] = []
        for count in [1, 2] {
            let place = try place(threads: count)
            let kernels = try place.service.models.model(ModelReference(name: "m")).predictor.network.kernels
            #expect(kernels.threads == count)
            let inputs = SequenceBatch(
                values: (0..<64 * 40).map { sin(Double($0)) }, lengths: Array(repeating: 40, count: 64), width: 1)
            let prediction = try place.service.predict(
                PredictRequest(model: ModelReference(name: "m"), inputs: .numbers(inputs), returning: .sequence))
            #expect(prediction.steps == inputs.lengths)
            // Numbers in words have all their digits.
            answers.append("\(prediction.answers)")
        }
        #expect(answers[0] == answers[1])
    }
}
