import NamedFields
import Training

/// What one cell of a dataset holds.
enum Cell {
    case number(Double)
    /// Nothing: an empty field, a null, an absent member.
    case empty
    /// A text that stands for nothing in a column of numbers (`NA`) and for itself in a column of texts.
    case placeholder(String)
    case text(String)
    /// An array or an object, which no table holds.
    case nested(String)

    /// Texts that mean "no value" in a column of numbers, in lower case.
    private static let placeholders: Set<String> = [
        "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "nil", "?", "-",
    ]
    static let longestPlaceholder = 4

    static func isPlaceholder(_ text: String) -> Bool {
        text.utf8.count <= longestPlaceholder && placeholders.contains(text.lowercased())
    }

    /// What was found, for a sentence.
    var finding: String {
        switch self {
        case .number(let number): JSON.number(number).text
        case .empty: "nothing"
        case .placeholder(let text), .text(let text):
            text.utf8.count <= 64 ? "\"\(text)\"" : "\"\(text.excerpt(37))\" (\(text.utf8.count) bytes)"
        case .nested(let kind): kind
        }
    }

    /// Why it is refused where a number is due.
    var refusal: String {
        // No number is that long, and nothing more can be said of it.
        guard case .text(let text) = self, text.utf8.count <= 400 else { return "expected a number, found \(finding)" }
        let letters = text.lowercased()
        if letters.contains("inf") || Double(text)?.isFinite == false {
            return "expected a finite number, found \(finding)"
        }
        if text.contains(","), Double(text.replacing(",", with: ".", maxReplacements: 1)) != nil {
            return "expected a number, found \(finding); the decimal separator is a point"
        }
        return "expected a number, found \(finding)"
    }
}

extension Cell {
    /// Reads a CSV field: surrounding blanks do not count.
    @inline(__always)
    init(_ field: UnsafeBufferPointer<UInt8>, _ powers: PowersOfTen) {
        let field = Self.trimmed(field)
        if field.isEmpty {
            self = .empty
        } else if let number = Self.number(field, powers) {
            self = .number(number)
        } else {
            self = Self.notNumber(field)
        }
    }

    @inline(__always)
    static func trimmed(_ field: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        guard var start = field.baseAddress else { return field }
        var end = start + field.count
        while start < end, isBlank(start.pointee) { start += 1 }
        while start < end, isBlank(end[-1]) { end -= 1 }
        return UnsafeBufferPointer(start: start, count: end - start)
    }

    /// The finite number that is all of some bytes.
    @inline(__always)
    static func number(_ field: UnsafeBufferPointer<UInt8>, _ powers: PowersOfTen) -> Double? {
        guard let start = field.baseAddress, let text = DecimalText(at: start, before: start + field.count),
            text.end == start + field.count
        else { return nil }
        let value = text.double(powers)
        return value.isFinite ? value : nil
    }

    @inline(__always)
    private static func isBlank(_ byte: UInt8) -> Bool { byte == Ascii.space || byte == Ascii.tab }

    @inline(never)
    static func notNumber(_ bytes: UnsafeBufferPointer<UInt8>) -> Cell {
        let text = String(decoding: bytes, as: UTF8.self)
        return isPlaceholder(text) ? .placeholder(text) : .text(text)
    }

    /// Reads a member of a JSON record; true and false count as 1 and 0.
    init(_ value: JSON?) {
        self =
            switch value {
            case nil, .null: .empty
            case .number(let number): .number(number)
            case .bool(let flag): .number(flag ? 1 : 0)
            case .string(let text): Cell.isPlaceholder(text) ? .placeholder(text) : text.isEmpty ? .empty : .text(text)
            case .array, .numbers: .nested("an array")
            case .object: .nested("an object")
            }
    }
}

/// Where a record stands, for pointers and for people.
struct RecordPlace {
    /// Counted from 1, a CSV header not among them.
    var number: Int
    var line: Int
    /// What this format calls it.
    var noun: String

    var path: [Violation.PathComponent] { [.index(number - 1)] }
    var description: String { "\(noun) \(number) (line \(line))" }
}

/// One record with its cells by column, whatever it was written in.
protocol RecordCells {
    func cell(_ column: Int) -> Cell
    /// A cell as it was written, for labels and names; nil where there is none.
    func label(_ column: Int) -> String?
}

/// A CSV row: its fields by the positions of the columns that are wanted.
struct CSVCells: RecordCells {
    let row: CSVRow
    /// Column → field; nil where the header does not name it.
    let positions: [Int?]
    let powers: PowersOfTen

    @inline(__always)
    func cell(_ column: Int) -> Cell { positions[column].map { Cell(row[$0], powers) } ?? .empty }

    func label(_ column: Int) -> String? {
        guard let position = positions[column] else { return nil }
        let bytes = row[position]
        let text = String(decoding: bytes, as: UTF8.self)
        let hasBlanks = bytes.first.map { $0 <= Ascii.space } ?? false || bytes.last.map { $0 <= Ascii.space } ?? false
        let label = hasBlanks && !row.isQuoted(position) ? text.trimmingBlanks() : text
        return label.isEmpty ? nil : label
    }
}

/// A JSON record: an object, or an array whose columns are called "0", "1", ….
struct JSONCells: RecordCells {
    let record: JSON
    /// Names of the columns that are wanted.
    let columns: [String]

    func cell(_ column: Int) -> Cell { Cell(Self.member(columns[column], of: record)) }

    func label(_ column: Int) -> String? { Self.label(Self.member(columns[column], of: record)) }

    static func member(_ name: String, of record: JSON) -> JSON? {
        record.object.map { $0[name] } ?? Int(name).flatMap { record[$0] }
    }

    static func names(of record: JSON) -> [String] { record.object?.keys ?? (0..<(record.count ?? 0)).map(String.init) }

    /// A text, or a number or truth value in JSON's writing.
    static func label(_ value: JSON?) -> String? {
        switch value {
        case .string(let text): text.isEmpty ? nil : text
        case .number, .bool: value?.text
        default: nil
        }
    }
}

extension String {
    func trimmingBlanks() -> String {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
