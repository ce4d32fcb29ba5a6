/// One row of a CSV text: its fields lie in the parser's buffer and are valid while the row is handed over.
public struct CSVRow {
    /// What is wrong with a row's quotes or size.
    public enum Fault: Sendable, Hashable, CustomStringConvertible {
        /// `"ab"c`: field counted from 1.
        case textAfterQuote(field: Int)
        /// The text ends inside a quoted field that was opened in this line.
        case unclosedQuote(line: Int)
        case tooLong(limit: Int)

        public var description: String {
            switch self {
            case .textAfterQuote(let field):
                "text follows the closing quote of field \(field); a quote inside a quoted field is written twice"
            case .unclosedQuote(let line): "the quote opened in line \(line) is never closed"
            case .tooLong(let limit):
                "the row is longer than \(limit) bytes; probably a quote was opened and never closed"
            }
        }
    }

    struct Field {
        var start: Int
        var end: Int
        var isQuoted: Bool
    }

    let base: UnsafePointer<UInt8>
    let fields: UnsafeBufferPointer<Field>
    /// How many fields the row has; beyond `CSVParser.keptFields` they are counted and not kept.
    public let count: Int
    /// The line it begins in, counted from 1.
    public let line: Int
    public let fault: Fault?

    /// A line with nothing in it.
    public var isBlank: Bool { count == 1 && fields[0].start == fields[0].end && !fields[0].isQuoted }

    /// The bytes of a field, without its quotes.
    public subscript(index: Int) -> UnsafeBufferPointer<UInt8> {
        let field = fields[index]
        return UnsafeBufferPointer(start: base + field.start, count: field.end - field.start)
    }

    public func isQuoted(_ index: Int) -> Bool { fields[index].isQuoted }

    /// A field as text; invalid UTF-8 is shown as U+FFFD (`isUTF8` tells).
    public func text(_ index: Int) -> String { String(decoding: self[index], as: UTF8.self) }

    public var isUTF8: Bool {
        guard let last = fields.last else { return true }
        // Quotes and commas between the fields are ASCII, so one pass over the row settles the usual case.
        let row = UnsafeBufferPointer(start: base + fields[0].start, count: last.end - fields[0].start)
        return UTF8Text.isASCII(row) || (0..<fields.count).allSatisfy { UTF8Text.isValid(self[$0]) }
    }
}
