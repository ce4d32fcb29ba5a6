/// The grammar of field lines and tokens (RFC 9110, 5), over bytes.
enum FieldLine {
    /// Reads `name: value`. Space before the colon, a folded line, a bare CR, a zero byte: each is refused, since some
    /// server somewhere reads it otherwise (RFC 9112, 5.1 and 5.2).
    static func parse(_ line: ArraySlice<UInt8>) throws(HTTPError) -> Fields.Field {
        let parsed: Result<Fields.Field, HTTPError> = line.withUnsafeBufferPointer { bytes in
            if bytes[0] == 0x20 || bytes[0] == 0x09 {
                return .failure(
                    HTTPError(.malformed, "a header line begins with white space; folded lines are obsolete"))
            }
            var colon = 0
            while colon < bytes.count && isToken[bytes[colon]] { colon += 1 }
            guard colon < bytes.count, bytes[colon] == UInt8(ascii: ":"), colon > 0 else {
                return .failure(
                    HTTPError(.malformed, "a header line must be \"name: value\" with nothing between name and colon"))
            }
            var start = colon + 1
            var end = bytes.count
            while start < end && isBlank(bytes[start]) { start += 1 }
            while end > start && isBlank(bytes[end - 1]) { end -= 1 }
            for index in start..<end where isControl(bytes[index]) {
                return .failure(HTTPError(.malformed, "a header value contains a control character"))
            }
            return .success(
                Fields.Field(
                    name: String(decoding: UnsafeBufferPointer(rebasing: bytes[..<colon]), as: UTF8.self),
                    value: String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<end]), as: UTF8.self)))
        }
        return try parsed.get()
    }

    /// Whether a text may stand as a method or field name.
    static func isValidName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { isToken[$0] }
    }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }

    /// Anything that is neither visible, nor a space or tab, nor beyond ASCII.
    @inline(__always)
    static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 && byte != 0x09 || byte == 0x7F
    }
}

/// The characters of a token (RFC 9110, 5.6.2): letters, digits and ``!#$%&'*+-.^_`|~``.
let isToken = ByteSet(0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE)

/// The characters of a host's name that stand for themselves (RFC 3986, 3.2.2), without the comma, which a proxy puts
/// between two Host lines that it joins: letters, digits and ``-._~!$&'()*+;=``.
let isRegisteredName = ByteSet(0x2BFF_6FD2_0000_0000, 0x47FF_FFFE_87FF_FFFE)

/// A set of ASCII characters with membership in two instructions.
///
/// Given by its bits, so that the sets above are constants of the program and not built at first use: that would put
/// a check for first use before every byte.
struct ByteSet: Sendable {
    private let low: UInt64
    private let high: UInt64

    /// Bit n of `low` is character n, of `high` character 64 + n.
    init(_ low: UInt64, _ high: UInt64) {
        self.low = low
        self.high = high
    }

    @inline(__always)
    subscript(byte: UInt8) -> Bool {
        if byte < 64 { return low >> UInt64(byte) & 1 != 0 }
        if byte < 128 { return high >> UInt64(byte - 64) & 1 != 0 }
        return false
    }
}
