import Kernels
import Models
import Networks

/// Streams in training: which windows a step takes, and the state that every lane carries from window to window.
///
///     h of a window's first row ← carried;   loss of its own rows, backward through all its rows;   carried ← its last h
///
/// What is carried is a constant to the gradient: it was computed with the parameters of the steps before, and stays as it
/// is when they move on.
final class StreamTraining {
    let plan: StreamPlan
    private let shuffles: Bool
    private let seed: UInt64
    private let zero: NetworkState
    /// Of each lane; what begins anew does not read it.
    private(set) var carried: [NetworkState]
    /// What carries gradients forward; nil goes back through time.
    let realTime: RealTimeLearning?
    /// What one row should be answered with.
    private var due = DueAnswers()
    private var epoch: (number: Int, order: StreamPlan.Epoch)?

    init(_ plan: StreamPlan, _ spec: OptimizationSpec, _ network: TrainingNetwork) {
        self.plan = plan
        realTime = spec.rtrl == nil ? nil : RealTimeLearning(network, streams: plan.lanes.count)
        shuffles = spec.shuffle
        seed = spec.seed
        zero = NetworkState(zeroFor: network.stateLayout)
        carried = [NetworkState](repeating: zero, count: plan.lanes.count)
    }

    func windows(step: Int) -> [StreamPlan.Window] {
        let (number, place) = step.quotientAndRemainder(dividingBy: plan.stepsPerEpoch)
        if let epoch, epoch.number == number { return plan.windows(epoch.order, step: place) }
        let order = plan.epoch(
            shuffles
                ? { lane, count in
                    var stream = Philox(seed: self.seed).stream(.shuffle, step: number, row: lane)
                    return stream.permutation(count)
                } : nil)
        epoch = (number, order)
        return plan.windows(order, step: place)
    }

    /// What the windows begin with; nil where all begin with zero.
    func states(_ windows: [StreamPlan.Window]) -> [NetworkState]? {
        windows.allSatisfy(\.isFirst) ? nil : windows.map { $0.isFirst ? zero : carried[$0.lane] }
    }

    /// Carries on what the network has after its forward pass over these windows.
    func carry(_ network: TrainingNetwork, _ windows: [StreamPlan.Window]) {
        for (window, state) in zip(windows, network.states(after: windows.map(\.carried))) {
            carried[window.lane] = state
        }
    }

    /// Learns from windows row by row, stream after stream.
    ///
    /// - Returns: the mean loss of their answers, whose gradient is added to `gradient`.
    func learnInRealTime(
        _ realTime: RealTimeLearning, _ examples: Examples, _ windows: [StreamPlan.Window], dropout: DropoutPlace,
        kernels: KernelSet, rowWidth: Int, into gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        let rows = windows.reduce(0) { $0 + $1.length }
        var (sum, elements) = (0.0, 1)
        var x: [Float] = []
        var losses: [Float] = []
        for window in windows {
            if window.isFirst { realTime.reset(window.lane) }
            for row in window.start..<window.start + window.length {
                x.removeAll(keepingCapacity: true)
                examples.append(row: row, rowWidth: rowWidth, to: &x)
                due.removeAll(of: examples.answers)
                due.append(examples, row: row)
                x.withUnsafeBufferPointer { x in
                    guard let base = x.baseAddress else { return }
                    realTime.step(window.lane, x: base, dropout: dropout, into: gradient) { outputs in
                        let (factor, ofRow) = due.weight(ofRows: rows, width: outputs.width)
                        due.loss(outputs, factor: factor, losses: &losses, gradient: outputs, kernels: kernels)
                        sum += Double(losses[0])
                        elements = ofRow * rows
                    }
                }
            }
        }
        return sum / Double(elements)
    }

    // MARK: - On ice

    /// What every stream carries: its state, and of learning in real time its sensitivity.
    struct Carried {
        var states: [NetworkState] = []
        var sensitivities: [[Float]] = []
    }

    func write(to writer: inout BinaryWriter) {
        writer.write(plan.lanes.count)
        for lane in plan.lanes.indices {
            writer.write((realTime?.carried ?? carried)[lane].values)
            if let realTime { writer.write(realTime.sensitivity(lane)) }
        }
    }

    func read(from reader: inout BinaryReader) throws(BinaryReader.Malformed) -> Carried {
        guard try reader.readInt(in: 0...plan.lanes.count, "a number of streams") == plan.lanes.count else {
            throw reader.malformed("the state of every stream")
        }
        var carried = Carried()
        for _ in plan.lanes {
            carried.states.append(NetworkState(values: try reader.readAnyFloats(zero.values.count)))
            if let realTime {
                carried.sensitivities.append(try reader.readAnyFloats(realTime.states * realTime.parameters))
            }
        }
        return carried
    }

    func restore(_ carried: Carried) {
        guard let realTime else { return self.carried = carried.states }
        for (lane, state) in carried.states.enumerated() {
            realTime.restore(lane, state, sensitivity: carried.sensitivities[lane])
        }
    }
}

extension Examples {
    /// What is learnt from as streams: every sequence, and windows over a series as the one series that they lie in.
    var streams: [StreamPlan.Part] {
        if case .nextRow = answers {
            guard let first = training.first, let last = training.last else { return [] }
            let end = places[last].start + places[last].length
            return [StreamPlan.Part(start: places[first].start, length: end - places[first].start)]
        }
        return parts(training)
    }

    /// Steps of the optimizer in an epoch.
    func stepsPerEpoch(_ spec: OptimizationSpec, _ plan: StreamPlan?) -> Int {
        plan?.stepsPerEpoch ?? (training.count + spec.batchSize - 1) / spec.batchSize
    }

    /// What an epoch counts in the mean of its loss.
    func answersPerEpoch(_ plan: StreamPlan?) -> Int { plan?.rows ?? weight(training) }

    /// The greatest batch of a training, or of its validation: rows, and sequences side by side.
    func greatestBatch(_ spec: OptimizationSpec, _ plan: StreamPlan?) -> (rows: Int, sequences: Int) {
        guard let plan, let windows = spec.windows else {
            return (greatestBatch(size: spec.batchSize), min(spec.batchSize, places.count))
        }
        if scoredPlace == .last {
            // Windows over a series are validated by themselves.
            return (
                max(plan.greatestBatch, greatestBatch(size: spec.batchSize)),
                max(plan.lanes.count, min(spec.batchSize, places.count))
            )
        }
        // Learning in real time has a row for every state instead, which its own formula counts.
        let scored = StreamPlan(scoring: parts(validation), windows)
        return (max(plan.greatestBatch, scored.greatestBatch), max(plan.lanes.count, scored.lanes.count))
    }

    func parts(_ indices: [Int]) -> [StreamPlan.Part] {
        indices.map { StreamPlan.Part(start: places[$0].start, length: places[$0].length) }
    }
}

extension StreamPlan {
    init(_ sequences: [Part], _ bptt: BackpropagationSpec) {
        self.init(sequences, steps: bptt.steps, reach: bptt.reach, streams: bptt.streams)
    }

    /// Rows at least of a window that is only scored: a pass has its cost however few they are.
    private static let scoredRows = 64

    /// Whole sequences to be scored in windows, each with its state throughout.
    init(scoring sequences: [Part], _ windows: BackpropagationSpec) {
        let steps = max(windows.steps, Self.scoredRows)
        self.init(sequences, steps: steps, reach: steps, streams: windows.streams, cuts: false)
    }
}

extension Trainer {
    /// Mean loss of these sequences window by window, each with its state throughout, and the share told right.
    func evaluate(_ sequences: [StreamPlan.Part], _ spec: BackpropagationSpec) -> (loss: Double, accuracy: Double?) {
        let plan = StreamPlan(scoring: sequences, spec)
        let order = plan.epoch()
        let zero = NetworkState(zeroFor: network.stateLayout)
        var carried = [NetworkState](repeating: zero, count: plan.lanes.count)
        let width = network.description.rowWidth
        var (sum, count) = (0.0, 0)
        var right: Int?
        for step in 0..<plan.stepsPerEpoch {
            let windows = plan.windows(order, step: step)
            batch.fill(examples, windows, rowWidth: width)
            batch.x.withUnsafeBufferPointer { x in
                guard let base = x.baseAddress else { return }
                let outputs = network.forward(
                    batch.batch, x: Rows(base, count: batch.batch.rows, width: width),
                    states: windows.map { $0.isFirst ? zero : carried[$0.lane] })
                for (window, state) in zip(windows, network.lastStates) { carried[window.lane] = state }
                if let more = batch.answers.right(outputs.rows) { right = (right ?? 0) + more }
                sum +=
                    batch.answers.meanLoss(outputs, losses: &losses, gradient: outputs, kernels: kernels)
                    * Double(batch.weight)
            }
            count += batch.weight
        }
        return (sum / Double(max(count, 1)), right.map { Double($0) / Double(max(count, 1)) })
    }
}
