import Formats
import TestSupport

/// What can be changed of a valid thing so that it stays nearly valid.
enum Mutation {
    private static let integers: [Int64] = [
        .min, .min + 1, -1 << 53, -1, 0, 1, 2, 3, 4, 5, 11, 12, 28, 29, 64, 65, 255, 1024, 65_536, 65_537, 100_000,
        100_001, 1 << 24, 1 << 31, 1 << 32, 1 << 53, (1 << 53) - 1, 1 << 60, 1 << 62, .max - 1, .max,
    ]
    private static let doubles: [Double] = [
        .nan, .signalingNaN, .infinity, -.infinity, 0, -0.0, 1, -1, 1e308, -1e308, 1e-308, .leastNonzeroMagnitude, 3e38,
        1e39, 0.5,
    ]
    private static let floats: [Float] = [
        .nan, .signalingNaN, .infinity, -.infinity, 0, -0.0, 1, -1, 3e38, -3e38, 1e-38, .leastNonzeroMagnitude, 0.5,
        0.999, 100,
    ]
    private static let texts = [
        "", "a", "b", "é", "👨‍👩‍👧‍👦", "e\u{301}", "\u{0}", "\r\n", "-", "/", "T", " ", "Z", "+01:00", "lstm", "gru", "elman",
        "relu", "identity", "tanh", "before", "after", "last", "mean", "every_step", "int8", "bfloat16", "\u{202E}",
        String(repeating: "x", count: 1024), String(repeating: "x", count: 1025), String(repeating: "ä", count: 40_000),
    ]

    // MARK: Binary files

    static func change(_ parts: [BinaryPart], _ random: inout SeededGenerator) -> [BinaryPart] {
        var parts = parts
        for _ in 0..<(Int.random(in: 0..<4, using: &random) == 0 ? Int.random(in: 2...5, using: &random) : 1) {
            guard let place = parts.indices.randomElement(using: &random) else { break }
            let other = parts.indices.randomElement(using: &random) ?? place
            switch Int.random(in: 0..<16, using: &random) {
            case 0: parts.remove(at: place)
            case 1: parts.insert(parts[place], at: other)
            case 2: parts.swapAt(place, other)
            case 3: parts.removeSubrange(place...)
            case 4: parts.append(.bytes((0..<8).map { _ in UInt8.random(in: 0...255, using: &random) }))
            case 5: parts[place] = .bytes(bits(of: parts[place], &random))
            default: parts[place] = change(parts[place], &random)
            }
        }
        return parts
    }

    private static func change(_ part: BinaryPart, _ random: inout SeededGenerator) -> BinaryPart {
        switch part {
        case .byte(let byte):
            return .byte(Bool.random(using: &random) ? byte ^ 1 : UInt8.random(in: 0...8, using: &random))
        case .short: return .short(UInt32.random(in: 0...UInt32.max, using: &random))
        case .int(let number):
            if Bool.random(using: &random) { return .int(number &+ Int64.random(in: -2...2, using: &random)) }
            return .int(integers.randomElement(using: &random) ?? 0)
        case .float: return .float(floats.randomElement(using: &random) ?? 0)
        case .double: return .double(doubles.randomElement(using: &random) ?? 0)
        case .text: return .text(texts.randomElement(using: &random) ?? "")
        case .shortText: return .shortText(texts.randomElement(using: &random) ?? "")
        case .floats(var numbers):
            change(&numbers, floats, &random)
            return .floats(numbers)
        case .doubles(var numbers):
            change(&numbers, doubles, &random)
            return .doubles(numbers)
        case .bytes: return .bytes(bits(of: part, &random))
        }
    }

    private static func change<Number: FloatingPoint>(
        _ numbers: inout [Number], _ values: [Number], _ random: inout SeededGenerator
    ) {
        let value = values.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<5, using: &random) {
        case 0: numbers.append(value)
        case 1: if !numbers.isEmpty { numbers.removeLast() }
        case 2: numbers = numbers.map { _ in value }
        default: if let place = numbers.indices.randomElement(using: &random) { numbers[place] = value }
        }
    }

    private static func bits(of part: BinaryPart, _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = [part].bytes
        if let place = bytes.indices.randomElement(using: &random) {
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        }
        return bytes
    }

    // MARK: JSON

    /// One leaf or branch of a document changed, as text.
    static func change(_ document: JSON, _ random: inout SeededGenerator) -> String {
        let text = document.text
        // A number in it, wherever it stands, or a place between two tokens.
        var bytes = Array(text.utf8)
        let starts = bytes.indices.filter { place in
            let isDigit = (48...57).contains(bytes[place]) || bytes[place] == 45
            return isDigit && place > 0 && (bytes[place - 1] == 44 || bytes[place - 1] == 91 || bytes[place - 1] == 58)
        }
        let start = starts.randomElement(using: &random) ?? 0
        let end = bytes[start...].firstIndex { $0 == 44 || $0 == 93 || $0 == 125 } ?? bytes.count
        let values = [
            "9223372036854775807", "9223372036854775808", "-1", "9007199254740991", "9007199254740992", "1e308", "1e39",
            "-1e39", "3e38", "1e-320", "0.5", "null", "true", "\"x\"", "[]", "{}", "[1]", "[[1]]", "0", "1,1", "1e400",
        ]
        bytes.replaceSubrange(start..<end, with: Array((values.randomElement(using: &random) ?? "").utf8))
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Labels

    private static let labelParts = [
        "2021", "1961", "0000", "9999", "99999", "-0001", "12", "13", "01", "00", "02", "29", "30", "31", "-", "/", "T",
        " ", ":", "Z", "+01:00", "-99:99", "Q", "Q1", "Q5", "年", "月", "日", "é", "👨‍👩‍👧‍👦", "١٩٦١", "e\u{301}", "\u{0}",
        "\r\n", "23:59", "24:00", "59", "60", "99999999999999999", "9223372036854775807", "-9223372036854775808",
        "1e308",
        "nan", "inf", "0x1p3", "", ".", "\u{FEFF}", "٢",
    ]
    private static let series = [
        ["1960-11", "1960-12"], ["1960/11", "1960/12"], ["2016Q2", "2016Q3"], ["2016-Q3", "2016-Q4"], ["2007", "2008"],
        ["-9999999999999999", "99999999999999999"], ["2000-02-27", "2000-02-28"], ["1999-12-31", "2000-01-31"],
        ["2024-12-31T22:00", "2024-12-31T23:00"], ["2024-12-31 23:59:30", "2024-12-31 23:59:45"],
        ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"], ["0000-01-01T00:00+01:00", "9999-12-31T23:59+01:00"],
        ["0000-01", "9999-12"], ["9999-12-31", "0000-01-01"], ["2016 Q1", "2016 Q2", "2016 Q3"],
    ]

    /// Labels of a known form with something changed, or of no form at all.
    static func labels(_ random: inout SeededGenerator) -> [String] {
        var labels = series.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            guard let row = labels.indices.randomElement(using: &random) else { break }
            var characters = Array(labels[row].unicodeScalars)
            let part = Array((labelParts.randomElement(using: &random) ?? "").unicodeScalars)
            let place = Int.random(in: 0...characters.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: characters.insert(contentsOf: part, at: place)
            case 1: characters.replaceSubrange(place..<min(place + part.count, characters.count), with: part)
            case 2: characters.removeSubrange(place...)
            case 3:
                labels[row] = (0..<Int.random(in: 0...6, using: &random)).reduce(into: "") { text, _ in
                    text += labelParts.randomElement(using: &random) ?? ""
                }
                continue
            default:
                labels.append(labels[row])
                continue
            }
            labels[row] = characters.reduce(into: "") { $0.unicodeScalars.append($1) }
        }
        return labels
    }
}
