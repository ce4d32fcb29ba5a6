import CCrypto
import Foundation
import Kernels
import Networks

/// A session's state as bytes that can be kept anywhere and restored later, by this server or another.
///
///     magic        8 bytes   "TSTEPST" and the format version
///     model        32 bytes  SHA-256 of the model file
///     name         4 bytes of length, then UTF-8: model name, for error texts only
///     number       8 bytes   version, likewise
///     precision    4 bytes of length, then UTF-8: what the network computed in
///     step         8 bytes
///     lags         8 bytes rows, 8 bytes columns, then Double, row after row
///     network      8 bytes steps; for each layer h, then c where the cell has one; then the sum for a mean readout:
///                  each as 8 bytes of count, then Float
///     checksum     32 bytes  SHA-256 of all that stands before it
///
/// All numbers little-endian. A state goes only into a session of the model and the precision that it came from.
struct StateBlob {
    static let magic: [UInt8] = Array("TSTEPST\u{2}".utf8)
    static let checksumLength = 32

    /// - Parameter digest: SHA-256 of the model file in hexadecimal.
    static func encode(_ state: SessionState, model: ServedModel) -> [UInt8] {
        var bytes = magic
        bytes += digestBytes(model.digest)
        bytes.append(model.name)
        bytes.append(UInt64(model.version))
        bytes.append(model.precision.rawValue)
        bytes.append(UInt64(state.step))
        bytes.append(UInt64(state.live.lags.count))
        bytes.append(UInt64(state.live.lags.first?.count ?? 0))
        for row in state.live.lags { for value in row { bytes.append(value.bitPattern) } }
        bytes.append(UInt64(state.live.network.steps))
        for (h, c) in zip(state.live.network.h, state.live.network.c) {
            bytes.append(h)
            if let c { bytes.append(c) }
        }
        if let sum = state.live.network.sum { bytes.append(sum) }
        return bytes + sha256(bytes[...])
    }

    /// Reads a blob for a session of `model`, whose zero state gives the shapes.
    ///
    /// Throws `.invalid` for what is no blob or a damaged one, `.stateOfAnotherModel` for one of another model.
    static func decode(_ blob: [UInt8], for model: ServedModel, zero: StreamState) throws(ServiceError) -> SessionState
    {
        guard blob.count > magic.count + 2 * checksumLength, blob.starts(with: magic) else {
            throw damaged("it does not begin as one; send what GET …/state gave with Accept: application/octet-stream")
        }
        let content = blob[..<(blob.count - checksumLength)]
        guard sha256(content) == Array(blob.suffix(checksumLength)) else {
            throw damaged("its checksum does not match its \(blob.count) bytes; it was cut short or changed on the way")
        }
        var reader = Reader(bytes: content.dropFirst(magic.count))
        let digest = reader.take(checksumLength)
        let name = reader.text()
        let version = reader.number(UInt64.self)
        let word = reader.text()
        guard Array(digest) == digestBytes(model.digest) else {
            throw ServiceError(
                .stateOfAnotherModel,
                "the state is one of model \(name):\(version), whose file is not that of this session's model "
                    + "\(model.name):\(model.version); open a session of the model that it came from")
        }
        guard let precision = Precision(rawValue: word) else {
            throw damaged("it comes from a newer program, which computed in \"\(word)\"")
        }
        try StateOrigin(precision: precision).require(model)
        // Checksum and model are right, so the shapes are those that `encode` wrote; the reader still never reads
        // beyond the end.
        let step = Int(truncatingIfNeeded: reader.number(UInt64.self))
        let rows = reader.count(of: 8)
        let columns = reader.count(of: 8)
        var lags: [[Double]] = []
        for _ in 0..<rows {
            lags.append((0..<columns).map { _ in Double(bitPattern: reader.number(UInt64.self)) })
        }
        var network = zero
        network.steps = Int(truncatingIfNeeded: reader.number(UInt64.self))
        for layer in network.h.indices {
            network.h[layer] = reader.floats()
            if network.c[layer] != nil { network.c[layer] = reader.floats() }
        }
        if network.sum != nil { network.sum = reader.floats() }
        guard !reader.failed, reader.isAtEnd else { throw damaged("its parts do not add up to its length") }
        return SessionState(step: step, live: LiveState(network: network, lags: lags))
    }

    private static func damaged(_ why: String) -> ServiceError {
        ServiceError(.invalid, "the body is not a session state: \(why)")
    }

    private static func sha256(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: checksumLength)
        bytes.withUnsafeBytes { _ = EVP_Digest($0.baseAddress, $0.count, &digest, nil, EVP_sha256(), nil) }
        return digest
    }

    private static func digestBytes(_ hexadecimal: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = hexadecimal[...]
        while rest.count >= 2 {
            bytes.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    /// Reads from the front; what is not there is zero, and `failed` says so.
    private struct Reader {
        var bytes: ArraySlice<UInt8>
        var failed = false

        var isAtEnd: Bool { bytes.isEmpty }

        mutating func take(_ count: Int) -> ArraySlice<UInt8> {
            guard count >= 0, count <= bytes.count else {
                failed = true
                return []
            }
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count)
        }

        mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number {
            take(MemoryLayout<Number>.size).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
        }

        mutating func text() -> String { String(decoding: take(Int(number(UInt32.self))), as: UTF8.self) }

        /// A count of things of `size` bytes: at most as many as there is room for in what is left.
        mutating func count(of size: Int) -> Int {
            let count = number(UInt64.self)
            guard count <= UInt64(bytes.count) else {
                failed = true
                return 0
            }
            return Int(count)
        }

        mutating func floats() -> [Float] {
            let count = count(of: 4)
            return (0..<count).map { _ in Float(bitPattern: number(UInt32.self)) }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(_ text: String) {
        append(UInt32(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    fileprivate mutating func append(_ floats: [Float]) {
        append(UInt64(floats.count))
        for value in floats { append(value.bitPattern) }
    }
}

extension StateOrigin {
    /// Throws `.stateOfAnotherModel` where what is said is not so.
    func require(_ model: ServedModel) throws(ServiceError) {
        let name = "\(model.name):\(model.version)"
        if let digest, digest != model.digest {
            throw ServiceError(
                .stateOfAnotherModel,
                "the state belongs to the model file \(digest.prefix(12))…, \(name) is \(model.digest.prefix(12))…")
        }
        if let precision, precision != model.precision {
            throw ServiceError(
                .stateOfAnotherModel,
                "the state comes from a session in \(precision.rawValue), and this one runs \(name) in "
                    + "\(model.precision.rawValue); open one in \(precision.rawValue)")
        }
    }
}

extension OpenSessionRequest.Start {
    /// What the state was computed in, where it says so. (A blob is held to the session's when it is read.)
    var precision: Precision? {
        if case .state(_, let origin) = self { origin.precision } else { nil }
    }
}
