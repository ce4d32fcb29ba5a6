import Resources
import Training

/// What a JSON document may be at most.
public struct JSONLimits: Sendable {
    /// Arrays and objects inside each other; bounds the stack that reading and dropping a document takes.
    public var depth: Int
    /// Members of one object; each costs a hundred times its bytes in the worst case.
    public var members: Int
    /// Values, those apart that stand in flat arrays of numbers or are passed on one by one.
    public var values: Int
    /// Bytes of a key.
    public var key: Int

    public init(depth: Int = 64, members: Int = 1 << 17, values: Int = .max, key: Int = .max) {
        self.depth = depth
        self.members = members
        self.values = values
        self.key = key
    }
}

extension JSON {
    /// Reads one document; white space may surround it, nothing else may follow.
    ///
    /// - Parameter allowance: what it takes its memory from, before it is allocated.
    public static func parse(
        _ bytes: [UInt8], limits: JSONLimits = JSONLimits(), plan: JSONPlan = JSONPlan(),
        within allowance: Allowance? = nil
    ) throws(JSONSyntaxError) -> JSON {
        try bytes.withUnsafeBufferPointer { (bytes) throws(JSONSyntaxError) in
            try parse(bytes, limits: limits, plan: plan, within: allowance)
        }
    }

    public static func parse(_ text: String, limits: JSONLimits = JSONLimits()) throws(JSONSyntaxError) -> JSON {
        try parse(Array(text.utf8), limits: limits)
    }

    public static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits = JSONLimits(), plan: JSONPlan = JSONPlan(),
        within allowance: Allowance? = nil
    ) throws(JSONSyntaxError) -> JSON {
        guard let base = bytes.baseAddress else {
            throw JSONSyntaxError(reason: .ended(expected: "a value"), offset: 0, line: 1, column: 1)
        }
        var parser = JSONParser(
            base: base, count: bytes.count, limits: limits, plan: plan, memory: JSONMemory(allowance))
        defer { parser.memory.settle() }
        return try parser.document()
    }
}

/// Recursive descent over raw bytes; arrays of numbers leave it for the flat path (`flatNumbers`).
struct JSONParser {
    let base: UnsafePointer<UInt8>
    let end: UnsafePointer<UInt8>
    var cursor: UnsafePointer<UInt8>
    let limits: JSONLimits
    let powers = PowersOfTen()
    let plan: JSONPlan
    var memory: JSONMemory
    var depth = 0
    private var values = 0
    /// How many of the plan's keys lead to where the cursor is.
    private var keysPassed = 0

    init(
        base: UnsafePointer<UInt8>, count: Int, limits: JSONLimits, plan: JSONPlan = JSONPlan(),
        memory: JSONMemory = JSONMemory(nil)
    ) {
        self.base = base
        self.end = base + count
        self.cursor = base
        self.limits = limits
        self.plan = plan
        self.memory = memory
    }

    mutating func document() throws(JSONSyntaxError) -> JSON {
        if end - base >= 3, base[0] == 0xEF, base[1] == 0xBB, base[2] == 0xBF { cursor += 3 }  // byte order mark
        skipSpace()
        let value = try self.value()
        skipSpace()
        guard cursor == end else { throw unexpected("the end of the text") }
        return value
    }

    mutating func value() throws(JSONSyntaxError) -> JSON {
        guard cursor < end else { throw failure(.ended(expected: "a value")) }
        values &+= 1
        guard values <= limits.values else { throw failure(.tooManyValues(limit: limits.values)) }
        try charge(JSONMemory.reader)
        switch cursor.pointee {
        case Ascii.openBrace: return try object()
        case Ascii.openBracket: return try array()
        case Ascii.quote: return .string(try string())
        case Ascii.minus, Ascii.zero...Ascii.nine: return .number(try number())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: throw unexpected("a value")
        }
    }

    private mutating func object() throws(JSONSyntaxError) -> JSON {
        try descend()
        skipSpace()
        if take(Ascii.closeBrace) { return ascend(.object(JSONObject())) }
        try charge(JSONMemory.object)
        var object = JSONObject(capacity: 4)
        while true {
            let keyStart = cursor
            guard cursor < end else { throw failure(.ended(expected: "a key or '}'")) }
            guard cursor.pointee == Ascii.quote else { throw unexpected(object.isEmpty ? "a key or '}'" : "a key") }
            guard object.count < limits.members else { throw failure(.tooManyMembers(limit: limits.members)) }
            if object.count >= 4 { try charge(JSONMemory.member) }
            let key = try string()
            guard key.utf8.count <= limits.key else { throw failure(.keyTooLong(limit: limits.key), at: keyStart) }
            skipSpace()
            guard take(Ascii.colon) else { throw unexpected("':'") }
            skipSpace()
            guard object.append(key, try member(key)) else { throw failure(.duplicateKey(key), at: keyStart) }
            skipSpace()
            if take(Ascii.closeBrace) { return ascend(.object(object)) }
            guard take(Ascii.comma) else { throw unexpected("',' or '}'") }
            skipSpace()
        }
    }

    /// The value of a member, as the plan has it.
    private mutating func member(_ key: String) throws(JSONSyntaxError) -> JSON {
        if depth == 1, let due = plan.numbers[key] { return try numbers(key, nested: due) }
        guard keysPassed == depth - 1, depth <= plan.passed.count, plan.passed[depth - 1] == key else {
            return try value()
        }
        if depth == plan.passed.count { return try passedElements() }
        keysPassed += 1
        defer { keysPassed -= 1 }
        return try value()
    }

    /// Hands the elements of an array on, each dropped before the next is read.
    private mutating func passedElements() throws(JSONSyntaxError) -> JSON {
        guard cursor < end, cursor.pointee == Ascii.openBracket else { return try value() }
        try descend()
        skipSpace()
        if take(Ascii.closeBracket) { return ascend(.array([])) }
        var count = 0
        while true {
            let (used, before) = (memory.used, values)
            let element = try value()
            do { try plan.pass(count, element) } catch { throw failure(.memory(error)) }
            memory.giveBack(to: used)
            values = before
            count += 1
            skipSpace()
            if take(Ascii.closeBracket) { return ascend(.array([])) }
            guard take(Ascii.comma) else { throw unexpected("',' or ']'") }
            skipSpace()
        }
    }

    private mutating func array() throws(JSONSyntaxError) -> JSON {
        if let numbers = try flatNumbers() { return .numbers(numbers) }
        try descend()
        var elements: [JSON] = []
        skipSpace()
        if take(Ascii.closeBracket) { return ascend(.array(elements)) }
        while true {
            try charge(JSONMemory.element)
            elements.append(try value())
            skipSpace()
            if take(Ascii.closeBracket) { return ascend(.array(elements)) }
            guard take(Ascii.comma) else { throw unexpected("',' or ']'") }
            skipSpace()
        }
    }

    mutating func number() throws(JSONSyntaxError) -> Double {
        guard let text = DecimalText(at: cursor, before: end), text.isJSON else {
            throw unexpected("a number as JSON writes it (no leading zero or plus, digits around a point)")
        }
        let value = text.double(powers)
        guard value.isFinite else { throw failure(.numberTooLarge(excerpt(from: text.start, to: text.end))) }
        cursor = text.end
        return value
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONSyntaxError) -> JSON {
        let length = word.utf8CodeUnitCount
        guard end - cursor >= length, (0..<length).allSatisfy({ cursor[$0] == word.utf8Start[$0] }) else {
            throw unexpected("a value")
        }
        cursor += length
        return value
    }

    // MARK: Depth, memory, bytes, errors

    /// Takes memory before it is allocated.
    @inline(__always)
    mutating func charge(_ bytes: Int) throws(JSONSyntaxError) {
        do { try memory.take(bytes) } catch { throw failure(error) }
    }

    mutating func descend() throws(JSONSyntaxError) {
        guard depth < limits.depth else { throw failure(.tooDeep(limit: limits.depth)) }
        depth += 1
        cursor += 1
    }

    private mutating func ascend(_ value: JSON) -> JSON {
        depth -= 1
        return value
    }

    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        guard cursor < end, cursor.pointee == byte else { return false }
        cursor += 1
        return true
    }

    @inline(__always)
    mutating func skipSpace() {
        while cursor < end, cursor.pointee <= Ascii.space,
            cursor.pointee == Ascii.space || cursor.pointee == Ascii.newline || cursor.pointee == Ascii.carriageReturn
                || cursor.pointee == Ascii.tab
        { cursor += 1 }
    }

    func failure(_ reason: JSONSyntaxError.Reason, at place: UnsafePointer<UInt8>? = nil) -> JSONSyntaxError {
        JSONSyntaxError(
            reason: reason, offset: (place ?? cursor) - base, in: UnsafeBufferPointer(start: base, count: end - base))
    }

    func unexpected(_ due: String) -> JSONSyntaxError {
        guard cursor < end else { return failure(.ended(expected: due)) }
        var stop = cursor
        while stop < end, stop - cursor < 24, !isBoundary(stop.pointee) { stop += 1 }
        return failure(.expected(due, found: excerpt(from: cursor, to: max(stop, cursor + 1))))
    }

    private func isBoundary(_ byte: UInt8) -> Bool {
        byte <= Ascii.space || byte == Ascii.comma || byte == Ascii.closeBracket || byte == Ascii.closeBrace
            || byte == Ascii.colon
    }

    private func excerpt(from start: UnsafePointer<UInt8>, to stop: UnsafePointer<UInt8>) -> String {
        let shown = UnsafeBufferPointer(start: start, count: min(stop - start, 40))
        return "\"" + String(decoding: shown, as: UTF8.self) + "\""
    }
}
