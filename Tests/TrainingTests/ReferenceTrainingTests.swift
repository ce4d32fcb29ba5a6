import Formats
import Kernels
import Models
import Networks
import TestSupport
import Testing

@testable import Training

/// Training steps against another framework's: losses, gradient norms, parameters after steps.
@Suite("Reference training")
struct ReferenceTrainingTests {
    /// Every training among the fixtures.
    private static let trainings: [String] = {
        do {
            return try SafetensorsCase.names().filter { try SafetensorsCase($0).family == "training" }
        } catch { fatalError("the reference cases cannot be read: \(error)") }
    }()

    @Test("ten optimizer steps on one batch follow the reference", arguments: trainings)
    func steps(name: String) throws {
        let reference = try SafetensorsCase(name)
        let isAdam = reference.config["optimizer"]?.string == "torch.optim.Adam"
        let rate = try #require(reference.config["hyperparameters"]?["lr"]?.double)
        let clip = reference.config["clip_grad_norm"]?.double.map { OptimizationSpec.Clip(norm: $0) }
        let shape = try reference.shape("const/x")
        let labels = try reference.ints("const/labels")
        let (examples, network) = try setup(
            reference, lengths: [Int](repeating: shape[0], count: shape[1]), x: "const/x", labels: labels)
        let kernels = KernelSet()
        let trained = TrainingNetwork(network, kernels: kernels)
        var parameters = try start(reference, network)
        var optimizer = Optimizer(
            OptimizerSpec(isAdam ? .adam : .sgd, learningRate: rate), weightDecay: 0,
            count: parameters.count)
        let losses = try reference.doubles("f64/losses")
        let norms = try reference.doubles("f64/grad_norm_before_clip")
        let batch = ExampleBatch()
        batch.fill(examples, examples.training[...], rowWidth: network.rowWidth, at: .last)
        var rowLosses: [Float] = []
        for step in 0..<10 {
            trained.load(parameters)
            var gradient = [Float](repeating: 0, count: parameters.count)
            let loss = batch.x.withUnsafeBufferPointer { x in
                let outputs = trained.forward(
                    batch.batch, x: Rows(x.baseAddress!, count: batch.batch.rows, width: shape[2]))
                let loss = batch.answers.meanLoss(outputs, losses: &rowLosses, gradient: outputs, kernels: kernels)
                gradient.withUnsafeMutableBufferPointer { trained.backward(outputs.rows, into: $0.baseAddress!) }
                return loss
            }
            #expect(abs(loss - losses[step]) < 2e-6)
            let norm = (clip ?? OptimizationSpec.Clip()).apply(&gradient)
            #expect(abs(norm - norms[step]) < 1e-5)
            optimizer.update(&parameters, gradient: gradient, learningRate: rate)
            guard [0, 1, 9].contains(step) else { continue }
            for (tensor, name) in names(ParameterLayout(network)) {
                let expected = try reference.doubles("f64/after_step\(step + 1)/\(name)")
                let distances = zip(parameters[tensor], expected).map { abs(Double($0) - $1) }
                #expect(
                    distances.count == expected.count && (distances.max() ?? 1) < 5e-7,
                    "\(name) after step \(step + 1)")
            }
        }
    }

    @Test("the classification loss, its gradients and its probabilities are those of the reference")
    func classification() throws {
        let reference = try SafetensorsCase("task_seq2class_lstm_last")
        let lengths = try reference.ints("const/lengths")
        let (examples, network) = try setup(
            reference, lengths: lengths, x: "input/x", labels: try reference.ints("const/labels"))
        let kernels = KernelSet()
        let trained = TrainingNetwork(network, kernels: kernels)
        let parameters = try start(reference, network)
        trained.load(parameters)
        let batch = ExampleBatch()
        batch.fill(examples, examples.training[...], rowWidth: network.rowWidth, at: .last)
        var rowLosses: [Float] = []
        var gradient = [Float](repeating: 0, count: parameters.count)
        let loss = batch.x.withUnsafeBufferPointer { x in
            let outputs = trained.forward(
                batch.batch, x: Rows(x.baseAddress!, count: batch.batch.rows, width: network.inputs))
            let loss = batch.answers.meanLoss(outputs, losses: &rowLosses, gradient: outputs, kernels: kernels)
            gradient.withUnsafeMutableBufferPointer { trained.backward(outputs.rows, into: $0.baseAddress!) }
            return loss
        }
        #expect(abs(loss - (try reference.doubles("f64/loss")[0])) < 1e-6)
        for (tensor, name) in names(ParameterLayout(network)) {
            for (found, value) in zip(gradient[tensor], try reference.doubles("f64/grad/\(name)")) {
                #expect(abs(Double(found) - value) < 1e-6, "\(name)")
            }
        }
    }

    private func names(_ layout: ParameterLayout) -> [(Range<Int>, String)] {
        layout.tensors.map { tensor in
            let name = tensor.name.replacing("layers.0.", with: "rnn.")
            return (tensor.range, name.hasPrefix("rnn") ? name + "_l0" : name)
        }
    }

    private func start(_ reference: SafetensorsCase, _ network: NetworkDescription) throws -> [Float] {
        var parameters = Parameters(layout: ParameterLayout(network))
        for (range, name) in names(parameters.layout) {
            parameters.values.replaceSubrange(range, with: try reference.floats("param/\(name)"))
        }
        return parameters.values
    }

    /// The case's batch (time, batch, feature) as examples, and its network.
    private func setup(
        _ reference: SafetensorsCase, lengths: [Int], x: String, labels: [Int]
    ) throws -> (Examples, NetworkDescription) {
        let shape = try reference.shape(x)
        let values = try reference.floats(x)
        var rows: [Float] = []
        var places: [(start: Int, length: Int)] = []
        for (sequence, length) in lengths.enumerated() {
            places.append((rows.count / shape[2], length))
            for step in 0..<length {
                let start = (step * shape[1] + sequence) * shape[2]
                rows += values[start..<start + shape[2]]
            }
        }
        let hidden = try reference.shape("param/rnn.weight_hh_l0")[1]
        let network = NetworkDescription(
            inputs: shape[2], layers: [LayerDescription(cell: .lstm(), hidden: hidden)],
            outputs: try reference.shape("param/head.bias")[0])
        return (
            Examples(
                rows: rows, width: shape[2], places: places, answers: .labels(labels.map(Int32.init)), place: .last,
                training: Array(lengths.indices), validation: []), network
        )
    }
}
