/// A host and perhaps a port, as `Host` and absolute targets name them (RFC 9110, 4.2; RFC 3986, 3.2.2).
///
/// A user before the host is refused like any other character that has no place there (RFC 9110, 4.2.4).
public struct Authority: Sendable, Hashable {
    /// In small letters; the brackets of an IPv6 address are not part of it.
    public var host: String
    public var port: Int?
    /// It stood in brackets.
    public var isAddressLiteral: Bool

    /// Nil where the text is no host with an optional port.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard let colon = Self.endOfHost(bytes[...]) else { return nil }
        let name = bytes[..<colon]
        isAddressLiteral = name.first == Self.bracket
        let bare = isAddressLiteral ? name.dropFirst().dropLast() : name
        host = String(decoding: bare.map { lowercase($0) }, as: UTF8.self)
        port = Int(String(decoding: bytes[colon...].dropFirst(), as: UTF8.self))
    }

    /// As `init`, without making anything: this runs for every request.
    static func isValid(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { endOfHost($0[...]) != nil }
    }

    /// Whether a `Host` field names the same; the default port of the scheme need not be told.
    func isSame(as text: String, defaultPort: Int) -> Bool {
        guard let other = Authority(text) else { return false }
        return host == other.host && (port ?? defaultPort) == (other.port ?? defaultPort)
    }

    /// Where the host ends and a port may begin; nil where the grammar is broken.
    private static func endOfHost<Bytes: RandomAccessCollection>(_ bytes: Bytes) -> Int?
    where Bytes.Element == UInt8, Bytes.Index == Int {
        let end: Int?
        if bytes.first == bracket {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let literal = bytes[(bytes.startIndex + 1)..<close]
            guard isIPv6(literal) || isFutureAddress(literal) else { return nil }
            end = close + 1
        } else {
            end = endOfName(bytes)
        }
        guard let end, end > bytes.startIndex else { return nil }
        guard end < bytes.endIndex else { return end }
        guard bytes[end] == colon else { return nil }
        // An empty port is the default one.
        var number = 0
        for byte in bytes[(end + 1)...] {
            guard byte &- 0x30 < 10 else { return nil }
            number = number * 10 + Int(byte &- 0x30)
            guard number <= 65_535 else { return nil }
        }
        return end
    }

    private static func endOfName<Bytes: RandomAccessCollection>(_ bytes: Bytes) -> Int?
    where Bytes.Element == UInt8, Bytes.Index == Int {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if isRegisteredName[byte] {
                index += 1
            } else if byte == UInt8(ascii: "%") {
                guard bytes.endIndex - index > 2, hexDigit(bytes[index + 1]) != nil, hexDigit(bytes[index + 2]) != nil
                else { return nil }
                index += 3
            } else {
                return byte == colon ? index : nil
            }
        }
        return index
    }

    /// Eight groups of up to four digits; a run of groups may be left out once, and the last two may be an IPv4 address.
    private static func isIPv6<Bytes: RandomAccessCollection>(_ text: Bytes) -> Bool
    where Bytes.Element == UInt8, Bytes.Index == Int {
        // The longest form, with an IPv4 address at its end, has 45 characters.
        guard text.count <= 45 else { return false }
        var groups = 0
        var hasGap = false
        let parts = text.split(separator: colon, omittingEmptySubsequences: false)
        guard parts.count >= 3 else { return false }
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                // "::" leaves one empty part, or two at either end of the address.
                let isEdge = index == 0 && parts[1].isEmpty || index == parts.count - 1 && parts[index - 1].isEmpty
                if isEdge { continue }
                guard !hasGap, index > 0, index < parts.count - 1 else { return false }
                hasGap = true
            } else if index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard isIPv4(part) else { return false }
                groups += 2
            } else {
                guard part.count <= 4, part.allSatisfy({ hexDigit($0) != nil }) else { return false }
                groups += 1
            }
        }
        return hasGap ? groups <= 7 : groups == 8
    }

    private static func isIPv4<Bytes: RandomAccessCollection>(_ text: Bytes) -> Bool
    where Bytes.Element == UInt8, Bytes.Index == Int {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                guard 1...3 ~= part.count, part.allSatisfy({ $0 &- 0x30 < 10 }) else { return false }
                return (part.count == 1 || part.first != 0x30) && part.reduce(0) { $0 * 10 + Int($1 &- 0x30) } <= 255
            }
    }

    /// `v1.anything`, an address of a version to come.
    private static func isFutureAddress<Bytes: RandomAccessCollection>(_ text: Bytes) -> Bool
    where Bytes.Element == UInt8, Bytes.Index == Int {
        guard let first = text.first, lowercase(first) == UInt8(ascii: "v"),
            let dot = text.firstIndex(of: UInt8(ascii: "."))
        else { return false }
        let version = text[(text.startIndex + 1)..<dot]
        let address = text[(dot + 1)...]
        return !version.isEmpty && version.allSatisfy { hexDigit($0) != nil }
            && !address.isEmpty && address.allSatisfy { isRegisteredName[$0] || $0 == colon }
    }

    private static let bracket = UInt8(ascii: "[")
    private static let colon = UInt8(ascii: ":")
}
