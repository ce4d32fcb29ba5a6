import Models
import Networks
import Training

// Specifications in one line: what a test does not name stays at its default.

extension ForecastTask {
    public init(
        target: [String], features: [String]? = nil, time: String? = nil, lookback: Int? = nil, horizon: Int? = nil,
        transform: [TransformSpec]? = nil, holdout: Int? = nil, season: Int? = nil
    ) {
        self.init()
        self.target = target
        self.features = features ?? self.features
        self.time = time
        self.lookback = lookback ?? self.lookback
        self.horizon = horizon ?? self.horizon
        self.transform = transform ?? self.transform
        self.holdout = holdout ?? self.holdout
        self.season = season
    }
}

extension ClassifyTask {
    public init(pool: Pool? = nil, sequence: String? = nil, label: String? = nil, features: [String]? = nil) {
        self.init()
        self.pool = pool ?? self.pool
        self.sequence = sequence
        self.label = label ?? self.label
        self.features = features ?? self.features
    }
}

extension Initialization {
    public init(input: Matrix? = nil, recurrent: Matrix? = nil, forgetBias: Double? = nil) {
        self.init()
        self.input = input ?? self.input
        self.recurrent = recurrent ?? self.recurrent
        self.forgetBias = forgetBias ?? self.forgetBias
    }
}

extension NetworkSpec {
    public init(layers: [LayerSpec], dropout: Float? = nil, initialization: Initialization? = nil) {
        self.init()
        self.layers = layers
        self.dropout = dropout ?? self.dropout
        self.initialization = initialization ?? self.initialization
    }
}

extension OptimizationSpec {
    /// - Parameter clip: nil for none; what is not named is the default.
    public init(
        epochs: Int? = nil, batchSize: Int? = nil, optimizer: OptimizerSpec? = nil, schedule: ScheduleSpec? = nil,
        weightDecay: Double? = nil, clip: Clip? = OptimizationSpec().clip, validation: Validation? = nil,
        earlyStopping: EarlyStopping? = nil, shuffle: Bool? = nil, seed: UInt64? = nil, threads: Int? = nil,
        precision: Precision? = nil
    ) {
        self.init()
        self.epochs = epochs ?? self.epochs
        self.batchSize = batchSize ?? self.batchSize
        self.optimizer = optimizer ?? self.optimizer
        self.schedule = schedule
        self.weightDecay = weightDecay ?? self.weightDecay
        self.clip = clip
        self.validation = validation
        self.earlyStopping = earlyStopping
        self.shuffle = shuffle ?? self.shuffle
        self.seed = seed ?? self.seed
        self.threads = threads ?? self.threads
        self.precision = precision ?? self.precision
    }
}

extension OptimizationSpec.Validation {
    public init(fraction: Double) {
        self.init()
        self.fraction = fraction
    }
}

extension OptimizationSpec.EarlyStopping {
    public init(patience: Int) {
        self.init()
        self.patience = patience
    }
}

extension OptimizerSpec {
    /// `change` is made to the defaults of the kind.
    public init(_ kind: Kind, learningRate: Double? = nil, _ change: (inout OptimizerSpec) -> Void) {
        self.init(kind, learningRate: learningRate)
        change(&self)
    }
}

extension ScheduleSpec {
    /// `change` is made to the defaults of the kind.
    public init(_ kind: Kind, warmupSteps: Int = 0, _ change: (inout ScheduleSpec) -> Void) {
        self.init(kind, warmupSteps: warmupSteps)
        change(&self)
    }
}
