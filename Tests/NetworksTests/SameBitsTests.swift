import TestSupport
import Testing

@testable import Kernels
@testable import Networks

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
        var ends = [NetworkState](repeating: inference.zeroState, count: Self.lengths.count)
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
        var many = [NetworkState](repeating: inference.zeroState, count: 13)
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
        var states = [NetworkState](repeating: inference.zeroState, count: Self.lengths.count)
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

    /// Networks of any widths, and sequences of any lengths for each.
    private static func drawn(
        _ cell: Cell, _ count: Int, seed: UInt64
    ) -> [(network: NetworkDescription, parameters: Parameters, values: [Float], lengths: [Int])] {
        var generator = SeededGenerator(seed)
        return (0..<count).map { index in
            let readout: Readout = index % 2 == 0 ? .last : .mean
            let hidden = (0..<Int.random(in: 1...2, using: &generator)).map { _ in
                Int.random(in: 1...70, using: &generator)
            }
            let network = network(
                cell, inputs: Int.random(in: 1...70, using: &generator), hidden: hidden, outputs: 3, readout: readout)
            let lengths = (0..<Int.random(in: 2...19, using: &generator)).map { _ in
                Int.random(in: 1...9, using: &generator)
            }
            return (
                network, drawnParameters(network, scale: 0.3, seed: seed + UInt64(index)),
                draws(lengths.reduce(0, +) * network.inputs, seed: seed + 100 + UInt64(index)), lengths
            )
        }
    }

    @Test(
        "in each precision, over networks of any shape: alone, in a batch and step by step are the same",
        arguments: Cell.all, Precision.allCases)
    func precisions(cell: Cell, precision: Precision) {
        for drawn in Self.drawn(cell, 12, seed: 900) {
            for set in InstructionSet.available {
                let inference = InferenceNetwork(
                    drawn.network, drawn.parameters, precision: precision, kernels: KernelSet(set))
                let width = drawn.network.inputs
                var ends = [NetworkState](repeating: inference.zeroState, count: drawn.lengths.count)
                let batch = inference.run(drawn.values, lengths: drawn.lengths, states: &ends, answer: .everyStep)
                var (alone, steps): ([Float], [Float]) = ([], [])
                var start = 0
                for (sequence, length) in drawn.lengths.enumerated() {
                    let values = Array(drawn.values[start..<start + length * width])
                    start += length * width
                    alone += inference.run(values, lengths: [length], answer: .everyStep)
                    var states = [inference.zeroState]
                    for step in 0..<length {
                        steps += inference.step(&states, Array(values[step * width..<(step + 1) * width]))
                    }
                    #expect(states[0].bits == ends[sequence].bits)
                }
                #expect(alone.bits == batch.bits, "\(set), \(drawn.network)")
                #expect(steps.bits == batch.bits, "\(set), \(drawn.network)")
            }
        }
    }

    @Test(
        "float32 and int8 agree on all instruction sets with fused multiply-add and all numbers of threads",
        arguments: Cell.all, [Precision.float32, .int8])
    func machinesInPrecision(cell: Cell, precision: Precision) {
        for drawn in Self.drawn(cell, 8, seed: 950) {
            let all = fusedSets.flatMap { set in
                [1, 2].map { threads in
                    InferenceNetwork(
                        drawn.network, drawn.parameters, precision: precision, kernels: KernelSet(set, threads: threads)
                    ).run(drawn.values, lengths: drawn.lengths, answer: .everyStep).bits
                }
            }
            #expect(all.allSatisfy { $0 == all[0] }, "\(drawn.network)")
        }
    }

    @Test("bfloat16 agrees among instruction sets that have its dot product, and among those that have not")
    func machinesInBFloat16() {
        for drawn in Cell.all.flatMap({ Self.drawn($0, 3, seed: 970) }) {
            for hasDots in [true, false] {
                let all = fusedSets.filter { $0.hasBFloat16Dots == hasDots }.map { set in
                    InferenceNetwork(
                        drawn.network, drawn.parameters, precision: .bfloat16, kernels: KernelSet(set)
                    ).run(drawn.values, lengths: drawn.lengths).bits
                }
                #expect(all.allSatisfy { $0 == all[0] }, "\(drawn.network)")
            }
        }
    }

    @Test("more sequences than one group holds, and more steps than one chunk, change nothing")
    func large() {
        let network = network(.lstm(), inputs: 2, hidden: [64], outputs: 1)
        let inference = InferenceNetwork(network, drawnParameters(network, scale: 0.1), kernels: KernelSet())
        let lengths = (0..<700).map { 1 + $0 % 5 } + [2500]
        let values = draws(lengths.reduce(0, +) * 2, seed: 1)
        let outputs = inference.run(values, lengths: lengths)
        // Rows stand by length: these are around the border of the two groups, and the longest.
        let order = RaggedBatch(lengths: lengths).order
        for sequence in [0, 3, order[349], order[350], order[351], 700] {
            let start = lengths[..<sequence].reduce(0, +) * 2
            var states = [inference.zeroState]
            var last: [Float] = []
            for step in 0..<lengths[sequence] {
                last = inference.step(&states, Array(values[start + step * 2..<start + step * 2 + 2]))
            }
            #expect(outputs[sequence].bitPattern == last[0].bitPattern)
        }
    }

    @Test(
        "a batch large enough to be cut among threads gives the bits of one", arguments: Cell.all,
        [(Precision.float32, Readout.last), (.float32, .mean), (.bfloat16, .last), (.int8, .last)])
    func manyRows(cell: Cell, _ form: (precision: Precision, readout: Readout)) {
        let network = network(cell, inputs: 20, hidden: [200, 100], outputs: 2, readout: form.readout)
        let parameters = drawnParameters(network, scale: 0.05)
        let values = draws(manyLengths.reduce(0, +) * 20, seed: 3)
        let streams = draws(400 * 20, seed: 4)
        let all = [1, 2, 3].map { threads -> [[UInt32]] in
            let inference = InferenceNetwork(
                network, parameters, precision: form.precision, kernels: KernelSet(threads: threads))
            var states = [NetworkState](repeating: inference.zeroState, count: manyLengths.count)
            let every = inference.run(values, lengths: manyLengths, states: &states, answer: .everyStep)
            let last = inference.run(values, lengths: manyLengths)
            var stepped = (0..<400).map { states[$0 % states.count] }
            for steps in [manyLengths.reduce(0, +), 400] {
                #expect(inference.kernels.isLarge(inference.cost(steps: steps)))
            }
            let outputs = inference.step(&stepped, streams)
            return [every.bits, last.bits, outputs.bits] + (states + stepped).map(\.bits)
        }
        #expect(all[1] == all[0] && all[2] == all[0])
    }

    @Test("more sequences than the groups of all threads hold change nothing")
    func manyGroups() {
        // Large enough to wake helpers: 1,100 steps of 49,920 multiply-adds are.
        let network = network(.gru(.after), inputs: 2, hidden: [128], outputs: 1)
        let parameters = drawnParameters(network, scale: 0.1)
        let lengths = (0..<1_100).map { 3 + $0 % 6 }
        let values = draws(lengths.reduce(0, +) * 2, seed: 5)
        let inputs = draws(1_100 * 2, seed: 6)
        let all = [1, 2].map { threads -> [[UInt32]] in
            let inference = InferenceNetwork(network, parameters, kernels: KernelSet(threads: threads))
            var states = [NetworkState](repeating: inference.zeroState, count: lengths.count)
            let outputs = inference.run(values, lengths: lengths, states: &states)
            return [outputs.bits, inference.step(&states, inputs).bits] + states.map(\.bits)
        }
        #expect(all[1] == all[0])
        let alone = InferenceNetwork(network, parameters, kernels: KernelSet())
        for sequence in stride(from: 0, to: 1_100, by: 50) {
            let start = lengths[..<sequence].reduce(0, +) * 2
            var states = [alone.zeroState]
            let rows = Array(values[start..<start + lengths[sequence] * 2])
            #expect(alone.run(rows, lengths: [lengths[sequence]], states: &states).bits == [all[0][0][sequence]])
            let row = Array(inputs[sequence * 2..<sequence * 2 + 2])
            #expect(alone.step(&states, row).bits == [all[0][1][sequence]])
        }
    }

    @Test("callers that share the threads of a network do not disturb each other")
    func busyTeam() async {
        let network = network(.lstm(), inputs: 20, hidden: [100], outputs: 2)
        let inference = InferenceNetwork(
            network, drawnParameters(network, scale: 0.05), kernels: KernelSet(threads: 2))
        let values = draws(manyLengths.reduce(0, +) * 20, seed: 3)
        let expected = inference.run(values, lengths: manyLengths).bits
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<20).allSatisfy { _ in inference.run(values, lengths: manyLengths).bits == expected }
                }
            }
            for await isSame in group { #expect(isSame) }
        }
    }

    @Test("sequences of every length leave few workspaces behind")
    func workspaces() {
        let inference = inference(.lstm())
        for length in 1...600 {
            _ = inference.run([Float](repeating: 0.5, count: length * inference.description.inputs), lengths: [length])
        }
        #expect(inference.pool.count == 1)
    }

    @Test("workspaces of several threads are kept, found again, and given up for one that can stand in for them")
    func workspacesOfThreads() {
        let pool = WorkspacePool()
        let network = network(.lstm(), inputs: 3, hidden: [5])
        func take(_ group: Int, _ rows: Int) -> InferenceWorkspace {
            pool.take(network, StateLayout(network), group: group, rows: rows)
        }
        let (one, other, wide, long) = (take(3, 20), take(4, 32), take(64, 64), take(2, 300))
        #expect([one.group, one.rows, other.group, other.rows] == [4, 32, 4, 32])
        for workspace in [wide, one, other, long] { pool.giveBack(workspace) }
        #expect(pool.count == 4)
        let found = [take(64, 33), take(1, 257), take(4, 32), take(4, 32)]
        #expect(found[0] === wide && found[1] === long)
        #expect(Set(found[2...].map(ObjectIdentifier.init)) == [ObjectIdentifier(one), ObjectIdentifier(other)])
        #expect(pool.count == 0)
        for workspace in [one, other, long, wide] { pool.giveBack(workspace) }
        #expect(pool.count == 2)
        #expect(take(1, 512) === long && take(4, 32) === wide)
    }

    @Test("a zero state is zero in a workspace that was used before")
    func usedWorkspace() {
        for (readout, steps) in [(Readout.last, 0), (.last, 1), (.mean, 0), (.mean, 1)] {
            let network = network(.lstm(), inputs: 3, hidden: [5, 7], readout: readout)
            let parameters = drawnParameters(network)
            let used = InferenceNetwork(network, parameters, kernels: KernelSet())
            let values = draws(6 * 4 * 3, seed: 8)
            _ = used.run(values, lengths: [6, 6, 6, 6])
            var states = [NetworkState](repeating: used.zeroState, count: 4)
            for _ in 0..<steps { _ = used.step(&states, Array(values[..<12])) }
            let fresh = InferenceNetwork(network, parameters, kernels: KernelSet())
            let lengths = [5, 4, 6]
            let rows = Array(values[..<(15 * 3)])
            #expect(used.run(rows, lengths: lengths).bits == fresh.run(rows, lengths: lengths).bits)
            #expect(used.pool.count == 1)
        }
    }

    @Test("a state of another network is refused before it is read")
    func foreignState() async {
        await #expect(processExitsWith: .failure) {
            let other = network(.lstm(), inputs: 3, hidden: [7])
            let inference = InferenceNetwork(
                network(.lstm(), inputs: 3, hidden: [5]), drawnParameters(network(.lstm(), inputs: 3, hidden: [5])),
                kernels: KernelSet())
            var states = [NetworkState(zeroFor: StateLayout(other))]
            _ = inference.step(&states, [0, 0, 0])
        }
    }

    @Test("threads that share a network do not disturb each other")
    func concurrent() async {
        let inference = inference(.lstm())
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
