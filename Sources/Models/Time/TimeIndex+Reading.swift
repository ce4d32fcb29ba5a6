import Networks

// How labels become places. They come from outside and may hold anything: they are read from the front, byte by byte, each
// reader giving up at the first byte that is not of its form.

extension TimeIndex {
    typealias Reading = @Sendable ([String]) -> (unit: Unit, places: [Int])?

    /// Tried in this order; months before days, since first days of months are not equally spaced in days.
    static let readings: [Reading] = [integers, months, quarters, monthDays, monthEnds, days, times]

    /// Numbers of more digits leave no room to count on.
    private static let mostDigits = 17

    private static let integers: Reading = { labels in
        let places = labels.compactMap { label in
            label.utf8.count <= mostDigits ? Int(label).flatMap { String($0) == label ? $0 : nil } : nil
        }
        return places.count == labels.count ? (.integer, places) : nil
    }

    private static let months: Reading = { labels in
        guard let separator = separator(labels) else { return nil }
        return places(labels) { label in
            guard let year = label.number(digits: 4), label.skip(separator), let month = label.number(digits: 2),
                (1...12).contains(month)
            else { return nil }
            return year * 12 + month - 1
        }.map { (.month(separator: character(separator), day: nil), $0) }
    }

    private static let quarters: Reading = { labels in
        guard var first = labels.first.map(LabelReader.init), first.number(digits: 4) != nil else { return nil }
        let separator = quarterSeparators.first { $0.utf8.first == first.peek } ?? ""
        return places(labels) { label in
            guard let year = label.number(digits: 4), separator.utf8.allSatisfy({ label.skip($0) }),
                label.skip(UInt8(ascii: "Q")), let quarter = label.number(digits: 1), (1...4).contains(quarter)
            else { return nil }
            return year * 4 + quarter - 1
        }.map { (.quarter(separator: separator), $0) }
    }

    fileprivate static let quarterSeparators = ["-", " "]

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
        guard let separator = separator(labels), var first = labels.first.map(LabelReader.init),
            first.date(separator) != nil, let marker = first.next(), markers.contains(character(marker)),
            first.minutes() != nil
        else { return nil }
        let hasSeconds = first.peek == UInt8(ascii: ":")
        if hasSeconds { guard first.seconds() != nil else { return nil } }
        let suffix = String(first.rest)
        guard let suffix, isZone(suffix) else { return nil }
        return places(labels) { label in
            guard let date = label.date(separator), label.skip(marker), let minutes = label.minutes() else {
                return nil
            }
            var seconds = 0
            if hasSeconds {
                guard let read = label.seconds() else { return nil }
                seconds = read
            }
            guard suffix.utf8.allSatisfy({ label.skip($0) }) else { return nil }
            return Calendar.day(date.year, date.month, date.day) * 86400 + minutes * 60 + seconds
        }.map { places in
            let unit = Unit.second(
                separator: character(separator), marker: character(marker), seconds: hasSeconds, suffix: suffix)
            return (unit, places)
        }
    }

    fileprivate static let markers: [Character] = ["T", " "]

    /// `Z`, an offset such as `+01:00`, or nothing.
    fileprivate static func isZone(_ suffix: String) -> Bool {
        if suffix.isEmpty || suffix == "Z" { return true }
        var reader = LabelReader(suffix)
        guard reader.skip(UInt8(ascii: "+")) || reader.skip(UInt8(ascii: "-")) else { return false }
        return reader.number(digits: 2) != nil && reader.skip(UInt8(ascii: ":")) && reader.number(digits: 2) != nil
            && reader.isAtEnd
    }

    // MARK: - Parts

    /// A place for each label, where every one of them is read to its end.
    private static func places(_ labels: [String], _ place: (inout LabelReader) -> Int?) -> [Int]? {
        var places: [Int] = []
        places.reserveCapacity(labels.count)
        for label in labels {
            var reader = LabelReader(label)
            guard let place = place(&reader), reader.isAtEnd else { return nil }
            places.append(place)
        }
        return places
    }

    private static func dates(_ labels: [String]) -> (Character, [LabelReader.Date])? {
        guard let separator = separator(labels) else { return nil }
        var dates: [LabelReader.Date] = []
        dates.reserveCapacity(labels.count)
        for label in labels {
            var reader = LabelReader(label)
            guard let date = reader.date(separator), reader.isAtEnd else { return nil }
            dates.append(date)
        }
        return (character(separator), dates)
    }

    /// What stands after the year of the first label.
    private static func separator(_ labels: [String]) -> UInt8? {
        guard var reader = labels.first.map(LabelReader.init), reader.number(digits: 4) != nil,
            let found = reader.next(), separators.contains(character(found))
        else { return nil }
        return found
    }

    fileprivate static let separators: [Character] = ["-", "/"]

    private static func character(_ byte: UInt8) -> Character { Character(Unicode.Scalar(byte)) }
}

/// Reads a label from its front.
private struct LabelReader {
    typealias Date = (year: Int, month: Int, day: Int)

    private(set) var rest: Substring.UTF8View

    init(_ label: String) { rest = label[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }
    var peek: UInt8? { rest.first }

    mutating func next() -> UInt8? { rest.popFirst() }

    mutating func skip(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }

    /// So many digits, of which there are few: their number fits.
    mutating func number(digits: Int) -> Int? {
        var value = 0
        for _ in 0..<digits {
            guard let byte = rest.popFirst(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    /// Year, month and day of a day that there is.
    mutating func date(_ separator: UInt8) -> Date? {
        guard let year = number(digits: 4), skip(separator), let month = number(digits: 2), (1...12).contains(month),
            skip(separator), let day = number(digits: 2), day >= 1, day <= Calendar.days(inMonth: month, of: year)
        else { return nil }
        return (year, month, day)
    }

    /// `23:59`, in minutes.
    mutating func minutes() -> Int? {
        guard let hour = number(digits: 2), hour < 24, skip(UInt8(ascii: ":")), let minute = number(digits: 2),
            minute < 60
        else { return nil }
        return hour * 60 + minute
    }

    /// `:59`, in seconds.
    mutating func seconds() -> Int? {
        guard skip(UInt8(ascii: ":")), let second = number(digits: 2), second < 60 else { return nil }
        return second
    }
}

extension TimeIndex.Unit {
    /// Where labels can lie: their numbers have 17 digits at most, their years four.
    var places: ClosedRange<Int> {
        let years = 0...9999
        switch self {
        case .integer: return -99_999_999_999_999_999...99_999_999_999_999_999
        case .month: return years.lowerBound * 12...years.upperBound * 12 + 11
        case .quarter: return years.lowerBound * 4...years.upperBound * 4 + 3
        case .day: return Calendar.day(years.lowerBound, 1, 1)...Calendar.day(years.upperBound, 12, 31)
        case .second:
            let (first, last) = (Calendar.day(years.lowerBound, 1, 1), Calendar.day(years.upperBound, 12, 31))
            return first * 86400...last * 86400 + 86399
        }
    }

    /// Whether its separators are among those that labels are read with.
    var isReadable: Bool {
        switch self {
        case .integer: true
        case .month(let separator, let day):
            TimeIndex.separators.contains(separator) && (day.map { (0...28).contains($0) } ?? true)
        case .quarter(let separator): separator.isEmpty || TimeIndex.quarterSeparators.contains(separator)
        case .day(let separator): TimeIndex.separators.contains(separator)
        case .second(let separator, let marker, _, let suffix):
            TimeIndex.separators.contains(separator) && TimeIndex.markers.contains(marker) && TimeIndex.isZone(suffix)
        }
    }
}
