// gradient += dᵀ·x over the rows of whole sequences, read where they lie: no transposed copy of either.

extension Bodies {
    /// gradient[output][input] += Σ d[row][output] · x[row][input]
    ///
    ///     d         [rows × outputs]     `dStride` apart
    ///     x         [rows × inputs]      `xStride` apart
    ///     gradient  [outputs × inputs]   `gradientStride` apart
    ///
    /// Every element adds its rows in order, starting from what `gradient` holds: the bits depend neither on tiles nor
    /// on how the outputs are divided among threads. `gradient` may not overlap d or x.
    @inline(never)
    public static func weightGradient(
        d: UnsafePointer<Float>, dStride: Int, outputs: Int,
        x: UnsafePointer<Float>, xStride: Int, inputs: Int,
        rows: Int, gradient: UnsafeMutablePointer<Float>, gradientStride: Int
    ) {
        // Rows of one block stay in the second cache level while all tiles pass over them.
        let block = 64
        var first = 0
        while first < rows {
            let count = min(block, rows - first)
            let operands = GradientOperands(
                d: d + first * dStride, dStride: dStride, x: x + first * xStride, xStride: xStride, rows: count,
                gradient: gradient, gradientStride: gradientStride)
            let vectors = inputs / Lanes.scalarCount
            var vector = columns(Pair.self, operands, outputs: outputs, vectors: 0..<vectors)
            vector = columns(Single.self, operands, outputs: outputs, vectors: vector..<vectors)
            let remainder = inputs % Lanes.scalarCount
            if remainder > 0 {
                // A whole vector may be read where a later row still lies behind it.
                let input = vectors * Lanes.scalarCount
                let last = (rows - 1 - first) * xStride + inputs
                let readable =
                    last < input + Lanes.scalarCount
                    ? 0 : min(count, (last - input - Lanes.scalarCount) / xStride + 1)
                lastColumns(operands, outputs: outputs, input: input, wholeRows: readable, Part(count: remainder))
            }
            first += count
        }
    }

    /// All outputs for as many whole strips as the vectors have room for; answers the first vector that is left.
    @inline(__always)
    private static func columns<Row: Strip>(
        _ type: Row.Type, _ operands: GradientOperands, outputs: Int, vectors: Range<Int>
    ) -> Int {
        var vector = vectors.lowerBound
        while vector + Row.vectors <= vectors.upperBound {
            let input = vector * Lanes.scalarCount
            var output = 0
            output = down(Tallest<Row>.self, operands, input: input, outputs: output..<outputs)
            output = down(Two<Row>.self, operands, input: input, outputs: output..<outputs)
            output = down(One<Row>.self, operands, input: input, outputs: output..<outputs)
            vector += Row.vectors
        }
        return vector
    }

    @inline(never)
    private static func down<T: Tile>(
        _ type: T.Type, _ operands: GradientOperands, input: Int, outputs: Range<Int>
    ) -> Int {
        var output = outputs.lowerBound
        while output + T.rows <= outputs.upperBound {
            let target = operands.gradient + output * operands.gradientStride + input
            var tile = T(target, stride: operands.gradientStride)
            var d = operands.d + output
            var x = operands.x + input
            var row = 0
            while row < operands.rows {
                tile.add(d, stride: 1, T.Row(x, step: Lanes.scalarCount))
                d += operands.dStride
                x += operands.xStride
                row += 1
            }
            tile.store(target, stride: operands.gradientStride)
            output += T.rows
        }
        return output
    }

    /// The inputs that do not fill a vector: one output at a time, four of them abreast.
    @inline(never)
    private static func lastColumns(
        _ operands: GradientOperands, outputs: Int, input: Int, wholeRows: Int, _ part: Part
    ) {
        var output = 0
        while output < outputs {
            let abreast = min(4, outputs - output)
            let target = operands.gradient + output * operands.gradientStride + input
            let stride = operands.gradientStride
            // Where fewer are left, the spare sums repeat the last output and are not stored.
            let (o1, o2, o3) = (min(1, abreast - 1), min(2, abreast - 1), min(3, abreast - 1))
            var sum0 = part.load(target)
            var sum1 = part.load(target + o1 * stride)
            var sum2 = part.load(target + o2 * stride)
            var sum3 = part.load(target + o3 * stride)
            var d = operands.d + output
            var x = operands.x + input
            var row = 0
            while row < operands.rows {
                let inputs = row < wholeRows ? Whole().load(x) : part.load(x)
                sum0 = multiplyAdd(broadcast(d[0]), inputs, sum0)
                sum1 = multiplyAdd(broadcast(d[o1]), inputs, sum1)
                sum2 = multiplyAdd(broadcast(d[o2]), inputs, sum2)
                sum3 = multiplyAdd(broadcast(d[o3]), inputs, sum3)
                d += operands.dStride
                x += operands.xStride
                row += 1
            }
            part.store(sum0, target)
            if abreast > 1 { part.store(sum1, target + stride) }
            if abreast > 2 { part.store(sum2, target + 2 * stride) }
            if abreast > 3 { part.store(sum3, target + 3 * stride) }
            output += abreast
        }
    }
}

/// One block of rows, as `Bodies.weightGradient` describes them.
private struct GradientOperands {
    let d: UnsafePointer<Float>
    let dStride: Int
    let x: UnsafePointer<Float>
    let xStride: Int
    let rows: Int
    let gradient: UnsafeMutablePointer<Float>
    let gradientStride: Int
}
