/// Strings: copied straight from the text while nothing is escaped, validated as UTF-8.
extension JSONParser {
    /// The string whose opening quote is under the cursor.
    mutating func string() throws(JSONSyntaxError) -> String {
        let opening = cursor
        cursor += 1
        let start = cursor
        skipPlain()
        if cursor < end, cursor.pointee == Ascii.quote {
            if cursor - start > 15 { try charge(JSONMemory.string(cursor - start)) }
            let text = try validated(UnsafeBufferPointer(start: start, count: cursor - start), at: start)
            cursor += 1
            return text
        }
        // Without its escapes it is no longer than it is written; twice, since it becomes bytes before it is a string.
        let length = lengthToQuote(from: start)
        let scratch = length + JSONMemory.arrayHeader
        try charge(JSONMemory.string(length) + scratch)
        defer { memory.giveBack(scratch) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length)
        bytes.append(contentsOf: UnsafeBufferPointer(start: start, count: cursor - start))
        while cursor < end {
            switch cursor.pointee {
            case Ascii.quote:
                cursor += 1
                let result = bytes.withUnsafeBufferPointer { UTF8Text.string($0) }
                guard let result else { throw failure(.invalidUTF8, at: opening) }
                return result
            case Ascii.backslash:
                try escape(into: &bytes)
            case let control where control < 0x20:
                throw failure(.controlCharacter(control))
            default:
                let from = cursor
                skipPlain()
                bytes.append(contentsOf: UnsafeBufferPointer(start: from, count: cursor - from))
            }
        }
        throw failure(.ended(expected: "the closing quote of a string"))
    }

    /// How many bytes stand before the closing quote, or the end of the text.
    private func lengthToQuote(from start: UnsafePointer<UInt8>) -> Int {
        var position = cursor
        while position < end, position.pointee != Ascii.quote {
            position += position.pointee == Ascii.backslash ? 2 : 1
        }
        return min(position, end) - start
    }

    /// Moves to the next quote, backslash or control character.
    @inline(__always)
    private mutating func skipPlain() {
        while cursor < end {
            let byte = cursor.pointee
            if byte == Ascii.quote || byte == Ascii.backslash || byte < 0x20 { return }
            cursor += 1
        }
    }

    private func validated(
        _ bytes: UnsafeBufferPointer<UInt8>, at start: UnsafePointer<UInt8>
    ) throws(JSONSyntaxError) -> String {
        if let text = UTF8Text.string(bytes) { return text }
        let place = bytes.firstIndex { $0 >= 0x80 } ?? 0
        throw failure(.invalidUTF8, at: start + place)
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(JSONSyntaxError) {
        guard end - cursor >= 2 else { throw failure(.ended(expected: "an escape sequence")) }
        let letter = cursor[1]
        let plain: UInt8? =
            switch letter {
            case Ascii.quote, Ascii.backslash, Ascii.slash: letter
            case UInt8(ascii: "b"): 0x08
            case UInt8(ascii: "f"): 0x0C
            case UInt8(ascii: "n"): Ascii.newline
            case UInt8(ascii: "r"): Ascii.carriageReturn
            case UInt8(ascii: "t"): Ascii.tab
            default: nil
            }
        if let plain {
            bytes.append(plain)
            cursor += 2
        } else if letter == UInt8(ascii: "u") {
            bytes.append(contentsOf: UTF8.encode(try unicodeEscape()) ?? UTF8.encodedReplacementCharacter)
        } else {
            throw unexpected("an escape sequence (\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)")
        }
    }

    /// `\uXXXX`, or two of them that make a surrogate pair.
    private mutating func unicodeEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
        let start = cursor
        let first = try hexUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, end - cursor >= 2, cursor[0] == Ascii.backslash, cursor[1] == UInt8(ascii: "u") else {
            throw failure(.loneSurrogate, at: start)
        }
        let second = try hexUnit()
        guard 0xDC00...0xDFFF ~= second,
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw failure(.loneSurrogate, at: start) }
        return scalar
    }

    private mutating func hexUnit() throws(JSONSyntaxError) -> UInt32 {
        guard end - cursor >= 6 else { throw failure(.ended(expected: "four hexadecimal digits")) }
        var value: UInt32 = 0
        for position in 2..<6 {
            let byte = cursor[position]
            let digit: UInt8
            switch byte {
            case Ascii.zero...Ascii.nine: digit = byte - Ascii.zero
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw unexpected("\\u and four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
        }
        cursor += 6
        return value
    }
}
