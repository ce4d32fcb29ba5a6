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

    /// The label of the row `rows` after the last one.
    public func label(after rows: Int) -> String {
        let place = last &+ rows &* step
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

    /// The index whose last row lies `rows` later (or earlier).
    public func moved(by rows: Int) -> TimeIndex {
        TimeIndex(unit: unit, step: step, last: last &+ rows &* step)
    }

    /// Rows of one season where convention has one: 12 months, 4 quarters, 7 days, 52 weeks, 24 hours.
    public var season: Int? {
        switch (unit, abs(step)) {
        case (.month, 1): 12
        case (.month, 3), (.quarter, 1): 4
        case (.day, 1): 7
        case (.day, 7): 52
        case (.second, 86400): 7
        case (.second, 3600): 24
        default: nil
        }
    }

    // MARK: - Reading

    private typealias Reading = @Sendable ([String]) -> (unit: Unit, places: [Int])?

    /// Tried in this order; months before days, since first days of months are not equally spaced in days.
    private static let readings: [Reading] = [integers, months, quarters, monthDays, monthEnds, days, times]

    private static let integers: Reading = { labels in
        // Numbers of more than 17 digits leave no room to count on.
        let places = labels.compactMap { label in
            label.utf8.count <= 17 ? Int(label).flatMap { String($0) == label ? $0 : nil } : nil
        }
        return places.count == labels.count ? (.integer, places) : nil
    }

    private static let months: Reading = { labels in
        guard let separator = separator(labels[0]) else { return nil }
        let places: [Int] = labels.compactMap { label in
            guard let parts = numbers(label, separator, digits: [4, 2]), (1...12).contains(parts[1]) else { return nil }
            return parts[0] * 12 + parts[1] - 1
        }
        return places.count == labels.count ? (.month(separator: separator, day: nil), places) : nil
    }

    private static let quarters: Reading = { labels in
        guard labels[0].utf8.count >= 6, labels[0].utf8.count <= 7 else { return nil }
        let separator = String(labels[0].dropFirst(4).dropLast(2))
        guard ["", "-", " "].contains(separator) else { return nil }
        let places: [Int] = labels.compactMap { label in
            guard label.count == 6 + separator.count, label.dropFirst(4).hasPrefix(separator + "Q"),
                let year = number(label.prefix(4)), let quarter = number(label.suffix(1)), (1...4).contains(quarter)
            else { return nil }
            return year * 4 + quarter - 1
        }
        return places.count == labels.count ? (.quarter(separator: separator), places) : nil
    }

    private static let monthDays: Reading = { labels in
        guard let (separator, dates) = dates(labels), let day = dates.first?.day, day <= 28,
            dates.allSatisfy({ $0.day == day })
        else { return nil }
        return (.month(separator: separator, day: day), dates.map { $0.year * 12 + $0.month - 1 })
    }

    private static let monthEnds: Reading = { labels in
        guard let (separator, dates) = dates(labels),
            dates.allSatisfy({ $0.day == Calendar.days(inMonth: $0.month, of: $0.year) })
        else { return nil }
        return (.month(separator: separator, day: 0), dates.map { $0.year * 12 + $0.month - 1 })
    }

    private static let days: Reading = { labels in
        guard let (separator, dates) = dates(labels) else { return nil }
        return (.day(separator: separator), dates.map { Calendar.day($0.year, $0.month, $0.day) })
    }

    private static let times: Reading = { labels in
        guard let first = labels.first, first.utf8.count >= 16 else { return nil }
        let marker = first[first.index(first.startIndex, offsetBy: 10)]
        guard marker == "T" || marker == " " else { return nil }
        let suffix = zone(first)
        let seconds = first.count - suffix.count == 19
        guard seconds || first.count - suffix.count == 16 else { return nil }
        guard let (separator, dates) = dates(labels.map { String($0.prefix(10)) }) else { return nil }
        var places: [Int] = []
        for (label, date) in zip(labels, dates) {
            guard label.count == first.count, label.hasSuffix(suffix) else { return nil }
            let rest = label.dropFirst(10)
            guard rest.first == marker else { return nil }
            let clock = rest.dropFirst().dropLast(suffix.count)
            guard let parts = numbers(String(clock), ":", digits: seconds ? [2, 2, 2] : [2, 2]),
                parts[0] < 24, parts[1] < 60, !seconds || parts[2] < 60
            else { return nil }
            let second = parts[0] * 3600 + parts[1] * 60 + (seconds ? parts[2] : 0)
            places.append(Calendar.day(date.year, date.month, date.day) * 86400 + second)
        }
        return (.second(separator: separator, marker: marker, seconds: seconds, suffix: suffix), places)
    }

    /// `Z`, an offset such as `+01:00`, or nothing.
    private static func zone(_ label: String) -> String {
        if label.hasSuffix("Z") { return "Z" }
        let end = label.suffix(6)
        guard let sign = end.first, sign == "+" || sign == "-",
            numbers(String(end.dropFirst()), ":", digits: [2, 2]) != nil
        else { return "" }
        return String(end)
    }

    private static func dates(_ labels: [String]) -> (Character, [(year: Int, month: Int, day: Int)])? {
        guard let separator = separator(labels[0]) else { return nil }
        var dates: [(year: Int, month: Int, day: Int)] = []
        for label in labels {
            guard let parts = numbers(label, separator, digits: [4, 2, 2]), (1...12).contains(parts[1]), parts[2] >= 1,
                parts[2] <= Calendar.days(inMonth: parts[1], of: parts[0])
            else { return nil }
            dates.append((parts[0], parts[1], parts[2]))
        }
        return (separator, dates)
    }

    private static func separator(_ label: String) -> Character? {
        guard let found = label.dropFirst(4).first, found == "-" || found == "/" else { return nil }
        return found
    }

    /// The numbers of `label` between separators, where each has as many digits as asked.
    private static func numbers(_ label: String, _ separator: Character, digits: [Int]) -> [Int]? {
        let parts = label.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count == digits.count else { return nil }
        var result: [Int] = []
        for (part, count) in zip(parts, digits) {
            guard part.utf8.count == count, let number = number(part) else { return nil }
            result.append(number)
        }
        return result
    }

    private static func number(_ text: some StringProtocol) -> Int? {
        text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 } ? Int(text) : nil
    }
}

/// The Gregorian calendar, extended both ways.
private enum Calendar {
    static func split(_ place: Int, by size: Int) -> (Int, Int) {
        let part = ((place % size) + size) % size
        return ((place - part) / size, part)
    }

    static func days(inMonth month: Int, of year: Int) -> Int {
        if month == 2 { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28 }
        return [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    /// Days since 1970-01-01, by Howard Hinnant's algorithm (years beginning in March).
    static func day(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = split(shifted, by: 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func label(day: Int, _ separator: Character) -> String {
        let (era, dayOfEra) = split(day + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let dayOfMonth = dayOfYear - (153 * shifted + 2) / 5 + 1
        return padded(year, 4) + String(separator) + padded(month, 2) + String(separator) + padded(dayOfMonth, 2)
    }
}

/// `number` with zeros in front up to `digits`.
private func padded(_ number: Int, _ digits: Int) -> String {
    let text = String(number.magnitude)
    return (number < 0 ? "-" : "") + String(repeating: "0", count: max(digits - text.count, 0)) + text
}
