import Formats
import Training

/// The object `training` of a request to train.
extension OptimisationSpec {
    static let fields = [
        "epochs", "batch_size", "optimizer", "schedule", "weight_decay", "clip", "validation", "early_stopping",
        "shuffle", "seed", "threads", "precision",
    ]
    static let clipFields = ["norm", "value"]
    static let validationFields = ["fraction"]
    static let earlyStoppingFields = ["patience"]

    init(reading training: JSONReader) {
        self.init()
        guard training.fields(Self.fields) else { return }
        typealias Limit = TrainingSpec.Limit
        epochs = training.int("epochs", in: 1...Limit.epochs, default: epochs)
        batchSize = training.int("batch_size", in: 1...Limit.batchSize, default: batchSize)
        if let reader = training.optional("optimizer") { optimizer = OptimizerSpec(reading: reader) ?? optimizer }
        schedule = training.optional("schedule").flatMap(ScheduleSpec.init(reading:))
        weightDecay = training.double("weight_decay", default: weightDecay)
        // A clip that is null is none; one that is not mentioned is the default.
        if training.has("clip") { clip = training.optional("clip").flatMap(Clip.init(reading:)) }
        validation = training.optional("validation").map { Validation(reading: $0) ?? Validation() }
        earlyStopping = training.optional("early_stopping").flatMap(EarlyStopping.init(reading:))
        shuffle = training.bool("shuffle", default: shuffle)
        // Above 2^53 numbers of JSON lose digits, and the seed would be another one.
        seed = UInt64(training.int("seed", in: 0...JSON.largestExactInteger, default: Int(seed)))
        threads = training.int("threads", in: 1...Limit.threads, default: threads)
        precision = training.choice("precision", default: precision)
    }
}

extension OptimisationSpec.Clip {
    init?(reading clip: JSONReader) {
        self.init()
        guard clip.fields(OptimisationSpec.clipFields) else { return nil }
        norm = clip.optional("norm")?.double()
        value = clip.optional("value")?.double()
    }
}

extension OptimisationSpec.Validation {
    init?(reading validation: JSONReader) {
        self.init()
        guard validation.fields(OptimisationSpec.validationFields) else { return nil }
        fraction = validation.double("fraction", default: fraction)
    }
}

extension OptimisationSpec.EarlyStopping {
    init?(reading stopping: JSONReader) {
        self.init()
        guard stopping.fields(OptimisationSpec.earlyStoppingFields) else { return nil }
        patience = stopping.int("patience", in: 1...TrainingSpec.Limit.epochs, default: patience)
    }
}

extension OptimizerSpec {
    /// The fields of each kind; a number that a kind has no use for is an error.
    static func fields(_ kind: Kind) -> [String] {
        let own =
            switch kind {
            case .adam, .adamw: ["beta1", "beta2", "epsilon"]
            case .sgd: ["momentum", "nesterov"]
            case .rmsprop: ["alpha", "epsilon", "momentum", "centered"]
            }
        return ["kind", "learning_rate"] + own
    }

    init?(reading optimizer: JSONReader) {
        guard optimizer.value.object != nil else {
            optimizer.fail("expected an object, found \(optimizer.value.kindName)")
            return nil
        }
        let kind: Kind
        if let given = optimizer.optional("kind") {
            guard let known = given.choice(Kind.self) else { return nil }
            kind = known
        } else {
            kind = .adam
        }
        self.init(kind)
        optimizer.fields(Self.fields(kind))
        learningRate = optimizer.double("learning_rate", default: learningRate)
        switch rule {
        case .adam(let beta1, let beta2, let epsilon):
            rule = .adam(
                beta1: optimizer.double("beta1", default: beta1), beta2: optimizer.double("beta2", default: beta2),
                epsilon: optimizer.double("epsilon", default: epsilon))
        case .adamw(let beta1, let beta2, let epsilon):
            rule = .adamw(
                beta1: optimizer.double("beta1", default: beta1), beta2: optimizer.double("beta2", default: beta2),
                epsilon: optimizer.double("epsilon", default: epsilon))
        case .sgd(let momentum, let nesterov):
            rule = .sgd(
                momentum: optimizer.double("momentum", default: momentum),
                nesterov: optimizer.bool("nesterov", default: nesterov))
        case .rmsprop(let alpha, let epsilon, let momentum, let centred):
            rule = .rmsprop(
                alpha: optimizer.double("alpha", default: alpha),
                epsilon: optimizer.double("epsilon", default: epsilon),
                momentum: optimizer.double("momentum", default: momentum),
                centred: optimizer.bool("centered", default: centred))
        }
    }
}

extension ScheduleSpec {
    static func fields(_ kind: Kind) -> [String] {
        let own =
            switch kind {
            case .constant: [String]()
            case .step: ["period", "factor"]
            case .exponential: ["factor"]
            case .linear, .cosine: ["minimum"]
            case .reduceOnPlateau: ["factor", "patience", "minimum"]
            }
        return ["kind", "warmup_steps"] + own
    }

    init?(reading schedule: JSONReader) {
        guard schedule.value.object != nil else {
            schedule.fail("expected an object, found \(schedule.value.kindName)")
            return nil
        }
        guard let kind = schedule.choice("kind", Kind.self) else { return nil }
        self.init(kind: kind)
        schedule.fields(Self.fields(kind))
        let epochs = 1...TrainingSpec.Limit.epochs
        warmupSteps = schedule.int("warmup_steps", in: 0...Int(Int32.max), default: warmupSteps)
        switch rule {
        case .constant: break
        case .step(let period, let factor):
            rule = .step(
                period: schedule.int("period", in: epochs, default: period),
                factor: schedule.double("factor", default: factor))
        case .exponential(let factor): rule = .exponential(factor: schedule.double("factor", default: factor))
        case .linear(let minimum): rule = .linear(minimum: schedule.double("minimum", default: minimum))
        case .cosine(let minimum): rule = .cosine(minimum: schedule.double("minimum", default: minimum))
        case .reduceOnPlateau(let factor, let patience, let minimum):
            rule = .reduceOnPlateau(
                factor: schedule.double("factor", default: factor),
                patience: schedule.int("patience", in: epochs, default: patience),
                minimum: schedule.double("minimum", default: minimum))
        }
    }
}
