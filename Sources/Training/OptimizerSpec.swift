import NamedFields

/// An optimizer and its numbers, by PyTorch's formulas and with its defaults.
///
/// Written flat: `{"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": true}`. Numbers that a kind has no use
/// for stay at their defaults.
public struct OptimizerSpec: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Kingma and Ba 2014, arXiv:1412.6980.
        case adam
        /// Adam whose weight decay does not pass through the moments: Loshchilov and Hutter 2017, arXiv:1711.05101.
        case adamw
        case sgd
        /// Tieleman and Hinton 2012; centered, it also subtracts the mean (Graves 2013, arXiv:1308.0850).
        case rmsprop

        public var defaultLearningRate: Double {
            switch self {
            case .adam, .adamw: 0.003
            case .sgd: 0.1
            case .rmsprop: 0.003
            }
        }
    }

    public var kind: Kind
    public var learningRate: Double
    public var beta1 = 0.9
    public var beta2 = 0.999
    public var alpha = 0.99
    public var epsilon = 1e-8
    public var momentum = 0.0
    public var nesterov = false
    public var centered = false

    public init() { self.init(.adam) }

    /// The optimizer of this kind with its defaults.
    public init(_ kind: Kind, learningRate: Double? = nil) {
        self.kind = kind
        self.learningRate = learningRate ?? kind.defaultLearningRate
    }
}

extension OptimizerSpec: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        if visitor.kind("kind", &kind, "By PyTorch's formulas.") { self = OptimizerSpec(kind) }
        visitor.field("learning_rate", &learningRate, .number(.above(0)), "The length of a step.")
        if kind == .adam || kind == .adamw {
            visitor.field("beta1", &beta1, .number(.decay), "How much of the first moment a step keeps.")
            visitor.field("beta2", &beta2, .number(.decay), "How much of the second moment a step keeps.")
        }
        if kind == .rmsprop {
            visitor.field("alpha", &alpha, .number(.decay), "How much of the mean square a step keeps.")
            visitor.field("centered", &centered, .flag, "Whether the mean gradient is subtracted.")
        }
        if kind != .sgd {
            visitor.field("epsilon", &epsilon, .number(.above(0)), "Added to what the gradient is divided by.")
        }
        if kind == .sgd || kind == .rmsprop {
            visitor.field("momentum", &momentum, .number(.decay), "How much of the last step a step keeps.")
        }
        if kind == .sgd {
            visitor.field(
                "nesterov", &nesterov, .flag, "Whether the gradient is taken ahead; wants a momentum above 0.")
        }
    }
}

extension NumberBound {
    /// Of what is kept from one step to the next.
    fileprivate static let decay = NumberBound.atLeast(0).below(1)
}
