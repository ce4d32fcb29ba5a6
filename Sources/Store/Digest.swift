import CCrypto

/// SHA-256 over bytes that arrive in pieces, by OpenSSL.
///
/// Owns one context of libcrypto; not copyable, because two hashers must not share it.
struct SHA256: ~Copyable {
    private let context: OpaquePointer

    init() {
        // Both fail only where memory is exhausted or the provider lacks SHA-256: nothing could run on then.
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto offers no SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// 64 lower-case hexadecimal digits over all bytes so far. The hasher is used up.
    consuming func finish() -> String {
        let length = 32
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            count = length
        }
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    static func hex(of bytes: [UInt8]) -> String {
        var hasher = SHA256()
        bytes.withUnsafeBytes { hasher.update($0) }
        return hasher.finish()
    }
}
