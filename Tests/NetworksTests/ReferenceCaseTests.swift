import Formats
import Kernels
import Networks
import TestSupport
import Testing

/// Whole layers against the computations of another framework: outputs, last states, and every gradient.
@Suite("Reference cases")
struct ReferenceCaseTests {
    /// Every case of a layer among the fixtures: what is put there is tested.
    static let cases: [(name: String, cell: Cell)] = all.compactMap { found in found.cell.map { (found.name, $0) } }

    /// Families whose cases other tests repeat: whole trainings and tasks, and layers that are no line of cells.
    private static let ownSuites = ["training", "task", "jordan", "tdnn", "tbptt", "rtrl"]

    private static let all: [(name: String, family: String, cell: Cell?)] = {
        do {
            return try SafetensorsCase.names().map { name in
                let found = try SafetensorsCase(name)
                return (name, found.family, cell(of: found))
            }
        } catch { fatalError("the reference cases cannot be read: \(error)") }
    }()

    /// The cell of a case of layers; nil for a whole training or task, which `ReferenceTrainingTests` repeats.
    private static func cell(of found: SafetensorsCase) -> Cell? {
        let rule = found.config["nonlinearity"]?.string ?? found.config["equations"]?.string ?? ""
        let activations: [(String, Activation)] = [("tanh", .tanh), ("relu", .relu), ("sigmoid", .sigmoid)]
        switch found.config["cell"]?.string {
        case _ where ownSuites.contains(found.family): return nil
        case "rnn", "elman": return activations.first { rule.contains($0.0) }.map { .elman($0.1) }
        case "lstm":
            let forgets = ["none": LSTMOptions.Forget.none, "coupled": .coupled]
            return .lstm(
                LSTMOptions(
                    forget: forgets[found.config["forget_gate"]?.string ?? ""] ?? .gate,
                    peepholes: found.config["peephole"]?.bool == true ? .all : []))
        case "gru": return .gru(.after)
        case "gru_reset_before": return .gru(.before)
        default: return nil
        }
    }

    @Test("every case among the fixtures is of a family that some test repeats")
    func nothingLeftOut() {
        let unknown = Self.all.filter { $0.cell == nil && !Self.ownSuites.contains($0.family) }
        #expect(unknown.isEmpty, "\(unknown.map(\.name))")
        #expect(Self.cases.count >= 16)
    }

    @Test("outputs, states and gradients are those of the reference", arguments: cases)
    func agrees(name: String, cell: Cell) throws {
        let reference = try LayerCase(name, cell)
        let gradient = UnsafeMutablePointer<Float>.allocate(capacity: reference.layout.count)
        defer { gradient.deallocate() }
        gradient.initialize(repeating: 0, count: reference.layout.count)
        let trained = reference.forward(KernelSet())
        let outputs = max(10 * (reference.source.frameworkError("outputs") ?? 0), 1e-6)
        #expect(distance(trained.topStates, try reference.steps("f64/out/y")) <= outputs)
        for (place, states) in try reference.states("f64/out/hn").enumerated() {
            #expect(distance(reference.slots(.h, place, of: trained.lastStates), states) <= outputs)
        }
        if reference.source.has("f64/out/cn") {
            for (place, states) in try reference.states("f64/out/cn").enumerated() {
                #expect(distance(reference.slots(.c, place, of: trained.lastStates), states) <= outputs)
            }
        }

        let (dx, dFirst) = trained.backwardStates(
            dTop: try reference.steps("probe/y").map(Float.init), dLast: try reference.probes(), into: gradient)
        let gradients = max(10 * (reference.source.frameworkError("gradients") ?? 0), 1e-6)
        for (tensor, name) in reference.tensors {
            let found = Array(UnsafeBufferPointer(start: gradient + tensor.range.lowerBound, count: tensor.range.count))
            #expect(distance(found, try reference.source.doubles("f64/grad/\(name)")) <= gradients, "\(name)")
        }
        #expect(distance(dx, try reference.steps("f64/grad/x")) <= gradients)
        for (place, states) in try reference.states("f64/grad/h0").enumerated() {
            #expect(distance(reference.slots(.h, place, of: dFirst), states) <= gradients)
        }
        if reference.source.has("f64/grad/c0") {
            for (place, states) in try reference.states("f64/grad/c0").enumerated() {
                #expect(distance(reference.slots(.c, place, of: dFirst), states) <= gradients)
            }
        }
    }

    @Test(
        "a gradient at every step goes back to the inputs and parameters with the same bits in either form",
        arguments: cases)
    func sequenceGradient(name: String, cell: Cell) throws {
        let reference = try LayerCase(name, cell)
        let probe = try reference.steps("probe/y").map(Float.init)
        let width = reference.network.topWidth
        var expected = [Float](repeating: 0, count: reference.layout.count)
        var found = expected
        let trained = reference.forward(KernelSet())
        let zero = [NetworkState](
            repeating: NetworkState(zeroFor: StateLayout(reference.network)), count: reference.lengths.count)
        let (dx, _) = trained.backwardStates(dTop: probe, dLast: zero, into: &expected)
        let batch = RaggedBatch(lengths: reference.lengths)
        let again = reference.forward(KernelSet())
        let packed = Buffer(count: probe.count)
        batch.pack(probe, width: width, into: packed.base)
        let rows = again.backwardSequence(packed.rows(count: batch.rows, width: width).rows, into: &found)
        var unpacked = [Float](repeating: 0, count: dx.count)
        batch.unpack(try #require(rows).base, width: reference.network.inputs, into: &unpacked)
        #expect(unpacked.bits == dx.bits)
        #expect(found.bits == expected.bits)
    }

    @Test("inference gives the outputs of the reference, and the very states of training", arguments: cases)
    func inference(name: String, cell: Cell) throws {
        let reference = try LayerCase(name, cell)
        let kernels = KernelSet()
        let network = InferenceNetwork(reference.network, reference.parameters, kernels: kernels)
        var states = try reference.firstStates()
        let outputs = network.run(
            reference.x, lengths: reference.lengths, states: &states, answer: .everyStep)
        #expect(distance(outputs, try reference.steps("f64/out/y")) <= 1e-6)
        let trained = reference.forward(kernels)
        #expect(outputs.bits == trained.topStates.bits)
        #expect(
            states.map { Array($0.values[reference.ofLayers]).bits }
                == trained.lastStates.map { Array($0.values[reference.ofLayers]).bits })
        #expect(states.map(\.steps) == trained.lastStates.map(\.steps))
    }
}

/// A case of recurrent layers without a head, in the caller's order of this program.
struct LayerCase {
    let source: SafetensorsCase
    let network: NetworkDescription
    let layout: ParameterLayout
    let parameters: Parameters
    let lengths: [Int]
    let x: [Float]
    private let steps: Int

    init(_ name: String, _ cell: Cell) throws {
        source = try SafetensorsCase(name)
        let shape = try source.shape("input/x")
        steps = shape[0]
        let config = source.config
        let count = config["num_layers"]?.int ?? 1
        let projected = config["proj_size"]?.int ?? 0
        let layer = LayerDescription(
            cell: cell, hidden: try source.shape("param/weight_hh_l0")[0] / cell.shape.blocks,
            projection: projected > 0 ? Projection(width: projected) : nil,
            bidirectional: config["bidirectional"]?.bool == true, residual: config["residual"]?.bool == true)
        lengths =
            source.has("const/lengths")
            ? try source.ints("const/lengths") : [Int](repeating: shape[0], count: shape[1])
        network = NetworkDescription(
            inputs: shape[2], layers: [LayerDescription](repeating: layer, count: count), outputs: layer.outputs,
            readout: .last, head: .none)
        layout = ParameterLayout(network)
        var parameters = Parameters(layout: layout)
        for (tensor, name) in Self.tensors(layout, source) {
            parameters.values.replaceSubrange(tensor.range, with: try source.floats("param/\(name)"))
        }
        self.parameters = parameters
        x = try Self.steps(source, "input/x", lengths).map(Float.init)
    }

    /// Our tensors with their names in the case; a case with one bias leaves the recurrent one at zero.
    var tensors: [(ParameterLayout.Tensor, String)] { Self.tensors(layout, source) }

    private static func tensors(
        _ layout: ParameterLayout, _ source: SafetensorsCase
    ) -> [(ParameterLayout.Tensor, String)] {
        layout.tensors.flatMap { tensor -> [(ParameterLayout.Tensor, String)] in
            let parts = tensor.name.split(separator: ".")
            guard parts[0] == "layers" else { return [] }
            if parts[2] == "peepholes" {
                // One tensor here, one a gate there.
                return ["i", "f", "o"].enumerated().map { place, gate in
                    var part = tensor
                    part.shape = [tensor.shape[1]]
                    let start = tensor.range.lowerBound + place * tensor.shape[1]
                    part.range = start..<start + tensor.shape[1]
                    return (part, "peephole_\(gate)_l\(parts[1])")
                }
            }
            let isReverse = parts[2].hasSuffix("_reverse")
            let own = isReverse ? parts[2].dropLast("_reverse".count) : parts[2]
            var name = "\(own)_l\(parts[1])" + (isReverse ? "_reverse" : "")
            if !source.has("param/\(name)"), parts[2] == "bias_ih" { name = "bias_l\(parts[1])" }
            return source.has("param/\(name)") ? [(tensor, name)] : []
        }
    }

    /// A tensor (time, batch, feature) as sequence after sequence, without the padding.
    func steps(_ name: String) throws -> [Double] { try Self.steps(source, name, lengths) }

    private static func steps(_ source: SafetensorsCase, _ name: String, _ lengths: [Int]) throws -> [Double] {
        let shape = try source.shape(name)
        let values = try number(source, name)
        var result: [Double] = []
        for (sequence, length) in lengths.enumerated() {
            for step in 0..<length {
                let start = (step * shape[1] + sequence) * shape[2]
                result += values[start..<start + shape[2]]
            }
        }
        return result
    }

    private static func number(_ source: SafetensorsCase, _ name: String) throws -> [Double] {
        name.hasPrefix("f64") ? try source.doubles(name) : try source.floats(name).map(Double.init)
    }

    /// A tensor (layer, batch, hidden), layer by layer.
    func states(_ name: String) throws -> [[Double]] {
        let shape = try source.shape(name)
        let values = try Self.number(source, name)
        let size = shape[1] * shape[2]
        return (0..<shape[0]).map { Array(values[$0 * size..<($0 + 1) * size]) }
    }

    func firstStates() throws -> [NetworkState] { try streamStates("input/h0", "input/c0") }

    /// The weights of the loss over the last states; steps and sum stay as in a zero state.
    func probes() throws -> [NetworkState] { try streamStates("probe/hn", "probe/cn") }

    private func streamStates(_ h: String, _ c: String) throws -> [NetworkState] {
        var result = [NetworkState](repeating: NetworkState(zeroFor: StateLayout(network)), count: lengths.count)
        for (name, tensor) in [(StateLayout.Name.h, h), (.c, c)] where source.has(tensor) {
            for (place, values) in try states(tensor).enumerated() {
                guard let range = range(name, place) else { continue }
                for sequence in lengths.indices {
                    let own = values[sequence * range.count..<(sequence + 1) * range.count].map(Float.init)
                    result[sequence].values.replaceSubrange(range, with: own)
                }
            }
        }
        return result
    }

    /// Where a slot lies; places count layers, and in each the direction that reads from the end last.
    private func range(_ name: StateLayout.Name, _ place: Int) -> Range<Int>? {
        let directions = network.layers[0].bidirectional ? 2 : 1
        let reverse: StateLayout.Name = name == .h ? .hReverse : .cReverse
        return StateLayout(network).range(place % directions == 0 ? name : reverse, layer: place / directions)
    }

    /// The numbers of a state that layers carry.
    var ofLayers: Range<Int> {
        0..<(StateLayout(network).slots.last { $0.layer != nil }?.range.upperBound ?? 0)
    }

    /// One slot of every state, one after the other.
    func slots(_ name: StateLayout.Name, _ place: Int, of states: [NetworkState]) -> [Float] {
        guard let range = range(name, place) else { return [] }
        return states.flatMap { $0.values[range] }
    }

    /// A training network that has gone forward over the case.
    func forward(_ kernels: KernelSet) -> TrainingNetwork {
        let network = TrainingNetwork(network, kernels: kernels)
        parameters.values.withUnsafeBufferPointer { network.load($0.baseAddress!) }
        let batch = RaggedBatch(lengths: lengths)
        let width = self.network.inputs
        // Backward reads the input again, so it must outlive this call.
        let packed = UnsafeMutablePointer<Float>.allocate(capacity: batch.rows * width)
        x.withUnsafeBufferPointer { batch.pack($0.baseAddress!, width: width, into: packed) }
        _ = network.forward(
            batch, x: Rows(packed, count: batch.rows, width: width), states: try? firstStates())
        return network
    }
}
