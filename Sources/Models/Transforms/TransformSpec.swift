import NamedFields
import Networks

/// A transform as asked for: what a column goes through before the network sees it, and backwards in the answer.
///
/// Written as `"log"`, `"difference"`, `{"seasonal_difference": 12}`, `"standardize"`, `"min_max"`.
public enum TransformSpec: Hashable, Sendable {
    /// The natural logarithm; every value must be above 0.
    case log
    /// The change from the row before.
    case difference
    /// The change from the row so many rows before.
    case seasonalDifference(Int)
    /// (x − mean) / standard deviation, of the training part.
    case standardize
    /// (x − minimum) / (maximum − minimum), of the training part.
    case minMax

    /// Rows that this step consumes.
    public var lag: Int {
        switch self {
        case .difference: 1
        case .seasonalDifference(let period): period
        case .log, .standardize, .minMax: 0
        }
    }
}

extension [TransformSpec] {
    /// Rows that differencing needs before the first row the network sees.
    public var lag: Int { reduce(0) { $0 + $1.lag } }
}

extension TransformSpec: NamedWord {
    /// The one list of names; a word with a number has the number here that stands for any.
    private static let named: [(name: String, value: TransformSpec)] = [
        ("log", .log), ("difference", .difference), ("seasonal_difference", .seasonalDifference(1)),
        ("standardize", .standardize), ("min_max", .minMax),
    ]

    public static let words = named.map { name, value in
        WordDescription(name, number: value.number == nil ? nil : 1...ModelLimit.period)
    }

    /// What stored texts may call them, which were written before a name was changed.
    private static let former = ["standardise": "standardize"]

    public init?(name: String, number: Int?) {
        let name = Self.former[name] ?? name
        guard let known = Self.named.first(where: { $0.name == name })?.value,
            (known.number == nil) == (number == nil)
        else { return nil }
        self = number.map(TransformSpec.seasonalDifference) ?? known
    }

    public var name: String {
        let standing: TransformSpec = if case .seasonalDifference = self { .seasonalDifference(1) } else { self }
        return Self.named.first { $0.value == standing }?.name ?? ""
    }

    public var number: Int? { if case .seasonalDifference(let period) = self { period } else { nil } }
}
