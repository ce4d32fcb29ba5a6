/// How the values of options are written, whether in a flag, in the environment or in a file.
enum OptionValue {
    /// What is wrong with a value, without saying where it stood.
    struct Invalid: Error, Equatable {
        var expectation: String
    }

    static func integer(_ text: String, in range: ClosedRange<Int>) throws(Invalid) -> Int {
        guard let value = Int(text), range.contains(value) else {
            throw Invalid(
                expectation: range.upperBound == .max
                    ? "a whole number from \(range.lowerBound)"
                    : "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    private static let byteUnits: [(name: String, size: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    /// "512MiB", "2 GiB", "1048576". Units are powers of 1024.
    static func bytes(_ text: String) throws(Invalid) -> Int {
        let (number, unit) = split(text)
        let known = byteUnits.first { unit.isEmpty ? $0.size == 1 : $0.name.lowercased() == unit.lowercased() }
        guard let size = known?.size, let value = Double(number), value >= 0, value * Double(size) < 9e18 else {
            throw Invalid(expectation: "a number of bytes, like 512MiB or 2GiB")
        }
        return Int(value * Double(size))
    }

    static func show(bytes: Int) -> String {
        let unit = byteUnits.first { bytes >= $0.size && bytes % $0.size == 0 } ?? ("B", 1)
        return unit.size == 1 ? "\(bytes)B" : "\(bytes / unit.size)\(unit.name)"
    }

    private static let timeUnits: [(name: String, milliseconds: Int)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// "30s", "10m", "1.5h", "30d", "250ms"; a number alone is seconds.
    static func duration(_ text: String, atLeast least: Duration) throws(Invalid) -> Duration {
        let (number, unit) = split(text)
        let known = timeUnits.first { $0.name == (unit.isEmpty ? "s" : unit) }
        guard let scale = known?.milliseconds, let value = Double(number), value >= 0, value * Double(scale) < 9e15,
            case let duration = Duration.milliseconds(Int((value * Double(scale)).rounded())), duration >= least
        else {
            let bound = least > .zero ? " of at least \(show(duration: least))" : ""
            throw Invalid(expectation: "a time\(bound), like 250ms, 30s, 10m, 1h or 30d")
        }
        return duration
    }

    static func show(duration: Duration) -> String {
        let milliseconds =
            Int(duration.components.seconds) * 1_000 + Int(duration.components.attoseconds / 1_000_000_000_000_000)
        guard milliseconds > 0 else { return "0s" }
        let unit = timeUnits.first { milliseconds % $0.milliseconds == 0 } ?? ("ms", 1)
        return "\(milliseconds / unit.milliseconds)\(unit.name)"
    }

    static func choice<Value: RawRepresentable & CaseIterable>(
        _ text: String, of type: Value.Type
    ) throws(Invalid) -> Value where Value.RawValue == String {
        guard let value = Value(rawValue: text) else {
            throw Invalid(expectation: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return value
    }

    private static func split(_ text: String) -> (number: String, unit: String) {
        let number = text.prefix { $0.isNumber || $0 == "." }
        return (String(number), text.dropFirst(number.count).filter { $0 != " " })
    }
}
