/// Why some bytes are no safetensors file.
public enum SafetensorsError: Error, Sendable, Hashable, CustomStringConvertible {
    case truncated(have: Int, need: Int)
    case header(String)
    /// A tensor whose description does not fit its data.
    case tensor(name: String, String)

    public var description: String {
        switch self {
        case .truncated(let have, let need): "safetensors file ends after \(have) of \(need) bytes"
        case .header(let reason): "safetensors header: \(reason)"
        case .tensor(let name, let reason): "safetensors tensor \"\(name)\": \(reason)"
        }
    }
}

extension Safetensors {
    /// The format's own limit on its header.
    public static let largestHeader = 100_000_000

    /// Reads a whole file. Every tensor's data must lie within the file and have the size its shape says.
    public init(_ bytes: [UInt8]) throws {
        guard bytes.count >= 8 else { throw SafetensorsError.truncated(have: bytes.count, need: 8) }
        let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(Self.largestHeader) else {
            throw SafetensorsError.header("\(length) bytes long, at most \(Self.largestHeader) are allowed")
        }
        let dataStart = 8 + Int(length)
        guard bytes.count >= dataStart else {
            throw SafetensorsError.truncated(have: bytes.count, need: dataStart)
        }
        let header: JSON
        do {
            header = try JSON.parse(Array(bytes[8..<dataStart]))
        } catch {
            throw SafetensorsError.header("is no JSON: \(error)")
        }
        guard let object = header.object else { throw SafetensorsError.header("is \(header.kindName), not an object") }
        var tensors: [String: Tensor] = [:]
        var metadata: [String: String] = [:]
        for (name, entry) in object.members {
            if name == "__metadata__" {
                for (key, value) in entry.object.map({ Array($0.members) }) ?? [] { metadata[key] = value.string }
            } else {
                tensors[name] = try Self.tensor(name, entry, in: bytes[dataStart...])
            }
        }
        self.tensors = tensors
        self.metadata = metadata
    }

    private static func tensor(_ name: String, _ entry: JSON, in data: ArraySlice<UInt8>) throws -> Tensor {
        guard let typeName = entry["dtype"]?.string, let type = ElementType(rawValue: typeName) else {
            let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
            throw SafetensorsError.tensor(name: name, "dtype is none of \(known)")
        }
        let dimensions = entry["shape"]?.array?.map(\.int)
        guard let shape = dimensions?.compactMap({ $0 }), shape.count == dimensions?.count,
            shape.allSatisfy({ $0 >= 0 })
        else { throw SafetensorsError.tensor(name: name, "shape is no array of sizes") }
        guard let offsets = entry["data_offsets"]?.array?.compactMap(\.int), offsets.count == 2,
            offsets[0] >= 0, offsets[0] <= offsets[1]
        else { throw SafetensorsError.tensor(name: name, "data_offsets is no pair of positions") }
        guard offsets[1] <= data.count else {
            throw SafetensorsError.tensor(name: name, "data ends at \(offsets[1]), the file at \(data.count)")
        }
        var size = type.size
        for dimension in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw SafetensorsError.tensor(name: name, "shape \(shape) is too large") }
            size = product
        }
        guard size == offsets[1] - offsets[0] else {
            throw SafetensorsError.tensor(
                name: name, "\(typeName) of shape \(shape) takes \(size) bytes, its data has \(offsets[1] - offsets[0])"
            )
        }
        let start = data.startIndex
        return Tensor(name: name, type: type, shape: shape, bytes: data[start + offsets[0]..<start + offsets[1]])
    }
}
