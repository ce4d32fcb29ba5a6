import Formats

/// One computation pinned down by another framework: a description (`NAME.json`) and its tensors
/// (`NAME.safetensors`). The names of the tensors (`param/…`, `input/…`, `f64/out/…`, `f64/grad/…`) are explained
/// in `Tests/Fixtures/README.md`.
public struct SafetensorsCase: Sendable {
    public enum Failure: Error, CustomStringConvertible {
        case noTensor(String, in: String)
        case otherType(String, in: String)

        public var description: String {
            switch self {
            case .noTensor(let name, let file): "\(file) has no tensor \(name)"
            case .otherType(let name, let file): "tensor \(name) of \(file) has another type"
            }
        }
    }

    public let name: String
    public let description: JSON
    public let tensors: Safetensors

    /// The cases of a folder of `Tests/Fixtures`, in order.
    public static func names(folder: String = "reference") throws -> [String] {
        try Fixtures.list(folder).filter { $0.hasSuffix(".json") }.map { String($0.dropLast(".json".count)) }
    }

    /// Reads `Tests/Fixtures/FOLDER/NAME.json` and `.safetensors`.
    public init(_ name: String, folder: String = "reference") throws {
        self.name = name
        description = try JSON.parse(Fixtures.bytes("\(folder)/\(name).json"))
        tensors = try Safetensors(Fixtures.bytes("\(folder)/\(name).safetensors"))
    }

    /// The configuration the case was computed with.
    public var config: JSON { description["config"] ?? .null }
    public var family: String { description["family"]?.string ?? "" }
    public func has(_ tensor: String) -> Bool { tensors[tensor] != nil }
    public func shape(_ tensor: String) throws -> [Int] { try found(tensor).shape }

    public func floats(_ tensor: String) throws -> [Float] { try value(tensor) { $0.floats } }
    public func doubles(_ tensor: String) throws -> [Double] { try value(tensor) { $0.doubles } }
    public func ints(_ tensor: String) throws -> [Int] { try value(tensor) { $0.ints } }

    /// PyTorch's own distance of binary32 from binary64 in this case (`outputs`, `gradients`).
    public func frameworkError(_ part: String) -> Double? {
        description["pytorch_f32_minus_f64_max_abs"]?[part]?.double
    }

    private func found(_ tensor: String) throws -> Safetensors.Tensor {
        guard let found = tensors[tensor] else { throw Failure.noTensor(tensor, in: name) }
        return found
    }

    private func value<T>(_ tensor: String, _ read: (Safetensors.Tensor) -> T?) throws -> T {
        guard let value = read(try found(tensor)) else { throw Failure.otherType(tensor, in: name) }
        return value
    }
}
