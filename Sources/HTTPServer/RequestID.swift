import Wire

/// Names for requests: the client's own where it is sane, else one of this process.
struct RequestIDs {
    /// Random per loop, so that ids of two loops, or of two runs, hardly meet in one log. Five letters: with the number
    /// an id has at most 15 bytes for two thousand million requests, which a string holds without an allocation.
    private let prefix: String
    private var count: UInt64 = 0

    init() {
        let letters = Array("0123456789abcdefghjkmnpqrstvwxyz")
        prefix = "req_" + String((0..<5).map { _ in letters[Int.random(in: 0..<32)] })
    }

    static let field = "X-Request-Id"

    mutating func id(for fields: Fields?) -> String {
        if let given = fields?[Self.field], Self.isSane(given) { return given }
        count += 1
        return prefix + String(count, radix: 36)
    }

    /// Short, and of characters that no log, shell or header takes for something else.
    static func isSane(_ id: String) -> Bool {
        1...128 ~= id.utf8.count
            && id.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                    UInt8(ascii: ":"):
                    true
                default: false
                }
            }
    }
}
