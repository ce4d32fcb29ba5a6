import Kernels
import NamedFields

/// How the parameters start. Every matrix is drawn block by block (gate by gate), from its own place in the generator.
///
/// Uniform is the default: on the short series this service sees most it forecast as well as or better than an
/// orthogonal recurrent matrix, whose states fade late and carry noise far.
public struct Initialization: Hashable, Sendable {
    /// A start of a matrix [outputs × inputs].
    public enum Matrix: String, Hashable, Sendable, CaseIterable {
        /// Rows or columns orthonormal: Saxe et al. 2013, arXiv:1312.6120.
        case orthogonal
        /// Uniform within ±√(6 / (inputs + outputs)): Glorot and Bengio 2010.
        case glorot
        /// Ones on the diagonal (of each block), zero elsewhere: Le et al. 2015, arXiv:1504.00941.
        case identity
        /// Uniform within ±1/√hidden, and with it as the recurrent start the biases too: what PyTorch does.
        case uniform
    }

    public var input = Matrix.uniform
    public var recurrent = Matrix.uniform
    /// Added to the bias of the LSTM's forget gate; 1 helps it to remember over long sequences (Jozefowicz et al. 2015).
    public var forgetBias = 0.0

    public init() {}
}

extension Initialization: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("input", &input, .choice(), "How the matrices on the input side start.")
        visitor.field("recurrent", &recurrent, .choice(), "How the matrices on the recurrent side start.")
        visitor.field("forget_bias", &forgetBias, .number(.any), "Added to the bias of the LSTM's forget gate.")
    }
}

extension Parameters {
    /// The parameters a network starts from: a function of description, rule and seed alone.
    public init(_ network: NetworkDescription, _ rule: Initialization, seed: UInt64) {
        self.init(layout: ParameterLayout(network))
        let random = Philox(seed: seed)
        for part in layout.parts.joined() {
            let first = part.isReverse ? Self.rowsOfDirection : 0
            let blocks = layout.tensors[part.tensors].map(\.blocks).max() ?? 0
            for block in 0..<blocks {
                var stream = random.stream(.initialization, layer: part.layer, row: first + block)
                for tensor in layout.tensors[part.tensors] where block < tensor.blocks {
                    start(tensor, block, rule, &stream)
                }
            }
            var stream = random.stream(.initialization, layer: part.layer, row: first + blocks)
            for tensor in layout.tensors[part.tensors] where tensor.blocks == 0 { start(tensor, 0, rule, &stream) }
        }
        var stream = random.stream(.initialization, layer: network.layers.count)
        for tensor in layout.tensors where tensor.range.lowerBound >= layout.headWeights.lowerBound {
            start(tensor, 0, rule, &stream)
        }
    }

    /// Rows of the generator that one direction of a layer draws from, at most: more than a cell has blocks.
    private static let rowsOfDirection = 64

    /// One block of a tensor.
    private mutating func start(
        _ tensor: ParameterLayout.Tensor, _ block: Int, _ rule: Initialization, _ stream: inout PhiloxStream
    ) {
        let rows = tensor.shape[0] / max(tensor.blocks, 1)
        let shape = (outputs: rows, inputs: tensor.shape.count > 1 ? tensor.range.count / tensor.shape[0] : 1)
        let range = tensor.range
        switch tensor.start {
        case .zero: break
        case .input(let bound): fill(range, block, shape: shape, rule.input, bound: bound, &stream)
        case .recurrent(let bound): fill(range, block, shape: shape, rule.recurrent, bound: bound, &stream)
        case .uniform(let bound): fill(range, block, shape: shape, .uniform, bound: bound, &stream)
        case .glorot: fill(range, block, shape: shape, .glorot, bound: shape.inputs, &stream)
        case .normal:
            for place in range.dropFirst(shape.inputs) { values[place] = Float(stream.nearlyNormal()) }
        case .bias(let bound, let forget):
            if rule.recurrent == .uniform { fill(range, block, shape: shape, .uniform, bound: bound, &stream) }
            for unit in (block * rows..<(block + 1) * rows).clamped(to: forget ?? 0..<0) {
                values[range.lowerBound + unit] += Float(rule.forgetBias)
            }
        }
    }

    /// One block [outputs × inputs] of the matrix at `range`.
    private mutating func fill(
        _ range: Range<Int>, _ block: Int, shape: (outputs: Int, inputs: Int), _ rule: Initialization.Matrix,
        bound: Int, _ stream: inout PhiloxStream
    ) {
        let count = shape.outputs * shape.inputs
        let start = range.lowerBound + block * count
        switch rule {
        case .orthogonal:
            let matrix = orthogonal(shape.outputs, shape.inputs, &stream)
            for index in 0..<count { values[start + index] = Float(matrix[index]) }
        case .identity:
            for index in 0..<min(shape.outputs, shape.inputs) { values[start + index * shape.inputs + index] = 1 }
        case .glorot, .uniform:
            let limit =
                rule == .glorot
                ? (6 / Double(shape.inputs + shape.outputs)).squareRoot() : 1 / Double(bound).squareRoot()
            for index in 0..<count { values[start + index] = Float((2 * stream.uniform() - 1) * limit) }
        }
    }
}

/// A random [outputs × inputs] matrix whose shorter side is orthonormal: Gram and Schmidt, each vector twice, over
/// nearly normal draws.
private func orthogonal(_ outputs: Int, _ inputs: Int, _ stream: inout PhiloxStream) -> [Double] {
    let (vectors, length) = (min(outputs, inputs), max(outputs, inputs))
    var basis = [Double](repeating: 0, count: vectors * length)
    basis.withUnsafeMutableBufferPointer { basis in
        for vector in 0..<vectors {
            let own = vector * length
            var norm = 0.0
            // A draw that happens to lie in the span of those before it is drawn again.
            repeat {
                for index in 0..<length { basis[own + index] = stream.nearlyNormal() }
                for _ in 0..<2 {
                    for other in 0..<vector {
                        let start = other * length
                        var dot = 0.0
                        for index in 0..<length { dot += basis[own + index] * basis[start + index] }
                        for index in 0..<length { basis[own + index] -= dot * basis[start + index] }
                    }
                }
                norm = 0
                for index in 0..<length { norm += basis[own + index] * basis[own + index] }
                norm = norm.squareRoot()
            } while norm < 1e-6
            for index in 0..<length { basis[own + index] /= norm }
        }
    }
    guard outputs > inputs else { return basis }
    var transposed = [Double](repeating: 0, count: basis.count)
    for vector in 0..<vectors {
        for index in 0..<length { transposed[index * inputs + vector] = basis[vector * length + index] }
    }
    return transposed
}
