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
            task: modelTask, transform: transform, inputs: prepared.transforms, network: description,
            parameters: Parameters(layout: ParameterLayout(description), values: kept), seed: spec.training.seed,
            datasetDigest: datasetDigest)
        var report = TrainingReport(
            trainLoss: KnownDigits.ofSingles(
                best?.trainLoss ?? progressState.trainLoss ?? progressState.lastGoodLoss ?? 0),
            validationLoss: (best?.validationLoss ?? progressState.validationLoss).map(KnownDigits.ofSingles),
            epochsRun: progressState.step / stepsPerEpoch, bestEpoch: best?.epoch,
            stoppedEarly: progressState.stoppedEarly, steps: progressState.step, parameters: kept.count)
        // In float32, as it answers unless it is asked otherwise, whatever it was trained in.
        let predictor = Predictor(model, kernels: kernels)
        switch prepared {
        case .series(let series):
            report.validation = try series.scores(predictor, on: series.validationRows)
            report.holdout = try series.scores(predictor, on: series.holdoutRows)
            report.precision = try precisionReport(series, predictor, known: report.holdout ?? report.validation)
            report.warnings = series.warnings.isEmpty ? nil : series.warnings
        case .sequences(let sequences):
            report.classification = classificationReport(sequences, predictor.network)
            report.precision = precisionReport(model)
        }
        return TrainedModel(model: model, report: report)
    }

    private func classificationReport(
        _ sequences: PreparedSequences, _ network: InferenceNetwork
    ) -> ClassificationReport {
        var counts = [Int](repeating: 0, count: sequences.labels.count)
        if case .labels(let answers) = examples.answers {
            for index in examples.training { counts[Int(answers[index])] += 1 }
        }
        let majority = Double(counts.max() ?? 0) / Double(max(examples.training.count, 1))
        return ClassificationReport(
            labels: sequences.labels.count,
            trainAccuracy: kernels.scores(network, examples, examples.training).accuracy,
            validationAccuracy: examples.validation.isEmpty
                ? nil : kernels.scores(network, examples, examples.validation).accuracy, majorityAccuracy: majority)
    }

    private var modelTask: ModelTask {
        switch prepared {
        case .series(let series):
            .forecast(
                ForecastModel(
                    targets: series.task.target, features: series.task.features, time: series.task.time,
                    lookback: series.task.lookback, horizon: series.task.horizon, season: series.season,
                    tail: series.tail))
        case .sequences(let sequences):
            .classify(ClassifyModel(features: sequences.features, labels: sequences.labels))
        }
    }

    private var transform: [TransformSpec] {
        switch spec.task {
        case .forecast(let task): task.transform
        case .classify(let task): task.transform
        }
    }
}

extension Estimate {
    /// What training would take, without training: reads the specification and the shape of the data.
    public init(_ plan: TrainingPlan) {
        let (spec, prepared) = (plan.spec, plan.prepared)
        let (examples, network) = (prepared.examples, prepared.trainingNetwork(spec.network))
        let count = ParameterLayout(network).count
        let rows = examples.greatestBatch(size: spec.training.batchSize)
        let sequences = min(spec.training.batchSize, examples.places.count)
        // Parameters, gradient, moments, and the best ones under early stopping.
        let copies = 2 + Optimizer.moments(spec.training.optimizer) + (spec.training.earlyStopping == nil ? 0 : 1)
        // The table as it was read and the transformed rows; a batch of them.
        let numbers = examples.rows.count
        let bytes =
            TrainingNetwork.byteCount(
                network, precision: spec.training.precision.ofProducts, rows: rows, sequences: sequences)
            + copies * count * 4 + numbers * (8 + 8 + 4) + rows * network.inputs * 4
        // A product of a row with a weight is one multiplication and one addition; backward takes two products.
        let trained = Double(examples.rowCount(examples.training))
        let validated = Double(examples.rowCount(examples.validation))
        let steps = (examples.training.count + spec.training.batchSize - 1) / spec.training.batchSize
        self.init(
            parameters: count, memoryBytes: bytes,
            floatingPointOperationsPerEpoch: 2 * Double(count) * (3 * trained + validated), stepsPerEpoch: steps,
            steps: steps * spec.training.epochs)
    }
}
