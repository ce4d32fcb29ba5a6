import NamedFields

/// A specification in which nothing was found wrong: whoever is given one need not look again.
public struct CheckedSpec: Hashable, Sendable {
    public let spec: TrainingSpec

    /// Throws all that is wrong with it.
    public init(_ spec: TrainingSpec) throws(Violations) {
        let violations = spec.violations()
        guard violations.isEmpty else { throw violations }
        self.spec = spec
    }
}

/// What will be learnt, and from what: the data transformed and cut into examples. Made once, it tells what the training
/// takes and begins it, as often as it has to begin.
public struct TrainingPlan {
    public let spec: TrainingSpec
    let prepared: any PreparedTask

    /// Throws what keeps the data from being learnt from.
    public init(_ checked: CheckedSpec, _ data: TrainingData) throws(Violations) {
        spec = checked.spec
        prepared = try spec.prepared(data)
    }
}
