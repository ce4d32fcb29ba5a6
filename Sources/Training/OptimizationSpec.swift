import Kernels
import NamedFields

/// How the parameters are fitted: the object `training` of a request.
public struct OptimizationSpec: Hashable, Sendable {
    public struct Clip: Hashable, Sendable {
        /// The greatest Euclidean norm of the whole gradient.
        public var norm: Double?
        /// The greatest magnitude of each of its numbers; applied before the norm.
        public var value: Double?

        public init() {}

        public init(norm: Double?, value: Double? = nil) {
            self.norm = norm
            self.value = value
        }
    }

    public struct Validation: Hashable, Sendable {
        /// Of the training windows (the last ones) or sequences (drawn label by label).
        public var fraction = 0.1

        public init() {}
    }

    public struct EarlyStopping: Hashable, Sendable {
        /// Epochs without a better validation loss before training ends.
        public var patience = 20

        public init() {}
    }

    /// What the products of the layers are computed in. Sums, the parameters themselves and all else are float32 in both.
    public enum Precision: String, Hashable, Sendable, CaseIterable {
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

    public var epochs = 100
    public var batchSize = 32
    /// nil learns from whole sequences.
    public var bptt: BackpropagationSpec?
    public var rtrl: RealTimeSpec?
    public var optimizer = OptimizerSpec()
    /// nil keeps the learning rate.
    public var schedule: ScheduleSpec?
    /// Added to the gradient, except by AdamW, which shrinks the parameters themselves.
    public var weightDecay = 0.0
    public var clip: Clip? = Clip(norm: 1)
    public var validation: Validation?
    /// With it the parameters of the best epoch are kept, without it those of the last.
    public var earlyStopping: EarlyStopping?
    public var shuffle = true
    public var seed: UInt64 = 0
    /// Threads of the kernels; the result does not depend on them.
    public var threads = 1
    public var precision = Precision.float32

    public init() {}
}

extension OptimizationSpec: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        typealias Limit = TrainingSpec.Limit
        visitor.field("epochs", &epochs, .whole(1...Limit.epochs), "Passes over the data.")
        visitor.field("batch_size", &batchSize, .whole(1...Limit.batchSize), "Sequences in one step of the optimizer.")
        visitor.field(
            "bptt", &bptt, .optional(.object()),
            "Truncated backpropagation through streams whose states are carried on; null learns from whole sequences.")
        visitor.field(
            "rtrl", &rtrl, .optional(.object()),
            "Real-time recurrent learning: gradients carried forward row by row; null goes back through time.")
        visitor.field("optimizer", &optimizer, .object(), "What a step does with the gradient.")
        visitor.field("schedule", &schedule, .optional(.object()), "How the learning rate moves; null keeps it.")
        visitor.field(
            "weight_decay", &weightDecay, .number(.atLeast(0)),
            "Added to the gradient, times the parameter; AdamW shrinks the parameter itself.")
        visitor.field("clip", &clip, .optional(.object()), "Bounds on the gradient; null for none.")
        visitor.field(
            "validation", &validation, .optional(.object()), "A part of the data that is only scored; null for none.")
        visitor.field(
            "early_stopping", &earlyStopping, .optional(.object()),
            "When to stop for want of a better validation loss; null for never.")
        visitor.field("shuffle", &shuffle, .flag, "Whether each epoch has an order of its own.")
        visitor.field(
            "seed", &seed, .whole(Limit.seeds),
            "Where the random numbers start: the same seed gives the same model, to the byte.")
        visitor.field("threads", &threads, .whole(1...Limit.threads), "Threads of the kernels.")
        visitor.field("precision", &precision, .choice(), "What the products of the layers are computed in.")
    }
}

extension OptimizationSpec.Clip: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("norm", &norm, .optional(.number(.above(0))), "The greatest Euclidean norm of the gradient.")
        visitor.field("value", &value, .optional(.number(.above(0))), "The greatest magnitude of one of its numbers.")
    }
}

extension OptimizationSpec.Validation: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("fraction", &fraction, .number(.above(0).below(1)), "Of the windows or sequences.")
    }
}

extension OptimizationSpec.EarlyStopping: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("patience", &patience, .whole(1...TrainingSpec.Limit.epochs), "Epochs without a better one.")
    }
}
