import Kernels
import Models
import NamedFields
import Networks

/// A training run as a machine that moves one optimizer step at a time and can be put on ice between any two.
///
/// It reads no clock, file or environment: specification and data determine every byte of the result, whatever the
/// number of threads, however often it is interrupted and resumed from a checkpoint. (In bfloat16 with one exception:
/// processors with its dot products and those without give results of their own.)
public final class Trainer {
    public let spec: TrainingSpec
    public let datasetDigest: String
    let kernels: KernelSet
    let prepared: any PreparedTask
    let examples: Examples
    let network: TrainingNetwork
    let description: NetworkDescription
    let stepsPerEpoch: Int
    /// nil learns from whole examples.
    let streams: StreamTraining?

    // All that changes, and that a checkpoint holds.
    var parameters: [Float]
    var optimizer: Optimizer
    var schedule: Schedule
    var progressState = ProgressState()
    var best: Best?

    /// The order of the running epoch's examples, formed again after a resume.
    private var order: (epoch: Int, examples: [Int])?
    private var gradient: [Float]
    let batch = ExampleBatch()
    /// Losses of the rows of a batch, one after the other.
    var losses: [Float] = []

    /// Where the run stands.
    struct ProgressState: Equatable {
        /// Optimizer steps taken.
        var step = 0
        /// Sum of the losses of the running epoch's answers, and how many they are.
        var lossSum = 0.0
        var lossCount = 0
        var lastGoodLoss: Double?
        /// Mean loss of the last whole epoch.
        var trainLoss: Double?
        var validationLoss: Double?
        /// Epochs since the validation loss was least.
        var waited = 0
        var stoppedEarly = false
    }

    /// The parameters to be kept under early stopping.
    struct Best: Equatable {
        var parameters: [Float]
        /// Counted from 1.
        var epoch: Int
        var trainLoss: Double
        var validationLoss: Double
    }

    /// - Parameter kernels: nil takes the best instruction set and the threads of the specification.
    /// - Throws: everything that is wrong with the specification or keeps the data from being learnt from.
    public convenience init(
        _ spec: TrainingSpec, _ data: TrainingData, datasetDigest: String, kernels: KernelSet? = nil
    ) throws(Violations) {
        self.init(try TrainingPlan(CheckedSpec(spec), data), datasetDigest: datasetDigest, kernels: kernels)
    }

    /// - Parameter kernels: nil takes the best instruction set and the threads of the specification.
    public init(_ plan: TrainingPlan, datasetDigest: String, kernels: KernelSet? = nil) {
        spec = plan.spec
        self.datasetDigest = datasetDigest
        self.kernels = kernels ?? KernelSet(threads: spec.training.threads)
        prepared = plan.prepared
        examples = prepared.examples
        description = prepared.network(spec.network)
        network = TrainingNetwork(
            prepared.trainingNetwork(spec.network), precision: spec.training.precision.ofProducts, kernels: self.kernels
        )
        let start = Parameters(description, spec.network.initialization, seed: spec.training.seed)
        parameters = start.values
        gradient = [Float](repeating: 0, count: parameters.count)
        optimizer = Optimizer(
            spec.training.optimizer, weightDecay: spec.training.weightDecay, count: parameters.count)
        streams = spec.training.windows.map { [examples, spec, network] in
            StreamTraining(StreamPlan(examples.streams, $0), spec.training, network)
        }
        stepsPerEpoch = examples.stepsPerEpoch(spec.training, streams?.plan)
        schedule = Schedule(
            spec.training.schedule, learningRate: spec.training.optimizer.learningRate, stepsPerEpoch: stepsPerEpoch,
            epochs: spec.training.epochs)
        network.load(parameters)
    }

    // MARK: - Moving on

    public var isFinished: Bool {
        progressState.stoppedEarly || progressState.step >= stepsPerEpoch * spec.training.epochs
    }

    public var progress: TrainingProgress {
        let steps = stepsPerEpoch * spec.training.epochs
        let running =
            progressState.lossCount > 0 ? progressState.lossSum / Double(progressState.lossCount) : nil
        return TrainingProgress(
            fraction: isFinished ? 1 : Double(progressState.step) / Double(max(steps, 1)),
            epoch: progressState.step / max(stepsPerEpoch, 1), epochs: spec.training.epochs,
            step: progressState.step, steps: steps, trainLoss: running ?? progressState.trainLoss,
            validationLoss: progressState.validationLoss)
    }

    /// Takes one optimizer step; at the end of an epoch also the validation loss. Does nothing once finished.
    public func advance() throws(TrainingError) -> StepReport {
        guard !isFinished else {
            return StepReport(
                step: progressState.step, loss: progressState.lastGoodLoss ?? 0, epochEnd: nil, isFinished: true)
        }
        let step = progressState.step
        let windows = streams?.windows(step: step)
        let rowWidth = network.description.rowWidth
        let (loss, weight): (Double, Int)
        if let windows, let streams, let realTime = streams.realTime {
            loss = learn(step: step, windows, streams, realTime)
            weight = windows.reduce(0) { $0 + $1.length }
        } else {
            if let windows {
                batch.fill(examples, windows, rowWidth: rowWidth)
            } else {
                batch.fill(examples, batchIndices(step), rowWidth: rowWidth, at: examples.place)
            }
            loss = learn(step: step, windows)
            weight = batch.weight
        }
        guard loss.isFinite else {
            throw TrainingError(.diverged(step: step + 1, lastGoodLoss: progressState.lastGoodLoss))
        }
        progressState.step += 1
        progressState.lastGoodLoss = loss
        progressState.lossSum += loss * Double(weight)
        progressState.lossCount += weight
        let end = progressState.step % stepsPerEpoch == 0 ? try endEpoch() : nil
        return StepReport(step: progressState.step, loss: loss, epochEnd: end, isFinished: isFinished)
    }

    /// Runs to the end, calling `each` after every step.
    public func run(_ each: (StepReport) throws -> Void = { _ in }) throws {
        while !isFinished { try each(try advance()) }
    }

    /// The examples of the batch that a step takes; the last one of an epoch may be smaller.
    private func batchIndices(_ step: Int) -> ArraySlice<Int> {
        let (epoch, place) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
        if order?.epoch != epoch {
            var examples = examples.training
            if spec.training.shuffle {
                var stream = Philox(seed: spec.training.seed).stream(.shuffle, step: epoch)
                examples = stream.permutation(examples.count).map { self.examples.training[$0] }
            }
            order = (epoch, examples)
        }
        let examples = order?.examples ?? []
        let start = place * spec.training.batchSize
        return examples[start..<min(start + spec.training.batchSize, examples.count)]
    }

    /// Forward, loss, backward, clip, update. Leaves the parameters alone when the loss is no finite number.
    ///
    /// - Returns: the mean loss of the batch before the update.
    private func learn(step: Int, _ windows: [StreamPlan.Window]?) -> Double {
        batch.x.withUnsafeBufferPointer { x in
            guard let base = x.baseAddress else { return 0 }
            let outputs = network.forward(
                batch.batch, x: Rows(base, count: batch.batch.rows, width: network.description.rowWidth),
                dropout: DropoutPlace(seed: spec.training.seed, step: step),
                states: windows.flatMap { streams?.states($0) })
            let loss = batch.answers.meanLoss(
                outputs, without: batch.known, losses: &losses, gradient: outputs, kernels: kernels)
            guard loss.isFinite else { return loss }
            if let windows { streams?.carry(network, windows) }
            gradient.withUnsafeMutableBufferPointer { gradient in
                guard let target = gradient.baseAddress else { return }
                target.update(repeating: 0, count: gradient.count)
                network.backward(outputs.rows, into: target)
            }
            update(step: step)
            return loss
        }
    }

    /// The same, with gradients that are carried forward.
    private func learn(
        step: Int, _ windows: [StreamPlan.Window], _ streams: StreamTraining, _ realTime: RealTimeLearning
    ) -> Double {
        let loss = gradient.withUnsafeMutableBufferPointer { gradient in
            guard let target = gradient.baseAddress else { return 0.0 }
            target.update(repeating: 0, count: gradient.count)
            return streams.learnInRealTime(
                realTime, examples, windows, dropout: DropoutPlace(seed: spec.training.seed, step: step),
                kernels: kernels, rowWidth: network.description.rowWidth, into: target)
        }
        if loss.isFinite { update(step: step) }
        return loss
    }

    private func update(step: Int) {
        if let clip = spec.training.clip { clip.apply(&gradient) }
        optimizer.update(&parameters, gradient: gradient, learningRate: schedule.rate(atStep: step))
        network.load(parameters)
    }

    private func endEpoch() throws(TrainingError) -> EpochReport {
        // A loss is taken before its update; what the last update of an epoch broke shows in the parameters alone.
        guard parameters.allSatisfy(\.isFinite) else {
            throw TrainingError(.diverged(step: progressState.step, lastGoodLoss: progressState.lastGoodLoss))
        }
        let epoch = progressState.step / stepsPerEpoch
        let trainLoss = progressState.lossSum / Double(progressState.lossCount)
        progressState.trainLoss = trainLoss
        (progressState.lossSum, progressState.lossCount) = (0, 0)
        var accuracy: Double?
        if !examples.validation.isEmpty {
            let (loss, correct) = evaluate(examples.validation)
            guard loss.isFinite else {
                throw TrainingError(
                    .diverged(step: progressState.step, lastGoodLoss: progressState.lastGoodLoss))
            }
            progressState.validationLoss = loss
            accuracy = correct
            if let patience = spec.training.earlyStopping?.patience {
                if best.map({ loss < $0.validationLoss }) ?? true {
                    best = Best(parameters: parameters, epoch: epoch, trainLoss: trainLoss, validationLoss: loss)
                    progressState.waited = 0
                } else {
                    progressState.waited += 1
                    progressState.stoppedEarly = progressState.waited >= patience
                }
            }
        }
        let rate = schedule.rate(atStep: progressState.step - 1)
        schedule.epochEnded(loss: progressState.validationLoss ?? trainLoss)
        return EpochReport(
            epoch: epoch, trainLoss: KnownDigits.ofSingles(trainLoss),
            validationLoss: progressState.validationLoss.map(KnownDigits.ofSingles),
            validationAccuracy: accuracy, learningRate: rate)
    }

    /// Mean loss of these examples with the parameters as they are, without dropout; and of labels and flags the share
    /// told right.
    func evaluate(_ indices: [Int]) -> (loss: Double, accuracy: Double?) {
        if let windows = spec.training.windows, examples.scoredPlace == .everyRow {
            return evaluate(examples.parts(indices), windows)
        }
        var sum = 0.0
        var right: Int?
        let width = network.description.rowWidth
        for start in stride(from: 0, to: indices.count, by: spec.training.batchSize) {
            batch.fill(
                examples, indices[start..<min(start + spec.training.batchSize, indices.count)], rowWidth: width,
                at: examples.scoredPlace)
            batch.x.withUnsafeBufferPointer { x in
                guard let base = x.baseAddress else { return }
                var outputs = network.forward(batch.batch, x: Rows(base, count: batch.batch.rows, width: width))
                if network.description.readout == .everyStep, examples.scoredPlace == .last {
                    // Windows are of one length: the last step has them all.
                    let steps = batch.batch.steps
                    outputs = outputs.rows(batch.batch.offsets[steps - 1]..<batch.batch.offsets[steps])
                }
                if let more = batch.answers.right(outputs.rows) { right = (right ?? 0) + more }
                sum +=
                    batch.answers.meanLoss(outputs, losses: &losses, gradient: outputs, kernels: kernels)
                    * Double(batch.weight)
            }
        }
        let count = Double(max(examples.weight(indices), 1))
        return (sum / count, right.map { Double($0) / count })
    }
}

extension TrainingNetwork {
    func load(_ parameters: [Float]) {
        parameters.withUnsafeBufferPointer { values in
            if let base = values.baseAddress { load(base) }
        }
    }
}
