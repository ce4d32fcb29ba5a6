// Matrix products: forward and input gradients over packed weights, weight and bias gradients over sequences.

/// What the sums of a product begin with.
public enum ProductStart {
    case zero
    /// One value for each output.
    case bias(UnsafePointer<Float>)
    /// What the target holds.
    case target
}

extension KernelSet {
    /// Arranges W, row-major [outputs × inputs], for products target = W·left.
    public func pack(_ w: UnsafePointer<Float>, into matrix: PackedMatrix) {
        check(matrix)
        bodies.pack(
            w: w, outputStride: matrix.inputs, inputStride: 1, outputs: matrix.outputs, inputs: matrix.inputs,
            packed: matrix.panels.base)
    }

    /// Arranges the transpose of W, row-major [inputs × outputs] of the matrix, for products dx = Wᵀ·d.
    public func packTransposed(_ w: UnsafePointer<Float>, into matrix: PackedMatrix) {
        check(matrix)
        bodies.pack(
            w: w, outputStride: 1, inputStride: matrix.outputs, outputs: matrix.outputs, inputs: matrix.inputs,
            packed: matrix.panels.base)
    }

    /// target[row] = start + W·left[row]
    ///
    ///     left    [rows × inputs]
    ///     weights [outputs × inputs]   packed
    ///     target  [rows × outputs]     may not overlap the others
    ///
    /// Every output adds its products in the order of `inputs`, fused where the processor can, whatever the batch, the
    /// tile, the vector width or the number of threads: a row gives the same bits alone and in a batch.
    public func product(_ left: Rows, _ weights: PackedMatrix, start: ProductStart, into target: MutableRows) {
        check(weights)
        precondition(
            left.width == weights.inputs && target.width == weights.outputs && left.count == target.count,
            "product of \(left.count) × \(left.width) rows with \(weights.outputs) × \(weights.inputs) weights "
                + "into \(target.count) × \(target.width)")
        var bias: UnsafePointer<Float>?
        var continues = 0
        switch start {
        case .zero: break
        case .bias(let values): bias = values
        case .target: continues = 1
        }
        let work = ProductWork(
            bodies: bodies, left: left, weights: weights.panels.base, inputs: weights.inputs,
            laneCount: weights.laneCount, bias: bias, continues: continues, target: target)
        let units = (weights.outputs + work.width - 1) / work.width
        divide(work, units: units, cost: left.count * weights.inputs * work.width)
    }

    /// gradient[output][input] += Σ d[row][output] · x[row][input], rows in order
    ///
    ///     d         [rows × outputs]
    ///     x         [rows × inputs]
    ///     gradient  [outputs × inputs]   row-major, accumulated into; may not overlap the others
    ///
    /// Rows are those of whole sequences, in the order (time, batch). Threads divide outputs, never rows.
    public func weightGradient(_ d: Rows, _ x: Rows, into gradient: UnsafeMutablePointer<Float>) {
        precondition(d.count == x.count, "weight gradient of \(d.count) rows with \(x.count)")
        let work = WeightGradientWork(bodies: bodies, d: d, x: x, gradient: gradient)
        // Sixteen outputs are one slab of the body.
        divide(work, units: (d.width + 15) / 16, cost: 16 * d.count * x.width)
    }

    /// gradient[output] += Σ d[row][output], over sixteen virtual lanes of rows and a fixed tree.
    public func biasGradient(_ d: Rows, into gradient: UnsafeMutablePointer<Float>) {
        bodies.columnSums(x: d.base, stride: d.stride, rows: d.count, width: d.width, target: gradient, adds: 1)
    }

    private func check(_ matrix: PackedMatrix) {
        precondition(
            matrix.laneCount == bodies.laneCount,
            "matrix packed for vectors of \(matrix.laneCount) floats, not \(bodies.laneCount)")
    }
}

/// Units are three panels of the packed matrix, as many as the widest tiles take at once.
private struct ProductWork: DividedWork {
    let bodies: any InstructionSetBodies.Type
    let left: Rows
    let weights: UnsafePointer<Float>
    let inputs: Int
    let laneCount: Int
    let bias: UnsafePointer<Float>?
    let continues: Int
    let target: MutableRows

    /// Outputs of one unit.
    var width: Int { 3 * laneCount }

    func run(_ units: Range<Int>) {
        let output = units.lowerBound * width
        bodies.product(
            left: left.base, leftStride: left.stride, rows: left.count,
            packed: weights + output * inputs, inputs: inputs,
            outputs: min(units.upperBound * width, target.width) - output,
            bias: bias.map { $0 + output }, continues: continues,
            target: target.base + output, targetStride: target.stride)
    }
}

/// Units are groups of sixteen outputs.
private struct WeightGradientWork: DividedWork {
    let bodies: any InstructionSetBodies.Type
    let d: Rows
    let x: Rows
    let gradient: UnsafeMutablePointer<Float>

    func run(_ units: Range<Int>) {
        let output = units.lowerBound * 16
        bodies.weightGradient(
            d: d.base + output, dStride: d.stride, outputs: min(units.upperBound * 16, d.width) - output,
            x: x.base, xStride: x.stride, inputs: x.width,
            rows: d.count, gradient: gradient + output * x.width, gradientStride: x.width)
    }
}
