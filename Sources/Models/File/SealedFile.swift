import Resources

/// The envelope of our own binary files: what it is, how long it is, and a checksum, so that a torn or foreign file is
/// recognised and named.
///
///     magic "TIMESTEP" · kind (4 letters) · version (UInt32) · payload length (UInt64) · payload · SHA-256 of all before
///
/// Numbers are little-endian.
public struct SealedFile: Sendable {
    /// Why bytes are no file of the kind expected.
    public enum Damage: Error, Hashable, Sendable {
        /// Nothing at the beginning says that it is one of our files.
        case notOurs
        /// One of our files, but of another kind.
        case otherKind(String)
        /// Written by a later program.
        case laterVersion(UInt32, known: UInt32)
        /// The file ends early: its writing was probably interrupted.
        case truncated(have: Int, need: Int)
        /// Bytes after the end.
        case overlong(have: Int, need: Int)
        /// Every length is right, but bytes have changed.
        case checksum
    }

    private static let magic = Array("TIMESTEP".utf8)
    private static let headerCount = 24

    /// Four ASCII letters.
    public let kind: String
    public let version: UInt32

    public init(kind: String, version: UInt32) {
        precondition(kind.utf8.count == 4, "a kind has four letters")
        self.kind = kind
        self.version = version
    }

    public func seal(_ payload: [UInt8]) -> [UInt8] {
        var writer = BinaryWriter()
        for byte in Self.magic + Array(kind.utf8) { writer.write(byte) }
        writer.write(version)
        writer.write(UInt64(payload.count))
        var bytes = writer.bytes
        bytes.reserveCapacity(bytes.count + payload.count + SHA256.byteCount)
        bytes += payload
        return bytes + SHA256.digest(bytes)
    }

    /// The payload and the version it was written with.
    public func open(_ bytes: [UInt8]) throws(Damage) -> (payload: [UInt8], version: UInt32) {
        let known = bytes.prefix(Self.magic.count)
        guard known.elementsEqual(Self.magic.prefix(bytes.count)), !bytes.isEmpty else { throw .notOurs }
        guard bytes.count >= Self.headerCount else { throw .truncated(have: bytes.count, need: Self.headerCount) }
        let found = String(decoding: bytes[8..<12], as: UTF8.self)
        guard found == kind else { throw .otherKind(found) }
        let version = number(bytes[12..<16])
        guard version <= self.version else { throw .laterVersion(UInt32(version), known: self.version) }
        let length = number(bytes[16..<24])
        let (need, overflow) = Int(truncatingIfNeeded: length)
            .addingReportingOverflow(Self.headerCount + SHA256.byteCount)
        guard length <= Int.max, !overflow else { throw .checksum }
        guard bytes.count >= need else { throw .truncated(have: bytes.count, need: need) }
        guard bytes.count == need else { throw .overlong(have: bytes.count, need: need) }
        let end = need - SHA256.byteCount
        guard SHA256.digest(bytes[..<end]) == Array(bytes[end...]) else { throw .checksum }
        return (Array(bytes[Self.headerCount..<end]), UInt32(version))
    }

    private func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension SealedFile.Damage: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notOurs: "it does not begin as a file of Timestep does"
        case .otherKind(let kind): "it is a file of Timestep of another kind (\(kind))"
        case .laterVersion(let version, let known):
            "it has format version \(version), this program knows \(known) and below; it was written by a later one"
        case .truncated(let have, let need):
            "it ends after \(have) of \(need) bytes; the write was probably interrupted"
        case .overlong(let have, let need): "it has \(have) bytes where \(need) belong to it"
        case .checksum: "its checksum does not match: bytes have changed since it was written"
        }
    }
}
