import Foundation

/// Numbers as people read them; every figure on screen comes from here.
enum Numerals {
    /// Four significant digits, without an exponent where it can be avoided: 0.01234, 31.58, 5183, 1.2e-07.
    static func short(_ value: Double?) -> String {
        guard let value else { return "-" }
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        let magnitude = abs(value)
        if magnitude == 0 { return "0" }
        if magnitude >= 1e7 || magnitude < 1e-4 { return String(format: "%.2g", value) }
        let digits = max(0, 3 - Int(floor(log10(magnitude))))
        return String(format: "%.\(digits)f", value)
    }

    /// At most `digits` behind the point, for figures of one column that should line up.
    static func fixed(_ value: Double?, _ digits: Int) -> String {
        guard let value, value.isFinite else { return "-" }
        return String(format: "%.\(digits)f", value)
    }

    /// "850 µs", "3.1 s", "12 min 4 s", "2 h 5 min".
    static func time(seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0 else { return "-" }
        if seconds == 0 { return "0 s" }
        if seconds < 1e-3 { return String(format: "%.3g µs", seconds * 1e6) }
        if seconds < 1 { return String(format: "%.3g ms", seconds * 1e3) }
        if seconds < 10 { return String(format: "%.1f s", seconds) }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3_600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3_600) h \(whole % 3_600 / 60) min"
    }

    /// "512 B", "1.5 KiB", "67.6 MiB".
    static func bytes(_ count: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(count) B" : String(format: value < 100 ? "%.1f %@" : "%.0f %@", value, units[unit])
    }

    /// "1 row", "144 rows".
    static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}
