import Kernels

/// y = f(W·x + b): what dense and time-delay layers compute at every step, and a projection behind a cell.
///
///     W [outputs × inputs]    b [outputs], where there is one
///
/// The function is that of an Elman cell without a state, so that it has the bits and the speed of the cells.
final class ActivatedProduct: Sendable {
    let outputs: Int
    let inputs: Int
    private let cell: Cell
    private let isLinear: Bool
    private let kernels: KernelSet
    private let precision: Precision
    private let weights: Range<Int>
    private let biases: Range<Int>?
    private let matrix: PackedMatrix
    /// Wᵀ, for backward.
    private let transposed: PackedMatrix?
    private let bias: Buffer
    /// The recurrent side of the cell and its state before the step: a row of zeros, taken for every row.
    private let zeros: Buffer

    /// - Parameters:
    ///   - weights: where W lies among the parameters.
    ///   - bias: where b does.
    init(
        outputs: Int, inputs: Int, _ activation: Activation, weights: Range<Int>, bias: Range<Int>?, _ site: LayerSite,
        trains: Bool
    ) {
        self.outputs = outputs
        self.inputs = inputs
        self.weights = weights
        biases = bias
        cell = .elman(activation)
        isLinear = activation == .identity
        kernels = site.kernels
        precision = site.precision
        matrix = PackedMatrix(outputs: outputs, inputs: inputs, precision: precision, for: kernels)
        transposed =
            trains ? PackedMatrix(outputs: inputs, inputs: outputs, precision: precision, for: kernels) : nil
        self.bias = Buffer(count: outputs)
        zeros = Buffer(count: outputs)
    }

    var byteCount: Int {
        matrix.byteCount + (transposed?.byteCount ?? 0) + 2 * outputs * MemoryLayout<Float>.stride
    }

    /// The caller owns the weights alone meanwhile.
    func load(_ values: UnsafePointer<Float>) {
        kernels.pack(values + weights.lowerBound, into: matrix)
        if let transposed { kernels.packTransposed(values + weights.lowerBound, into: transposed) }
        if let biases { bias.base.update(from: values + biases.lowerBound, count: outputs) }
    }

    /// - Parameters:
    ///   - before: [rows × outputs], for what the function takes; another place than `target`.
    ///   - target: [rows × outputs], overwritten.
    func forward(_ x: LayerInput, before: MutableRows, into target: MutableRows) {
        let start = ProductStart.bias(UnsafePointer(bias.base))
        let sums = isLinear ? target : before
        switch x {
        case .rows(let rows): kernels.product(rows, matrix, start: start, into: sums)
        case .scattered(let rows): kernels.product(rows, matrix, start: start, into: sums)
        }
        if isLinear { return }
        let none = none(target.count)
        kernels.forward(cell, CellForward(hidden: outputs, p: sums.rows, q: none, hPrevious: none, h: target))
    }

    /// The gradient of W·x + b from that of y, which may be overwritten.
    func backward(_ above: MutableRows, y: Rows, into gradient: MutableRows) {
        let none = none(y.count)
        kernels.backward(
            cell, CellBackward(hidden: outputs, dh: above, h: y, hPrevious: none, dp: gradient))
    }

    /// The gradient of x from that of W·x + b.
    func inputGradient(_ gradient: Rows, into target: MutableRows) {
        guard let transposed else { preconditionFailure("weights packed for inference have no backward") }
        kernels.product(gradient, transposed, start: .zero, into: target)
    }

    /// Adds the gradients of W and b to those of all parameters.
    func formGradients(_ gradient: Rows, _ x: Rows, into all: UnsafeMutablePointer<Float>) {
        kernels.weightGradient(gradient, x, precision: precision, into: all + weights.lowerBound)
        if let biases { kernels.biasGradient(gradient, into: all + biases.lowerBound) }
    }

    private func none(_ count: Int) -> Rows {
        Rows(UnsafePointer(zeros.base), count: count, width: outputs, stride: 0)
    }
}

/// A projection behind a cell, and the context that the cell is fed with.
final class PackedProjection: Sendable {
    let product: ActivatedProduct
    /// Nil where the context is the output itself.
    private let decay: Float?
    private let kernels: KernelSet

    init(_ projection: Projection, hidden: Int, _ site: LayerSite, trains: Bool) {
        let own = projection.bias ? site.tensors.suffix(2) : site.tensors.suffix(1)
        product = ActivatedProduct(
            outputs: projection.width, inputs: hidden, projection.activation, weights: own[own.startIndex],
            bias: projection.bias ? own.last : nil, site, trains: trains)
        decay = projection.decay == 0 ? nil : projection.decay
        kernels = site.kernels
    }

    /// The context after a step: what the step gave, and a part of what was before it. `target` may be `before`.
    func feed(_ output: Rows, _ before: Rows, into target: MutableRows) {
        guard let decay else { return target.copy(output) }
        kernels.scale(before, by: decay, into: target)
        kernels.add(output, to: target)
    }

    /// The gradient of the context before a step, from that after it: all but what the cell's product adds.
    func feedBackward(_ gradient: MutableRows) {
        guard let decay else { return gradient.clear() }
        kernels.scale(gradient.rows, by: decay, into: gradient)
    }
}

extension MutableRows {
    func copy(_ rows: Rows) {
        for row in 0..<count { (base + row * stride).update(from: rows.base + row * rows.stride, count: width) }
    }

    func clear() {
        for row in 0..<count { (base + row * stride).update(repeating: 0, count: width) }
    }
}
