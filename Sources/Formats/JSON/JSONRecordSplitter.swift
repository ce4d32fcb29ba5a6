/// Finds the records in JSON text as it arrives, in pieces cut anywhere: the elements of one array, or the lines of
/// NDJSON. Holds one record at a time.
struct JSONRecordSplitter {
    enum Layout {
        case array
        case lines
    }

    /// The text of one record and where it begins in the whole (line and column counted from 1, columns in bytes).
    struct Record {
        let bytes: UnsafeBufferPointer<UInt8>
        let line: Int
        let column: Int
    }

    enum Fault: Error, Hashable, CustomStringConvertible {
        case noArray(found: UInt8)
        case textAfterArray(line: Int)
        /// The text ends before the array does.
        case unclosedArray
        case tooLong(line: Int, limit: Int)

        var description: String {
            switch self {
            case .noArray(let byte):
                "a JSON dataset is one array of records and begins with '[', found "
                    + "\"\(String(decoding: [byte], as: UTF8.self))\"; records line by line are application/x-ndjson"
            case .textAfterArray(let line): "line \(line): text follows the end of the array"
            case .unclosedArray: "the text ends before its array is closed with ']'"
            case .tooLong(let line, let limit): "the record that begins in line \(line) is longer than \(limit) bytes"
            }
        }
    }

    /// Longer records are refused: one unclosed bracket would otherwise gather the rest of a file.
    static let longestRecord = 64 << 20

    private enum State {
        case beforeArray
        case inArray
        case afterArray
    }

    private let layout: Layout
    private var state: State
    private var record: [UInt8] = []
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var hasComma = false
    private var line = 1
    private var column = 0
    private var recordLine = 1
    private var recordColumn = 1
    private var offset = 0

    init(_ layout: Layout) {
        self.layout = layout
        state = layout == .array ? .beforeArray : .inArray
    }

    /// Reads on and hands over every record that is complete. An empty record means that a value is missing between
    /// two commas, or a blank line.
    mutating func push(_ bytes: UnsafeBufferPointer<UInt8>, record handle: (Record) throws -> Void) throws {
        switch layout {
        case .lines: try pushLines(bytes, handle)
        case .array: try pushArray(bytes, handle)
        }
    }

    mutating func finish(record handle: (Record) throws -> Void) throws {
        switch (layout, state) {
        case (.lines, _): if !record.isEmpty { try endRecord(handle) }
        case (.array, .afterArray): break
        case (.array, _): throw Fault.unclosedArray
        }
    }

    // MARK: Lines

    private mutating func pushLines(
        _ bytes: UnsafeBufferPointer<UInt8>, _ handle: (Record) throws -> Void
    ) throws {
        var start = 0
        for position in bytes.indices where bytes[position] == Ascii.newline {
            if record.isEmpty {
                recordLine = line
                try handle(Record(bytes: .init(rebasing: bytes[start..<position]), line: line, column: 1))
            } else {
                try append(bytes[start..<position])
                try endRecord(handle)
            }
            line += 1
            start = position + 1
        }
        if start < bytes.count {
            if record.isEmpty { recordLine = line }
            try append(bytes[start...])
        }
    }

    // MARK: Array

    private mutating func pushArray(
        _ bytes: UnsafeBufferPointer<UInt8>, _ handle: (Record) throws -> Void
    ) throws {
        var start = 0
        for position in bytes.indices {
            let byte = bytes[position]
            column += 1
            if byte == Ascii.newline {
                line += 1
                column = 0
            }
            offset += 1
            guard state == .inArray else {
                try outside(byte)
                start = position + 1
                continue
            }
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == Ascii.backslash {
                    isEscaped = true
                } else if byte == Ascii.quote {
                    isInString = false
                }
                continue
            }
            if record.isEmpty, position == start, byte <= Ascii.space {
                start = position + 1  // before the record
                continue
            }
            if record.isEmpty, position == start { (recordLine, recordColumn) = (line, column) }
            switch byte {
            case Ascii.quote: isInString = true
            case Ascii.openBrace, Ascii.openBracket: depth += 1
            case Ascii.closeBrace: depth -= 1
            case Ascii.closeBracket where depth > 0: depth -= 1
            case Ascii.closeBracket, Ascii.comma:
                guard depth <= 0 else { continue }
                try append(bytes[start..<position])
                start = position + 1
                if byte == Ascii.comma || hasComma || !record.isEmpty { try endRecord(handle) }
                hasComma = byte == Ascii.comma
                depth = 0
                if byte == Ascii.closeBracket { state = .afterArray }
            default: break
            }
        }
        if start < bytes.count, state == .inArray { try append(bytes[start...]) }
    }

    private mutating func outside(_ byte: UInt8) throws {
        if byte <= Ascii.space { return }
        guard state == .beforeArray else { throw Fault.textAfterArray(line: line) }
        if byte == Ascii.openBracket {
            state = .inArray
        } else if !(offset <= 3 && [0xEF, 0xBB, 0xBF].contains(byte)) {  // a byte order mark may stand in front
            throw Fault.noArray(found: byte)
        }
    }

    // MARK: Record

    private mutating func append(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) throws {
        guard record.count + bytes.count <= Self.longestRecord else {
            throw Fault.tooLong(line: recordLine, limit: Self.longestRecord)
        }
        record.append(contentsOf: bytes)
    }

    private mutating func endRecord(_ handle: (Record) throws -> Void) throws {
        defer { record.removeAll(keepingCapacity: true) }
        try record.withUnsafeBufferPointer {
            try handle(Record(bytes: $0, line: recordLine, column: layout == .lines ? 1 : recordColumn))
        }
    }
}
