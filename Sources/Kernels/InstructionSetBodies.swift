import CVectors

#if arch(arm64)
import KernelsBaseline
#else
import KernelsAVX2
import KernelsAVX512
import KernelsBaseline
#endif

// The hot loops of one module. Their comments, with shapes, stand in KernelBodies; the modules compiled from it satisfy
// these protocols by having the same functions.

/// Products over packed weights.
protocol ProductBodies: SendableMetatype {
    static var laneCount: Int { get }

    static func groupCount(blocks: Int, hidden: Int) -> Int
    static func packedCount(blocks: Int, hidden: Int, inputs: Int, precision: Int) -> Int
    static func pack(
        w: UnsafePointer<Float>, outputStride: Int, inputStride: Int, blocks: Int, hidden: Int, inputs: Int,
        firstGroup: Int, groupCount: Int, precision: Int, packed: UnsafeMutablePointer<Float>)
    static var scratchCount: Int { get }
    static var longestRow: Int { get }
    static func product(
        left: UnsafePointer<Float>, leftStride: Int, leftPlaces: UnsafePointer<Int>?, rows: Int,
        packed: UnsafePointer<Float>, inputs: Int, outputs: Int, firstGroup: Int, groupCount: Int, backwards: Int,
        bias: UnsafePointer<Float>?, continues: Int, precision: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int, scratch: UnsafeMutablePointer<Float>)
    static func recurrentProduct(
        rows: Int, blocks: Int, hidden: Int, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>, precision: Int,
        firstGroup: Int, groupCount: Int, backwards: Int, left: UnsafePointer<Float>, leftStride: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int, scratch: UnsafeMutablePointer<Float>)
    static func cellStep(
        _ s: UnsafePointer<cell_forward>, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>, precision: Int,
        firstGroup: Int, groupCount: Int, backwards: Int, scratch: UnsafeMutablePointer<Float>)
}

/// Products with the gradients of their weights.
protocol GradientBodies: ProductBodies {
    static var gradientUnit: Int { get }
    static func weightGradient(
        d: UnsafePointer<Float>, dStride: Int, outputs: Int,
        x: UnsafePointer<Float>, xStride: Int, inputs: Int,
        rows: Int, precision: Int, gradient: UnsafeMutablePointer<Float>, gradientStride: Int,
        scratch: UnsafeMutablePointer<Float>)
}

/// Everything, for one instruction set.
protocol InstructionSetBodies: GradientBodies {
    static var multiplyAddChains: Int { get }
    static func multiplyAdds(rounds: Int, target: UnsafeMutablePointer<Float>)
    static var readSumWidth: Int { get }
    static func readSums(
        source: UnsafePointer<Float>, count: Int, apart: Int, rounds: Int, target: UnsafeMutablePointer<Float>)

    static func sum(_ x: UnsafePointer<Float>, count: Int) -> Float
    static func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Float
    static func columnSums(
        x: UnsafePointer<Float>, stride: Int, rows: Int, width: Int,
        target: UnsafeMutablePointer<Float>, other: UnsafeMutablePointer<Float>?, adds: Int,
        scratch: UnsafeMutablePointer<Float>)
    static func columnProducts(
        rows: Int, width: Int, x: UnsafePointer<Float>, xStride: Int, y: UnsafePointer<Float>, yStride: Int,
        target: UnsafeMutablePointer<Float>)

    static func cellForward(_ s: UnsafePointer<cell_forward>)
    static func cellForwardMask(_ s: UnsafePointer<cell_forward>)
    static func cellBackward(_ s: UnsafePointer<cell_backward>)
    static func cellBackwardMask(_ s: UnsafePointer<cell_backward>)

    static func softmax(
        logits: UnsafePointer<Float>, logitsStride: Int, rows: Int, classes: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int)
    static func softmaxCrossEntropy(
        logits: UnsafePointer<Float>, logitsStride: Int, rows: Int, classes: Int, labels: UnsafePointer<Int32>,
        factor: Float, gradient: UnsafeMutablePointer<Float>, gradientStride: Int,
        losses: UnsafeMutablePointer<Float>)
    static func sigmoidCrossEntropy(
        logits: UnsafePointer<Float>, logitsStride: Int, targets: UnsafePointer<Float>, targetsStride: Int,
        rows: Int, width: Int, factor: Float, gradient: UnsafeMutablePointer<Float>, gradientStride: Int,
        losses: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>)
    static func squaredError(
        outputs: UnsafePointer<Float>, outputsStride: Int, targets: UnsafePointer<Float>, targetsStride: Int,
        rows: Int, width: Int, factor: Float, gradient: UnsafeMutablePointer<Float>, gradientStride: Int,
        losses: UnsafeMutablePointer<Float>)

    static func map(
        function: Int, rows: Int, width: Int, x: UnsafePointer<Float>, xStride: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int)
    static func multiply(
        rows: Int, width: Int, x: UnsafePointer<Float>, xStride: Int, y: UnsafePointer<Float>, yStride: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int)
    static func addScaled(
        rows: Int, width: Int, factor: Float, x: UnsafePointer<Float>, xStride: Int,
        y: UnsafePointer<Float>, yStride: Int, target: UnsafeMutablePointer<Float>, targetStride: Int)
    static func scale(
        rows: Int, width: Int, factor: Float, x: UnsafePointer<Float>, xStride: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int)
}

extension KernelsBaseline.Bodies: InstructionSetBodies {}
#if arch(x86_64)
extension KernelsAVX2.Bodies: InstructionSetBodies {}
extension KernelsAVX512.Bodies: InstructionSetBodies {}
#endif

extension InstructionSet {
    /// The bodies compiled for this set, which must be available.
    var bodies: any InstructionSetBodies.Type {
        precondition(isAvailable, "instruction set \(rawValue) is not available on this processor")
        #if arch(arm64)
        return KernelsBaseline.Bodies.self
        #else
        switch self {
        case .avx512: return KernelsAVX512.Bodies.self
        case .avx2: return KernelsAVX2.Bodies.self
        case .baseline, .neon: return KernelsBaseline.Bodies.self
        }
        #endif
    }
}
