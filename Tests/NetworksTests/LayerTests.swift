import Kernels
import NamedFields
import TestSupport
import Testing

@testable import Networks

/// Layers of every kind, in every form: against plain formulas in Double, against central differences, and with the same
/// bits however a sequence is run.
@Suite("Layers")
struct LayerTests {
    struct Form: Sendable, CustomTestStringConvertible {
        let name: String
        let inputs: Int
        let layers: [LayerDescription]
        var head = Head.linear

        var testDescription: String { name }

        func network(_ readout: Readout, dropout: Float = 0) -> NetworkDescription {
            let top = layers.last?.outputs ?? 0
            return NetworkDescription(
                inputs: inputs, layers: layers, dropout: dropout, outputDropout: dropout,
                outputs: head == .none ? top : 3, readout: readout, head: head)
        }

        /// Rows of sequences: numbers, or symbols.
        func values(_ lengths: [Int], seed: UInt64) -> [Float] {
            let network = network(.last)
            let drawn = draws(lengths.reduce(0, +) * network.rowWidth, seed: seed)
            return network.readsIndices ? drawn.map { (($0 + 1) / 2 * Float(inputs - 1)).rounded() } : drawn
        }
    }

    static let forms: [Form] = [
        Form(
            name: "two directions", inputs: 4, layers: [LayerDescription(cell: .lstm(), hidden: 5, bidirectional: true)]
        ),
        Form(
            name: "two directions, two layers", inputs: 3,
            layers: [
                LayerDescription(cell: .gru(.before), hidden: 4, bidirectional: true),
                LayerDescription(cell: .elman(.tanh), hidden: 3, bidirectional: true),
            ]),
        Form(
            name: "residual", inputs: 4,
            layers: [
                LayerDescription(cell: .gru(.after), hidden: 4, residual: true),
                LayerDescription(cell: .lstm(), hidden: 4, residual: true),
            ]),
        Form(
            name: "two directions, residual", inputs: 6,
            layers: [
                LayerDescription(cell: .plain(.mgu), hidden: 3, bidirectional: true, residual: true),
                LayerDescription(cell: .lstm(), hidden: 4),
            ]),
        Form(
            name: "projected LSTM", inputs: 3,
            layers: [
                LayerDescription(
                    cell: .lstm(LSTMOptions(peepholes: .all)), hidden: 6, projection: Projection(width: 3)),
                LayerDescription(cell: .lstm(), hidden: 4, projection: Projection(width: 2, bias: true)),
            ]),
        Form(
            name: "projected, two directions", inputs: 3,
            layers: [
                LayerDescription(
                    cell: .lstm(), hidden: 5, projection: Projection(width: 2, activation: .tanh), bidirectional: true)
            ]),
        Form(
            name: "Jordan", inputs: 3,
            layers: [
                LayerDescription(
                    cell: .elman(.tanh), hidden: 6, projection: Projection(width: 2, bias: true, decay: 0.5))
            ], head: .none),
        Form(
            name: "Jordan with a sigmoid output", inputs: 3,
            layers: [
                LayerDescription(
                    cell: .elman(.tanh), hidden: 5, projection: Projection(width: 3, activation: .sigmoid, bias: true))
            ]),
        Form(
            name: "time delay", inputs: 3,
            layers: [.timeDelay(4, taps: 3), .timeDelay(3, taps: 2, dilation: 3, .sigmoid)]),
        Form(
            name: "time delay without taps before, then a cell", inputs: 3,
            layers: [.timeDelay(4, taps: 1, .identity), LayerDescription(cell: .lstm(), hidden: 3)]),
        Form(
            name: "time delay, two directions", inputs: 2,
            layers: [LayerDescription(TimeDelayDefinition(width: 3, taps: 2, dilation: 2), bidirectional: true)]),
        Form(
            name: "dense", inputs: 3,
            layers: [.dense(5), LayerDescription(cell: .gru(.after), hidden: 4), .dense(4, .identity)]),
        Form(
            name: "embedding", inputs: 7,
            layers: [.embedding(4), LayerDescription(cell: .lstm(), hidden: 3, bidirectional: true)]),
        Form(
            name: "embedding of a stream", inputs: 5,
            layers: [.embedding(3), LayerDescription(cell: .gru(.before), hidden: 3, residual: true)]),
    ]

    private static let lengths = [3, 6, 1, 6, 4]

    @Test("outputs are those of the formulas", arguments: forms, Readout.allCases)
    func outputs(form: Form, readout: Readout) {
        let network = form.network(readout)
        let parameters = drawnParameters(network, scale: 0.6)
        let values = form.values(Self.lengths, seed: 2)
        let found = InferenceNetwork(network, parameters, kernels: KernelSet())
            .run(values, lengths: Self.lengths, answer: readout == .everyStep ? .everyStep : .last)
        let reference = ReferenceNetwork(network, parameters.values.map(Double.init))
        let expected = Self.lengths.indices.flatMap {
            reference.run(sequence($0, of: values, lengths: Self.lengths, width: network.rowWidth))
        }
        #expect(distance(found, expected) < 2e-6)
    }

    @Test("every parameter's gradient is the slope of the loss", arguments: forms, Readout.allCases)
    func slopes(form: Form, readout: Readout) {
        let network = form.network(readout)
        let parameters = drawnParameters(network, scale: 0.6, seed: 5)
        let values = form.values(Self.lengths, seed: 6)
        let answers = readout == .everyStep ? Self.lengths.reduce(0, +) : Self.lengths.count
        let probe = draws(answers * network.outputs, seed: 7)
        func loss(_ parameters: [Double]) -> Double {
            let reference = ReferenceNetwork(network, parameters)
            let outputs = Self.lengths.indices.flatMap {
                reference.run(sequence($0, of: values, lengths: Self.lengths, width: network.rowWidth))
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
        #expect(distance(gradient(network, parameters, values, probe), expected) < 3e-6)
    }

    @Test("gradients do not depend on the number of threads, the instruction set or what ran before", arguments: forms)
    func sameGradients(form: Form) {
        let network = form.network(.last, dropout: 0.25)
        let parameters = drawnParameters(network, scale: 0.5)
        let values = form.values(manyLengths, seed: 8)
        let probe = draws(manyLengths.count * network.outputs, seed: 9)
        let all = fusedSets.flatMap { set in
            [1, 3].map { threads in
                gradient(
                    network, parameters, values, probe, KernelSet(set, threads: threads), lengths: manyLengths,
                    dropout: DropoutPlace(seed: 3, step: 1)
                ).bits
            }
        }
        #expect(all.allSatisfy { $0 == all[0] })
    }

    @Test(
        "alone, in a batch and step by step are the same, in each precision", arguments: forms, Precision.allCases)
    func sameBits(form: Form, precision: Precision) {
        for readout in [Readout.last, .mean, .everyStep] {
            let network = form.network(readout)
            let parameters = drawnParameters(network, scale: 0.4)
            let values = form.values(manyLengths, seed: 4)
            for set in InstructionSet.available {
                let inference = InferenceNetwork(network, parameters, precision: precision, kernels: KernelSet(set))
                var ends = [NetworkState](repeating: inference.zeroState, count: manyLengths.count)
                let batch = inference.run(values, lengths: manyLengths, states: &ends, answer: .everyStep)
                let lasts = inference.run(values, lengths: manyLengths)
                var (alone, steps, ofLast): ([Float], [Float], [Float]) = ([], [], [])
                var start = 0
                for (sequence, length) in manyLengths.enumerated() {
                    let own = Array(values[start..<start + length * network.rowWidth])
                    start += own.count
                    alone += inference.run(own, lengths: [length], answer: .everyStep)
                    ofLast += inference.run(own, lengths: [length])
                    guard network.streams else { continue }
                    var state = [inference.zeroState]
                    for row in 0..<length {
                        steps += inference.step(
                            &state, Array(own[row * network.rowWidth..<(row + 1) * network.rowWidth]))
                    }
                    #expect(state[0].bits == ends[sequence].bits)
                    if readout != .everyStep {
                        let width = network.outputs
                        #expect(inference.output(of: state).bits == ofLast.suffix(width).map(\.bitPattern))
                    }
                }
                #expect(alone.bits == batch.bits)
                #expect(ofLast.bits == lasts.bits)
                #expect(!network.streams || steps.bits == batch.bits)
            }
        }
    }

    @Test(
        "a stream cut anywhere goes on as if it had not been cut", arguments: forms.filter { $0.network(.last).streams }
    )
    func cut(form: Form) {
        let network = form.network(.everyStep)
        let inference = InferenceNetwork(network, drawnParameters(network), kernels: KernelSet())
        let values = form.values([7], seed: 12)
        var whole = [inference.zeroState]
        let expected = inference.run(values, lengths: [7], states: &whole, answer: .everyStep)
        for cut in 0...7 {
            let place = cut * network.rowWidth
            var states = [inference.zeroState]
            let first = inference.run(Array(values[..<place]), lengths: [cut], states: &states, answer: .everyStep)
            let second = inference.run(Array(values[place...]), lengths: [7 - cut], states: &states, answer: .everyStep)
            #expect((first + second).bits == expected.bits)
            #expect(states[0].bits == whole[0].bits)
        }
    }

    @Test("training ends in the states of inference, from any states", arguments: forms)
    func states(form: Form) {
        let network = form.network(.everyStep)
        let parameters = drawnParameters(network)
        let values = form.values(Self.lengths, seed: 13)
        var states = Self.lengths.indices.map { index in
            var state = NetworkState(zeroFor: StateLayout(network))
            for slot in StateLayout(network).slots where slot.layer != nil {
                state.values.replaceSubrange(slot.range, with: draws(slot.range.count, seed: UInt64(20 + index)))
            }
            return state
        }
        let trained = TrainingNetwork(network, kernels: KernelSet())
        parameters.values.withUnsafeBufferPointer { trained.load($0.baseAddress!) }
        let batch = RaggedBatch(lengths: Self.lengths)
        let packed = Buffer(count: values.count)
        batch.pack(values, width: network.rowWidth, into: packed.base)
        let x = packed.rows(count: batch.rows, width: network.rowWidth)
        let outputs = trained.forward(batch, x: x.rows, states: states)
        var told = [Float](repeating: 0, count: batch.rows * network.outputs)
        batch.unpack(outputs.base, width: network.outputs, into: &told)
        let last = trained.lastStates
        let inference = InferenceNetwork(network, parameters, kernels: KernelSet())
        #expect(inference.run(values, lengths: Self.lengths, states: &states, answer: .everyStep).bits == told.bits)
        for (sequence, state) in states.enumerated() {
            for slot in StateLayout(network).slots where slot.layer != nil {
                #expect(Array(state.values[slot.range]).bits == Array(last[sequence].values[slot.range]).bits)
            }
        }
    }

    @Test("the memory of whole sequences is told by the longest of them, for every thread")
    func memory() {
        let network = Self.forms[0].network(.last)
        let parameters = drawnParameters(network)
        func bytes(_ threads: Int, _ sequences: Int, _ steps: Int, longest: Int) -> Int {
            InferenceNetwork(network, parameters, kernels: KernelSet(threads: threads))
                .workspaceBytes(sequences: sequences, steps: steps, longest: longest)
        }
        // One of four million steps among as many of one: its rows stand at once, and a group of others beside them.
        let ragged = bytes(1, 4_000_000, 8_000_000, longest: 4_000_000)
        #expect(ragged > 4_000_000 * 4 * 4 * network.topWidth)
        #expect(bytes(1, 4_000_000, 8_000_000, longest: 2) < ragged / 2)
        #expect(bytes(2, 4_000_000, 8_000_000, longest: 4_000_000) > ragged)
    }

    @Test("fields that do not go together are told with their place")
    func conflicts() {
        func places(_ layers: [LayerDescription], inputs: Int = 3) -> [String] {
            var findings = FieldFindings()
            layers.noteConflicts(inputs: inputs, &findings)
            return findings.all.list.map { String($0.description.prefix { $0 != ":" }) }
        }
        #expect(places([.dense(4), LayerDescription(cell: .lstm(), hidden: 5, residual: true)]) == ["[1].residual"])
        #expect(places([.dense(4), .embedding(3)]) == ["[1].kind"])
        #expect(
            places([LayerDescription(DenseDefinition(), bidirectional: true), .timeDelay(2, taps: 1)])
                == ["[0].bidirectional"])
        #expect(
            places([LayerDescription(cell: .gru(.after), hidden: 3, projection: Projection(width: 2))])
                == ["[0].projection"])
        #expect(places([.timeDelay(2, taps: 1000, dilation: 1000)]) == ["[0].dilation"])
        for form in Self.forms {
            var findings = FieldFindings()
            form.network(.last).noteConflicts(&findings)
            #expect(findings.all.isEmpty, "\(form.name)")
        }
    }

    private func gradient(
        _ network: NetworkDescription, _ parameters: Parameters, _ values: [Float], _ probe: [Float],
        _ kernels: KernelSet = KernelSet(), lengths: [Int] = lengths, dropout: DropoutPlace? = nil
    ) -> [Float] {
        let trained = TrainingNetwork(network, kernels: kernels)
        parameters.values.withUnsafeBufferPointer { trained.load($0.baseAddress!) }
        let batch = RaggedBatch(lengths: lengths)
        let packed = Buffer(count: values.count)
        batch.pack(values, width: network.rowWidth, into: packed.base)
        let x = packed.rows(count: batch.rows, width: network.rowWidth).rows
        var gradient = [Float](repeating: 0, count: parameters.values.count)
        // Twice: what a batch leaves behind is nothing to the next.
        for _ in 0..<2 {
            let outputs = trained.forward(batch, x: x, dropout: dropout)
            if network.readout == .everyStep {
                batch.pack(probe, width: network.outputs, into: outputs.base)
            } else {
                for row in 0..<outputs.count {
                    for unit in 0..<outputs.width {
                        outputs.base[row * outputs.width + unit] = probe[batch.order[row] * outputs.width + unit]
                    }
                }
            }
            gradient = [Float](repeating: 0, count: gradient.count)
            gradient.withUnsafeMutableBufferPointer { trained.backward(outputs.rows, into: $0.baseAddress!) }
        }
        return gradient
    }
}
