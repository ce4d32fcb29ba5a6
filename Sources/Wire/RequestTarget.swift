/// Request targets (RFC 9112, 3.2) and percent-encoding (RFC 3986, 2.1).
public enum RequestTarget {
    /// The authority of an absolute target, the path, still encoded, and the decoded query.
    static func split(
        _ target: String, method: Method
    ) throws(HTTPError) -> (Authority?, String, [RequestHead.QueryItem]) {
        var bytes = target.utf8[...]
        var authority: Authority?
        guard let first = bytes.first else { throw HTTPError(.malformed, "the request target is empty") }
        if first != slash {
            // authority-form belongs to CONNECT, asterisk-form to OPTIONS; everything else is an absolute URI.
            if method == .connect { return (nil, target, []) }
            if method == .options && target == "*" { return (nil, target, []) }
            guard let (name, rest) = authorityAndRest(bytes) else {
                throw HTTPError(.malformed, "the request target must be a path that starts with \"/\" or an http URI")
            }
            guard let named = Authority(Substring(name)) else {
                throw HTTPError(.malformed, "the request target names no host with an optional port")
            }
            authority = named
            bytes = rest
        }
        var query: [RequestHead.QueryItem] = []
        var path = bytes
        if let mark = bytes.firstIndex(of: UInt8(ascii: "?")) {
            path = bytes[..<mark]
            query = try items(bytes[bytes.index(after: mark)...])
        }
        return (authority, path.isEmpty ? "/" : String(Substring(path)), query)
    }

    /// The segments of an encoded path, each decoded on its own: `/a/b%2Fc` gives `a` and `b/c`.
    public static func segments(ofPath path: String) throws(HTTPError) -> [String] {
        var segments: [String] = []
        for part in path.utf8.dropFirst().split(separator: slash, omittingEmptySubsequences: false) {
            segments.append(try decoded(part))
        }
        return segments
    }

    /// Undoes percent-encoding. The result must be UTF-8 without a zero byte.
    public static func decoded(_ text: Substring.UTF8View) throws(HTTPError) -> String {
        guard text.contains(percent) else { return String(Substring(text)) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == percent else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                throw HTTPError(.malformed, "\"%\" in the request target must be followed by two hexadecimal digits")
            }
            bytes.append(high << 4 | low)
        }
        guard !bytes.contains(0), let string = String(validating: bytes, as: UTF8.self) else {
            throw HTTPError(.malformed, "the percent-encoded request target does not decode to text in UTF-8")
        }
        return string
    }

    /// Encodes everything but the unreserved characters, so that the text is one path segment or query value.
    public static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes += [percent, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func items(_ query: Substring.UTF8View) throws(HTTPError) -> [RequestHead.QueryItem] {
        var items: [RequestHead.QueryItem] = []
        for part in query.split(separator: UInt8(ascii: "&")) {
            if let equals = part.firstIndex(of: UInt8(ascii: "=")) {
                items.append(
                    .init(
                        name: try decoded(part[..<equals]), value: try decoded(part[part.index(after: equals)...])))
            } else {
                items.append(.init(name: try decoded(part), value: ""))
            }
        }
        return items
    }

    /// The authority behind `http://` or `https://`, and what follows it; nil where there is no such beginning.
    private static func authorityAndRest(
        _ bytes: Substring.UTF8View
    ) -> (Substring.UTF8View, Substring.UTF8View)? {
        for scheme in ["http://", "https://"] where bytes.count > scheme.utf8.count {
            guard zip(bytes, scheme.utf8).allSatisfy({ lowercase($0) == $1 }) else { continue }
            let authority = bytes.dropFirst(scheme.utf8.count)
            let end = authority.firstIndex { $0 == slash || $0 == UInt8(ascii: "?") } ?? authority.endIndex
            return (authority[..<end], authority[end...])
        }
        return nil
    }

    private static let slash = UInt8(ascii: "/")
    private static let percent = UInt8(ascii: "%")
}

/// The value of a hexadecimal digit.
@inline(__always)
func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
}
