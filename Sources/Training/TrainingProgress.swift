/// Where a training run stands.
public struct TrainingProgress: Sendable, Equatable {
    /// From 0 to 1.
    public var fraction: Double
    /// Whole epochs done.
    public var epoch: Int
    public var epochs: Int
    /// Optimizer steps done.
    public var step: Int
    public var steps: Int
    /// Mean over the running epoch so far; of the last one where none has begun.
    public var trainLoss: Double?
    public var validationLoss: Double?
}

/// What one optimizer step did.
public struct StepReport: Sendable, Equatable {
    /// Steps taken, this one included.
    public var step: Int
    /// Mean loss of its batch, before its update.
    public var loss: Double
    /// The epoch that ended with it, if one did.
    public var epochEnd: EpochReport?
    public var isFinished: Bool
}

/// What one epoch came to.
public struct EpochReport: Codable, Sendable, Equatable {
    /// Counted from 1.
    public var epoch: Int
    public var trainLoss: Double
    public var validationLoss: Double?
    public var validationAccuracy: Double?
    /// Of its last step.
    public var learningRate: Double

    private enum CodingKeys: String, CodingKey {
        case epoch
        case trainLoss = "train_loss"
        case validationLoss = "validation_loss"
        case validationAccuracy = "validation_accuracy"
        case learningRate = "learning_rate"
    }
}
