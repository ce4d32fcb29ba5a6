// gradient += dᵀ·x over the rows of whole sequences, without a transposed copy of either.

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
        // Some rows at a time, of which the same vectors of x stay in the first cache level for all tiles of a slab.
        let block = 128
        withUnsafeTemporaryAllocation(of: Float.self, capacity: block * slabWidth) { scratch in
            guard let slab = scratch.baseAddress else { return }
            var first = 0
            while first < rows {
                let count = min(block, rows - first)
                var output = 0
                while output < outputs {
                    let width = min(slabWidth, outputs - output)
                    gather(d + first * dStride + output, stride: dStride, rows: count, width: width, into: slab)
                    let operands = GradientOperands(
                        d: slab, outputs: width, x: x + first * xStride, xStride: xStride, inputs: inputs,
                        rows: count, readable: (rows - 1 - first) * xStride + inputs,
                        gradient: gradient + output * gradientStride, gradientStride: gradientStride)
                    across(operands)
                    output += width
                }
                first += count
            }
        }
    }

    /// Outputs of one slab: a cache line of each row of d.
    private static var slabWidth: Int { @inline(__always) get { 16 } }

    /// The slab's columns of d, `slabWidth` apart: rows of d are often a power of two apart, where a column of them
    /// would fall on the same few places of every cache.
    @inline(__always)
    private static func gather(
        _ d: UnsafePointer<Float>, stride: Int, rows: Int, width: Int, into slab: UnsafeMutablePointer<Float>
    ) {
        var row = 0
        while row < rows {
            if width == slabWidth {
                let line = UnsafeRawPointer(d + row * stride).loadUnaligned(as: SIMD16<Float>.self)
                UnsafeMutableRawPointer(slab + row * slabWidth).storeBytes(of: line, as: SIMD16<Float>.self)
            } else {
                var column = 0
                while column < width {
                    slab[row * slabWidth + column] = d[row * stride + column]
                    column += 1
                }
            }
            row += 1
        }
    }

    @inline(__always)
    private static func across(_ operands: GradientOperands) {
        var input = columns(Broad.self, operands, from: 0)
        if Pair.vectors < Broad.vectors { input = columns(Pair.self, operands, from: input) }
        input = columns(Single.self, operands, from: input)
        if input < operands.inputs { lastColumns(operands, from: input) }
    }

    /// All outputs of the slab for as many strips of inputs as there is room for; answers the first input left.
    @inline(__always)
    private static func columns<Row: Strip>(_ type: Row.Type, _ operands: GradientOperands, from: Int) -> Int {
        var input = from
        while input + Row.vectors * Lanes.scalarCount <= operands.inputs {
            var output = 0
            output = down(Tall<Row>.self, operands, input: input, from: output)
            output = down(Two<Row>.self, operands, input: input, from: output)
            output = down(One<Row>.self, operands, input: input, from: output)
            input += Row.vectors * Lanes.scalarCount
        }
        return input
    }

    @inline(never)
    private static func down<T: Tile>(_ type: T.Type, _ operands: GradientOperands, input: Int, from: Int) -> Int {
        var output = from
        while output + T.rows <= operands.outputs {
            let target = operands.gradient + output * operands.gradientStride + input
            var tile = T(target, stride: operands.gradientStride)
            var d = operands.d + output
            var x = operands.x + input
            let end = d + operands.rows * slabWidth
            while d < end {
                tile.add(d, stride: 1, T.Row(x, step: Lanes.scalarCount))
                d += slabWidth
                x += operands.xStride
            }
            tile.store(target, stride: operands.gradientStride)
            output += T.rows
        }
        return output
    }

    /// The inputs that do not fill a vector: four outputs abreast.
    @inline(never)
    private static func lastColumns(_ operands: GradientOperands, from input: Int) {
        let part = Part(count: operands.inputs - input)
        // A whole vector may be read where later rows still lie behind it.
        let room = operands.readable - input - Lanes.scalarCount
        let wholeRows = room < 0 ? 0 : min(operands.rows, room / max(operands.xStride, 1) + 1)
        var output = 0
        while output < operands.outputs {
            let abreast = min(4, operands.outputs - output)
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
                d += slabWidth
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

/// One slab of outputs over one block of rows.
private struct GradientOperands {
    /// [rows × slabWidth], of which `outputs` columns count.
    let d: UnsafePointer<Float>
    let outputs: Int
    let x: UnsafePointer<Float>
    let xStride: Int
    let inputs: Int
    let rows: Int
    /// Floats from `x` to the end of its last row in any block.
    let readable: Int
    let gradient: UnsafeMutablePointer<Float>
    let gradientStride: Int
}
