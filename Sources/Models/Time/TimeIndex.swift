/// The rule by which the labels of a time column go on, and the place of its last row.
///
/// Known: integers and years (`1961`), months (`1961-01`), quarters (`1961Q1`, `1961-Q1`, `1961 Q1`), dates
/// (`1961-01-31`, also as first or last days of months) and times (`1961-01-31T12:00`, with seconds and `Z` or `+01:00`). Dates may
/// use `/` for `-`.
public struct TimeIndex: Hashable, Sendable {
    public enum Unit: Hashable, Sendable {
        case integer
        /// `separator` between year and month; `day` follows the month where the label names one: the same day of each
        /// month, or 0 for the last.
        case month(separator: Character, day: Int?)
        /// What stands between the year and Q.
        case quarter(separator: String)
        case day(separator: Character)
        /// Times of day, counted in seconds.
        case second(separator: Character, marker: Character, seconds: Bool, suffix: String)
    }

    public let unit: Unit
    /// Units from row to row.
    public let step: Int
    /// The last row, counted in units.
    public let last: Int

    public init(unit: Unit, step: Int, last: Int) {
        self.unit = unit
        self.step = step
        self.last = last
    }

    /// How the labels of a column follow each other, whether or not there is a rule in them.
    public enum Order: Hashable, Sendable {
        /// Each later than the one before, always by the same step.
        case even
        /// Each later than the one before; this row, counted from 0, is the first to break the step of those before it.
        case uneven(row: Int)
        /// This row, counted from 0, is the first that is not later than the one before.
        case notLater(row: Int)
        /// Of no form that is known here.
        case unknown
    }

    /// The rule of these labels; nil where they follow none (two labels at least, equally spaced).
    public init?(labels: [String]) {
        guard let index = Self.survey(labels).index else { return nil }
        self = index
    }

    /// The rule of these labels, where there is one, and their order.
    public static func survey(_ labels: [String]) -> (index: TimeIndex?, order: Order) {
        guard labels.count >= 2 else { return (nil, labels.isEmpty ? .unknown : .even) }
        var order: Order?
        for reading in readings {
            guard let (unit, places) = reading(labels) else { continue }
            let step = places[1] - places[0]
            if order == nil { order = Self.order(of: places) }
            guard step != 0, zip(places, places.dropFirst()).allSatisfy({ $1 - $0 == step }) else { continue }
            return (TimeIndex(unit: unit, step: step, last: places[places.count - 1]), Self.order(of: places))
        }
        return (nil, order ?? numbers(labels).map(Self.order(of:)) ?? .unknown)
    }

    private static func order<Place: Numeric & Comparable>(of places: [Place]) -> Order {
        let step = places[1] - places[0]
        var uneven: Int?
        for row in 1..<places.count {
            if places[row] <= places[row - 1] { return .notLater(row: row) }
            if uneven == nil, places[row] - places[row - 1] != step { uneven = row }
        }
        return uneven.map { .uneven(row: $0) } ?? .even
    }

    /// Decimal years and the like: they have an order, though no rule that could be trusted to go on.
    private static func numbers(_ labels: [String]) -> [Double]? {
        let numbers = labels.compactMap { Double($0) }
        return numbers.count == labels.count && numbers.allSatisfy(\.isFinite) ? numbers : nil
    }

    /// The label of the row `rows` after the last one; nil where it lies beyond what can be counted.
    public func label(after rows: Int) -> String? {
        guard let place = place(after: rows) else { return nil }
        switch unit {
        case .integer: return String(place)
        case .month(let separator, let day):
            let (year, month) = Calendar.split(place, by: 12)
            let label = padded(year, 4) + String(separator) + padded(month + 1, 2)
            guard let day else { return label }
            let lastDay = Calendar.days(inMonth: month + 1, of: year)
            return label + String(separator) + padded(day == 0 ? lastDay : min(day, lastDay), 2)
        case .quarter(let separator):
            let (year, quarter) = Calendar.split(place, by: 4)
            return padded(year, 4) + separator + "Q" + String(quarter + 1)
        case .day(let separator): return Calendar.label(day: place, separator)
        case .second(let separator, let marker, let seconds, let suffix):
            let (day, second) = Calendar.split(place, by: 86400)
            let clock = padded(second / 3600, 2) + ":" + padded(second / 60 % 60, 2)
            return Calendar.label(day: day, separator) + String(marker) + clock
                + (seconds ? ":" + padded(second % 60, 2) : "") + suffix
        }
    }

    /// The index whose last row lies `rows` later (or earlier); nil where that is beyond what can be counted.
    public func moved(by rows: Int) -> TimeIndex? {
        place(after: rows).map { TimeIndex(unit: unit, step: step, last: $0) }
    }

    private func place(after rows: Int) -> Int? {
        let (distance, isFar) = rows.multipliedReportingOverflow(by: step)
        let (place, isBeyond) = last.addingReportingOverflow(distance)
        return isFar || isBeyond || place.magnitude > Self.farthest ? nil : place
    }

    /// As far from 0 as places are counted: a calendar reaches a little beyond the place itself, and `Int` is the end.
    private static let farthest: UInt = 1 << 62

    /// Whether labels could have given it: what a file says may be anything.
    public var isReadable: Bool {
        let places = unit.places
        let span = places.upperBound - places.lowerBound
        return unit.isReadable && places.contains(last) && step != 0 && (-span...span).contains(step)
    }

    /// Rows of one season where convention has one: 12 months, 4 quarters, 7 days, 52 weeks, 24 hours.
    public var season: Int? {
        switch (unit, step.magnitude) {
        case (.month, 1): 12
        case (.month, 3), (.quarter, 1): 4
        case (.day, 1): 7
        case (.day, 7): 52
        case (.second, 86400): 7
        case (.second, 3600): 24
        default: nil
        }
    }
}
