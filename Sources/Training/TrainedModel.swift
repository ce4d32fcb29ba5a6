import Models
import NamedFields
import Networks

/// What a finished run gives.
public struct TrainedModel: Sendable, Equatable {
    public var model: Model
    public var report: TrainingReport
}

extension Trainer {
    /// The model as it stands (with early stopping, its best), and the report with its scores.
    public func finish() throws(PredictionError) -> TrainedModel {
        let kept = best?.parameters ?? parameters
        let model = Model(
            task: prepared.modelTask, transform: prepared.transform, inputs: prepared.transforms, network: description,
            parameters: Parameters(layout: ParameterLayout(description), values: kept), seed: spec.training.seed,
            datasetDigest: datasetDigest)
        var report = TrainingReport(
            trainLoss: KnownDigits.ofSingles(
                best?.trainLoss ?? progressState.trainLoss ?? progressState.lastGoodLoss ?? 0),
            validationLoss: (best?.validationLoss ?? progressState.validationLoss).map(KnownDigits.ofSingles),
            epochsRun: progressState.step / max(stepsPerEpoch, 1), bestEpoch: best?.epoch,
            stoppedEarly: progressState.stoppedEarly, steps: progressState.step, parameters: kept.count)
        // In float32, as it answers unless it is asked otherwise, whatever it was trained in.
        try prepared.judge(&report, Predictor(model, kernels: kernels), self)
        return TrainedModel(model: model, report: report)
    }

    /// Of labels: those of the examples, or of their rows.
    func classificationReport(_ network: InferenceNetwork, labels: Int) -> ClassificationReport {
        let count = Double(max(examples.weight(examples.training), 1))
        return ClassificationReport(
            labels: labels, trainAccuracy: kernels.scores(network, examples, examples.training).accuracy,
            validationAccuracy: examples.validation.isEmpty
                ? nil : kernels.scores(network, examples, examples.validation).accuracy,
            majorityAccuracy: Double(examples.commonest(of: examples.training)) / count)
    }
}

extension Examples {
    /// How often the commonest label, or the commonest set of flags, is to be said.
    fileprivate func commonest(of examples: [Int]) -> Int {
        var counts: [[Int32]: Int] = [:]
        for example in examples {
            let rows =
                place == .last
                ? example..<example + 1 : places[example].start..<places[example].start + places[example].length
            for row in rows {
                switch answers {
                case .nextRow: break
                case .labels(let labels): counts[[labels[row]], default: 0] += 1
                case .flags(let sets): counts[sets[row].sorted(), default: 0] += 1
                }
            }
        }
        return counts.values.max() ?? 0
    }
}

extension Estimate {
    /// What training would take, without training: reads the specification and the shape of the data.
    public init(_ plan: TrainingPlan) {
        let (spec, prepared) = (plan.spec, plan.prepared)
        let (examples, network) = (prepared.examples, prepared.trainingNetwork(spec.network))
        let count = ParameterLayout(network).count
        let plan = spec.training.windows.map { StreamPlan(examples.streams, $0) }
        var (rows, sequences) = examples.greatestBatch(spec.training, plan)
        var realTime: (floats: Double, multiplications: Double)?
        if spec.training.rtrl != nil {
            realTime = RealTimeLearning.cost(network, streams: plan?.lanes.count ?? 0)
            let states = StateLayout(network).count + 1
            (rows, sequences) = (max(rows, states), max(sequences, states))
        }
        // Parameters, gradient, moments, and the best ones under early stopping.
        let copies = 2 + Optimizer.moments(spec.training.optimizer) + (spec.training.earlyStopping == nil ? 0 : 1)
        // The table as it was read and the transformed rows; a batch of them.
        let numbers = examples.rows.count
        let bytes =
            TrainingNetwork.byteCount(
                network, precision: spec.training.precision.ofProducts, rows: rows, sequences: sequences)
            + copies * count * 4 + numbers * (8 + 8 + 4) + rows * network.rowWidth * 4
            + Int(min(4 * (realTime?.floats ?? 0), 1e18))
        // Which flags are due, as numbers, in an array that grows.
        let due = if case .flags = examples.answers { Double(rows) * Double(network.outputs) * 3 * 4 } else { 0.0 }
        // The trainer has all that still while its model is scored.
        let answering = prepared.network(spec.network)
        let scoring =
            prepared.scoredGroup(answering).bytes(answering, threads: spec.training.threads) + Int(min(due, 1e18))
        // A product of a row with a weight is one multiplication and one addition; backward takes two products.
        let trained = plan?.rowsGoneThrough ?? Double(examples.rowCount(examples.training))
        let validated = Double(examples.rowCount(examples.validation))
        let steps = examples.stepsPerEpoch(spec.training, plan)
        self.init(
            parameters: count, memoryBytes: min(bytes, .max - scoring) + scoring,
            floatingPointOperationsPerEpoch: 2
                * (Double(count) * (3 * trained + validated) + trained * (realTime?.multiplications ?? 0)),
            stepsPerEpoch: steps,
            steps: steps * spec.training.epochs)
    }
}
