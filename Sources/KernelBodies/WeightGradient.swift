// gradient += dᵀ·x over the rows of whole sequences, without a transposed copy of either.

/// Rows that tiles take at a time: of the widest group of inputs, 32 KiB of x.
private let blockRows = 128

/// Outputs of one slab of d: tiles of 3, 4, 6 and 8 rows divide it.
private let slabWidth = 24

/// Slabs that are copied at a time: 192 KiB, a part of the second cache level.
private let slabsOfChunk = 16

extension Bodies {
    /// gradient[output][input] += Σ d[row][output] · x[row][input]
    ///
    ///     d         [rows × outputs]     `dStride` apart
    ///     x         [rows × inputs]      `xStride` apart
    ///     gradient  [outputs × inputs]   `gradientStride` apart
    ///     scratch   `scratchCount` floats of the caller's thread
    ///
    /// Every element adds its rows in order, starting from what `gradient` holds: the bits depend neither on tiles nor
    /// on how the outputs are divided among threads. `gradient` may not overlap d or x.
    @inline(never)
    public static func weightGradient(
        d: UnsafePointer<Float>, dStride: Int, outputs: Int,
        x: UnsafePointer<Float>, xStride: Int, inputs: Int,
        rows: Int, gradient: UnsafeMutablePointer<Float>, gradientStride: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        let groups = Groups(blocks: 1, hidden: inputs)
        let copies = scratch + slabsOfChunk * slabWidth * blockRows
        var row = 0
        while row < rows {
            let count = min(blockRows, rows - row)
            var output = 0
            while output < outputs {
                let width = min(slabsOfChunk * slabWidth, outputs - output)
                copySlabs(d + row * dStride + output, stride: dStride, rows: count, width: width, into: scratch)
                var group = 0
                while group < groups.count {
                    let input = groups.output(group)
                    copyColumns(
                        x + row * xStride + input, stride: xStride, rows: count, width: groups.outputs(group),
                        into: copies, targetStride: groups.width(group) * Lanes.scalarCount)
                    let operands = GradientOperands(
                        d: scratch, outputs: width, x: copies, inputs: groups.outputs(group), rows: count,
                        gradient: gradient + output * gradientStride + input, gradientStride: gradientStride)
                    switch groups.width(group) {
                    case 1: slabs(Single.self, operands)
                    case 2: slabs(Pair.self, operands)
                    case 3: slabs(Triple.self, operands)
                    default: slabs(Quad.self, operands)
                    }
                    group += 1
                }
                output += width
            }
            row += count
        }
    }

    /// Columns of d as slabs, [slabs × rows × slabWidth]: what tiles read of a row lies side by side.
    @inline(never)
    private static func copySlabs(
        _ d: UnsafePointer<Float>, stride: Int, rows: Int, width: Int, into target: UnsafeMutablePointer<Float>
    ) {
        var output = 0
        var target = target
        while output < width {
            copyColumns(
                d + output, stride: stride, rows: rows, width: min(slabWidth, width - output), into: target,
                targetStride: slabWidth)
            target += rows * slabWidth
            output += slabWidth
        }
    }

    /// `width` columns of some rows, side by side; what a vector holds beyond them is zero.
    @inline(__always)
    private static func copyColumns(
        _ source: UnsafePointer<Float>, stride: Int, rows: Int, width: Int,
        into target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        var row = 0
        while row < rows {
            let (from, to) = (source + row * stride, target + row * targetStride)
            var column = 0
            while column + Lanes.scalarCount <= width {
                Whole().store(Whole().load(from + column), to + column)
                column += Lanes.scalarCount
            }
            if column < width {
                let values = Part(count: width - column).load(from + column)
                Part(count: min(Lanes.scalarCount, targetStride - column)).store(values, to + column)
            }
            row += 1
        }
    }

    /// All outputs of a chunk for one group of inputs.
    @inline(__always)
    private static func slabs<Row: Strip>(_ type: Row.Type, _ operands: GradientOperands) {
        var output = 0
        var slab = operands.d
        while output < operands.outputs {
            let width = min(slabWidth, operands.outputs - output)
            let count = (width + Row.tallest - 1) / Row.tallest
            let (size, larger) = width.quotientAndRemainder(dividingBy: count)
            var place = 0
            var index = 0
            while index < count {
                let height = size + (index < larger ? 1 : 0)
                let d = slab + place
                switch height {
                case 1: tile(One<Row>.self, operands, d, output + place)
                case 2: tile(Two<Row>.self, operands, d, output + place)
                case 3: if Row.tallest >= 3 { tile(Three<Row>.self, operands, d, output + place) }
                case 4: if Row.tallest >= 4 { tile(Four<Row>.self, operands, d, output + place) }
                case 5: if Row.tallest >= 5 { tile(Five<Row>.self, operands, d, output + place) }
                case 6: if Row.tallest >= 6 { tile(Six<Row>.self, operands, d, output + place) }
                case 7: if Row.tallest >= 7 { tile(Seven<Row>.self, operands, d, output + place) }
                default: if Row.tallest >= 8 { tile(Eight<Row>.self, operands, d, output + place) }
                }
                place += height
                index += 1
            }
            output += slabWidth
            slab += operands.rows * slabWidth
        }
    }

    @inline(never)
    private static func tile<T: Tile>(
        _ type: T.Type, _ operands: GradientOperands, _ d: UnsafePointer<Float>, _ output: Int
    ) {
        let width = T.Row.vectors * Lanes.scalarCount
        let target = operands.gradient + output * operands.gradientStride
        guard operands.inputs == width else {
            partTile(type, operands, d, target)
            return
        }
        var tile = T(target, stride: operands.gradientStride)
        add(operands, d, to: &tile)
        tile.store(target, stride: operands.gradientStride)
    }

    /// A tile beside whose last vector something else lies: its sums go through a block of their own.
    @inline(never)
    private static func partTile<T: Tile>(
        _ type: T.Type, _ operands: GradientOperands, _ d: UnsafePointer<Float>,
        _ target: UnsafeMutablePointer<Float>
    ) {
        let width = T.Row.vectors * Lanes.scalarCount
        withUnsafeTemporaryAllocation(of: Lanes.self, capacity: T.rows * T.Row.vectors) { block in
            guard let base = block.baseAddress else { return }
            let sums = UnsafeMutableRawPointer(base).assumingMemoryBound(to: Float.self)
            copyColumns(
                target, stride: operands.gradientStride, rows: T.rows, width: operands.inputs, into: sums,
                targetStride: width)
            var tile = T(sums, stride: width)
            add(operands, d, to: &tile)
            tile.store(sums, stride: width)
            var row = 0
            while row < T.rows {
                var column = 0
                while column < operands.inputs {
                    let part = Part(count: min(Lanes.scalarCount, operands.inputs - column))
                    part.store(
                        Whole().load(sums + row * width + column), target + row * operands.gradientStride + column)
                    column += Lanes.scalarCount
                }
                row += 1
            }
        }
    }

    @inline(__always)
    private static func add<T: Tile>(_ operands: GradientOperands, _ d: UnsafePointer<Float>, to tile: inout T) {
        var d = d
        var x = operands.x
        let end = d + operands.rows * slabWidth
        while d < end {
            tile.add(d, stride: 1, T.Row(x, step: Lanes.scalarCount))
            d += slabWidth
            x += T.Row.vectors * Lanes.scalarCount
        }
    }
}

/// One chunk of outputs over one block of rows and one group of inputs, copied.
private struct GradientOperands {
    /// [slabs × rows × slabWidth]
    let d: UnsafePointer<Float>
    let outputs: Int
    /// [rows × whole vectors]
    let x: UnsafePointer<Float>
    let inputs: Int
    let rows: Int
    let gradient: UnsafeMutablePointer<Float>
    let gradientStride: Int
}
