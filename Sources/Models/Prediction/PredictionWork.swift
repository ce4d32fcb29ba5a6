import Kernels
import Networks

/// What a request asks of a model, in counts, so that its cost is known before anything of it is done.
public struct PredictionWork: Sendable {
    /// Sequences, each with a state of its own.
    public var sequences: Int
    /// Raw rows that are read.
    public var rows: Int
    /// Steps of the network, those ahead included.
    public var steps: Int
    /// Rows that are answered.
    public var answers: Int
    /// Rows of the longest sequence.
    public var longest: Int

    /// - Parameter longest: all of the rows, where it is not told.
    public init(sequences: Int, rows: Int, steps: Int, answers: Int, longest: Int? = nil) {
        self.sequences = sequences
        self.rows = rows
        self.steps = steps
        self.answers = answers
        self.longest = longest ?? rows
    }
}

// In Double, since products of what clients ask for may be beyond Int.

extension Predictor {
    /// Multiply-adds of so many steps, the head and what is done for each output included.
    public func operations(steps: Int) -> Int {
        let (top, outputs) = (model.network.topWidth, model.network.outputs)
        // A delay line moves on whole.
        let moved = Double(network.stateLayout.delays)
        let ofStep = Double(network.multiplyAddsOfStep) + moved + Double(outputs) * Double(top + Self.outputWork)
        return Self.whole(Double(steps) * (ofStep + Self.stepWork))
    }

    /// Steps that so many multiply-adds allow.
    public func steps(operations: Int) -> Int { operations / max(self.operations(steps: 1), 1) }

    /// What a step costs beside its products: calls, transforms, states. Measured with networks of a few units.
    private static let stepWork = 2_000.0
    /// The same for an output: to transform it back and to write it down.
    private static let outputWork = 100

    /// Bytes that the work takes beside the rows that came in and the answer as it is sent: inputs as the network reads
    /// them, states, outputs, answers in raw units, and the workspace.
    public func bytes(for work: PredictionWork) -> Int {
        let (inputs, outputs) = (Double(model.rowWidth), Double(model.network.outputs))
        var bytes = Double(work.rows) * inputs * Self.bytesOfInput
        if expands {
            // Symbols are expanded group by group.
            let width = Double(network.description.rowWidth)
            let atOnce = max(Double(OneHot.numbersAtOnce), Double(work.longest) * width)
            bytes += min(Double(work.rows) * width, atOnce) * 4
        }
        // The states as they came, as they are moved on, and as they are handed over.
        bytes += Double(work.sequences) * (3 * Double(stateBytes) + Self.bytesOfSequence)
        // What the head said, as a 32-bit number; in raw units, gathered, and in one array.
        bytes += Double(work.answers) * outputs * (4 + 2 * 8)
        bytes += Double(work.steps) / Double(max(work.sequences, 1)) * Self.bytesOfStep
        let isStep = work.sequences == 1 && work.steps == 1
        bytes += Double(
            isStep
                ? workspaceOfStep
                : network.workspaceBytes(
                    sequences: work.sequences, steps: work.steps, longest: min(max(work.longest, 1), work.steps)))
        return Self.whole(bytes)
    }

    /// Bytes of what a stream carries from row to row, its lags at their most.
    public var stateBytes: Int {
        let lags = Double(model.lag) * (Double(model.inputs.laggedColumns) * 8 + Self.bytesOfArray)
        return Self.whole(Double(network.stateLayout.count) * 4 + lags + 4 * Self.bytesOfArray)
    }

    /// A window's copy, its passage through the transforms, and the network's number in an array that grows.
    private static let bytesOfInput = 8.0 + 16 + 3 * 4
    /// Its places in the batch.
    private static let bytesOfSequence = 128.0
    /// How many sequences have it, and where.
    private static let bytesOfStep = 32.0
    /// Of an array beside its elements: reference, header, and what an allocation has more than it asks for.
    private static let bytesOfArray = 64.0

    private static func whole(_ number: Double) -> Int { number < 1e18 ? Int(number) : 1_000_000_000_000_000_000 }
}
