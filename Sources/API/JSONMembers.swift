import Formats

/// Members of objects: a name and its value in one call. What is nil is written as null, so that a reader sees that it
/// could be there.
extension JSONWriter {
    mutating func member(_ name: String, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }

    mutating func member(_ name: String, _ value: Int?) {
        key(name)
        if let value { int(value) } else { null() }
    }

    mutating func member(_ name: String, _ value: Double?) {
        key(name)
        if let value { double(value) } else { null() }
    }

    mutating func member(_ name: String, _ value: Bool) {
        key(name)
        bool(value)
    }

    /// Digits as they are, beyond the range of `Int` too.
    mutating func member(_ name: String, _ value: UInt64?) {
        key(name)
        if let value { verbatim(String(value).utf8) } else { null() }
    }

    mutating func member(_ name: String, _ values: [String]) {
        key(name)
        array { writer in for value in values { writer.string(value) } }
    }

    mutating func member(_ name: String, _ values: [String: String]) {
        key(name)
        object { writer in
            for (name, value) in values.sorted(by: { $0.key < $1.key }) { writer.member(name, value) }
        }
    }

    mutating func member(_ name: String, _ values: [String: Double]) {
        key(name)
        object { writer in
            for (name, value) in values.sorted(by: { $0.key < $1.key }) { writer.member(name, value) }
        }
    }

    /// Text that was stored as JSON. Text that is none, by whosever hand, would spoil the whole answer and is told as null.
    mutating func member(_ name: String, stored json: String?) {
        key(name)
        if let json, Self.isJSON(json) { verbatim(json.utf8) } else { null() }
    }

    /// Text that was written as JSON just now.
    mutating func member(_ name: String, verbatim json: [UInt8]) {
        key(name)
        verbatim(json)
    }

    static func isJSON(_ text: String) -> Bool { (try? JSON.parse(text)) != nil }
}
