import Kernels
import Networks
import TestSupport
import Testing

/// Networks against plain formulas in Double, over every cell and awkward widths.
@Suite("Double reference")
struct DoubleReferenceTests {
    private static let lengths = [3, 6, 1, 6, 4]

    @Test(
        "outputs of every cell at odd widths are those of the formulas", arguments: Cell.all, [1, 7, 8, 9, 17, 33])
    func outputs(cell: Cell, hidden: Int) {
        for readout in Readout.allCases {
            let network = network(cell, inputs: hidden, hidden: [hidden, 5], outputs: 3, readout: readout)
            // Identity and relu have no bound; small weights keep them in reach of one tolerance.
            let parameters = drawnParameters(network, scale: 0.9 / Float(hidden).squareRoot())
            let values = draws(Self.lengths.reduce(0, +) * hidden, seed: 2)
            let found = InferenceNetwork(network, parameters, kernels: KernelSet())
                .run(values, lengths: Self.lengths, answer: readout == .everyStep ? .everyStep : .last)
            let reference = ReferenceNetwork(network, parameters.values.map(Double.init))
            let expected = Self.lengths.indices.flatMap {
                reference.run(sequence($0, of: values, lengths: Self.lengths, width: hidden))
            }
            #expect(distance(found, expected) < 2e-6)
        }
    }

    @Test("a mean readout asked step by step says the mean so far", arguments: Cell.all)
    func runningMean(cell: Cell) {
        let network = network(cell, hidden: [4], readout: .mean)
        let parameters = drawnParameters(network)
        let values = draws(6 * 3, seed: 3)
        let found = InferenceNetwork(network, parameters, kernels: KernelSet())
            .run(values, lengths: [6], answer: .everyStep)
        let reference = ReferenceNetwork(network, parameters.values.map(Double.init))
        let rows = sequence(0, of: values, lengths: [6], width: 3)
        #expect(distance(found, (1...6).flatMap { reference.run(Array(rows[..<$0])) }) < 2e-6)
    }

    @Test("sequences without rows answer from the state before the first step")
    func empty() {
        let network = network(.lstm())
        let parameters = drawnParameters(network)
        let inference = InferenceNetwork(network, parameters, kernels: KernelSet())
        let bias = parameters["head.bias"]!
        #expect(inference.run(draws(3, seed: 1), lengths: [0, 1, 0]).prefix(2) == bias[...])
        #expect(inference.run([], lengths: [0]) == bias)
        #expect(inference.run([], lengths: []) == [])
        #expect(inference.output(of: [inference.zeroState]) == bias)
    }
}
