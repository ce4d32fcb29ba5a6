import Formats
import Kernels
import Networks

/// The cells that are measured, in the variants that other libraries have too.
enum BenchCell: String, CaseIterable, Sendable {
    case lstm
    /// Reset after the product.
    case gru
    /// With tanh.
    case elman

    var cell: Cell {
        switch self {
        case .lstm: .lstm()
        case .gru: .gru(.after)
        case .elman: .elman(.tanh)
        }
    }

    var gates: Int { cell.shape.blocks }
}

enum BenchMode: String, CaseIterable, Sendable {
    case forward
    case train
}

/// T steps of B sequences, I inputs into H hidden units. One step is one of a stream, from its state to the next.
struct BenchShape: Hashable, Sendable, CustomStringConvertible {
    var steps: Int
    var batch: Int
    var inputs: Int
    var hidden: Int

    init(_ steps: Int, _ batch: Int, _ inputs: Int, _ hidden: Int) {
        (self.steps, self.batch, self.inputs, self.hidden) = (steps, batch, inputs, hidden)
    }

    /// "100x32x64x128": T, B, I and H.
    init?(_ text: String) {
        let numbers = text.lowercased().split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count == 4, let steps = numbers[0], let batch = numbers[1], let inputs = numbers[2],
            let hidden = numbers[3], (1...100_000).contains(steps), (1...100_000).contains(batch),
            (1...65_536).contains(inputs), (1...65_536).contains(hidden)
        else { return nil }
        self.init(steps, batch, inputs, hidden)
    }

    var description: String { "\(steps)x\(batch)x\(inputs)x\(hidden)" }
    var isStep: Bool { steps == 1 }

    /// Sequences in batches, one sequence, single steps.
    static let usual = [
        BenchShape(100, 32, 64, 128), BenchShape(100, 32, 256, 256), BenchShape(50, 64, 512, 512),
        BenchShape(25, 64, 1024, 1024), BenchShape(100, 1, 128, 256), BenchShape(1, 1, 64, 64),
        BenchShape(1, 1, 256, 256), BenchShape(1, 1, 1024, 1024), BenchShape(1, 64, 256, 256),
    ]
}

/// One figure to take.
struct KernelCase: Hashable, Sendable {
    var shape: BenchShape
    var cell: BenchCell
    var mode: BenchMode
    var precision: Precision
    var threads: Int

    /// Training has two products backward for each of forward's.
    static let trainingShare = 3.0

    /// Multiplications and additions of the products: 2·T·B·gates·H·(I + H), three times that in training.
    var operations: Double {
        inputOperations + recurrentOperations
    }

    private var inputOperations: Double { Double(2 * rows * cell.gates * shape.hidden * shape.inputs) * share }
    private var recurrentOperations: Double { Double(2 * rows * cell.gates * shape.hidden * shape.hidden) * share }
    private var rows: Int { shape.steps * shape.batch }
    private var share: Double { mode == .train ? Self.trainingShare : 1 }

    /// The least time that this machine could take.
    ///
    /// Products are bounded by the operations in registers. Where one row meets the weights at a time, reading them takes
    /// longer: of a step all of them, of a sequence alone the recurrent ones at each step (in training once forward and
    /// once backward; the products over the whole sequence are bounded by their operations).
    func leastSeconds(_ limits: MachineLimits) -> Double {
        let rate = limits.productsPerSecond(precision, threads: threads)
        guard shape.batch == 1 else { return operations / rate }
        let recurrentBytes = cell.gates * shape.hidden * shape.hidden * precision.bytesPerWeight
        let inputBytes = cell.gates * shape.hidden * shape.inputs * precision.bytesPerWeight
        if shape.isStep {
            let bytes = recurrentBytes + inputBytes
            let reading = Double(bytes) / limits.bytesPerSecond(workingSet: bytes, threads: threads)
            return max(reading, operations / rate)
        }
        let reads = shape.steps * (mode == .train ? 2 : 1)
        let reading =
            Double(reads * recurrentBytes) / limits.bytesPerSecond(workingSet: recurrentBytes, threads: threads)
        let alongside = recurrentOperations * (mode == .train ? 2 / Self.trainingShare : 1)
        return max(reading, alongside / rate) + (operations - alongside) / rate
    }
}

/// What a case does, over and over, with everything it needs made beforehand.
enum KernelWork {
    static func make(_ item: KernelCase, _ set: InstructionSet) -> () -> Void {
        let shape = item.shape
        let kernels = KernelSet(set, threads: item.threads)
        let network = NetworkDescription(
            inputs: shape.inputs, layers: [LayerDescription(cell: item.cell.cell, hidden: shape.hidden)], outputs: 1)
        let parameters = BenchModel.parameters(network)
        let inputs = BenchModel.numbers(shape.steps * shape.batch * shape.inputs)
        switch item.mode {
        case .train: return training(item, network, parameters, inputs, kernels)
        case .forward:
            let inference = InferenceNetwork(network, parameters, precision: item.precision, kernels: kernels)
            return shape.isStep ? step(shape, inference, inputs) : forward(shape, inference, inputs)
        }
    }

    /// A batch of whole sequences, as a prediction runs them.
    private static func forward(_ shape: BenchShape, _ network: InferenceNetwork, _ inputs: [Float]) -> () -> Void {
        let lengths = [Int](repeating: shape.steps, count: shape.batch)
        return { _ = network.run(inputs, lengths: lengths) }
    }

    /// One step of streams, whose states move on.
    private static func step(_ shape: BenchShape, _ network: InferenceNetwork, _ inputs: [Float]) -> () -> Void {
        var states = [NetworkState](repeating: network.zeroState, count: shape.batch)
        var outputs = [Float](repeating: 0, count: shape.batch * network.description.outputs)
        return {
            inputs.withUnsafeBufferPointer { inputs in
                outputs.withUnsafeMutableBufferPointer { network.step(&states, inputs, $0) }
            }
        }
    }

    /// New parameters packed, forward, and backward from a gradient at every step to those of the parameters and of x.
    private static func training(
        _ item: KernelCase, _ network: NetworkDescription, _ parameters: Parameters, _ inputs: [Float],
        _ kernels: KernelSet
    ) -> () -> Void {
        let shape = item.shape
        let trainer = TrainingNetwork(network, precision: item.precision, kernels: kernels)
        let batch = RaggedBatch(lengths: [Int](repeating: shape.steps, count: shape.batch))
        let memory = TrainingMemory(inputs, BenchModel.numbers(batch.rows * shape.hidden), parameters.values)
        return {
            trainer.load(memory.parameters)
            _ = trainer.forward(
                batch, x: Rows(UnsafePointer(memory.x.base), count: batch.rows, width: shape.inputs))
            memory.gradient.fill(0)
            _ = trainer.backwardSequence(
                Rows(UnsafePointer(memory.dTop.base), count: batch.rows, width: shape.hidden),
                into: memory.gradient.base)
        }
    }

    private final class TrainingMemory {
        let x: Buffer
        let dTop: Buffer
        let gradient: Buffer
        let parameters: [Float]

        init(_ inputs: [Float], _ dTop: [Float], _ parameters: [Float]) {
            x = Buffer(count: inputs.count)
            x.base.update(from: inputs, count: inputs.count)
            self.dTop = Buffer(count: dTop.count)
            self.dTop.base.update(from: dTop, count: dTop.count)
            gradient = Buffer(count: parameters.count)
            self.parameters = parameters
        }
    }
}
