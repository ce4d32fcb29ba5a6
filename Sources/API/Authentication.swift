import CCrypto
import Resources
import Wire

/// The API key: demanded as `Authorization: Bearer KEY` or `X-API-Key: KEY`.
///
/// Digests are compared and not the keys, so that the time taken tells neither how much of a guess is right nor how
/// long the key is.
struct Authentication: Sendable {
    /// SHA-256 of the key; nil where none is demanded.
    private let expected: [UInt8]?

    /// Probes of an orchestrator carry no key, and the contract is public.
    private static let openPaths: Set<String> = ["/healthz", "/readyz", "/openapi.yaml"]

    init(key: String?) {
        expected = key.flatMap { $0.isEmpty ? nil : SHA256.digest($0.utf8) }
    }

    /// Why the request is refused; nil where it is not.
    func refusal(_ head: RequestHead) -> Problem? {
        guard let expected, !Self.openPaths.contains(head.path) else { return nil }
        let given = Self.key(in: head.fields)
        if let given, Self.areEqual(SHA256.digest(given.utf8), expected) { return nil }
        let detail =
            given == nil
            ? "send the API key as \"Authorization: Bearer KEY\" or \"X-API-Key: KEY\""
            : "this is not the server's API key"
        return Problem(.unauthorized, detail, fields: ["WWW-Authenticate": "Bearer realm=\"timestep\""])
    }

    /// The scheme's name has no case (RFC 9110, 11.1).
    static func key(in fields: Fields) -> String? {
        if let value = fields["Authorization"] {
            let parts = value.split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == "bearer" { return parts[1].trimmingBlanks() }
        }
        return fields["X-API-Key"]
    }

    private static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count
            && left.withUnsafeBytes { a in
                right.withUnsafeBytes { b in CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count) }
            }
                == 0
    }
}
