import Kernels

/// The head of a network: the outputs from what the readout gives. In float32 always, since it costs little and its errors
/// would stand in the answer as they are.
final class PackedHead: Sendable {
    /// Nil where the top layer gives the outputs.
    private let matrix: PackedMatrix?
    private let transposed: PackedMatrix?
    private let bias: Buffer
    private let weights: Range<Int>
    private let biases: Range<Int>
    private let kernels: KernelSet

    init(_ description: NetworkDescription, _ layout: ParameterLayout, kernels: KernelSet, trains: Bool) {
        let isLinear = description.head == .linear
        let (outputs, top) = (description.outputs, description.topWidth)
        matrix = isLinear ? PackedMatrix(outputs: outputs, inputs: top, for: kernels) : nil
        transposed = isLinear && trains ? PackedMatrix(outputs: top, inputs: outputs, for: kernels) : nil
        bias = Buffer(count: outputs)
        weights = layout.headWeights
        biases = layout.headBias
        self.kernels = kernels
    }

    var byteCount: Int {
        (matrix?.byteCount ?? 0) + (transposed?.byteCount ?? 0) + bias.count * MemoryLayout<Float>.stride
    }

    /// The caller owns the head alone meanwhile.
    func load(_ values: UnsafePointer<Float>) {
        guard let matrix else { return }
        kernels.pack(values + weights.lowerBound, into: matrix)
        if let transposed { kernels.packTransposed(values + weights.lowerBound, into: transposed) }
        bias.base.update(from: values + biases.lowerBound, count: bias.count)
    }

    ///     rows    [rows × top]    target  [rows × outputs], overwritten
    func forward(_ rows: Rows, into target: MutableRows) {
        guard let matrix else { return target.copy(rows) }
        kernels.product(rows, matrix, start: .bias(UnsafePointer(bias.base)), into: target)
    }

    /// The gradient of what it read.
    func inputGradient(_ outputs: Rows, into target: MutableRows) {
        guard let transposed else { return target.copy(outputs) }
        kernels.product(outputs, transposed, start: .zero, into: target)
    }

    /// Adds the gradients of its weights to those of all parameters.
    func formGradients(_ outputs: Rows, _ read: Rows, into gradient: UnsafeMutablePointer<Float>) {
        guard matrix != nil else { return }
        kernels.weightGradient(outputs, read, into: gradient + weights.lowerBound)
        kernels.biasGradient(outputs, into: gradient + biases.lowerBound)
    }
}
