import Kernels
import Models
import Networks
import Resources
import Store

/// A session's state as bytes that can be kept anywhere and restored later, by this server or another.
///
///     magic        8 bytes   "TSTEPST" and the format version
///     model        32 bytes  SHA-256 of the model file
///     name         4 bytes of length, then UTF-8: model name, for error texts only
///     number       8 bytes   version, likewise
///     precision    4 bytes of length, then UTF-8: what the network computed in
///     step         8 bytes
///     lags         8 bytes rows, 8 bytes columns, then Double, row after row
///     network      8 bytes steps; every slot of the state in the order of `StateLayout`: 8 bytes of count, then Float
///     checksum     32 bytes  SHA-256 of all that stands before it
///
/// All numbers little-endian. A state goes only into a session of the model and the precision that it came from.
struct StateBlob {
    static let magic: [UInt8] = Array("TSTEPST\u{2}".utf8)
    static let checksumLength = 32

    /// - Parameter digest: SHA-256 of the model file in hexadecimal.
    static func encode(_ state: SessionState, _ layout: StateLayout, model: ServedModel) -> [UInt8] {
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
        for slot in layout.slots { bytes.append(state.live.network.values[slot.range]) }
        return bytes + SHA256.digest(bytes)
    }

    /// Reads a blob for a session of `loaded`, whose zero state gives the shapes. Its checksum is no signature: every count
    /// is held to the shape before anything of its size is allocated.
    ///
    /// Throws `.invalid` for what is no blob or a damaged one, `.stateOfAnotherModel` for one of another model.
    static func decode(_ blob: [UInt8], for loaded: LoadedModel) throws(ServiceError) -> SessionState {
        guard blob.count > magic.count + 2 * checksumLength, blob.starts(with: magic) else {
            throw damaged("it does not begin as one; send what GET …/state gave with Accept: application/octet-stream")
        }
        let content = blob[..<(blob.count - checksumLength)]
        guard SHA256.digest(content) == Array(blob.suffix(checksumLength)) else {
            throw damaged("its checksum does not match its \(blob.count) bytes; it was cut short or changed on the way")
        }
        var reader = BinaryReader(Array(content.dropFirst(magic.count)))
        do {
            try readOrigin(from: &reader, loaded.served)
            let state = try readState(from: &reader, loaded)
            guard reader.isAtEnd else { throw reader.malformed("the end") }
            return state
        } catch let error as BinaryReader.Malformed {
            throw damaged("\(error.expectation) expected at byte \(magic.count + error.offset)")
        } catch let error as ServiceError {
            throw error
        } catch {
            throw damaged("\(error)")
        }
    }

    private static func readOrigin(from reader: inout BinaryReader, _ model: ServedModel) throws {
        let digest = try reader.readBytes(checksumLength)
        let name = try readWord(from: &reader)
        let version = try reader.read(UInt64.self)
        let word = try readWord(from: &reader)
        guard digest == digestBytes(model.digest) else {
            throw ServiceError(
                .stateOfAnotherModel,
                "the state is one of model \(name):\(version), whose file is not that of this session's model "
                    + "\(model.name):\(model.version); open a session of the model that it came from")
        }
        guard let precision = Precision(rawValue: word) else {
            throw damaged("it comes from a newer program, which computed in \"\(word)\"")
        }
        try StateOrigin(precision: precision).require(model)
    }

    /// A name, of a model or a precision.
    private static func readWord(from reader: inout BinaryReader) throws(BinaryReader.Malformed) -> String {
        let count = Int(try reader.read(UInt32.self))
        guard count <= ModelName.maximumLength else { throw reader.malformed("a name before this") }
        return try reader.readText(count)
    }

    private static func readState(
        from reader: inout BinaryReader, _ loaded: LoadedModel
    ) throws(BinaryReader.Malformed) -> SessionState {
        let step = try reader.readInt(in: 0...ModelLimit.steps, "a number of steps")
        let rows = try reader.readInt(in: 0...loaded.model.lag, "a number of rows to look back on")
        // A state without rows has none that could tell their width.
        let width = rows == 0 ? 0 : loaded.model.inputs.laggedColumns
        _ = try reader.readInt(in: width...width, "a number of columns")
        var lags: [[Double]] = []
        for _ in 0..<rows {
            var row: [Double] = []
            for _ in 0..<width { row.append(try reader.readDouble()) }
            lags.append(row)
        }
        var network = loaded.predictor.network.zeroState
        network.steps = try reader.readInt(in: 0...ModelLimit.steps, "a number of steps of the network")
        for slot in loaded.predictor.network.stateLayout.slots {
            network.values.replaceSubrange(slot.range, with: try reader.readFloats(slot.range.count))
        }
        return SessionState(step: step, live: ModelState(network: network, lags: lags))
    }

    private static func damaged(_ why: String) -> ServiceError {
        ServiceError(.invalid, "the body is not a session state: \(why)")
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
}

extension [UInt8] {
    fileprivate mutating func append(_ number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(_ text: String) {
        append(UInt32(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    fileprivate mutating func append(_ floats: ArraySlice<Float>) {
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
