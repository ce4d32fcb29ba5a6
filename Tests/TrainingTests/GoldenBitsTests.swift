import Formats
import Foundation
import Kernels
import Models
import Networks
import Synchronization
import TestSupport
import Testing
import Training

/// Bits that were written down once. The other suites hold ways of computing equal to each other; this one holds all of
/// them to what they gave before.
///
/// `Tests/Fixtures/golden/bits.json` holds a digest a case. A digest that it lacks fails; with TIMESTEP_WRITE_GOLDEN set
/// in the environment the suite writes those of this machine's instruction sets into it and leaves the others.
@Suite("Golden bits")
struct GoldenBitsTests {
    /// What a machine of this set computes, in one of the classes that give equal bits.
    private static func bitClass(_ set: InstructionSet, _ precision: Precision) -> String {
        if set == .baseline { return "baseline" }
        return precision == .bfloat16 && set.hasBFloat16Dots ? "dots" : "fused"
    }

    private static func name(_ cell: Cell) -> String {
        switch cell {
        case .elman(let activation, _): "elman \(activation.rawValue)"
        case .lstm: "lstm"
        case .gru(let reset): "gru \(reset.rawValue)"
        case .plain(let kind): kind.rawValue
        }
    }

    private static let cells: [Cell] =
        Activation.allCases.map { .elman($0) } + [.lstm()] + GRUReset.allCases.map(Cell.gru)

    private static let lengths = [4, 7, 0, 1, 7, 5, 40]

    /// Two layers of odd widths, and one as wide as several tiles.
    private static func networks(_ cell: Cell, _ readout: Readout, dropout: Float = 0) -> [NetworkDescription] {
        [[17, 8], [96]].map { widths in
            NetworkDescription(
                inputs: 9, layers: widths.map { LayerDescription(cell: cell, hidden: $0) }, dropout: dropout,
                outputs: 3, readout: readout)
        }
    }

    private static func parameters(_ network: NetworkDescription) -> Parameters {
        let layout = ParameterLayout(network)
        return Parameters(layout: layout, values: draws(layout.count, seed: 11).map { $0 * 0.3 })
    }

    private static let values = draws(lengths.reduce(0, +) * 9, seed: 12)

    @Test("what a network answers, whole and step by step", arguments: Precision.allCases)
    func inference(precision: Precision) throws {
        for set in InstructionSet.available {
            for cell in Self.cells {
                var digest = Digest()
                for network in [Readout.last, .mean].flatMap({ Self.networks(cell, $0) }) {
                    let inference = InferenceNetwork(
                        network, Self.parameters(network), precision: precision, kernels: KernelSet(set))
                    digest.add(inference.run(Self.values, lengths: Self.lengths))
                    digest.add(inference.run(Self.values, lengths: Self.lengths, answer: .everyStep))
                    var streams = [inference.zeroState, inference.zeroState]
                    for step in 0..<3 {
                        digest.add(inference.step(&streams, Array(Self.values[step * 18..<(step + 1) * 18])))
                    }
                    digest.add(inference.output(of: streams))
                }
                try expect(
                    digest, "answers, \(Self.name(cell)), \(precision.rawValue), \(Self.bitClass(set, precision))")
            }
        }
    }

    @Test("gradients of every parameter", arguments: [Precision.float32, .bfloat16])
    func gradients(precision: Precision) throws {
        let batch = RaggedBatch(lengths: Self.lengths)
        let packed = [Float](unsafeUninitializedCapacity: batch.rows * 9) { target, count in
            count = batch.rows * 9
            guard let base = target.baseAddress else { return }
            Self.values.withUnsafeBufferPointer {
                if let values = $0.baseAddress { batch.pack(values, width: 9, into: base) }
            }
        }
        for set in InstructionSet.available {
            for cell in Self.cells {
                var digest = Digest()
                for description in Readout.allCases.flatMap({ Self.networks(cell, $0, dropout: 0.25) }) {
                    let network = TrainingNetwork(description, precision: precision, kernels: KernelSet(set))
                    let start = Self.parameters(description).values
                    start.withUnsafeBufferPointer { if let base = $0.baseAddress { network.load(base) } }
                    var gradient = [Float](repeating: 0, count: start.count)
                    packed.withUnsafeBufferPointer { x in
                        guard let x = x.baseAddress else { return }
                        let outputs = network.forward(
                            batch, x: Rows(x, count: batch.rows, width: 9), dropout: DropoutPlace(seed: 5, step: 2))
                        let probe = draws(outputs.count * 3, seed: 13)
                        for row in 0..<outputs.count {
                            for unit in 0..<3 {
                                digest.add([outputs.base[row * outputs.stride + unit]])
                                outputs.base[row * outputs.stride + unit] = probe[row * 3 + unit]
                            }
                        }
                        gradient.withUnsafeMutableBufferPointer {
                            if let base = $0.baseAddress { network.backward(outputs.rows, into: base) }
                        }
                    }
                    digest.add(gradient)
                }
                try expect(
                    digest, "gradients, \(Self.name(cell)), \(precision.rawValue), \(Self.bitClass(set, precision))")
            }
        }
    }

    @Test("trained parameters of a forecaster and a classifier", arguments: [Precision.float32, .bfloat16])
    func training(precision: Precision) throws {
        let series = SeriesTable(
            names: ["y", "u"], columns: (0..<2).map { draws(90, seed: 14 + $0).map(Double.init) })
        let lengths = (0..<60).map { 1 + $0 % 7 }
        let sequences = SequenceSet(
            features: ["a", "b"], values: draws(lengths.reduce(0, +) * 2, seed: 16).map(Double.init),
            lengths: lengths, labels: (0..<60).map { $0 % 3 == 0 ? "up" : "down" })
        for set in InstructionSet.available {
            for cell in Self.cells {
                var digest = Digest()
                for spec in Self.specs(cell, precision) {
                    var data = TrainingData.series(series)
                    if case .classify = spec.task { data = .sequences(sequences) }
                    let trainer = try Trainer(spec, data, datasetDigest: "d", kernels: KernelSet(set))
                    try trainer.run()
                    digest.add(try trainer.finish().model.parameters.values)
                }
                try expect(
                    digest, "training, \(Self.name(cell)), \(precision.rawValue), \(Self.bitClass(set, precision))")
            }
        }
    }

    private static func specs(_ cell: Cell, _ precision: Precision) -> [TrainingSpec] {
        var training = OptimizationSpec(
            epochs: 3, batchSize: 16,
            optimizer: OptimizerSpec(.rmsprop, learningRate: 0.01) { ($0.momentum, $0.centered) = (0.5, true) },
            weightDecay: 1e-3, clip: .init(norm: 1, value: 0.5), validation: .init(fraction: 0.2), seed: 9)
        training.precision = precision == .bfloat16 ? .bfloat16 : .float32
        let network = NetworkSpec(
            layers: [LayerSpec(cell: cell, hidden: 7), LayerSpec(cell: cell, hidden: 5)], dropout: 0.2)
        return [
            TrainingSpec(
                task: .forecast(
                    ForecastTask(target: ["y"], features: ["u"], lookback: 8, horizon: 5, transform: [.standardize])),
                network: network, training: training),
            TrainingSpec(task: .classify(ClassifyTask(pool: .mean)), network: network, training: training),
        ]
    }

    // MARK: - What was written down

    private static let file = "golden/bits.json"
    private static let writes = ProcessInfo.processInfo.environment["TIMESTEP_WRITE_GOLDEN"] != nil

    private func expect(_ digest: Digest, _ name: String) throws {
        if Self.writes {
            return try Self.writing.withLock { _ in
                var known = (try? Self.known()) ?? [:]
                known[name] = digest.text
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
                try encoder.encode(known).write(to: URL(fileURLWithPath: Fixtures.path(Self.file)))
            }
        }
        #expect(try Self.known()[name] == digest.text, "\(name)")
    }

    private static let writing = Mutex(())

    private static func known() throws -> [String: String] {
        try JSONDecoder().decode([String: String].self, from: Data(Fixtures.bytes(file)))
    }
}

/// FNV-1a over the bit patterns of numbers (Fowler, Noll and Vo): short, and says whether any bit changed.
private struct Digest {
    private var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ numbers: [Float]) {
        for number in numbers {
            var bits = number.bitPattern
            for _ in 0..<4 {
                value = (value ^ UInt64(bits & 0xff)) &* 0x100_0000_01b3
                bits >>= 8
            }
        }
    }

    var text: String { String(value, radix: 16) }
}
