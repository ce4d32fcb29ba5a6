import Kernels
import Models
import Networks
import TestSupport
import Testing

@testable import Training

/// What scoring takes after a training has a bound, and is told before the training.
@Suite("Memory of scoring")
struct ScoringMemoryTests {
    @Test("examples are scored in groups that neither their inputs, outputs nor states let grow beyond a bound")
    func groups() {
        func groups(_ lengths: [Int], _ layers: [LayerDescription], outputs: Int) -> [Range<Int>] {
            let network = NetworkDescription(inputs: 9, layers: layers, outputs: outputs)
            return ScoredGroup.groups(of: lengths, network, StateLayout(network))
        }
        func most(_ found: [Range<Int>]) -> Int? { found.map(\.count).max() }
        let even = [Int](repeating: 50, count: 3000)
        #expect(most(groups(even, [.dense(4)], outputs: 2)) == 1024)
        // 2^24 numbers: 111 sequences of 50 rows of 3000 outputs.
        #expect(most(groups(even, [.dense(4)], outputs: 3000)) == 111)
        // A state is 64 · 65535 numbers.
        let delay = [LayerDescription.dense(64), .timeDelay(3, taps: 2, dilation: 65_535)]
        #expect(most(groups(even, delay, outputs: 2)) == 3 || most(groups(even, delay, outputs: 2)) == 4)
        for found in [groups(even, [.dense(4)], outputs: 3000), groups(even, delay, outputs: 2)] {
            #expect(found.flatMap { Array($0) } == Array(0..<3000))
        }
        #expect(groups([100_000, 100_000], [.dense(4)], outputs: 3000) == [0..<1, 1..<2])
    }

    private func estimate(_ set: LabelledSequences, _ network: NetworkSpec, _ answers: LabelModel.Answers) throws -> Int
    {
        let spec = TrainingSpec(
            task: .label(LabelTask { ($0.inputs, $0.answers) = (.tokens(TokenInputs()), answers) }), network: network,
            training: OptimizationSpec(batchSize: 1))
        return try Estimate(TrainingPlan(CheckedSpec(spec), .labelled(set))).memoryBytes
    }

    @Test("the estimate knows the answers of scoring, of labels and of flags")
    func labels() throws {
        let (count, length) = (400, 20)
        let rows = TextColumn((0..<count * length).map { "t\($0 % 10)" })
        let names = TextColumn((0..<count * length).map { "l\($0 % 2000)" })
        let lengths = [Int](repeating: length, count: count)
        let network = NetworkSpec(layers: [.embedding(4)])
        let labels = try estimate(
            LabelledSequences(rows: .tokens(rows), lengths: lengths, labels: names), network, .labels)
        // Of 8000 rows 2000 outputs each.
        #expect(labels > 8000 * 2000 * 4 && labels < 8 * 8000 * 2000 * 4)
        let flags = try estimate(
            LabelledSequences(
                rows: .tokens(rows), lengths: lengths, labels: names,
                labelCounts: [Int](repeating: 1, count: count * length)), network, .flags)
        #expect(flags > labels + 8000 * 2000 * 4)
    }

    @Test("the estimate knows the states of scoring")
    func states() throws {
        func bytes(dilation: Int) throws -> Int {
            var spec = classifySpec()
            spec.network = NetworkSpec(layers: [.dense(64), .timeDelay(3, taps: 2, dilation: dilation)])
            return try Estimate(TrainingPlan(CheckedSpec(spec), .sequences(signSequences(80)))).memoryBytes
        }
        let (small, large) = (try bytes(dilation: 1), try bytes(dilation: 65_535))
        // Three or four of them in a workspace for twice as many, whatever training itself takes.
        #expect(large - small > 2 * 3 * 64 * 65_535 * 4)
        let network = NetworkDescription(
            inputs: 2, layers: [.dense(64), .timeDelay(3, taps: 2, dilation: 65_535)], outputs: 2)
        let set = try TrainingPlan(CheckedSpec(classifySpec()), .sequences(signSequences(80))).prepared.examples
        #expect(ScoredGroup(set, network).bytes(network, threads: 1) < 10 * 64 * 65_535 * 4)
    }
}
