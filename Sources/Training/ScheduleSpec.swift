import NamedFields

/// How the learning rate moves; epochs count from 0.
///
/// Written flat: `{"kind": "step", "warmup_steps": 0, "period": 30, "factor": 0.1}`. Numbers that a kind has no use for stay
/// at their defaults.
public struct ScheduleSpec: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case constant
        /// Times `factor` after every `period` epochs.
        case step
        /// Times `factor` after every epoch.
        case exponential
        /// In a straight line over all steps, from the learning rate to `minimum`.
        case linear
        /// Along half a cosine over all steps, from the learning rate to `minimum`: Loshchilov and Hutter 2016.
        case cosine
        /// Times `factor`, down to `minimum`, after `patience` epochs without a better loss (that of the validation
        /// part; of the training part where there is none).
        case reduceOnPlateau = "reduce_on_plateau"
    }

    public var kind: Kind
    /// Optimizer steps over which the rate first rises in a straight line; 0 starts with all of it.
    public var warmupSteps: Int
    public var period = 30
    public var factor: Double
    public var patience = 10
    public var minimum = 0.0

    public init() { self.init(.constant) }

    /// The schedule of this kind with its defaults.
    public init(_ kind: Kind, warmupSteps: Int = 0) {
        self.kind = kind
        self.warmupSteps = warmupSteps
        factor = kind == .exponential ? 0.98 : 0.1
    }
}

extension ScheduleSpec: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        let epochs = 1...TrainingSpec.Limit.epochs
        if visitor.kind("kind", &kind, isRequired: true, "The shape of the way down.") { self = ScheduleSpec(kind) }
        visitor.field(
            "warmup_steps", &warmupSteps, .whole(0...Int(Int32.max)), "Steps over which the rate first rises in a line."
        )
        if kind == .step { visitor.field("period", &period, .whole(epochs), "Epochs between two falls.") }
        if kind == .step || kind == .exponential || kind == .reduceOnPlateau {
            visitor.field("factor", &factor, .number(.above(0).atMost(1)), "What the rate is multiplied by.")
        }
        if kind == .reduceOnPlateau {
            visitor.field("patience", &patience, .whole(epochs), "Epochs without a better loss before it falls.")
        }
        if kind == .linear || kind == .cosine || kind == .reduceOnPlateau {
            visitor.field("minimum", &minimum, .number(.atLeast(0)), "What the rate does not fall below.")
        }
    }
}
