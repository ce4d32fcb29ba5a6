import CVectors

/// A set of vector instructions that the hot loops were compiled for.
///
/// All sets with fused multiply-add (all but `baseline`) give the same bits; the baseline has bits of its own.
public enum InstructionSet: String, Sendable, CaseIterable, Codable {
    /// Any x86-64 processor: 128-bit vectors, no fused multiply-add.
    case baseline
    /// AVX2 with FMA: 256-bit vectors.
    case avx2
    /// AVX-512 F, VL, DQ and BW: 512-bit vectors.
    case avx512
    /// Any 64-bit Arm processor: 128-bit vectors.
    case neon

    /// The widest set of this processor.
    public static let best: InstructionSet = [.avx512, .avx2, .neon].first(where: \.isAvailable) ?? .baseline

    public static var available: [InstructionSet] { allCases.filter(\.isAvailable) }

    public var isAvailable: Bool {
        #if arch(arm64)
        return self == .neon
        #else
        switch self {
        case .baseline: return true
        case .avx2: return vectors_processor_has_avx2() != 0
        case .avx512: return vectors_processor_has_avx512() != 0
        case .neon: return false
        }
        #endif
    }

    /// Whether this set comes with dot products of bfloat16 pairs into float32 (AVX-512 BF16).
    public var hasBFloat16Dots: Bool {
        #if arch(x86_64)
        return self == .avx512 && vectors_processor_has_avx512_bf16() != 0
        #else
        return false
        #endif
    }

    /// Whether this set comes with dot products of four bytes into 32-bit integers (AVX-512 VNNI).
    public var hasInt8Dots: Bool {
        #if arch(x86_64)
        return self == .avx512 && vectors_processor_has_avx512_vnni() != 0
        #else
        return false
        #endif
    }
}
