/// The field lines of a message, in the order they came.
///
/// A list and not a dictionary, so that a second `Content-Length` stays visible: whoever folds duplicates away decides
/// a question that the framing rules (RFC 9112, 6.3) ask. Names compare without case (RFC 9110, 5.1).
public struct Fields: Sendable, Hashable {
    /// One field line: the name as it came, the value without surrounding white space.
    public struct Field: Sendable, Hashable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    @usableFromInline var lines: [Field]

    public init() {
        lines = []
    }

    public init(_ lines: [Field]) {
        self.lines = lines
    }

    public mutating func append(_ name: String, _ value: String) {
        lines.append(Field(name: name, value: value))
    }

    /// The first value under this name; setting replaces every line of the name, nil removes them.
    public subscript(name: String) -> String? {
        get {
            for line in lines where equalWithoutCase(line.name, name) { return line.value }
            return nil
        }
        set {
            lines.removeAll { equalWithoutCase($0.name, name) }
            if let newValue { lines.append(Field(name: name, value: newValue)) }
        }
    }

    /// Every value under this name, in order.
    public func values(_ name: String) -> [String] {
        lines.compactMap { equalWithoutCase($0.name, name) ? $0.value : nil }
    }

    public func contains(_ name: String) -> Bool {
        lines.contains { equalWithoutCase($0.name, name) }
    }

    /// The elements of a comma-separated list over all lines of the name, lowercase, empty elements left out
    /// (RFC 9110, 5.6.1): `Connection`, `Transfer-Encoding`, `Expect`.
    public func tokens(_ name: String) -> [String] {
        var tokens: [String] = []
        for line in lines where equalWithoutCase(line.name, name) {
            for element in line.value.utf8.split(separator: UInt8(ascii: ",")) {
                let token = trimmed(element)
                if !token.isEmpty { tokens.append(String(decoding: token.lazy.map(lowercase), as: UTF8.self)) }
            }
        }
        return tokens
    }

    /// Adds the lines whose name is not here yet.
    public mutating func fill(from other: Fields) {
        for line in other.lines where !contains(line.name) { lines.append(line) }
    }
}

extension Fields: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { lines.count }
    public subscript(position: Int) -> Field { lines[position] }
}

extension Fields: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) {
        lines = elements.map { Field(name: $0.0, value: $0.1) }
    }
}

/// An ASCII letter in lower case, any other byte as it is.
@inline(__always)
func lowercase(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}

/// Equality without regard to ASCII case.
func equalWithoutCase(_ left: String, _ right: String) -> Bool {
    let left = left.utf8
    let right = right.utf8
    guard left.count == right.count else { return false }
    return zip(left, right).allSatisfy { lowercase($0) == lowercase($1) }
}

/// A list element without the spaces and tabs around it.
private func trimmed(_ element: Substring.UTF8View) -> Substring.UTF8View {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    var element = element.drop(while: isBlank)
    while let last = element.last, isBlank(last) { element.removeLast() }
    return element
}
