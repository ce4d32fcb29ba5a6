import Training

/// Members that hold nothing but numbers: what else stands in one is refused where it stands, before it is built.
extension JSONParser {
    /// Shorter text is read as any other, so that one answer names all that is wrong in it: it has room for little.
    private static let readWhole = 16_384

    /// The value of a member of the outermost object that should be numbers nested `due` deep.
    mutating func numbers(_ key: String, nested due: Int) throws(JSONSyntaxError) -> JSON {
        guard cursor < end, cursor.pointee == Ascii.openBracket else { return try value() }
        if let numbers = try flatNumbers(due: end - cursor > Self.readWhole ? due : nil) { return .numbers(numbers) }
        if end - cursor > Self.readWhole, !(plan.texts.contains(key) && beginsWithText) {
            // Its first fault, if it is one of the text or of the shape; arrays without numbers are for the reader.
            var scan = self
            var indices: [Int] = []
            try scan.checkNumbers(key, &indices, nested: due)
        }
        let before = memory.used
        let found = try value()
        // Its reader gathers what is here in parts into one array, which grows.
        try charge(3 * (memory.used - before))
        return found
    }

    /// Whether the first value that is no array is a text.
    private var beginsWithText: Bool {
        var place = cursor
        while place < end, place.pointee == Ascii.openBracket || place.pointee <= Ascii.space { place += 1 }
        return place < end && place.pointee == Ascii.quote
    }

    /// Reads arrays of numbers without keeping them.
    ///
    /// - Parameter indices: where the cursor is.
    private mutating func checkNumbers(
        _ key: String, _ indices: inout [Int], nested due: Int
    ) throws(JSONSyntaxError) {
        guard cursor < end else { throw failure(.ended(expected: "a value")) }
        guard cursor.pointee == Ascii.openBracket else { throw misplaced(key, indices, JSONReader.shape(due)) }
        cursor += 1
        skipSpace()
        if take(Ascii.closeBracket) { return }
        indices.append(0)
        defer { indices.removeLast() }
        while true {
            if due > 1 {
                try checkNumbers(key, &indices, nested: due - 1)
            } else if cursor < end, cursor.pointee == Ascii.minus || Ascii.zero...Ascii.nine ~= cursor.pointee {
                _ = try number()
            } else {
                guard cursor < end else { throw failure(.ended(expected: "a number")) }
                throw misplaced(key, indices, "a number")
            }
            indices[indices.count - 1] += 1
            skipSpace()
            if take(Ascii.closeBracket) { return }
            guard take(Ascii.comma) else { throw unexpected("',' or ']'") }
            skipSpace()
        }
    }

    private func misplaced(_ key: String, _ indices: [Int], _ expectation: String) -> JSONSyntaxError {
        let found =
            switch cursor.pointee {
            case Ascii.openBrace: "an object"
            case Ascii.openBracket: "an array"
            case Ascii.quote: "a string"
            case Ascii.minus, Ascii.zero...Ascii.nine: "a number"
            case UInt8(ascii: "t"): "true"
            case UInt8(ascii: "f"): "false"
            case UInt8(ascii: "n"): "null"
            default: ""
            }
        if found.isEmpty { return unexpected("a value") }
        return failure(
            .misplaced(
                path: [.key(key)] + indices.map { .index($0) }, detail: "expected \(expectation), found \(found)"))
    }
}
