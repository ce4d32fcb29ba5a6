/// A file of named tensors: 8 bytes with the length of a JSON header, the header, then raw little-endian row-major
/// data (https://github.com/huggingface/safetensors, format section).
public struct Safetensors: Sendable {
    public enum ElementType: String, Sendable, CaseIterable {
        case bool = "BOOL"
        case u8 = "U8"
        case i8 = "I8"
        case i16 = "I16"
        case i32 = "I32"
        case i64 = "I64"
        case f32 = "F32"
        case f64 = "F64"

        public var size: Int {
            switch self {
            case .bool, .u8, .i8: 1
            case .i16: 2
            case .i32, .f32: 4
            case .i64, .f64: 8
            }
        }
    }

    public struct Tensor: Sendable {
        public let name: String
        public let type: ElementType
        public let shape: [Int]
        /// Raw little-endian data, `count × type.size` bytes.
        public let bytes: ArraySlice<UInt8>

        public var count: Int { shape.reduce(1, *) }

        /// The elements as binary32; nil when they are of a type that does not fit exactly.
        public var floats: [Float]? {
            switch type {
            case .f32: elements(of: UInt32.self).map { Float(bitPattern: UInt32(littleEndian: $0)) }
            case .i16: elements(of: Int16.self).map { Float(Int16(littleEndian: $0)) }
            case .i8: bytes.map { Float(Int8(bitPattern: $0)) }
            case .u8, .bool: bytes.map { Float($0) }
            default: nil
            }
        }

        /// The elements as binary64; nil for 64-bit integers, which may not fit.
        public var doubles: [Double]? {
            switch type {
            case .f64: elements(of: UInt64.self).map { Double(bitPattern: UInt64(littleEndian: $0)) }
            case .i32: elements(of: Int32.self).map { Double(Int32(littleEndian: $0)) }
            case .i64: nil
            default: floats?.map(Double.init)
            }
        }

        /// The elements as whole numbers; nil for floating-point types.
        public var ints: [Int]? {
            switch type {
            case .i64: elements(of: Int64.self).map { Int(Int64(littleEndian: $0)) }
            case .i32: elements(of: Int32.self).map { Int(Int32(littleEndian: $0)) }
            case .i16: elements(of: Int16.self).map { Int(Int16(littleEndian: $0)) }
            case .i8: bytes.map { Int(Int8(bitPattern: $0)) }
            case .u8, .bool: bytes.map { Int($0) }
            case .f32, .f64: nil
            }
        }

        private func elements<T: FixedWidthInteger & BitwiseCopyable>(of type: T.Type) -> [T] {
            bytes.withUnsafeBytes { raw in
                (0..<raw.count / MemoryLayout<T>.size).map {
                    raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self)
                }
            }
        }
    }

    public let tensors: [String: Tensor]
    public let metadata: [String: String]

    public subscript(name: String) -> Tensor? { tensors[name] }

    /// Names in order.
    public var names: [String] { tensors.keys.sorted() }
}
