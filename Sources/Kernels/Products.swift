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
        check(laneCount: matrix.laneCount)
        pack(
            PackWork(
                products: products(matrix.precision), w: w, outputStride: matrix.inputs, inputStride: 1, blocks: 1,
                hidden: matrix.outputs, inputs: matrix.inputs, precision: matrix.precision,
                packed: matrix.weights.base))
    }

    /// Arranges the transpose of W, row-major [inputs × outputs] of the matrix, for products dx = Wᵀ·d.
    public func packTransposed(_ w: UnsafePointer<Float>, into matrix: PackedMatrix) {
        check(laneCount: matrix.laneCount)
        pack(
            PackWork(
                products: products(matrix.precision), w: w, outputStride: 1, inputStride: matrix.outputs, blocks: 1,
                hidden: matrix.outputs, inputs: matrix.inputs, precision: matrix.precision,
                packed: matrix.weights.base))
    }

    /// Arranges U, row-major [blocks·hidden × hidden], and its bias for steps of a cell.
    public func pack(_ u: UnsafePointer<Float>, bias: UnsafePointer<Float>, into matrix: RecurrentMatrix) {
        check(laneCount: matrix.laneCount)
        let (blocks, hidden) = (matrix.shape.blocks, matrix.hidden)
        pack(
            PackWork(
                products: products(matrix.precision), w: u, outputStride: hidden, inputStride: 1, blocks: blocks,
                hidden: hidden, inputs: hidden, precision: matrix.precision, packed: matrix.weights.base))
        pack(
            PackWork(
                products: bodies, w: bias, outputStride: 1, inputStride: 1, blocks: blocks, hidden: hidden, inputs: 1,
                precision: .float32, packed: matrix.bias.base))
    }

    private func pack(_ work: PackWork) {
        let units = bodies.groupCount(blocks: work.blocks, hidden: work.hidden)
        // An element is read and written somewhere else: as long as some multiply-adds.
        divide(work, units: units, cost: 16 * work.blocks * work.hidden * work.inputs / max(units, 1))
    }

    /// target[row] = start + W·left[row]
    ///
    ///     left    [rows × inputs]
    ///     weights [outputs × inputs]   packed
    ///     target  [rows × outputs]     may not overlap the others
    ///
    /// Every output adds its products in the order of `inputs`, fused where the processor can, whatever the batch, the
    /// tile, the vector width or the number of threads: a row gives the same bits alone and in a batch.
    ///
    /// - Parameter backwards: whether a row by itself takes the weights from the last to the first; steps in turns
    ///   spare the caches. The bits are the same.
    public func product(
        _ left: Rows, _ weights: PackedMatrix, start: ProductStart, backwards: Bool = false,
        into target: MutableRows
    ) {
        product(left, places: nil, weights, start: start, backwards: backwards, into: target)
    }

    /// The same of rows that lie anywhere.
    public func product(
        _ left: ScatteredRows, _ weights: PackedMatrix, start: ProductStart, into target: MutableRows
    ) {
        product(
            Rows(left.base, count: left.count, width: left.width), places: left.places, weights, start: start,
            backwards: false, into: target)
    }

    private func product(
        _ left: Rows, places: UnsafePointer<Int>?, _ weights: PackedMatrix, start: ProductStart, backwards: Bool,
        into target: MutableRows
    ) {
        check(laneCount: weights.laneCount)
        precondition(
            left.width == weights.inputs && target.width == weights.outputs && left.count == target.count,
            "product of \(left.count) × \(left.width) rows with \(weights.outputs) × \(weights.inputs) weights "
                + "into \(target.count) × \(target.width)")
        precondition(left.count == 0 || left.base != UnsafePointer(target.base), "a product in place of its rows")
        var bias: UnsafePointer<Float>?
        var continues = 0
        switch start {
        case .zero: break
        case .bias(let values): bias = values
        case .target: continues = 1
        }
        let work = ProductWork(
            products: products(weights.precision), left: left, places: places,
            packed: UnsafePointer(weights.weights.base), precision: weights.precision, bias: bias,
            continues: continues, backwards: backwards, target: target)
        divide(
            work, rows: left.count, groups: bodies.groupCount(blocks: 1, hidden: weights.outputs),
            outputs: weights.outputs,
            cost: max(left.count, Self.rowsOfMemory) * weights.inputs * weights.outputs)
    }

    /// target[row] = U·left[row] + bias, over the weights of a cell's step: for a step that is not finished at once.
    ///
    ///     left    [rows × hidden]
    ///     target  [rows × blocks·hidden]    may not overlap the others
    ///
    /// The bits are those of the product over plain weights.
    ///
    /// - Parameter backwards: as above.
    public func product(
        _ left: Rows, _ matrix: RecurrentMatrix, backwards: Bool = false, into target: MutableRows
    ) {
        check(laneCount: matrix.laneCount)
        let outputs = matrix.shape.blocks * matrix.hidden
        precondition(
            left.width == matrix.hidden && target.width == outputs && left.count == target.count,
            "product of \(left.count) × \(left.width) rows with \(outputs) × \(matrix.hidden) weights "
                + "into \(target.count) × \(target.width)")
        precondition(left.count == 0 || left.base != UnsafePointer(target.base), "a product in place of its rows")
        divide(
            RecurrentProductWork(
                products: products(matrix.precision), left: left, blocks: matrix.shape.blocks,
                packed: UnsafePointer(matrix.weights.base), bias: UnsafePointer(matrix.bias.base),
                precision: matrix.precision, backwards: backwards, target: target),
            rows: left.count, groups: bodies.groupCount(blocks: matrix.shape.blocks, hidden: matrix.hidden),
            outputs: outputs, cost: max(left.count, Self.rowsOfMemory) * matrix.hidden * outputs)
    }

    /// gradient[output][input] += Σ d[row][output] · x[row][input], rows in order
    ///
    ///     d         [rows × outputs]
    ///     x         [rows × inputs]
    ///     gradient  [outputs × inputs]   row-major, accumulated into; may not overlap the others
    ///
    /// Rows are those of whole sequences, in the order (time, batch). Threads divide outputs, never rows.
    ///
    /// - Parameter precision: float32, or bfloat16 for pairs of rows at a time.
    public func weightGradient(
        _ d: Rows, _ x: Rows, precision: Precision = .float32, into gradient: UnsafeMutablePointer<Float>
    ) {
        precondition(d.count == x.count, "weight gradient of \(d.count) rows with \(x.count)")
        let unit = gradients(precision).gradientUnit
        let work = WeightGradientWork(kernels: self, d: d, x: x, precision: precision, unit: unit, gradient: gradient)
        divide(work, units: (d.width + unit - 1) / unit, cost: unit * d.count * x.width)
    }

    /// gradient[output] += Σ d[row][output], over sixteen virtual lanes of rows and a fixed tree; the same to `other`,
    /// the gradient of a second bias of these outputs.
    public func biasGradient(
        _ d: Rows, into gradient: UnsafeMutablePointer<Float>, and other: UnsafeMutablePointer<Float>? = nil
    ) {
        let work = BiasGradientWork(kernels: self, d: d, gradient: gradient, other: other)
        divide(
            work, units: (d.width + BiasGradientWork.unit - 1) / BiasGradientWork.unit,
            cost: BiasGradientWork.unit * d.count)
    }

    func check(laneCount: Int) {
        precondition(
            laneCount == bodies.laneCount, "packed for vectors of \(laneCount) floats, not \(bodies.laneCount)")
    }
}

/// Units are groups of the packed matrix.
private struct PackWork: DividedWork {
    let products: any ProductBodies.Type
    let w: UnsafePointer<Float>
    let outputStride: Int
    let inputStride: Int
    let blocks: Int
    let hidden: Int
    let inputs: Int
    let precision: Precision
    let packed: UnsafeMutablePointer<Float>

    func run(_ units: Range<Int>) {
        products.pack(
            w: w, outputStride: outputStride, inputStride: inputStride, blocks: blocks, hidden: hidden,
            inputs: inputs, firstGroup: units.lowerBound, groupCount: units.count, precision: precision.code,
            packed: packed)
    }
}

private struct ProductWork: GridWork {
    let products: any ProductBodies.Type
    let left: Rows
    let places: UnsafePointer<Int>?
    let packed: UnsafePointer<Float>
    let precision: Precision
    let bias: UnsafePointer<Float>?
    let continues: Int
    let backwards: Bool
    let target: MutableRows

    func run(rows: Range<Int>, groups: Range<Int>, scratch: UnsafeMutablePointer<Float>) {
        // Places are counted from the first row of all.
        let base = places == nil ? left.rows(rows).base : left.base
        products.product(
            left: base, leftStride: left.stride, leftPlaces: places.map { $0 + rows.lowerBound }, rows: rows.count,
            packed: packed, inputs: left.width, outputs: target.width,
            firstGroup: groups.lowerBound, groupCount: groups.count, backwards: backwards ? 1 : 0, bias: bias,
            continues: continues, precision: precision.code,
            target: target.rows(rows).base, targetStride: target.stride, scratch: scratch)
    }
}

private struct RecurrentProductWork: GridWork {
    let products: any ProductBodies.Type
    let left: Rows
    let blocks: Int
    let packed: UnsafePointer<Float>
    let bias: UnsafePointer<Float>
    let precision: Precision
    let backwards: Bool
    let target: MutableRows

    func run(rows: Range<Int>, groups: Range<Int>, scratch: UnsafeMutablePointer<Float>) {
        products.recurrentProduct(
            rows: rows.count, blocks: blocks, hidden: left.width, packed: packed, bias: bias,
            precision: precision.code, firstGroup: groups.lowerBound, groupCount: groups.count,
            backwards: backwards ? 1 : 0, left: left.rows(rows).base, leftStride: left.stride,
            target: target.rows(rows).base, targetStride: target.stride, scratch: scratch)
    }
}

/// Units are cache lines of outputs.
private struct BiasGradientWork: DividedWork {
    static let unit = 16

    let kernels: KernelSet
    let d: Rows
    let gradient: UnsafeMutablePointer<Float>
    let other: UnsafeMutablePointer<Float>?

    func run(_ units: Range<Int>) {
        let first = units.lowerBound * Self.unit
        let d = d.columns(first..<min(units.upperBound * Self.unit, d.width))
        kernels.withScratch { scratch in
            kernels.bodies.columnSums(
                x: d.base, stride: d.stride, rows: d.count, width: d.width, target: gradient + first,
                other: other.map { $0 + first }, adds: 1, scratch: scratch)
        }
    }
}

/// Units are slabs of outputs, as the body copies them.
private struct WeightGradientWork: DividedWork {
    let kernels: KernelSet
    let d: Rows
    let x: Rows
    let precision: Precision
    /// Outputs of a slab.
    let unit: Int
    let gradient: UnsafeMutablePointer<Float>

    func run(_ units: Range<Int>) {
        let output = units.lowerBound * unit
        kernels.withScratch { scratch in
            kernels.gradients(precision).weightGradient(
                d: d.base + output, dStride: d.stride,
                outputs: min(units.upperBound * unit, d.width) - output,
                x: x.base, xStride: x.stride, inputs: x.width,
                rows: d.count, precision: precision.code, gradient: gradient + output * x.width,
                gradientStride: x.width,
                scratch: scratch)
        }
    }
}
