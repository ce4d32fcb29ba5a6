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
        // A value and not a temporary allocation, which beyond a kilobyte would come from the heap.
        var scratch = InlineArray<2_048, Float>(repeating: 0)
        withUnsafeMutablePointer(to: &scratch) { address in
            let slab = UnsafeMutableRawPointer(address).assumingMemoryBound(to: Float.self)
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
                while column < slabWidth {
                    slab[row * slabWidth + column] = column < width ? d[row * stride + column] : 0
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
        if input < operands.inputs { lastColumns(Tall<Single>.self, operands, from: input) }
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

    /// The inputs that do not fill a vector: the sums go through a block of their own.
    @inline(never)
    private static func lastColumns<T: Tile>(
        _ type: T.Type, _ operands: GradientOperands, from input: Int
    ) where T.Row == Single {
        let part = Part(count: operands.inputs - input)
        // A whole vector may be read where later rows still lie behind it.
        let room = operands.readable - input - Lanes.scalarCount
        let wholeRows = room < 0 ? 0 : min(operands.rows, room / max(operands.xStride, 1) + 1)
        withUnsafeTemporaryAllocation(of: Lanes.self, capacity: T.rows) { block in
            guard let base = block.baseAddress else { return }
            let sums = UnsafeMutableRawPointer(base).assumingMemoryBound(to: Float.self)
            var output = 0
            while output < operands.outputs {
                // A tile that reaches beyond the last output adds the slab's zeros there and is stored in part.
                let count = min(T.rows, operands.outputs - output)
                let target = operands.gradient + output * operands.gradientStride + input
                var index = 0
                while index < T.rows {
                    let sum = index < count ? part.load(target + index * operands.gradientStride) : .zero
                    Whole().store(sum, sums + index * Lanes.scalarCount)
                    index += 1
                }
                var tile = T(sums, stride: Lanes.scalarCount)
                var d = operands.d + output
                var x = operands.x + input
                var row = 0
                while row < operands.rows {
                    tile.add(d, stride: 1, Single(sums: row < wholeRows ? Whole().load(x) : part.load(x)))
                    d += slabWidth
                    x += operands.xStride
                    row += 1
                }
                tile.store(sums, stride: Lanes.scalarCount)
                index = 0
                while index < count {
                    part.store(
                        Whole().load(sums + index * Lanes.scalarCount), target + index * operands.gradientStride)
                    index += 1
                }
                output += T.rows
            }
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
