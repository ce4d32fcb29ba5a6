import CAllocations
import Kernels
import Models
import Networks
import Testing

@testable import Training

@Suite("Allocations")
struct AllocationTests {
    private func network(_ cell: Cell) -> NetworkDescription {
        NetworkDescription(
            inputs: 3, layers: [LayerDescription(cell: cell, hidden: 20), LayerDescription(cell: cell, hidden: 7)],
            outputs: 2)
    }

    private func allocations(_ body: () throws -> Void) rethrows -> Int {
        let before = allocations_of_this_thread()
        try body()
        return allocations_of_this_thread() - before
    }

    @Test("the count counts")
    func counts() {
        #expect(allocations { _ = [Float](repeating: 0, count: Int.random(in: 100...200)).map { $0 + 1 } } > 0)
    }

    @Test("bytes that are given back are counted too")
    func countsBytes() {
        let before = bytes_of_this_thread()
        do {
            let block = Buffer(count: 10_000)
            #expect(bytes_of_this_thread() - before >= 40_000)
            block.fill(1)
        }
        #expect(bytes_of_this_thread() == before)
    }

    @Test("learning in real time holds no byte more after a hundred thousand steps than after two")
    func realTime() {
        let network = NetworkDescription(
            inputs: 1, layers: [LayerDescription(cell: .gru(.after), hidden: 2)], outputs: 1, readout: .everyStep)
        let trained = TrainingNetwork(network, kernels: KernelSet())
        let start = Parameters(network, Initialization(), seed: 1).values
        trained.load(start)
        let realTime = RealTimeLearning(trained, streams: 1)
        var gradient = start
        let x: [Float] = [0.5]
        func step() {
            gradient.withUnsafeMutableBufferPointer { gradient in
                x.withUnsafeBufferPointer { x in
                    realTime.step(0, x: x.baseAddress!, into: gradient.baseAddress!) { _ in }
                }
            }
        }
        for _ in 0..<2 { step() }
        let before = bytes_of_this_thread()
        for _ in 0..<100_000 { step() }
        #expect(bytes_of_this_thread() == before)
        #expect(realTime.carried[0].steps == 100_002)
    }

    @Test("a step of open streams allocates nothing after the first", arguments: Cell.all, Precision.allCases)
    func streams(cell: Cell, precision: Precision) {
        let network = network(cell)
        let inference = InferenceNetwork(
            network, Parameters(network, Initialization(), seed: 1), precision: precision, kernels: KernelSet())
        for count in [1, 5] {
            var states = [NetworkState](repeating: inference.zeroState, count: count)
            let inputs = [Float](repeating: 0.5, count: count * network.inputs)
            var outputs = [Float](repeating: 0, count: count * network.outputs)
            func step() {
                inputs.withUnsafeBufferPointer { inputs in
                    outputs.withUnsafeMutableBufferPointer { inference.step(&states, inputs, $0) }
                }
            }
            for _ in 0..<2 { step() }
            #expect(allocations { for _ in 0..<20 { step() } } == 0, "\(count) streams")
        }
    }

    @Test("a step of training allocates nothing after the first", arguments: Cell.all)
    func training(cell: Cell) throws {
        let trainer = try Trainer(forecastSpec(cell: cell), .series(seasonalSeries()), datasetDigest: "")
        for _ in 0..<2 { _ = try trainer.advance() }
        #expect(try allocations { _ = try trainer.advance() } == 0)
    }
}
