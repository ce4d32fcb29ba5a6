/// What a JSON document may be at most.
public struct JSONLimits: Sendable {
    /// Arrays and objects inside each other; bounds the stack that reading and dropping a document takes.
    public var depth: Int
    /// Members of one object; each costs a hundred times its bytes in the worst case.
    public var members: Int

    public init(depth: Int = 64, members: Int = 1 << 17) {
        self.depth = depth
        self.members = members
    }
}

extension JSON {
    /// Reads one document; white space may surround it, nothing else may follow.
    public static func parse(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONSyntaxError) -> JSON {
        try bytes.withUnsafeBufferPointer { (bytes) throws(JSONSyntaxError) in try parse(bytes, limits: limits) }
    }

    public static func parse(_ text: String, limits: JSONLimits = JSONLimits()) throws(JSONSyntaxError) -> JSON {
        try parse(Array(text.utf8), limits: limits)
    }

    public static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits = JSONLimits()
    ) throws(JSONSyntaxError) -> JSON {
        guard let base = bytes.baseAddress else {
            throw JSONSyntaxError(reason: .ended(expected: "a value"), offset: 0, line: 1, column: 1)
        }
        var parser = JSONParser(base: base, count: bytes.count, limits: limits)
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
    var depth = 0

    init(base: UnsafePointer<UInt8>, count: Int, limits: JSONLimits) {
        self.base = base
        self.end = base + count
        self.cursor = base
        self.limits = limits
    }

    mutating func document() throws(JSONSyntaxError) -> JSON {
        if end - base >= 3, base[0] == 0xEF, base[1] == 0xBB, base[2] == 0xBF { cursor += 3 }  // byte order mark
        skipSpace()
        let value = try self.value()
        skipSpace()
        guard cursor == end else { throw unexpected("the end of the text") }
        return value
    }

    private mutating func value() throws(JSONSyntaxError) -> JSON {
        guard cursor < end else { throw failure(.ended(expected: "a value")) }
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
        var object = JSONObject(capacity: 4)
        skipSpace()
        if take(Ascii.closeBrace) { return ascend(.object(object)) }
        while true {
            let keyStart = cursor
            guard cursor < end else { throw failure(.ended(expected: "a key or '}'")) }
            guard cursor.pointee == Ascii.quote else { throw unexpected(object.isEmpty ? "a key or '}'" : "a key") }
            guard object.count < limits.members else { throw failure(.tooManyMembers(limit: limits.members)) }
            let key = try string()
            skipSpace()
            guard take(Ascii.colon) else { throw unexpected("':'") }
            skipSpace()
            guard object.append(key, try value()) else { throw failure(.duplicateKey(key), at: keyStart) }
            skipSpace()
            if take(Ascii.closeBrace) { return ascend(.object(object)) }
            guard take(Ascii.comma) else { throw unexpected("',' or '}'") }
            skipSpace()
        }
    }

    private mutating func array() throws(JSONSyntaxError) -> JSON {
        if let numbers = flatNumbers() { return .numbers(numbers) }
        try descend()
        var elements: [JSON] = []
        skipSpace()
        if take(Ascii.closeBracket) { return ascend(.array(elements)) }
        while true {
            elements.append(try value())
            skipSpace()
            if take(Ascii.closeBracket) { return ascend(.array(elements)) }
            guard take(Ascii.comma) else { throw unexpected("',' or ']'") }
            skipSpace()
        }
    }

    private mutating func number() throws(JSONSyntaxError) -> Double {
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

    // MARK: Depth, bytes, errors

    private mutating func descend() throws(JSONSyntaxError) {
        guard depth < limits.depth else { throw failure(.tooDeep(limit: limits.depth)) }
        depth += 1
        cursor += 1
    }

    private mutating func ascend(_ value: JSON) -> JSON {
        depth -= 1
        return value
    }

    @inline(__always)
    private mutating func take(_ byte: UInt8) -> Bool {
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
