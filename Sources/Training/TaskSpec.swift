import Networks

/// What the network shall learn to answer.
public enum TaskSpec: Hashable, Sendable {
    case forecast(ForecastTask)
    case classify(ClassifyTask)
}

/// The next rows of a series.
public struct ForecastTask: Hashable, Sendable {
    /// The columns to forecast. Transforms apply to them.
    public var target: [String]
    /// Columns the network sees beside them and does not forecast; they are standardised.
    public var features: [String]
    /// The column that names the rows.
    public var time: String?
    /// Rows the network sees, after the transforms.
    public var lookback: Int
    /// Rows ahead that are scored.
    public var horizon: Int
    public var transform: [TransformSpec]
    /// Rows at the end that are kept from training and scored.
    public var holdout: Int
    /// Rows of one season; nil reads it off the seasonal difference or the time column.
    public var season: Int?

    public init(
        target: [String], features: [String] = [], time: String? = nil, lookback: Int = 24, horizon: Int = 12,
        transform: [TransformSpec] = [.standardise], holdout: Int = 0, season: Int? = nil
    ) {
        self.target = target
        self.features = features
        self.time = time
        self.lookback = lookback
        self.horizon = horizon
        self.transform = transform
        self.holdout = holdout
        self.season = season
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
    public enum Pool: String, Codable, Hashable, Sendable, CaseIterable {
        case last
        case mean
    }

    /// Whether the label is read from the last state or from the mean of all.
    public var pool: Pool
    /// For data in rows, the column whose equal values make one sequence.
    public var sequence: String?
    /// For data in rows, the column of the label.
    public var label: String
    /// For data in rows, the columns the network sees; all others where empty.
    public var features: [String]
    public var transform: [TransformSpec]

    public init(
        pool: Pool = .last, sequence: String? = nil, label: String = "label", features: [String] = [],
        transform: [TransformSpec] = [.standardise]
    ) {
        self.pool = pool
        self.sequence = sequence
        self.label = label
        self.features = features
        self.transform = transform
    }
}

extension TaskSpec: Codable {
    public enum Kind: String, Codable, Sendable, CaseIterable {
        case forecast
        case classify
    }

    public var kind: Kind {
        switch self {
        case .forecast: .forecast
        case .classify: .classify
        }
    }

    private enum CodingKeys: String, CodingKey {
        case kind
    }

    public init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: CodingKeys.self).decode(Kind.self, forKey: .kind) {
        case .forecast: self = .forecast(try ForecastTask(from: decoder))
        case .classify: self = .classify(try ClassifyTask(from: decoder))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        switch self {
        case .forecast(let task): try task.encode(to: encoder)
        case .classify(let task): try task.encode(to: encoder)
        }
    }
}

extension ForecastTask: Codable {
    private enum CodingKeys: String, CodingKey {
        case target, features, time, lookback, horizon, transform, holdout, season
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let target =
            try (try? container.decode(String.self, forKey: .target)).map { [$0] }
            ?? container.decode([String].self, forKey: .target)
        let standard = ForecastTask(target: target)
        self.init(
            target: target,
            features: try container.decodeIfPresent([String].self, forKey: .features) ?? standard.features,
            time: try container.decodeIfPresent(String.self, forKey: .time),
            lookback: try container.decodeIfPresent(Int.self, forKey: .lookback) ?? standard.lookback,
            horizon: try container.decodeIfPresent(Int.self, forKey: .horizon) ?? standard.horizon,
            transform: try container.decodeIfPresent([TransformSpec].self, forKey: .transform) ?? standard.transform,
            holdout: try container.decodeIfPresent(Int.self, forKey: .holdout) ?? standard.holdout,
            season: try container.decodeIfPresent(Int.self, forKey: .season))
    }

    /// One target is written as its name, several as a list.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        if target.count == 1 {
            try container.encode(target[0], forKey: .target)
        } else {
            try container.encode(target, forKey: .target)
        }
        try container.encode(features, forKey: .features)
        try container.encode(time, forKey: .time)
        try container.encode(lookback, forKey: .lookback)
        try container.encode(horizon, forKey: .horizon)
        try container.encode(transform, forKey: .transform)
        try container.encode(holdout, forKey: .holdout)
        try container.encode(season, forKey: .season)
    }
}

extension ClassifyTask: Codable {
    private enum CodingKeys: String, CodingKey {
        case pool, sequence, label, features, transform
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let standard = ClassifyTask()
        self.init(
            pool: try container.decodeIfPresent(Pool.self, forKey: .pool) ?? standard.pool,
            sequence: try container.decodeIfPresent(String.self, forKey: .sequence),
            label: try container.decodeIfPresent(String.self, forKey: .label) ?? standard.label,
            features: try container.decodeIfPresent([String].self, forKey: .features) ?? standard.features,
            transform: try container.decodeIfPresent([TransformSpec].self, forKey: .transform) ?? standard.transform)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(pool, forKey: .pool)
        try container.encode(sequence, forKey: .sequence)
        try container.encode(label, forKey: .label)
        try container.encode(features, forKey: .features)
        try container.encode(transform, forKey: .transform)
    }
}
