import Networks

// What a specification can be reproached with before the data is seen. Bounds are generous: they keep out slips and
// what no machine could hold, not what is merely unusual.

extension TrainingSpec {
    /// The greatest numbers accepted; the interface states the same.
    public enum Limit {
        public static let layers = ModelLimit.layers
        public static let hidden = ModelLimit.hidden
        public static let lookback = ModelLimit.lookback
        public static let horizon = ModelLimit.horizon
        public static let period = ModelLimit.period
        public static let epochs = 1_000_000
        public static let batchSize = 1_000_000
        public static let threads = 256
        public static let columns = ModelLimit.columns
        public static let labels = ModelLimit.labels
        public static let transforms = ModelLimit.transforms
    }

    /// All that is wrong with it, each with its path from the root of the specification.
    public func violations() -> Violations {
        var found = Findings()
        switch task {
        case .forecast(let forecast): forecast.check(&found)
        case .classify(let classify): classify.check(&found)
        }
        network.check(&found)
        training.check(&found)
        return found.all
    }
}

/// Collects violations under one object of the specification.
private struct Findings {
    var all = Violations([])

    mutating func add(_ path: Violation.PathComponent..., detail: @autoclosure () -> String) {
        all.add(at: path, detail())
    }

    /// The name of a column: neither empty nor longer than is kept.
    mutating func name(_ name: String, at path: Violation.PathComponent...) { self.name(name, path) }

    mutating func name(_ name: String, _ path: [Violation.PathComponent]) {
        if name.isEmpty { all.add(at: path, "a column name cannot be empty") }
        if name.utf8.count > ModelLimit.nameBytes {
            all.add(
                at: path, "a column name of \(name.utf8.count) bytes; at most \(ModelLimit.nameBytes) are taken")
        }
    }

    mutating func count(_ value: Int, _ range: ClosedRange<Int>, at path: Violation.PathComponent...) {
        guard !range.contains(value) else { return }
        all.add(at: path, "\(value) is outside the range from \(range.lowerBound) to \(range.upperBound)")
    }

    /// A finite number for which `isAllowed`; `expectation` completes "… is not".
    mutating func number(
        _ value: Double, _ expectation: String, at path: Violation.PathComponent..., where isAllowed: (Double) -> Bool
    ) {
        guard !value.isFinite || !isAllowed(value) else { return }
        all.add(at: path, "\(value) is not \(expectation)")
    }
}

extension ForecastTask {
    fileprivate func check(_ found: inout Findings) {
        if target.isEmpty { found.add("task", "target", detail: "name at least one column to forecast") }
        found.count(target.count + features.count, 0...TrainingSpec.Limit.columns, at: "task", "features")
        var roles: [String: String] = [:]
        func claim(_ name: String, _ role: String, _ path: [Violation.PathComponent]) {
            found.name(name, path)
            if let taken = roles[name] {
                found.all.add(at: path, "column \"\(name.excerpt())\" is already a \(taken)")
            } else if !name.isEmpty {
                roles[name] = role
            }
        }
        for (index, name) in target.enumerated() {
            claim(name, "target", target.count == 1 ? ["task", "target"] : ["task", "target", .index(index)])
        }
        for (index, name) in features.enumerated() { claim(name, "feature", ["task", "features", .index(index)]) }
        if let time { claim(time, "time column", ["task", "time"]) }
        found.count(lookback, 1...TrainingSpec.Limit.lookback, at: "task", "lookback")
        found.count(horizon, 1...TrainingSpec.Limit.horizon, at: "task", "horizon")
        if holdout < 0 { found.add("task", "holdout", detail: "\(holdout) rows cannot be held out") }
        if let season { found.count(season, 1...TrainingSpec.Limit.period, at: "task", "season") }
        checkTransform(transform, &found)
    }
}

extension ClassifyTask {
    fileprivate func check(_ found: inout Findings) {
        found.name(label, at: "task", "label")
        if let sequence { found.name(sequence, at: "task", "sequence") }
        found.count(features.count, 0...TrainingSpec.Limit.columns, at: "task", "features")
        if sequence == label {
            found.add(
                "task", "sequence", detail: "column \"\(label.excerpt())\" cannot be both the sequence and the label")
        }
        var seen: Set<String> = []
        for (index, name) in features.enumerated() {
            found.name(name, at: "task", "features", .index(index))
            if name == label || name == sequence {
                found.add(
                    "task", "features", .index(index), detail: "column \"\(name.excerpt())\" already has another part")
            } else if !seen.insert(name).inserted {
                found.add("task", "features", .index(index), detail: "column \"\(name.excerpt())\" is named twice")
            }
        }
        checkTransform(transform, &found)
    }
}

private func checkTransform(_ transform: [TransformSpec], _ found: inout Findings) {
    guard transform.count <= TrainingSpec.Limit.transforms else {
        return found.add(
            "task", "transform",
            detail: "\(transform.count) transforms; at most \(TrainingSpec.Limit.transforms) can follow each other")
    }
    for (index, step) in transform.enumerated() {
        if case .seasonalDifference(let period) = step {
            found.count(
                period, 1...TrainingSpec.Limit.period, at: "task", "transform", .index(index), "seasonal_difference")
        }
        if step == .log, index > 0 {
            found.add(
                "task", "transform", .index(index),
                detail: "log takes values above 0, which \(transform[index - 1].phrase) does not leave; put it first")
        }
    }
}

extension TransformSpec {
    fileprivate var phrase: String {
        switch self {
        case .log: "another log"
        case .difference, .seasonalDifference: "a difference"
        case .standardise, .minMax: "scaling"
        }
    }
}

extension NetworkSpec {
    fileprivate func check(_ found: inout Findings) {
        found.count(layers.count, 1...TrainingSpec.Limit.layers, at: "network", "layers")
        for (index, layer) in layers.enumerated() {
            found.count(layer.hidden, 1...TrainingSpec.Limit.hidden, at: "network", "layers", .index(index), "hidden")
        }
        found.number(Double(dropout), "at least 0 and below 1", at: "network", "dropout") { $0 >= 0 && $0 < 1 }
        found.number(
            initialization.forgetBias, "a finite number", at: "network", "initialization", "forget_bias"
        ) { _ in true }
    }
}

extension OptimisationSpec {
    fileprivate func check(_ found: inout Findings) {
        found.count(epochs, 1...TrainingSpec.Limit.epochs, at: "training", "epochs")
        found.count(batchSize, 1...TrainingSpec.Limit.batchSize, at: "training", "batch_size")
        found.count(threads, 1...TrainingSpec.Limit.threads, at: "training", "threads")
        found.number(weightDecay, "0 or above", at: "training", "weight_decay") { $0 >= 0 }
        optimizer.check(&found)
        schedule?.check(&found)
        if let norm = clip?.norm { found.number(norm, "above 0", at: "training", "clip", "norm") { $0 > 0 } }
        if let value = clip?.value { found.number(value, "above 0", at: "training", "clip", "value") { $0 > 0 } }
        if let validation {
            found.number(
                validation.fraction, "above 0 and below 1", at: "training", "validation", "fraction"
            ) { $0 > 0 && $0 < 1 }
        }
        if let earlyStopping {
            found.count(
                earlyStopping.patience, 1...TrainingSpec.Limit.epochs, at: "training", "early_stopping", "patience")
            if validation == nil {
                found.add(
                    "training", "early_stopping",
                    detail: "early stopping watches the validation loss: ask for validation, such as "
                        + "{\"fraction\": 0.1}, too")
            }
        }
    }
}

extension OptimizerSpec {
    fileprivate func check(_ found: inout Findings) {
        func fraction(_ value: Double, _ name: String) {
            found.number(value, "at least 0 and below 1", at: "training", "optimizer", .key(name)) {
                $0 >= 0 && $0 < 1
            }
        }
        func positive(_ value: Double, _ name: String) {
            found.number(value, "above 0", at: "training", "optimizer", .key(name)) { $0 > 0 }
        }
        positive(learningRate, "learning_rate")
        switch rule {
        case .adam(let beta1, let beta2, let epsilon), .adamw(let beta1, let beta2, let epsilon):
            fraction(beta1, "beta1")
            fraction(beta2, "beta2")
            positive(epsilon, "epsilon")
        case .sgd(let momentum, let nesterov):
            fraction(momentum, "momentum")
            if nesterov, momentum == 0 {
                found.add(
                    "training", "optimizer", "nesterov", detail: "Nesterov's step needs a momentum above 0")
            }
        case .rmsprop(let alpha, let epsilon, let momentum, _):
            fraction(alpha, "alpha")
            positive(epsilon, "epsilon")
            fraction(momentum, "momentum")
        }
    }
}

extension ScheduleSpec {
    fileprivate func check(_ found: inout Findings) {
        func factor(_ value: Double) {
            found.number(value, "above 0 and at most 1", at: "training", "schedule", "factor") { $0 > 0 && $0 <= 1 }
        }
        func minimum(_ value: Double) {
            found.number(value, "0 or above", at: "training", "schedule", "minimum") { $0 >= 0 }
        }
        found.count(warmupSteps, 0...Int(Int32.max), at: "training", "schedule", "warmup_steps")
        switch rule {
        case .constant: break
        case .step(let period, let value):
            found.count(period, 1...TrainingSpec.Limit.epochs, at: "training", "schedule", "period")
            factor(value)
        case .exponential(let value): factor(value)
        case .linear(let value), .cosine(let value): minimum(value)
        case .reduceOnPlateau(let value, let patience, let least):
            factor(value)
            found.count(patience, 1...TrainingSpec.Limit.epochs, at: "training", "schedule", "patience")
            minimum(least)
        }
    }
}
