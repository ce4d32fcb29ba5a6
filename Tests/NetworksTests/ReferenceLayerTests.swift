import Formats
import Kernels
import TestSupport
import Testing

@testable import Networks

/// Cases of another framework that are no line of cells: Jordan's network, a time-delay network, and labels at every step
/// from both ends over an embedding.
@Suite("Reference layers")
struct ReferenceLayerTests {
    /// A network that has gone forward over packed rows.
    private final class Run {
        let network: TrainingNetwork
        let batch: RaggedBatch
        let outputs: MutableRows
        private let x: Buffer

        /// - Parameter x: sequence after sequence.
        init(
            _ description: NetworkDescription, _ parameters: Parameters, _ x: [Float], lengths: [Int],
            states: [NetworkState]?
        ) {
            let network = TrainingNetwork(description, kernels: KernelSet())
            self.network = network
            parameters.values.withUnsafeBufferPointer { network.load($0.baseAddress!) }
            batch = RaggedBatch(lengths: lengths)
            self.x = Buffer(count: x.count)
            batch.pack(x, width: description.rowWidth, into: self.x.base)
            outputs = network.forward(
                batch, x: self.x.rows(count: batch.rows, width: description.rowWidth).rows, states: states)
        }

        var told: [Float] { unpacked(outputs.rows) }

        func unpacked(_ rows: Rows) -> [Float] {
            var values = [Float](repeating: 0, count: batch.rows * rows.width)
            batch.unpack(rows.base, width: rows.width, into: &values)
            return values
        }
    }

    @Test("Jordan's network: outputs, context and every gradient")
    func jordan() throws {
        let source = try SafetensorsCase("jordan_linear")
        let shape = try source.shape("input/x")
        let (steps, count, inputs) = (shape[0], shape[1], shape[2])
        let (hidden, outputs) = (try source.shape("param/W_xh")[0], try source.shape("param/W_hy")[0])
        let description = NetworkDescription(
            inputs: inputs,
            layers: [
                LayerDescription(
                    cell: .elman(.tanh), hidden: hidden, projection: Projection(width: outputs, bias: true))
            ], outputs: outputs, readout: .everyStep, head: .none)
        var parameters = Parameters(layout: ParameterLayout(description))
        let names = ["weight_ih": "W_xh", "weight_hh": "W_ch", "bias_ih": "b_h", "weight_hr": "W_hy", "bias_hr": "b_y"]
        for (own, name) in names { parameters["layers.0.\(own)"] = try source.floats("param/\(name)") }
        let x = Self.bySequence(try source.floats("input/x"), steps, count, inputs)
        let first = try source.floats("input/c0")
        let states = (0..<count).map { NetworkState(values: Array(first[$0 * outputs..<($0 + 1) * outputs])) }
        let lengths = [Int](repeating: steps, count: count)
        let run = Run(description, parameters, x, lengths: lengths, states: states)
        let y = Self.bySequence(try source.doubles("f64/out/y"), steps, count, outputs)
        #expect(distance(run.told, y) < 1e-6)
        #expect(distance(run.network.lastStates.flatMap(\.values), try source.doubles("f64/out/cn")) < 1e-6)
        let inference = InferenceNetwork(description, parameters, kernels: KernelSet())
        var ends = states
        #expect(inference.run(x, lengths: lengths, states: &ends, answer: .everyStep).bits == run.told.bits)

        var gradient = [Float](repeating: 0, count: parameters.values.count)
        let probes = try source.floats("probe/cn")
        let (dx, dFirst) = run.network.backwardStates(
            dTop: Self.bySequence(try source.floats("probe/y"), steps, count, outputs),
            dLast: (0..<count).map { NetworkState(values: Array(probes[$0 * outputs..<($0 + 1) * outputs])) },
            into: &gradient)
        let found = Parameters(layout: parameters.layout, values: gradient)
        for (own, name) in names {
            #expect(distance(found["layers.0.\(own)"] ?? [], try source.doubles("f64/grad/\(name)")) < 2e-6, "\(name)")
        }
        #expect(distance(dx, Self.bySequence(try source.doubles("f64/grad/x"), steps, count, inputs)) < 2e-6)
        #expect(distance(dFirst.flatMap(\.values), try source.doubles("f64/grad/c0")) < 2e-6)
    }

    @Test("a time-delay network: outputs and gradients where every tap has a row")
    func timeDelay() throws {
        let source = try SafetensorsCase("tdnn_valid")
        let shape = try source.shape("input/x")
        let (count, inputs, steps) = (shape[0], shape[1], shape[2])
        var layers: [LayerDescription] = []
        let given = try #require(source.config["layers"]?.array)
        for (index, layer) in given.enumerated() {
            layers.append(
                .timeDelay(
                    try #require(layer["out"]?.int), taps: try #require(layer["taps"]?.int),
                    dilation: try #require(layer["dilation"]?.int), index + 1 < given.count ? .tanh : .identity))
        }
        let outputs = try #require(layers.last?.outputs)
        let description = NetworkDescription(
            inputs: inputs, layers: layers, outputs: outputs, readout: .everyStep, head: .none)
        var parameters = Parameters(layout: ParameterLayout(description))
        for index in layers.indices {
            let shape = try source.shape("param/conv\(index).weight")
            // (out, in, tap) there, (out, tap, in) here.
            parameters["layers.\(index).weight"] = Self.turned(
                try source.floats("param/conv\(index).weight"), shape[0], shape[1], shape[2])
            parameters["layers.\(index).bias"] = try source.floats("param/conv\(index).bias")
        }
        // (batch, feature, time) there.
        let x = Self.turned(try source.floats("input/x"), count, inputs, steps)
        let run = Run(description, parameters, x, lengths: [Int](repeating: steps, count: count), states: nil)
        let valid = try source.shape("f64/out/y")[2]
        let y = Self.turned(try source.doubles("f64/out/y"), count, outputs, valid)
        func valids(_ all: [Float]) -> [Float] {
            (0..<count).flatMap { sequence -> ArraySlice<Float> in
                let end = (sequence + 1) * steps
                return all[(end - valid) * outputs..<end * outputs]
            }
        }
        #expect(distance(valids(run.told), y) < 1e-6)

        // Nothing is asked of the steps before.
        let probe = Self.turned(try source.floats("probe/y"), count, outputs, valid)
        let before = [Float](repeating: 0, count: (steps - valid) * outputs)
        let above = (0..<count).flatMap { sequence -> [Float] in
            let own = probe[sequence * valid * outputs..<(sequence + 1) * valid * outputs]
            return before + own
        }
        var gradient = [Float](repeating: 0, count: parameters.values.count)
        let none = NetworkState(zeroFor: StateLayout(description))
        let (dx, _) = run.network.backwardStates(
            dTop: above, dLast: [NetworkState](repeating: none, count: count), into: &gradient)
        let found = Parameters(layout: parameters.layout, values: gradient)
        for index in layers.indices {
            let shape = try source.shape("param/conv\(index).weight")
            let weights = Self.turned(
                try source.doubles("f64/grad/conv\(index).weight"), shape[0], shape[1], shape[2])
            #expect(distance(found["layers.\(index).weight"] ?? [], weights) < 2e-6)
            #expect(
                distance(found["layers.\(index).bias"] ?? [], try source.doubles("f64/grad/conv\(index).bias")) < 2e-6)
        }
        #expect(distance(dx, Self.turned(try source.doubles("f64/grad/x"), count, inputs, steps)) < 2e-6)
    }

    @Test("labels at every step, read from both ends over an embedding: probabilities, loss and every gradient")
    func tagging() throws {
        let source = try SafetensorsCase("task_tagging_bilstm")
        let table = try source.shape("param/embed.weight")
        let hidden = try source.shape("param/rnn.weight_hh_l0")[1]
        let labels = try source.shape("param/head.weight")[0]
        let description = NetworkDescription(
            inputs: table[0],
            layers: [.embedding(table[1]), LayerDescription(cell: .lstm(), hidden: hidden, bidirectional: true)],
            outputs: labels, readout: .everyStep)
        var names = [
            "layers.0.weight": "embed.weight", "head.weight": "head.weight", "head.bias": "head.bias",
        ]
        for tensor in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] {
            names["layers.1.\(tensor)"] = "rnn.\(tensor)_l0"
            names["layers.1.\(tensor)_reverse"] = "rnn.\(tensor)_l0_reverse"
        }
        var parameters = Parameters(layout: ParameterLayout(description))
        for (own, name) in names { parameters[own] = try source.floats("param/\(name)") }
        let lengths = try source.ints("const/lengths")
        let shape = try source.shape("const/ids")
        func ragged<Number>(_ values: [Number], width: Int) -> [Number] {
            lengths.enumerated().flatMap { sequence, length in
                (0..<length).flatMap { step in
                    let start = (step * shape[1] + sequence) * width
                    return values[start..<start + width]
                }
            }
        }
        let x = ragged(try source.ints("const/ids"), width: 1).map(Float.init)
        let run = Run(description, parameters, x, lengths: lengths, states: nil)
        let batch = run.batch
        let tags = ragged(try source.ints("const/tags"), width: 1)
        var packed = [Float](repeating: 0, count: tags.count)
        batch.pack(tags.map(Float.init), width: 1, into: &packed)
        var losses = [Float](repeating: 0, count: batch.rows)
        let kernels = KernelSet()
        let logits = run.told
        kernels.softmaxCrossEntropy(
            run.outputs.rows, labels: packed.map { Int32($0) }, factor: 1 / Float(batch.rows), gradient: run.outputs,
            losses: &losses)
        let loss = Double(losses.reduce(0, +)) / Double(batch.rows)
        #expect(abs(loss - (try #require(source.doubles("f64/loss").first))) < 1e-6)
        let expected = ragged(try source.doubles("f64/out/log_probabilities"), width: labels)
        for row in 0..<tags.count {
            let own = logits[row * labels..<(row + 1) * labels].map(Double.init)
            let sum = own.reduce(0) { $0 + exponential($1) }
            for label in 0..<labels {
                #expect(abs(exponential(own[label]) / sum - exponential(expected[row * labels + label])) < 1e-6)
            }
        }
        var gradient = [Float](repeating: 0, count: parameters.values.count)
        gradient.withUnsafeMutableBufferPointer { run.network.backward(run.outputs.rows, into: $0.baseAddress!) }
        let found = Parameters(layout: parameters.layout, values: gradient)
        for (own, name) in names {
            #expect(distance(found[own] ?? [], try source.doubles("f64/grad/\(name)")) < 1e-6, "\(own)")
        }
    }

    private func exponential(_ x: Double) -> Double { DoubleFunctions.exp(x) }

    /// (time, batch, feature) as sequence after sequence.
    private static func bySequence<Number>(_ values: [Number], _ steps: Int, _ count: Int, _ width: Int) -> [Number] {
        (0..<count).flatMap { sequence in
            (0..<steps).flatMap { step in
                let start = (step * count + sequence) * width
                return values[start..<start + width]
            }
        }
    }

    /// (a, b, c) as (a, c, b).
    private static func turned<Number>(_ values: [Number], _ a: Int, _ b: Int, _ c: Int) -> [Number] {
        (0..<a).flatMap { first in
            (0..<c).flatMap { third in (0..<b).map { values[(first * b + $0) * c + third] } }
        }
    }
}
