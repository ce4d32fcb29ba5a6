import Models
import NamedFields
import Networks

/// What the network shall learn to answer.
public enum TaskSpec: Hashable, Sendable {
    case forecast(ForecastTask)
    case classify(ClassifyTask)
    case label(LabelTask)
}

/// The next rows of a series.
public struct ForecastTask: Hashable, Sendable {
    /// The columns to forecast. Transforms apply to them.
    public var target: [String] = []
    /// Columns the network sees beside them and does not forecast; they are standardized.
    public var features: [String] = []
    /// The column that names the rows.
    public var time: String?
    /// Rows the network sees, after the transforms.
    public var lookback = 24
    /// Rows ahead that are scored.
    public var horizon = 12
    public var transform: [TransformSpec] = [.standardize]
    /// Rows at the end that are kept from training and scored.
    public var holdout = 0
    /// Rows of one season; nil reads it off the seasonal difference or the time column.
    public var season: Int?

    public init() {}
}

extension ForecastTask: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        typealias Limit = TrainingSpec.Limit
        visitor.field(
            "target", &target, .oneOrMore(.column, "columns to forecast", 1...Limit.columns), isRequired: true,
            "The column, or columns, to forecast.")
        visitor.field("features", &features, .columns, "Further columns that the network sees and does not forecast.")
        visitor.field("time", &time, .optional(.column), "The column that names the rows: months, dates, integers.")
        visitor.field(
            "lookback", &lookback, .whole(1...Limit.lookback), "Rows that the network sees, after the transforms.")
        visitor.field(
            "horizon", &horizon, .whole(1...Limit.horizon), "Rows ahead that are scored and that a forecast has.")
        visitor.field("transform", &transform, .transforms, "What the targets go through, in this order.")
        visitor.field(
            "holdout", &holdout, .whole(0...FieldValue.largestExactInteger),
            "Rows at the end that are kept from training and scored.")
        visitor.field(
            "season", &season, .optional(.whole(1...Limit.period)),
            "Rows of one season; read off the time column where null.")
    }
}

extension ForecastTask {
    /// What keeps a series of so many rows from being learnt from; nil where they are enough.
    public func shortage(rows: Int, validates: Bool) -> Violation? {
        let lag = transform.lag
        let need = lag + lookback + holdout + (validates ? 2 : 1)
        guard rows < need else { return nil }
        var parts = ["\(lookback) to look back"]
        if lag > 0 { parts.append("\(lag) before them for differencing") }
        parts.append(validates ? "2 to learn from and validate with" : "1 to learn from")
        if holdout > 0 { parts.append("\(holdout) held out") }
        return Violation(
            "data",
            detail: "the series has \(rows) rows; this task needs at least \(need): \(parts.joined(separator: ", "))")
    }
}

/// One label for a sequence.
public struct ClassifyTask: Hashable, Sendable {
    public enum Pool: String, Hashable, Sendable, CaseIterable {
        case last
        case mean
    }

    /// Whether the label is read from the last state or from the mean of all.
    public var pool = Pool.last
    /// For data in rows, the column whose equal values make one sequence.
    public var sequence: String?
    /// For data in rows, the column of the label.
    public var label = "label"
    /// For data in rows, the columns the network sees; all others where empty.
    public var features: [String] = []
    public var transform: [TransformSpec] = [.standardize]

    public init() {}
}

extension ClassifyTask: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("pool", &pool, .choice(), "Whether the label is read from the last state or the mean of all.")
        visitor.field(
            "sequence", &sequence, .optional(.column), "For data in rows, the column whose values tell sequences apart."
        )
        visitor.field("label", &label, .column, "For data in rows, the column of the label.")
        visitor.field(
            "features", &features, .columns,
            "For data in rows, the columns that the network sees; all others where empty.")
        visitor.field("transform", &transform, .transforms, "What the columns go through, in this order.")
    }
}

extension TaskSpec: HasFields {
    public enum Kind: String, Sendable, CaseIterable {
        case forecast
        case classify
        case label
    }

    public var kind: Kind {
        switch self {
        case .forecast: .forecast
        case .classify: .classify
        case .label: .label
        }
    }

    /// The task of this kind with its defaults.
    public init(_ kind: Kind) {
        switch kind {
        case .forecast: self = .forecast(ForecastTask())
        case .classify: self = .classify(ClassifyTask())
        case .label: self = .label(LabelTask())
        }
    }

    public init() { self.init(.forecast) }

    public mutating func visit(_ visitor: inout some FieldVisitor) {
        var kind = kind
        if visitor.kind("kind", &kind, isRequired: true, "What to learn.") { self = TaskSpec(kind) }
        switch self {
        case .forecast(var task):
            task.visit(&visitor)
            self = .forecast(task)
        case .classify(var task):
            task.visit(&visitor)
            self = .classify(task)
        case .label(var task):
            task.visit(&visitor)
            self = .label(task)
        }
    }
}

extension FieldForm where Self == TextForm {
    /// The name of a column: neither empty nor longer than is kept.
    static var column: TextForm { .text("a column name", 1...ModelLimit.nameBytes) }
}

extension FieldForm where Self == ListForm<TextForm> {
    static var columns: ListForm<TextForm> { .list(of: .column, "columns", 0...TrainingSpec.Limit.columns) }
}

extension FieldForm where Self == ListForm<WordForm<TransformSpec>> {
    static var transforms: ListForm<WordForm<TransformSpec>> {
        .list(of: .word(), "transforms", 0...TrainingSpec.Limit.transforms)
    }
}
