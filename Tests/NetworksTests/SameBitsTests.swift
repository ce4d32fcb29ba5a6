import Kernels
import Networks
import TestSupport
import Testing

/// However a sequence is run, its answers have the same bits.
@Suite("Same bits")
struct SameBitsTests {
    private static let lengths = [4, 7, 1, 7, 5]

    private func inference(_ cell: Cell, _ kernels: KernelSet = KernelSet(), readout: Readout = .last)
        -> InferenceNetwork
    {
        let network = network(cell, inputs: 9, hidden: [17, 8], outputs: 3, readout: readout)
        return InferenceNetwork(network, drawnParameters(network, scale: 0.3), kernels: kernels)
    }

    private let values = draws(lengths.reduce(0, +) * 9, seed: 4)

    private func rows(_ sequence: Int) -> ArraySlice<Float> {
        let start = Self.lengths[..<sequence].reduce(0, +) * 9
        return values[start..<start + Self.lengths[sequence] * 9]
    }

    @Test("step by step equals the whole sequence", arguments: Cell.all, [Readout.last, .mean])
    func stepByStep(cell: Cell, readout: Readout) {
        let inference = inference(cell, readout: readout)
        var ends = [StreamState](repeating: inference.zeroState, count: Self.lengths.count)
        let whole = inference.run(values, lengths: Self.lengths, states: &ends, answer: .everyStep)
        var found: [Float] = []
        for sequence in Self.lengths.indices {
            var states = [inference.zeroState]
            let input = Array(rows(sequence))
            for step in 0..<Self.lengths[sequence] {
                found += inference.step(&states, Array(input[step * 9..<(step + 1) * 9]))
            }
            #expect(states[0].bits == ends[sequence].bits)
        }
        #expect(found.bits == whole.bits)
    }

    @Test("a sequence in a batch equals the sequence alone", arguments: Cell.all, [Readout.last, .mean])
    func alone(cell: Cell, readout: Readout) {
        let inference = inference(cell, readout: readout)
        let batch = inference.run(values, lengths: Self.lengths)
        let single = Self.lengths.indices.flatMap { inference.run(Array(rows($0)), lengths: [Self.lengths[$0]]) }
        #expect(batch.bits == single.bits)
    }

    @Test("streams that step together equal streams that step alone", arguments: Cell.all)
    func together(cell: Cell) {
        let inference = inference(cell)
        var many = [StreamState](repeating: inference.zeroState, count: 13)
        var single = many
        for step in 0..<3 {
            let inputs = draws(13 * 9, seed: UInt64(50 + step))
            let outputs = inference.step(&many, inputs)
            var alone: [Float] = []
            for stream in 0..<13 {
                var own = [single[stream]]
                alone += inference.step(&own, Array(inputs[stream * 9..<(stream + 1) * 9]))
                single[stream] = own[0]
            }
            #expect(outputs.bits == alone.bits)
        }
        #expect(many.map(\.bits) == single.map(\.bits))
    }

    @Test("a sequence cut in two goes on as if it had not been cut", arguments: Cell.all)
    func cut(cell: Cell) {
        let inference = inference(cell)
        let input = Array(rows(1))
        var whole = [inference.zeroState]
        let expected = inference.run(input, lengths: [7], states: &whole, answer: .everyStep)
        for cut in 0...7 {
            var states = [inference.zeroState]
            let first = inference.run(Array(input[..<(cut * 9)]), lengths: [cut], states: &states, answer: .everyStep)
            let second = inference.run(
                Array(input[(cut * 9)...]), lengths: [7 - cut], states: &states, answer: .everyStep)
            #expect((first + second).bits == expected.bits)
            #expect(states[0].bits == whole[0].bits)
        }
    }

    @Test("no state equals the zero state", arguments: Cell.all)
    func zero(cell: Cell) {
        let inference = inference(cell)
        var states = [StreamState](repeating: inference.zeroState, count: Self.lengths.count)
        #expect(
            inference.run(values, lengths: Self.lengths).bits
                == inference.run(values, lengths: Self.lengths, states: &states).bits)
    }

    @Test("all instruction sets with fused multiply-add and all numbers of threads agree", arguments: Cell.all)
    func machines(cell: Cell) {
        let all = fusedSets.flatMap { set in
            [1, 2].map {
                inference(cell, KernelSet(set, threads: $0)).run(values, lengths: Self.lengths, answer: .everyStep).bits
            }
        }
        #expect(all.allSatisfy { $0 == all[0] })
    }

    @Test("more sequences than one group holds, and more steps than one chunk, change nothing")
    func large() {
        let network = network(.lstm, inputs: 2, hidden: [64], outputs: 1)
        let inference = InferenceNetwork(network, drawnParameters(network, scale: 0.1), kernels: KernelSet())
        let lengths = (0..<700).map { 1 + $0 % 5 } + [2500]
        let values = draws(lengths.reduce(0, +) * 2, seed: 1)
        let outputs = inference.run(values, lengths: lengths)
        for sequence in [0, 3, 511, 512, 699, 700] {
            let start = lengths[..<sequence].reduce(0, +) * 2
            var states = [inference.zeroState]
            var last: [Float] = []
            for step in 0..<lengths[sequence] {
                last = inference.step(&states, Array(values[start + step * 2..<start + step * 2 + 2]))
            }
            #expect(outputs[sequence].bitPattern == last[0].bitPattern)
        }
    }

    @Test("threads that share a network do not disturb each other")
    func concurrent() async {
        let inference = inference(.lstm)
        let expected = inference.run(values, lengths: Self.lengths).bits
        let values = values
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<50).allSatisfy { _ in inference.run(values, lengths: Self.lengths).bits == expected }
                }
            }
            for await isSame in group { #expect(isSame) }
        }
    }
}
