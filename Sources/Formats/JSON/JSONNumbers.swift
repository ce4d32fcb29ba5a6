/// The fast path for arrays of numbers, one to three deep.
///
/// Numbers go through a small buffer in the first cache level into one flat array; an inner array costs a comparison
/// of its length, not an allocation. Whatever does not fit (a null, a string, an empty array in front, uneven depth, a
/// syntax error) rewinds to the general path, which names the trouble; text is read at most four times that way.
extension JSONParser {
    private static let deepest = 3
    private static let bufferedNumbers = 1024

    /// The array whose bracket is under the cursor, if it is one of numbers; nil, with the cursor unmoved, if not.
    ///
    /// - Parameter due: how deep the numbers must be nested; nil takes any depth.
    mutating func flatNumbers(due: Int? = nil) throws(JSONSyntaxError) -> NumberArray? {
        guard let nesting = numberNesting(), depth + nesting <= limits.depth, nesting == due ?? nesting else {
            return nil
        }
        let start = cursor
        let before = memory.used
        try charge(JSONMemory.numbers)
        var refusal: JSONSyntaxError.Reason?
        let array: NumberArray? = withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.bufferedNumbers) {
            guard let buffer = $0.baseAddress else { return nil }
            var sink = NumberSink(
                buffer: buffer, capacity: Self.bufferedNumbers, text: start, end: end, memory: memory)
            var array = NumberArray(depth: nesting)
            let isSound = flatArray(nesting, into: &array, &sink) && sink.flush(at: cursor)
            (memory, refusal) = (sink.memory, sink.refusal)
            guard isSound else { return nil }
            array.values = sink.values
            return array
        }
        if let refusal { throw failure(refusal) }
        if array == nil {
            cursor = start
            memory.giveBack(to: before)
        }
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
    private mutating func flatArray(_ nesting: Int, into array: inout NumberArray, _ sink: inout NumberSink) -> Bool {
        var widths = LengthCounter()
        var lengths = LengthCounter()
        let isSound =
            switch nesting {
            case 1:
                flatRow(into: &widths, &sink)
            case 2:
                flatElements { parser in parser.flatRow(into: &widths, &sink) } != nil
            default:
                flatElements { parser in
                    guard let rows = parser.flatElements({ $0.flatRow(into: &widths, &sink) }) else { return false }
                    return sink.count(lengths.append(rows))
                } != nil
            }
        array.rowWidths = widths.lengths
        array.sequenceLengths = lengths.lengths
        return isSound
    }

    /// Reads `[element, …]` and answers how many there were; nil where the text is something else.
    @inline(__always)
    private mutating func flatElements(_ element: (inout JSONParser) -> Bool) -> Int? {
        guard cursor < end, cursor.pointee == Ascii.openBracket else { return nil }
        cursor += 1
        skipSpace()
        if cursor < end, cursor.pointee == Ascii.closeBracket {
            cursor += 1
            return 0
        }
        var count = 0
        while element(&self) {
            count &+= 1
            skipSpace()
            guard cursor < end else { return nil }
            let byte = cursor.pointee
            cursor += 1
            if byte == Ascii.closeBracket { return count }
            guard byte == Ascii.comma else { return nil }
            skipSpace()
        }
        return nil
    }

    @inline(__always)
    private mutating func flatRow(into widths: inout LengthCounter, _ sink: inout NumberSink) -> Bool {
        let width = flatRow(&sink)
        guard width >= 0 else { return false }
        return sink.count(widths.append(width))
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
            guard sink.append(value, at: text.end) else { return -1 }
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

/// Collects lengths; a list is made only once they differ.
private struct LengthCounter {
    private var each = 0
    private var count = 0
    private var ragged: NumberArray.Lengths?

    /// How many lengths this moved to the list.
    @inline(__always)
    mutating func append(_ length: Int) -> Int {
        if length == each {
            count &+= 1
            return 0
        }
        return change(to: length)
    }

    /// Moves the run of equal lengths to the list and starts another.
    @inline(never)
    private mutating func change(to length: Int) -> Int {
        let moved = count
        if count > 0 {
            var all = ragged.take() ?? .none
            all.append(each, count: count)
            ragged = all
        }
        each = length
        count = 1
        return moved
    }

    var lengths: NumberArray.Lengths {
        guard var all = ragged else { return .uniform(count: count, each: each) }
        all.append(each, count: count)
        return all
    }
}

/// Collects numbers in a small buffer and moves them to an array in blocks.
private struct NumberSink {
    var values: [Double] = []
    var memory: JSONMemory
    /// Why no more can be taken.
    private(set) var refusal: JSONSyntaxError.Reason?
    private let buffer: UnsafeMutablePointer<Double>
    private let capacity: Int
    private let text: UnsafePointer<UInt8>
    private let end: UnsafePointer<UInt8>
    private var filled = 0
    private var room = 0

    init(
        buffer: UnsafeMutablePointer<Double>, capacity: Int, text: UnsafePointer<UInt8>, end: UnsafePointer<UInt8>,
        memory: JSONMemory
    ) {
        self.buffer = buffer
        self.capacity = capacity
        self.text = text
        self.end = end
        self.memory = memory
    }

    /// False: there is no memory for it.
    @inline(__always)
    mutating func append(_ value: Double, at place: UnsafePointer<UInt8>) -> Bool {
        if filled == capacity {
            guard flush(at: place) else { return false }
        }
        buffer[filled] = value
        filled += 1
        return true
    }

    /// Takes memory for lengths in a list that doubles as it grows.
    @inline(__always)
    mutating func count(_ lengths: Int) -> Bool {
        lengths == 0 || take(3 * lengths * MemoryLayout<Int>.stride)
    }

    @inline(never)
    mutating func flush(at place: UnsafePointer<UInt8>) -> Bool {
        guard grow(to: values.count + filled, at: place) else { return false }
        values.append(contentsOf: UnsafeBufferPointer(start: buffer, count: filled))
        filled = 0
        return true
    }

    /// Makes room. Of a long text the numbers so far tell how many there will be, so that a large array is moved once
    /// or twice and is hardly larger than it has to be.
    private mutating func grow(to needed: Int, at place: UnsafePointer<UInt8>) -> Bool {
        guard needed > room else { return true }
        var target = needed
        if room > 0 || needed > capacity / 2 {
            let foreseen = Double(end - text) / Double(max(place - text, 1)) * Double(needed) * 1.03
            target = min(max(Int(foreseen), needed + needed / 4), 4 * needed)
        }
        guard take(target * MemoryLayout<Double>.stride) else { return false }
        values.reserveCapacity(target)
        memory.giveBack(room * MemoryLayout<Double>.stride)
        room = target
        return true
    }

    private mutating func take(_ bytes: Int) -> Bool {
        do { try memory.take(bytes) } catch {
            refusal = error
            return false
        }
        return true
    }
}
