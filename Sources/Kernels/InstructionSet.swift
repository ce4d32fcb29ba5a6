import Glibc

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
        case .avx2: return Self.processorFlags.isSuperset(of: ["avx2", "fma"])
        case .avx512:
            return Self.processorFlags.isSuperset(of: ["avx512f", "avx512vl", "avx512dq", "avx512bw", "avx2", "fma"])
        case .neon: return false
        }
        #endif
    }

    /// What the kernel says the first processor can do. It leaves out what the operating system has not enabled, which
    /// the processor's own answer does not. Where it says nothing, the baseline serves.
    private static let processorFlags: Set<Substring> = {
        let text = firstProcessor()
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("flags") }) else { return [] }
        return Set(line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == ":" }))
    }()

    /// The beginning of /proc/cpuinfo; longer than the description of any one processor.
    private static func firstProcessor() -> String {
        guard let file = fopen("/proc/cpuinfo", "r") else { return "" }
        defer { fclose(file) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
            count = fread(buffer.baseAddress, 1, buffer.count, file)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
