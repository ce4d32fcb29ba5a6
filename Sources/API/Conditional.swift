import HTTPServer
import Resources
import Wire

/// Answers that a client may have already (RFC 9110, 13.1.2): who names the tag of what it has gets 304 instead.
extension Call {
    /// Whether `If-None-Match` names this tag or any (`*`). Weak tags compare like strong ones here, as the field demands.
    func isKnown(_ tag: String) -> Bool {
        EntityTag.matches(request.fields.values("If-None-Match"), tag)
    }

    /// Says that what the client has is right.
    func answerUnchanged(_ tag: String) {
        responder.respond(Response(status: 304, fields: ["ETag": tag]))
    }
}

enum EntityTag {
    /// A strong tag of these bytes.
    static func of(_ bytes: [UInt8]) -> String { "\"\(SHA256.hex(of: bytes))\"" }

    /// A tag may hold a comma, so the list is read tag by tag; what is no tag ends it.
    static func matches(_ values: [String], _ tag: String) -> Bool {
        for value in values {
            var rest = value.utf8[...]
            while true {
                rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: ",") }
                if rest.first == UInt8(ascii: "*") { return true }
                if rest.starts(with: "W/".utf8) { rest = rest.dropFirst(2) }
                guard rest.first == quote, let end = rest.dropFirst().firstIndex(of: quote) else { break }
                let after = rest.index(after: end)
                if Substring(rest[..<after]) == tag { return true }
                rest = rest[after...]
            }
        }
        return false
    }

    private static let quote = UInt8(ascii: "\"")
}
