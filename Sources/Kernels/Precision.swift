#if arch(x86_64)
import KernelsAVX512BF16
import KernelsAVX512VNNI
#endif

/// What weights and the rows that meet them are rounded to before they are multiplied.
///
/// In each of them a row gives the same bits alone, in a batch and step by step. Float32 and int8 give the same bits on
/// all instruction sets with fused multiply-add; bfloat16 does among processors that have its dot product, and among
/// those that have not.
public enum Precision: String, Sendable, Codable, CaseIterable {
    case float32
    /// Weights and rows as bfloat16, sums in float32.
    case bfloat16
    /// Weights as bytes times a scale of each output, rows as bytes times a scale of each row, sums exact in int32.
    case int8

    /// What a packed weight takes.
    public var bytesPerWeight: Int {
        switch self {
        case .float32: return 4
        case .bfloat16: return 2
        case .int8: return 1
        }
    }

    /// The number by which the bodies know it.
    var code: Int {
        switch self {
        case .float32: return 0
        case .bfloat16: return 1
        case .int8: return 2
        }
    }
}

extension KernelSet {
    /// The most inputs that a product may have in a reduced precision: a row must fit the scratch, and a whole sum of
    /// products of at most 127·127 a 32-bit integer. On the way, with 128 added to every number of the row, a sum may
    /// go beyond that and come back: whole numbers wrap.
    func mostInputs(_ precision: Precision) -> Int {
        switch precision {
        case .float32: return .max
        case .bfloat16: return 2 * products(precision).longestRow
        case .int8: return min(4 * products(precision).longestRow, Int(Int32.max) / (127 * 127))
        }
    }

    /// Whether products in a precision are the processor's own dot products.
    private func hasDots(_ precision: Precision) -> Bool {
        switch precision {
        case .float32: return false
        case .bfloat16: return usesDots && instructionSet.hasBFloat16Dots
        case .int8: return usesDots && instructionSet.hasInt8Dots
        }
    }

    /// The bodies of products in a precision: the processor's own dot products where it has them.
    func products(_ precision: Precision) -> any ProductBodies.Type {
        #if arch(x86_64)
        if hasDots(precision) {
            return precision == .bfloat16 ? KernelsAVX512BF16.Bodies.self : KernelsAVX512VNNI.Bodies.self
        }
        #endif
        return bodies
    }

    /// The bodies of weight gradients, float32 or bfloat16.
    func gradients(_ precision: Precision) -> any GradientBodies.Type {
        precondition(precision != .int8, "gradients have no 8-bit form")
        #if arch(x86_64)
        if hasDots(precision) { return KernelsAVX512BF16.Bodies.self }
        #endif
        return bodies
    }
}

#if arch(x86_64)
extension KernelsAVX512BF16.Bodies: GradientBodies {}
extension KernelsAVX512VNNI.Bodies: ProductBodies {}
#endif
