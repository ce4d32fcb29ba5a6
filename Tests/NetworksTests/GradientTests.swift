import Kernels
import Networks
import TestSupport
import Testing

/// Gradients against central differences of the formulas in Double.
@Suite("Gradients")
struct GradientTests {
    private static let lengths = [2, 5, 3]

    /// What goes forward, and how.
    private struct Batch {
        var lengths = GradientTests.lengths
        /// Before the first step; nil is zero.
        var states: [NetworkState]?
        var precision = Precision.float32
    }

    @Test(
        "every parameter's gradient is the slope of the loss", arguments: Cell.all, Readout.allCases)
    func centralDifferences(cell: Cell, readout: Readout) {
        let network = network(cell, inputs: 2, hidden: [3, 2], outputs: 2, readout: readout)
        let parameters = drawnParameters(network, scale: 0.7, seed: 5)
        let values = draws(Self.lengths.reduce(0, +) * 2, seed: 6)
        let answers = readout == .everyStep ? Self.lengths.reduce(0, +) : Self.lengths.count
        let probe = draws(answers * 2, seed: 7)

        // loss = Σ probe · output, outputs in the caller's order.
        func loss(_ parameters: [Double]) -> Double {
            let reference = ReferenceNetwork(network, parameters)
            let outputs = Self.lengths.indices.flatMap {
                reference.run(sequence($0, of: values, lengths: Self.lengths, width: 2))
            }
            return zip(outputs, probe).reduce(0) { $0 + $1.0 * Double($1.1) }
        }
        let start = parameters.values.map(Double.init)
        let expected = start.indices.map { index -> Double in
            var (up, down) = (start, start)
            up[index] += 1e-6
            down[index] -= 1e-6
            return (loss(up) - loss(down)) / 2e-6
        }
        let found = gradient(network, parameters, values, probe, KernelSet())
        #expect(distance(found, expected) < 3e-6)
    }

    @Test("gradients do not depend on the instruction set or the number of threads", arguments: Cell.all)
    func sameBits(cell: Cell) {
        let network = network(cell, inputs: 9, hidden: [33, 17], outputs: 7, dropout: 0.3, readout: .everyStep)
        let parameters = drawnParameters(network, scale: 0.2)
        let values = draws(Self.lengths.reduce(0, +) * 9, seed: 8)
        let probe = draws(Self.lengths.reduce(0, +) * 7, seed: 9)
        let place = DropoutPlace(seed: 4, step: 11)
        let all = fusedSets.flatMap { set in
            [1, 2, 3].map { threads in
                gradient(network, parameters, values, probe, KernelSet(set, threads: threads), place).bits
            }
        }
        #expect(all.allSatisfy { $0 == all[0] })
    }

    @Test(
        "gradients of a batch large enough to be cut among threads are those of one", arguments: Cell.all,
        Readout.allCases)
    func manyRows(cell: Cell, readout: Readout) {
        let network = network(cell, inputs: 20, hidden: [200, 100], outputs: 3, dropout: 0.2, readout: readout)
        let parameters = drawnParameters(network, scale: 0.05)
        let values = draws(manyLengths.reduce(0, +) * 20, seed: 8)
        let probe = draws((readout == .everyStep ? manyLengths.reduce(0, +) : manyLengths.count) * 3, seed: 9)
        var states = [NetworkState](repeating: NetworkState(zeroFor: StateLayout(network)), count: manyLengths.count)
        for index in states.indices {
            states[index].values.replaceSubrange(0..<200, with: draws(200, seed: UInt64(index)))
        }
        for (precision, states) in [(Precision.float32, nil), (.bfloat16, nil), (.float32, states)] {
            let all = [1, 2, 3].map {
                gradient(
                    network, parameters, values, probe, KernelSet(threads: $0), DropoutPlace(seed: 2, step: 5),
                    Batch(lengths: manyLengths, states: states, precision: precision)
                ).bits
            }
            #expect(all[1] == all[0] && all[2] == all[0], "\(precision)")
        }
    }

    @Test("under dropout, the gradient is the slope of the loss with the same numbers dropped")
    func dropout() {
        let network = network(.lstm(), inputs: 2, hidden: [6, 3], outputs: 2, dropout: 0.5)
        let parameters = drawnParameters(network, scale: 0.7, seed: 5)
        let values = draws(Self.lengths.reduce(0, +) * 2, seed: 6)
        let probe = draws(6, seed: 7)
        let place = DropoutPlace(seed: 1, step: 3)
        let found = gradient(network, parameters, values, probe, KernelSet(), place)
        #expect(found != gradient(network, parameters, values, probe, KernelSet()))
        #expect(found == gradient(network, parameters, values, probe, KernelSet(), place))
        #expect(
            found
                != gradient(
                    network, parameters, values, probe, KernelSet(), DropoutPlace(seed: 1, step: 4)))
        // Single precision leaves a central difference about three digits.
        for index in stride(from: 0, to: parameters.values.count, by: 7) {
            var (up, down) = (parameters, parameters)
            up.values[index] += 1e-2
            down.values[index] -= 1e-2
            let slope =
                (loss(network, up, values, probe, place) - loss(network, down, values, probe, place)) / 2e-2
            #expect(abs(Double(found[index]) - slope) < 2e-3 * max(1, abs(slope)))
        }
    }

    private func loss(
        _ network: NetworkDescription, _ parameters: Parameters, _ values: [Float], _ probe: [Float],
        _ place: DropoutPlace
    ) -> Double {
        var sum = 0.0
        run(network, parameters, values, KernelSet(), place) { _, batch, outputs in
            for row in 0..<outputs.count {
                for unit in 0..<outputs.width {
                    sum +=
                        Double(outputs.base[row * outputs.width + unit])
                        * Double(probe[batch.order[row] * outputs.width + unit])
                }
            }
        }
        return sum
    }

    private func gradient(
        _ network: NetworkDescription, _ parameters: Parameters, _ values: [Float], _ probe: [Float],
        _ kernels: KernelSet, _ place: DropoutPlace? = nil, _ batch: Batch = Batch()
    ) -> [Float] {
        var gradient = [Float](repeating: 0, count: parameters.values.count)
        run(network, parameters, values, kernels, place, batch) { trained, batch, outputs in
            if network.readout == .everyStep {
                batch.pack(probe, width: outputs.width, into: outputs.base)
            } else {
                for row in 0..<outputs.count {
                    for unit in 0..<outputs.width {
                        outputs.base[row * outputs.width + unit] = probe[batch.order[row] * outputs.width + unit]
                    }
                }
            }
            gradient.withUnsafeMutableBufferPointer { trained.backward(outputs.rows, into: $0.baseAddress!) }
        }
        return gradient
    }

    private func run(
        _ network: NetworkDescription, _ parameters: Parameters, _ values: [Float], _ kernels: KernelSet,
        _ place: DropoutPlace?, _ given: Batch = Batch(),
        _ body: (TrainingNetwork, RaggedBatch, MutableRows) -> Void
    ) {
        let trained = TrainingNetwork(network, precision: given.precision, kernels: kernels)
        parameters.values.withUnsafeBufferPointer { trained.load($0.baseAddress!) }
        let batch = RaggedBatch(lengths: given.lengths)
        var packed = values
        packed.withUnsafeMutableBufferPointer { packed in
            batch.pack(values, width: network.inputs, into: packed.baseAddress!)
            let x = Rows(packed.baseAddress!, count: batch.rows, width: network.inputs)
            body(trained, batch, trained.forward(batch, x: x, dropout: place, states: given.states))
        }
    }
}
