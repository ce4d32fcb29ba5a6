import Kernels

/// How the parameters are fitted: the object `training` of a request.
public struct OptimisationSpec: Hashable, Sendable {
    public struct Clip: Codable, Hashable, Sendable {
        /// The greatest Euclidean norm of the whole gradient.
        public var norm: Double?
        /// The greatest magnitude of each of its numbers; applied before the norm.
        public var value: Double?

        public init(norm: Double? = nil, value: Double? = nil) {
            self.norm = norm
            self.value = value
        }
    }

    public struct Validation: Codable, Hashable, Sendable {
        /// Of the training windows (the last ones) or sequences (drawn label by label).
        public var fraction: Double

        public init(fraction: Double = 0.1) {
            self.fraction = fraction
        }
    }

    public struct EarlyStopping: Codable, Hashable, Sendable {
        /// Epochs without a better validation loss before training ends.
        public var patience: Int

        public init(patience: Int = 20) {
            self.patience = patience
        }
    }

    /// What the products of the layers are computed in. Sums, the parameters themselves and all else are float32 in both.
    public enum Precision: String, Codable, Hashable, Sendable, CaseIterable {
        case float32
        /// Faster where the processor has bfloat16 dot products; elsewhere the numbers are widened, which takes longer than
        /// float32 does, and gives other bits.
        case bfloat16

        var ofProducts: Kernels.Precision {
            switch self {
            case .float32: .float32
            case .bfloat16: .bfloat16
            }
        }
    }

    public var epochs: Int
    public var batchSize: Int
    public var optimizer: OptimizerSpec
    /// nil keeps the learning rate.
    public var schedule: ScheduleSpec?
    /// Added to the gradient, except by AdamW, which shrinks the parameters themselves.
    public var weightDecay: Double
    public var clip: Clip?
    public var validation: Validation?
    /// With it the parameters of the best epoch are kept, without it those of the last.
    public var earlyStopping: EarlyStopping?
    public var shuffle: Bool
    public var seed: UInt64
    /// Threads of the kernels; the result does not depend on them.
    public var threads: Int
    public var precision: Precision

    public init(
        epochs: Int = 100, batchSize: Int = 32, optimizer: OptimizerSpec = OptimizerSpec(),
        schedule: ScheduleSpec? = nil, weightDecay: Double = 0, clip: Clip? = Clip(norm: 1),
        validation: Validation? = nil, earlyStopping: EarlyStopping? = nil, shuffle: Bool = true, seed: UInt64 = 0,
        threads: Int = 1, precision: Precision = .float32
    ) {
        self.epochs = epochs
        self.batchSize = batchSize
        self.optimizer = optimizer
        self.schedule = schedule
        self.weightDecay = weightDecay
        self.clip = clip
        self.validation = validation
        self.earlyStopping = earlyStopping
        self.shuffle = shuffle
        self.seed = seed
        self.threads = threads
        self.precision = precision
    }
}

extension OptimisationSpec: Codable {
    private enum CodingKeys: String, CodingKey {
        case epochs, optimizer, schedule, clip, validation, shuffle, seed, threads, precision
        case batchSize = "batch_size"
        case weightDecay = "weight_decay"
        case earlyStopping = "early_stopping"
    }

    /// A clip that is null is none; a clip that is absent is the default.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let standard = OptimisationSpec()
        self.init(
            epochs: try container.decodeIfPresent(Int.self, forKey: .epochs) ?? standard.epochs,
            batchSize: try container.decodeIfPresent(Int.self, forKey: .batchSize) ?? standard.batchSize,
            optimizer: try container.decodeIfPresent(OptimizerSpec.self, forKey: .optimizer) ?? standard.optimizer,
            schedule: try container.decodeIfPresent(ScheduleSpec.self, forKey: .schedule),
            weightDecay: try container.decodeIfPresent(Double.self, forKey: .weightDecay) ?? standard.weightDecay,
            clip: container.contains(.clip)
                ? try container.decodeIfPresent(Clip.self, forKey: .clip) : standard.clip,
            validation: try container.decodeIfPresent(Validation.self, forKey: .validation),
            earlyStopping: try container.decodeIfPresent(EarlyStopping.self, forKey: .earlyStopping),
            shuffle: try container.decodeIfPresent(Bool.self, forKey: .shuffle) ?? standard.shuffle,
            seed: try container.decodeIfPresent(UInt64.self, forKey: .seed) ?? standard.seed,
            threads: try container.decodeIfPresent(Int.self, forKey: .threads) ?? standard.threads,
            precision: try container.decodeIfPresent(Precision.self, forKey: .precision) ?? standard.precision)
    }

    /// What is absent is written as null, so that a reader sees that it could be there.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(epochs, forKey: .epochs)
        try container.encode(batchSize, forKey: .batchSize)
        try container.encode(optimizer, forKey: .optimizer)
        try container.encode(schedule, forKey: .schedule)
        try container.encode(weightDecay, forKey: .weightDecay)
        try container.encode(clip, forKey: .clip)
        try container.encode(validation, forKey: .validation)
        try container.encode(earlyStopping, forKey: .earlyStopping)
        try container.encode(shuffle, forKey: .shuffle)
        try container.encode(seed, forKey: .seed)
        try container.encode(threads, forKey: .threads)
        try container.encode(precision, forKey: .precision)
    }
}
