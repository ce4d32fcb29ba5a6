import Models
import Networks

/// What came of a training run: losses, and scores on rows or sequences that were kept from it.
public struct TrainingReport: Codable, Sendable, Equatable {
    /// Mean loss over the last epoch (of the best one with early stopping), in the network's own units: squared error of
    /// transformed targets, or cross-entropy in nats.
    public var trainLoss: Double
    public var validationLoss: Double?
    public var epochsRun: Int
    /// Counted from 1; the epoch whose parameters were kept.
    public var bestEpoch: Int?
    /// Whether early stopping ended it before the last epoch.
    public var stoppedEarly: Bool
    public var steps: Int
    public var parameters: Int
    /// Forecast with a validation part: the network beside the naive forecasts, on the rows of that part.
    public var validation: HoldoutReport?
    /// Forecast with holdout rows: the same on them.
    public var holdout: HoldoutReport?
    /// Classify: accuracy and loss of the kept parameters.
    public var classification: ClassificationReport?
    /// What the model scores in each precision of inference.
    public var precision: PrecisionReport?
    /// What may not be what was meant; nil where there is nothing to say.
    public var warnings: [String]?

    public init(
        trainLoss: Double, validationLoss: Double? = nil, epochsRun: Int, bestEpoch: Int? = nil,
        stoppedEarly: Bool = false, steps: Int, parameters: Int, validation: HoldoutReport? = nil,
        holdout: HoldoutReport? = nil, classification: ClassificationReport? = nil,
        precision: PrecisionReport? = nil, warnings: [String]? = nil
    ) {
        self.trainLoss = trainLoss
        self.validationLoss = validationLoss
        self.epochsRun = epochsRun
        self.bestEpoch = bestEpoch
        self.stoppedEarly = stoppedEarly
        self.steps = steps
        self.parameters = parameters
        self.validation = validation
        self.holdout = holdout
        self.classification = classification
        self.precision = precision
        self.warnings = warnings
    }

    private enum CodingKeys: String, CodingKey {
        case steps, parameters, validation, holdout, classification, precision, warnings
        case trainLoss = "train_loss"
        case validationLoss = "validation_loss"
        case epochsRun = "epochs_run"
        case bestEpoch = "best_epoch"
        case stoppedEarly = "stopped_early"
    }
}

/// Errors of a forecast in raw units. Over several targets, the mean of theirs.
///
/// A forecast that ran away to infinity has infinite errors; they are written as null. What they are made of are 32-bit
/// outputs, so they are written with the digits of such.
public struct Scores: Sendable, Equatable {
    public var rmse: Double
    public var mae: Double
    /// The mean absolute error over that of the (seasonal) naive forecast within the training part: Hyndman and Koehler
    /// 2006. nil where the training part repeats itself exactly.
    public var mase: Double?
    /// 200·|forecast − truth| / (|forecast| + |truth|), mean, in percent; nil where both are 0 throughout.
    public var smape: Double?

    public init(rmse: Double, mae: Double, mase: Double?, smape: Double?) {
        self.rmse = rmse
        self.mae = mae
        self.mase = mase
        self.smape = smape
    }
}

extension Scores: Codable {
    private enum CodingKeys: String, CodingKey {
        case rmse, mae, mase, smape
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            rmse: try container.decodeIfPresent(Double.self, forKey: .rmse) ?? .infinity,
            mae: try container.decodeIfPresent(Double.self, forKey: .mae) ?? .infinity,
            mase: try container.decodeIfPresent(Double.self, forKey: .mase),
            smape: try container.decodeIfPresent(Double.self, forKey: .smape))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        func write(_ value: Double?, _ key: CodingKeys) throws {
            try container.encode(value.flatMap { $0.isFinite ? KnownDigits.ofSingles($0) : nil }, forKey: key)
        }
        try write(rmse, .rmse)
        try write(mae, .mae)
        try write(mase, .mase)
        try write(smape, .smape)
    }
}

/// Scores one step ahead from every row, and over the horizon from every `horizon`-th row.
public struct ForecastScores: Codable, Sendable, Equatable {
    public var oneStep: Scores
    public var horizon: Scores

    public init(oneStep: Scores, horizon: Scores) {
        self.oneStep = oneStep
        self.horizon = horizon
    }

    private enum CodingKeys: String, CodingKey {
        case horizon
        case oneStep = "one_step"
    }
}

/// The forecasts anybody could make, on the same rows.
public struct BaselineScores: Codable, Sendable, Equatable {
    /// The last value.
    public var naive: ForecastScores
    /// The value a season before; nil where no season is known.
    public var seasonalNaive: ForecastScores?
    /// That, and the mean change from season to season of the training part; after the logarithm where one is asked for.
    public var seasonalDrift: ForecastScores?

    public init(naive: ForecastScores, seasonalNaive: ForecastScores?, seasonalDrift: ForecastScores?) {
        self.naive = naive
        self.seasonalNaive = seasonalNaive
        self.seasonalDrift = seasonalDrift
    }

    private enum CodingKeys: String, CodingKey {
        case naive
        case seasonalNaive = "seasonal_naive"
        case seasonalDrift = "seasonal_drift"
    }
}

/// Scores on rows that the parameters were not fitted to.
public struct HoldoutReport: Codable, Sendable, Equatable {
    public struct Target: Codable, Sendable, Equatable {
        public var name: String
        public var oneStep: Scores
        public var horizon: Scores
        public var baselines: BaselineScores

        public init(name: String, oneStep: Scores, horizon: Scores, baselines: BaselineScores) {
            self.name = name
            self.oneStep = oneStep
            self.horizon = horizon
            self.baselines = baselines
        }

        private enum CodingKeys: String, CodingKey {
            case name, horizon, baselines
            case oneStep = "one_step"
        }
    }

    public var rows: Int
    /// Rows of one season, where known.
    public var season: Int?
    public var oneStep: Scores
    public var horizon: Scores
    public var baselines: BaselineScores
    /// One by one, where there are several targets.
    public var targets: [Target]?

    public init(
        rows: Int, season: Int?, oneStep: Scores, horizon: Scores, baselines: BaselineScores, targets: [Target]?
    ) {
        self.rows = rows
        self.season = season
        self.oneStep = oneStep
        self.horizon = horizon
        self.baselines = baselines
        self.targets = targets
    }

    private enum CodingKeys: String, CodingKey {
        case rows, season, horizon, baselines, targets
        case oneStep = "one_step"
    }
}

public struct ClassificationReport: Codable, Sendable, Equatable {
    public var labels: Int
    public var trainAccuracy: Double
    public var validationAccuracy: Double?
    /// What always saying the commonest label of the training part would reach there.
    public var majorityAccuracy: Double

    public init(labels: Int, trainAccuracy: Double, validationAccuracy: Double?, majorityAccuracy: Double) {
        self.labels = labels
        self.trainAccuracy = trainAccuracy
        self.validationAccuracy = validationAccuracy
        self.majorityAccuracy = majorityAccuracy
    }

    private enum CodingKeys: String, CodingKey {
        case labels
        case trainAccuracy = "train_accuracy"
        case validationAccuracy = "validation_accuracy"
        case majorityAccuracy = "majority_accuracy"
    }
}

/// What a training run will take, known before it starts.
public struct Estimate: Codable, Sendable, Equatable {
    /// Numbers that are learnt.
    public var parameters: Int
    /// What the trainer will hold at most: parameters, moments, workspaces, data.
    public var memoryBytes: Int
    /// Multiplications and additions of one epoch, forward and backward.
    public var floatingPointOperationsPerEpoch: Double
    public var stepsPerEpoch: Int
    /// In all epochs.
    public var steps: Int

    public init(
        parameters: Int, memoryBytes: Int, floatingPointOperationsPerEpoch: Double, stepsPerEpoch: Int, steps: Int
    ) {
        self.parameters = parameters
        self.memoryBytes = memoryBytes
        self.floatingPointOperationsPerEpoch = floatingPointOperationsPerEpoch
        self.stepsPerEpoch = stepsPerEpoch
        self.steps = steps
    }

    private enum CodingKeys: String, CodingKey {
        case parameters, steps
        case memoryBytes = "memory_bytes"
        case floatingPointOperationsPerEpoch = "floating_point_operations_per_epoch"
        case stepsPerEpoch = "steps_per_epoch"
    }
}
