/// A transform as asked for: what a column goes through before the network sees it, and backwards in the answer.
///
/// Written as `"log"`, `"difference"`, `{"seasonal_difference": 12}`, `"standardise"`, `"min_max"`.
public enum TransformSpec: Hashable, Sendable {
    /// The natural logarithm; every value must be above 0.
    case log
    /// The change from the row before.
    case difference
    /// The change from the row so many rows before.
    case seasonalDifference(Int)
    /// (x − mean) / standard deviation, of the training part.
    case standardise
    /// (x − minimum) / (maximum − minimum), of the training part.
    case minMax

    /// Rows that this step consumes.
    public var lag: Int {
        switch self {
        case .difference: 1
        case .seasonalDifference(let period): period
        case .log, .standardise, .minMax: 0
        }
    }
}

extension [TransformSpec] {
    /// Rows that differencing needs before the first row the network sees.
    public var lag: Int { reduce(0) { $0 + $1.lag } }
}

extension TransformSpec: Codable {
    private enum CodingKeys: String, CodingKey {
        case seasonalDifference = "seasonal_difference"
    }

    private static let names: [(name: String, value: TransformSpec)] = [
        ("log", .log), ("difference", .difference), ("standardise", .standardise), ("min_max", .minMax),
    ]

    /// The transform of this name; nil for a name that is none or needs a number.
    public init?(name: String) {
        guard let found = Self.names.first(where: { $0.name == name }) else { return nil }
        self = found.value
    }

    public init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: CodingKeys.self) {
            self = .seasonalDifference(try container.decode(Int.self, forKey: .seasonalDifference))
            return
        }
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let known = TransformSpec(name: name) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no transform is called \(name)")
        }
        self = known
    }

    public func encode(to encoder: any Encoder) throws {
        if case .seasonalDifference(let period) = self {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(period, forKey: .seasonalDifference)
        } else {
            var container = encoder.singleValueContainer()
            try container.encode(Self.names.first { $0.value == self }?.name)
        }
    }
}
