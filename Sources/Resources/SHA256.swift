import CCrypto

/// SHA-256 (FIPS 180-4) over bytes that arrive in pieces, by OpenSSL: the digests of files, sealed contents, checkpoints,
/// entity tags and keys.
///
/// Owns one context of libcrypto; not copyable, because two hashers must not share it.
public struct SHA256: ~Copyable {
    public static let byteCount = 32

    private let context: OpaquePointer

    public init() {
        // Both fail only where memory is exhausted or the provider lacks SHA-256: nothing could run on then.
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto offers no SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// The digest of all bytes so far. The hasher is used up.
    public consuming func digest() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
            EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            count = Self.byteCount
        }
    }

    /// The same as 64 lower-case hexadecimal digits.
    public consuming func finish() -> String { Self.hexadecimal(digest()) }

    public static func digest(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var hasher = SHA256()
        Array(bytes).withUnsafeBytes { hasher.update($0) }
        return hasher.digest()
    }

    public static func hex(of bytes: some Sequence<UInt8>) -> String { hexadecimal(digest(bytes)) }

    private static func hexadecimal(_ digest: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
