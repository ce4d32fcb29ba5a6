/// An optimiser and its numbers, by PyTorch's formulas and with its defaults.
///
/// Written flat: `{"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": true}`.
public struct OptimizerSpec: Hashable, Sendable {
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        case adam, adamw, sgd, rmsprop

        public var defaultLearningRate: Double {
            switch self {
            case .adam, .adamw: 0.003
            case .sgd: 0.1
            case .rmsprop: 0.003
            }
        }
    }

    public enum Rule: Hashable, Sendable {
        /// Kingma and Ba 2014, arXiv:1412.6980.
        case adam(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)
        /// Adam whose weight decay does not pass through the moments: Loshchilov and Hutter 2017, arXiv:1711.05101.
        case adamw(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)
        case sgd(momentum: Double = 0, nesterov: Bool = false)
        /// Tieleman and Hinton 2012; `centred` also subtracts the mean (Graves 2013, arXiv:1308.0850).
        case rmsprop(alpha: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0, centred: Bool = false)
    }

    public var rule: Rule
    public var learningRate: Double

    public init(_ rule: Rule = .adam(), learningRate: Double? = nil) {
        self.rule = rule
        let kind: Kind =
            switch rule {
            case .adam: .adam
            case .adamw: .adamw
            case .sgd: .sgd
            case .rmsprop: .rmsprop
            }
        self.learningRate = learningRate ?? kind.defaultLearningRate
    }

    /// The optimiser of this kind with its defaults.
    public init(_ kind: Kind, learningRate: Double? = nil) {
        switch kind {
        case .adam: self.init(.adam(), learningRate: learningRate)
        case .adamw: self.init(.adamw(), learningRate: learningRate)
        case .sgd: self.init(.sgd(), learningRate: learningRate)
        case .rmsprop: self.init(.rmsprop(), learningRate: learningRate)
        }
    }

    public var kind: Kind {
        switch rule {
        case .adam: .adam
        case .adamw: .adamw
        case .sgd: .sgd
        case .rmsprop: .rmsprop
        }
    }
}

extension OptimizerSpec: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind, beta1, beta2, epsilon, momentum, nesterov, alpha
        case centred = "centered"
        case learningRate = "learning_rate"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func number(_ key: CodingKeys, _ standard: Double) throws -> Double {
            try container.decodeIfPresent(Double.self, forKey: key) ?? standard
        }
        func flag(_ key: CodingKeys) throws -> Bool {
            try container.decodeIfPresent(Bool.self, forKey: key) ?? false
        }
        let kind = try container.decodeIfPresent(Kind.self, forKey: .kind) ?? .adam
        let rule: Rule
        switch kind {
        case .adam:
            rule = .adam(
                beta1: try number(.beta1, 0.9), beta2: try number(.beta2, 0.999), epsilon: try number(.epsilon, 1e-8))
        case .adamw:
            rule = .adamw(
                beta1: try number(.beta1, 0.9), beta2: try number(.beta2, 0.999), epsilon: try number(.epsilon, 1e-8))
        case .sgd:
            rule = .sgd(momentum: try number(.momentum, 0), nesterov: try flag(.nesterov))
        case .rmsprop:
            rule = .rmsprop(
                alpha: try number(.alpha, 0.99), epsilon: try number(.epsilon, 1e-8),
                momentum: try number(.momentum, 0), centred: try flag(.centred))
        }
        self.init(rule, learningRate: try number(.learningRate, kind.defaultLearningRate))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        try container.encode(learningRate, forKey: .learningRate)
        switch rule {
        case .adam(let beta1, let beta2, let epsilon), .adamw(let beta1, let beta2, let epsilon):
            try container.encode(beta1, forKey: .beta1)
            try container.encode(beta2, forKey: .beta2)
            try container.encode(epsilon, forKey: .epsilon)
        case .sgd(let momentum, let nesterov):
            try container.encode(momentum, forKey: .momentum)
            try container.encode(nesterov, forKey: .nesterov)
        case .rmsprop(let alpha, let epsilon, let momentum, let centred):
            try container.encode(alpha, forKey: .alpha)
            try container.encode(epsilon, forKey: .epsilon)
            try container.encode(momentum, forKey: .momentum)
            try container.encode(centred, forKey: .centred)
        }
    }
}
