/// How the learning rate moves; epochs count from 0.
///
/// Written flat: `{"kind": "step", "warmup_steps": 0, "period": 30, "factor": 0.1}`.
public struct ScheduleSpec: Hashable, Sendable {
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        case constant, step, exponential, linear, cosine
        case reduceOnPlateau = "reduce_on_plateau"
    }

    public enum Rule: Hashable, Sendable {
        case constant
        /// Times `factor` after every `period` epochs.
        case step(period: Int = 30, factor: Double = 0.1)
        /// Times `factor` after every epoch.
        case exponential(factor: Double = 0.98)
        /// In a straight line over all steps, from the learning rate to `minimum`.
        case linear(minimum: Double = 0)
        /// Along half a cosine over all steps, from the learning rate to `minimum`: Loshchilov and Hutter 2016.
        case cosine(minimum: Double = 0)
        /// Times `factor`, down to `minimum`, after `patience` epochs without a better loss (that of the validation
        /// part; of the training part where there is none).
        case reduceOnPlateau(factor: Double = 0.1, patience: Int = 10, minimum: Double = 0)
    }

    public var rule: Rule
    /// Optimiser steps over which the rate first rises in a straight line; 0 starts with all of it.
    public var warmupSteps: Int

    public init(_ rule: Rule = .constant, warmupSteps: Int = 0) {
        self.rule = rule
        self.warmupSteps = warmupSteps
    }

    /// The schedule of this kind with its defaults.
    public init(kind: Kind, warmupSteps: Int = 0) {
        let rule: Rule =
            switch kind {
            case .constant: .constant
            case .step: .step()
            case .exponential: .exponential()
            case .linear: .linear()
            case .cosine: .cosine()
            case .reduceOnPlateau: .reduceOnPlateau()
            }
        self.init(rule, warmupSteps: warmupSteps)
    }

    public var kind: Kind {
        switch rule {
        case .constant: .constant
        case .step: .step
        case .exponential: .exponential
        case .linear: .linear
        case .cosine: .cosine
        case .reduceOnPlateau: .reduceOnPlateau
        }
    }
}

extension ScheduleSpec: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind, period, factor, minimum, patience
        case warmupSteps = "warmup_steps"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func number(_ key: CodingKeys, _ standard: Double) throws -> Double {
            try container.decodeIfPresent(Double.self, forKey: key) ?? standard
        }
        func count(_ key: CodingKeys, _ standard: Int) throws -> Int {
            try container.decodeIfPresent(Int.self, forKey: key) ?? standard
        }
        let rule: Rule
        switch try container.decode(Kind.self, forKey: .kind) {
        case .constant: rule = .constant
        case .step: rule = .step(period: try count(.period, 30), factor: try number(.factor, 0.1))
        case .exponential: rule = .exponential(factor: try number(.factor, 0.98))
        case .linear: rule = .linear(minimum: try number(.minimum, 0))
        case .cosine: rule = .cosine(minimum: try number(.minimum, 0))
        case .reduceOnPlateau:
            rule = .reduceOnPlateau(
                factor: try number(.factor, 0.1), patience: try count(.patience, 10), minimum: try number(.minimum, 0))
        }
        self.init(rule, warmupSteps: try count(.warmupSteps, 0))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        try container.encode(warmupSteps, forKey: .warmupSteps)
        switch rule {
        case .constant: break
        case .step(let period, let factor):
            try container.encode(period, forKey: .period)
            try container.encode(factor, forKey: .factor)
        case .exponential(let factor): try container.encode(factor, forKey: .factor)
        case .linear(let minimum), .cosine(let minimum): try container.encode(minimum, forKey: .minimum)
        case .reduceOnPlateau(let factor, let patience, let minimum):
            try container.encode(factor, forKey: .factor)
            try container.encode(patience, forKey: .patience)
            try container.encode(minimum, forKey: .minimum)
        }
    }
}
