import Models
import Networks

/// What a model answers at once where it is scored after its training, in counts.
struct ScoredGroup {
    var sequences: Int
    /// Of all sequences together.
    var rows: Int
    /// Rows of the longest sequence.
    var longest: Int
    /// Rows of outputs.
    var answers: Int
    /// Bytes of what stands beside the network's inputs, outputs and workspace.
    var beside = 0

    /// Examples that are scored together: so many that the states of their sequences do not stand in memory by the
    /// thousand millions. Of small states 1024, so that not all inputs stand there a second time.
    static func mostSequences(_ layout: StateLayout) -> Int {
        min(max(OneHot.numbersAtOnce / max(layout.count, 1), 1), 1024)
    }

    /// Examples of these lengths in groups that are scored one after the other.
    static func groups(of lengths: [Int], _ network: NetworkDescription, _ layout: StateLayout) -> [Range<Int>] {
        let most = mostSequences(layout)
        return stride(from: 0, to: lengths.count, by: most).flatMap { start in
            OneHot.groups(of: Array(lengths[start..<min(start + most, lengths.count)]), width: width(network))
                .map { start + $0.sequences.lowerBound..<start + $0.sequences.upperBound }
        }
    }

    /// Numbers that a row of examples is counted as: those it is read as, or those that are answered.
    static func width(_ network: NetworkDescription) -> Int { max(network.rowWidth, network.outputs) }
}

extension ScoredGroup {
    /// The greatest group of these examples.
    init(_ examples: Examples, _ network: NetworkDescription) {
        let lengths = examples.places.map(\.length)
        let longest = max(lengths.max() ?? 0, 1)
        let count = max(examples.training.count, examples.validation.count)
        sequences = min(count, Self.mostSequences(StateLayout(network)))
        // A longer sequence is scored by itself.
        let atOnce = max(OneHot.numbersAtOnce / Self.width(network), longest)
        rows = min(sequences * longest, atOnce, max(lengths.reduce(0, +), 1))
        sequences = min(sequences, rows)
        self.longest = longest
        answers = examples.scoredPlace == .last ? sequences : rows
        // Flags as numbers, in an array that grows.
        if case .flags = examples.answers { beside = Self.bytes(answers, network.outputs * 3 * 4) }
        // Where the rows lie, and the label and the loss of each.
        beside += rows * 32
    }

    /// The network as it answers: its weights packed, in float32 and in the precision that is being compared, and what
    /// the group takes.
    func bytes(_ network: NetworkDescription, threads: Int) -> Int {
        let inputsAndOutputs =
            Double(rows) * Double(network.rowWidth) + Double(answers) * Double(network.outputs)
        let weights = 2 * Double(ParameterLayout(network).count)
        let workspace = InferenceNetwork.workspaceBytes(
            network, StateLayout(network), sequences: sequences, steps: rows, longest: longest, threads: threads)
        return Int(
            min(4 * (inputsAndOutputs + weights) + Double(beside) + Double(workspace), 1e18))
    }

    private static func bytes(_ count: Int, _ each: Int) -> Int { Int(min(Double(count) * Double(each), 1e18)) }
}

extension PreparedTask {
    func scoredGroup(_ network: NetworkDescription) -> ScoredGroup { ScoredGroup(examples, network) }
}

extension PreparedSeries {
    /// Numbers of histories and future rows that stand in memory at once: 32 MiB of Double, and more than enough to fill
    /// the batches of the network.
    private static let numbersAtOnce = 4 << 20

    /// Forecasts that are made together, so that neither long histories nor their states stand in memory all at once.
    func mostForecasts(rows: Int, _ layout: StateLayout) -> Int {
        max(min(Self.numbersAtOnce / max(rows * width, 1), OneHot.numbersAtOnce / max(layout.count, 1)), 1)
    }

    func scoredGroup(_ network: NetworkDescription) -> ScoredGroup {
        let layout = StateLayout(network)
        let history = task.lookback + transforms.lag
        let origins = max(task.holdout, examples.validation.count, min(examples.training.count, mostTrainingExamples))
        // Most of the forecasts go one row ahead.
        let count = min(mostForecasts(rows: history + 1, layout), max(origins, 1))
        // A history in an array that grows, its window, and the network's numbers in one that grows; of the states
        // those that came, those that are moved on and those that are handed over; what was forecast.
        let numbers = min(Double(count) * Double((history + task.horizon) * width), Double(Self.numbersAtOnce))
        let states = Double(count) * (3 * 4 * Double(layout.count) + 256)
        let forecasts = Double(origins) * Double(task.target.count) * 16
        return ScoredGroup(
            sequences: count, rows: count * task.lookback, longest: task.lookback, answers: count,
            beside: Int(min(numbers * 36 + states + forecasts, 1e18)))
    }
}
