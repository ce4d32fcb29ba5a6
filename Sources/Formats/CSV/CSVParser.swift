/// Reads CSV as it arrives, in pieces cut anywhere (RFC 4180): quoted fields with commas, line ends and doubled
/// quotes in them; rows end with LF, CRLF or CR; a byte order mark in front is dropped.
///
/// Holds one row and one piece of the text at a time. A quote inside an unquoted field stands for itself.
public struct CSVParser {
    /// Longer rows are refused: one unclosed quote would otherwise gather the rest of a file.
    public static let longestRow = 64 << 20
    /// Fields beyond these are counted but not kept. More than any dataset may have columns.
    public static let keptFields = 1 << 17

    private enum State {
        case fieldStart
        case plain
        case quoted
        /// After a quote inside a quoted field: the end of the field, or the first half of a doubled quote.
        case quoteInQuoted
        /// After a carriage return, whose line feed may come with the next piece.
        case carriageReturn
    }

    /// The row being read and whatever follows it.
    private var buffer: [UInt8] = []
    private var state = State.fieldStart
    private var rowStart = 0
    private var fieldStart = 0
    private var position = 0
    private var fields: [CSVRow.Field] = []
    private var fieldCount = 0
    private var isQuoted = false
    private var hasDoubledQuotes = false
    private var quoteLine = 0
    private var line = 1
    private var rowLine = 1
    private var fault: CSVRow.Fault?
    private var isAtStart = true
    /// A row was too long: its end is unknown, so nothing after it is read.
    public private(set) var isBroken = false

    private static let pieceSize = 1 << 16

    public init() {}

    /// Reads on and hands over every row that is complete.
    public mutating func push(_ bytes: UnsafeBufferPointer<UInt8>, row: (CSVRow) throws -> Void) rethrows {
        var start = 0
        while start < bytes.count, !isBroken {
            let end = min(start + Self.pieceSize, bytes.count)
            buffer.append(contentsOf: bytes[start..<end])
            start = end
            if isAtStart {
                if buffer.count < 3, buffer == Array([0xEF, 0xBB, 0xBF].prefix(buffer.count)) { continue }
                dropByteOrderMark()
            }
            try scan(row)
            try discardRead(row)
        }
    }

    public mutating func push(_ bytes: [UInt8], row: (CSVRow) throws -> Void) rethrows {
        try bytes.withUnsafeBufferPointer { try push($0, row: row) }
    }

    /// Ends the text: hands over the last row if no line end closed it.
    public mutating func finish(row: (CSVRow) throws -> Void) rethrows {
        guard !isBroken else { return }
        if isAtStart { dropByteOrderMark() }
        try scan(row)
        switch state {
        case .quoted: fault = fault ?? .unclosedQuote(line: quoteLine)
        case .carriageReturn: return
        case .fieldStart where fieldCount == 0: return
        default: break
        }
        endField(at: state == .quoteInQuoted ? position - 1 : position)
        try endRow(row)
    }

    private mutating func dropByteOrderMark() {
        isAtStart = false
        if buffer.starts(with: [0xEF, 0xBB, 0xBF]) {
            position = 3
            rowStart = 3
            fieldStart = 3
        }
    }

    // MARK: Scanning

    private mutating func scan(_ row: (CSVRow) throws -> Void) rethrows {
        let count = buffer.count
        while position < count {
            switch state {
            case .fieldStart:
                fieldStart = position
                isQuoted = false
                hasDoubledQuotes = false
                if buffer[position] == Ascii.quote {
                    isQuoted = true
                    quoteLine = line
                    fieldStart += 1
                    position += 1
                    state = .quoted
                } else {
                    state = .plain
                }
            case .plain:
                scanPlain()
                guard position < count else { return }
                if state == .plain { try separator(row) }
            case .quoted:
                position = skipQuoted(from: position)
                guard position < count else { return }
                position += 1
                state = .quoteInQuoted
            case .quoteInQuoted:
                switch buffer[position] {
                case Ascii.quote:
                    hasDoubledQuotes = true
                    position += 1
                    state = .quoted
                case Ascii.comma, Ascii.newline, Ascii.carriageReturn:
                    try separator(row, fieldEnd: position - 1)
                default:
                    fault = fault ?? .textAfterQuote(field: fieldCount + 1)
                    hasDoubledQuotes = false
                    state = .plain
                }
            case .carriageReturn:
                if buffer[position] == Ascii.newline {
                    position += 1
                    rowStart = position
                }
                state = .fieldStart
            }
        }
    }

    /// Passes unquoted fields up to a line end, a field that begins with a quote, or the end of the text so far.
    /// Leaves the state at `plain` before a line end (or in the middle of a field), at `fieldStart` before a field.
    private mutating func scanPlain() {
        let buffer = self.buffer  // the same storage: nothing is written to it meanwhile
        buffer.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            let count = bytes.count
            var position = self.position
            var start = fieldStart
            while position < count {
                let byte = base[position]
                if byte == Ascii.comma {
                    fieldCount &+= 1
                    if fieldCount <= Self.keptFields {
                        fields.append(CSVRow.Field(start: start, end: position, isQuoted: isQuoted))
                    }
                    position &+= 1
                    start = position
                    isQuoted = false
                    if position == count || base[position] == Ascii.quote {
                        state = .fieldStart
                        break
                    }
                } else if byte == Ascii.newline || byte == Ascii.carriageReturn {
                    break
                } else {
                    position &+= 1
                }
            }
            self.position = position
            fieldStart = start
        }
    }

    /// The next quote; counts the lines passed.
    private mutating func skipQuoted(from start: Int) -> Int {
        let (position, lines) = buffer.withUnsafeBufferPointer { bytes in
            var position = start
            var lines = 0
            while position < bytes.count, bytes[position] != Ascii.quote {
                if bytes[position] == Ascii.newline { lines += 1 }
                position &+= 1
            }
            return (position, lines)
        }
        line += lines
        return position
    }

    /// Handles the comma or line end under the position.
    @inline(__always)
    private mutating func separator(_ row: (CSVRow) throws -> Void, fieldEnd: Int? = nil) rethrows {
        let byte = buffer[position]
        endField(at: fieldEnd ?? position)
        position += 1
        state = .fieldStart
        guard byte != Ascii.comma else { return }
        line += 1
        try endRow(row)
        if byte == Ascii.carriageReturn { state = .carriageReturn }
    }

    private mutating func endField(at end: Int) {
        fieldCount += 1
        guard fieldCount <= Self.keptFields else { return }
        var end = end
        if state == .fieldStart {  // an empty last field: `a,` and the end of the text
            fieldStart = end
            isQuoted = false
            hasDoubledQuotes = false
        }
        if hasDoubledQuotes { end = joinDoubledQuotes(to: end) }
        fields.append(CSVRow.Field(start: fieldStart, end: end, isQuoted: isQuoted))
    }

    /// Moves the field's bytes together, one quote for two, and answers where it ends now.
    private mutating func joinDoubledQuotes(to end: Int) -> Int {
        var target = fieldStart
        var source = fieldStart
        while source < end {
            let byte = buffer[source]
            buffer[target] = byte
            target += 1
            source += byte == Ascii.quote && source + 1 < end && buffer[source + 1] == Ascii.quote ? 2 : 1
        }
        return target
    }

    private mutating func endRow(_ row: (CSVRow) throws -> Void) rethrows {
        defer {
            fields.removeAll(keepingCapacity: true)
            fieldCount = 0
            fault = nil
            rowStart = position
            rowLine = line
        }
        try buffer.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            try fields.withUnsafeBufferPointer { fields in
                try row(CSVRow(base: base, fields: fields, count: fieldCount, line: rowLine, fault: fault))
            }
        }
    }

    /// Drops the rows that were handed over; refuses a row that outgrew the limit.
    private mutating func discardRead(_ row: (CSVRow) throws -> Void) rethrows {
        if rowStart > 0 {
            buffer.removeSubrange(0..<rowStart)
            for index in fields.indices {
                fields[index].start -= rowStart
                fields[index].end -= rowStart
            }
            fieldStart -= rowStart
            position -= rowStart
            rowStart = 0
        }
        if buffer.count > Self.longestRow {
            fault = .tooLong(limit: Self.longestRow)
            endField(at: position)
            try endRow(row)
            isBroken = true
            buffer = []
        }
    }
}
