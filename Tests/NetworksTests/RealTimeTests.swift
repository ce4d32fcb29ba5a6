import Kernels
import Networks
import TestSupport
import Testing

/// Gradients that are carried forward, against those that go back through time.
@Suite("Real-time learning")
struct RealTimeTests {
    private static let steps = 12

    @Test("gradients, outputs and the sensitivity at the end are those of the reference")
    func reference() throws {
        let reference = try SafetensorsCase("rtrl_exact_gradient")
        let shape = try reference.shape("const/x")
        let hidden = try reference.shape("param/Wh")[0]
        let network = NetworkDescription(
            inputs: shape[1], layers: [LayerDescription(cell: .elman(.tanh), hidden: hidden)],
            outputs: try reference.shape("param/V")[0], readout: .everyStep)
        var parameters = Parameters(layout: ParameterLayout(network))
        // One of the two biases has its values, the other none.
        let names = ["Wx", "Wh", "b", nil, "V", "c"]
        for (tensor, name) in zip(parameters.layout.tensors, names) {
            if let name {
                parameters.values.replaceSubrange(tensor.range, with: try reference.floats("param/\(name)"))
            }
        }
        let due = try reference.floats("const/d")
        let (x, expected) = (try reference.floats("const/x"), try reference.doubles("f64/out/y"))
        var gradient = [Float](repeating: 0, count: parameters.values.count)
        var outputs: [Float] = []
        let learning = learning(network, parameters.values)
        run(learning, x, steps: shape[0], &gradient) { step, row in
            outputs.append(row[0])
            row[0] -= due[step]
        }
        #expect(distance(outputs, expected) < 1e-6)
        for (tensor, name) in zip(parameters.layout.tensors, names) {
            let name = name ?? "b"
            #expect(distance(Array(gradient[tensor.range]), try reference.doubles("f64/grad/\(name)")) < 1e-6)
        }
        let sensitivity = learning.sensitivity(0)
        let columns = try reference.shape("f64/sensitivity")[1]
        let found = (0..<hidden).flatMap { row in
            sensitivity[row * learning.parameters..<row * learning.parameters + columns]
        }
        #expect(distance(found, try reference.doubles("f64/sensitivity")) < 1e-6)
        #expect(distance(Array(learning.carried[0].values.prefix(hidden)), try reference.doubles("f64/out/h")) < 1e-6)
    }

    @Test("the gradient of a whole sequence is that of backpropagation through time", arguments: Cell.all)
    func everyCell(cell: Cell) { agrees(LayerDescription(cell: cell, hidden: 5)) }

    @Test("so it is behind a projection, with a context that fades, and beside what the layer reads")
    func everyForm() {
        agrees(LayerDescription(cell: .lstm(), hidden: 5, projection: Projection(width: 3)))
        agrees(
            LayerDescription(
                cell: .elman(.tanh), hidden: 5,
                projection: Projection(width: 4, activation: .sigmoid, bias: true, decay: 0.4)))
        agrees(LayerDescription(cell: .gru(.before), hidden: 3, residual: true))
    }

    private func agrees(_ layer: LayerDescription) {
        let network = NetworkDescription(inputs: 3, layers: [layer], outputs: 2, readout: .everyStep)
        let parameters = draws(ParameterLayout(network).count, seed: 3).map { $0 * 0.7 }
        let x = draws(Self.steps * 3, seed: 4)
        let probe = draws(Self.steps * 2, seed: 5)
        let trained = TrainingNetwork(network, kernels: KernelSet())
        trained.load(parameters)
        var expected = [Float](repeating: 0, count: parameters.count)
        var all: [Float] = []
        x.withUnsafeBufferPointer { x in
            let outputs = trained.forward(
                RaggedBatch(lengths: [Self.steps]), x: Rows(x.baseAddress!, count: Self.steps, width: 3))
            all = Array(UnsafeBufferPointer(start: outputs.base, count: probe.count))
            outputs.base.update(from: probe, count: probe.count)
            expected.withUnsafeMutableBufferPointer { trained.backward(outputs.rows, into: $0.baseAddress!) }
        }
        var gradient = [Float](repeating: 0, count: parameters.count)
        var outputs: [Float] = []
        run(learning(network, parameters), x, steps: Self.steps, &gradient) { step, row in
            for unit in 0..<2 {
                outputs.append(row[unit])
                row[unit] = probe[step * 2 + unit]
            }
        }
        #expect(outputs.bits == all.bits)
        #expect(distance(gradient, expected.map(Double.init)) < 3e-6)
        #expect(expected.contains { abs($0) > 0.1 })
    }

    @Test("the gradient has the same bits on every machine with fused multiply-add, with any number of threads")
    func sameBits() {
        let network = NetworkDescription(
            inputs: 9, layers: [LayerDescription(cell: .lstm(LSTMOptions(peepholes: .all)), hidden: 17)], outputs: 7,
            readout: .everyStep)
        let parameters = draws(ParameterLayout(network).count, seed: 3).map { $0 * 0.3 }
        let x = draws(4 * 9, seed: 4)
        let all = fusedSets.flatMap { set in
            [1, 2, 3].map { threads in
                var gradient = [Float](repeating: 0, count: parameters.count)
                run(learning(network, parameters, KernelSet(set, threads: threads)), x, steps: 4, &gradient) { _, _ in }
                return gradient.bits
            }
        }
        #expect(all.allSatisfy { $0 == all[0] })
    }

    @Test("a stream that is put back goes on with the same bits, and one that begins anew knows nothing")
    func restored() {
        let network = network(.gru(.before), hidden: [4], readout: .everyStep)
        let parameters = draws(ParameterLayout(network).count, seed: 3)
        let x = draws(6 * 3, seed: 4)
        func second(_ learning: RealTimeLearning) -> [UInt32] {
            var gradient = [Float](repeating: 0, count: parameters.count)
            run(learning, Array(x[9...]), steps: 3, &gradient) { _, _ in }
            return gradient.bits
        }
        let one = learning(network, parameters)
        var ignored = parameters
        run(one, Array(x[..<9]), steps: 3, &ignored) { _, _ in }
        let other = learning(network, parameters)
        other.restore(0, one.carried[0], sensitivity: one.sensitivity(0))
        let expected = second(one)
        #expect(second(other) == expected)
        other.reset(0)
        let anew = second(other)
        #expect(anew != expected && anew == second(learning(network, parameters)))
    }

    // MARK: - Support

    private func learning(
        _ network: NetworkDescription, _ parameters: [Float], _ kernels: KernelSet = KernelSet()
    ) -> RealTimeLearning {
        let trained = TrainingNetwork(network, kernels: kernels)
        trained.load(parameters)
        return RealTimeLearning(trained, streams: 1)
    }

    private func run(
        _ learning: RealTimeLearning, _ x: [Float], steps: Int, _ gradient: inout [Float],
        _ answer: (Int, UnsafeMutablePointer<Float>) -> Void
    ) {
        let width = x.count / steps
        gradient.withUnsafeMutableBufferPointer { gradient in
            x.withUnsafeBufferPointer { x in
                for step in 0..<steps {
                    learning.step(0, x: x.baseAddress! + step * width, into: gradient.baseAddress!) {
                        answer(step, $0.base)
                    }
                }
            }
        }
    }
}
