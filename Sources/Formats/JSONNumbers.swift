/// The fast path for arrays of numbers, one to three deep.
///
/// Numbers go through a small buffer in the first cache level into one flat array; an inner array costs a comparison
/// of its length, not an allocation. Whatever does not fit (a null, a string, an empty array in front, uneven depth, a
/// syntax error) rewinds to the general path, which names the trouble; text is read at most four times that way.
extension JSONParser {
    private static let deepest = 3
    private static let bufferedNumbers = 1024

    /// The array whose bracket is under the cursor, if it is one of numbers; nil, with the cursor unmoved, if not.
    mutating func flatNumbers() -> NumberArray? {
        guard let nesting = numberNesting(), depth + nesting <= limits.depth else { return nil }
        let start = cursor
        let array: NumberArray? = withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.bufferedNumbers) {
            guard let buffer = $0.baseAddress else { return nil }
            var sink = NumberSink(buffer: buffer, capacity: Self.bufferedNumbers)
            var array = NumberArray(depth: nesting)
            guard flatArray(nesting, into: &array, &sink) else { return nil }
            sink.flush()
            array.values = sink.values
            return array
        }
        if array == nil { cursor = start }
        return array
    }

    /// How many brackets stand before the first number; nil when there is none soon.
    private func numberNesting() -> Int? {
        var position = cursor
        var nesting = 0
        while position < end {
            switch position.pointee {
            case Ascii.openBracket:
                nesting += 1
                if nesting > Self.deepest { return nil }
            case Ascii.space, Ascii.newline, Ascii.carriageReturn, Ascii.tab: break
            case Ascii.minus, Ascii.zero...Ascii.nine: return nesting
            default: return nil
            }
            position += 1
        }
        return nil
    }

    /// Reads one array of the given depth; false where the text is something else.
    private mutating func flatArray(
        _ nesting: Int, into array: inout NumberArray, _ sink: inout NumberSink
    ) -> Bool {
        if nesting == 1 {
            let width = flatRow(&sink)
            if width >= 0 { array.rowWidths.append(width) }
            return width >= 0
        }
        guard cursor < end, cursor.pointee == Ascii.openBracket else { return false }
        cursor += 1
        skipSpace()
        var count = 0
        if cursor < end, cursor.pointee == Ascii.closeBracket {
            cursor += 1
        } else {
            while true {
                guard flatArray(nesting - 1, into: &array, &sink) else { return false }
                count += 1
                skipSpace()
                guard cursor < end else { return false }
                let byte = cursor.pointee
                cursor += 1
                if byte == Ascii.closeBracket { break }
                guard byte == Ascii.comma else { return false }
                skipSpace()
            }
        }
        if nesting == 2, array.depth == 3 { array.sequenceLengths.append(count) }
        return true
    }

    /// Reads `[1, 2, 3]` and answers how many numbers it held, or −1.
    @inline(__always)
    private mutating func flatRow(_ sink: inout NumberSink) -> Int {
        var cursor = self.cursor
        let end = self.end
        guard cursor < end, cursor.pointee == Ascii.openBracket else { return -1 }
        cursor += 1
        var count = 0
        while true {
            while cursor < end, cursor.pointee <= Ascii.space {
                guard isSpace(cursor.pointee) else { return -1 }
                cursor += 1
            }
            if count == 0, cursor < end, cursor.pointee == Ascii.closeBracket {
                cursor += 1
                break
            }
            guard let text = DecimalText(at: cursor, before: end), text.isJSON else { return -1 }
            let value = text.double(powers)
            guard value.isFinite else { return -1 }
            sink.append(value)
            count += 1
            cursor = text.end
            while cursor < end, cursor.pointee <= Ascii.space {
                guard isSpace(cursor.pointee) else { return -1 }
                cursor += 1
            }
            guard cursor < end else { return -1 }
            let byte = cursor.pointee
            cursor += 1
            if byte == Ascii.closeBracket { break }
            guard byte == Ascii.comma else { return -1 }
        }
        self.cursor = cursor
        return count
    }

    @inline(__always)
    private func isSpace(_ byte: UInt8) -> Bool {
        byte == Ascii.space || byte == Ascii.newline || byte == Ascii.carriageReturn || byte == Ascii.tab
    }
}

/// Collects numbers in a small buffer and moves them to an array in blocks.
private struct NumberSink {
    var values: [Double] = []
    private let buffer: UnsafeMutablePointer<Double>
    private let capacity: Int
    private var filled = 0

    init(buffer: UnsafeMutablePointer<Double>, capacity: Int) {
        self.buffer = buffer
        self.capacity = capacity
    }

    @inline(__always)
    mutating func append(_ value: Double) {
        if filled == capacity { flush() }
        buffer[filled] = value
        filled += 1
    }

    @inline(never)
    mutating func flush() {
        values.append(contentsOf: UnsafeBufferPointer(start: buffer, count: filled))
        filled = 0
    }
}
