// gradient += dᵀ·x over the rows of whole sequences, without a transposed copy of either.

import CVectors

/// Places of rows that tiles take at a time: of the widest group of inputs, 32 KiB of x.
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
    /// Precision: float32 or bfloat16, whose places hold two rows each. Every element adds its rows (or pairs of rows) in
    /// order, starting from what `gradient` holds: the bits depend neither on tiles nor
    /// on how the outputs are divided among threads. `gradient` may not overlap d or x.
    @inline(never)
    public static func weightGradient(
        d: UnsafePointer<Float>, dStride: Int, outputs: Int,
        x: UnsafePointer<Float>, xStride: Int, inputs: Int,
        rows: Int, precision: Int, gradient: UnsafeMutablePointer<Float>, gradientStride: Int,
        scratch: UnsafeMutablePointer<Float>
    ) {
        dispatchGradient(
            GradientWork(
                d: d, dStride: dStride, outputs: outputs, x: x, xStride: xStride, inputs: inputs, rows: rows,
                gradient: gradient, gradientStride: gradientStride, scratch: scratch),
            precision: precision)
    }
}

private struct GradientWork: PrecisionWork {
    let d: UnsafePointer<Float>
    let dStride: Int
    let outputs: Int
    let x: UnsafePointer<Float>
    let xStride: Int
    let inputs: Int
    let rows: Int
    let gradient: UnsafeMutablePointer<Float>
    let gradientStride: Int
    let scratch: UnsafeMutablePointer<Float>

    @inline(__always)
    func run<A: Arithmetic>(_ numbers: A.Type) {
        let groups = Groups(blocks: 1, hidden: inputs)
        let copies = scratch + slabsOfChunk * slabWidth * blockRows
        var row = 0
        while row < rows {
            let count = min(blockRows * A.inputsOfPlace, rows - row)
            var output = 0
            while output < outputs {
                let width = min(slabsOfChunk * slabWidth, outputs - output)
                copySlabs(
                    numbers, d + row * dStride + output, stride: dStride, rows: count, width: width, into: scratch)
                var group = 0
                while group < groups.count {
                    let input = groups.output(group)
                    copyColumns(
                        numbers, x + row * xStride + input, stride: xStride, rows: count, width: groups.outputs(group),
                        into: copies, targetStride: groups.width(group) * Lanes.scalarCount)
                    let operands = GradientOperands(
                        d: scratch, outputs: width, x: copies, inputs: groups.outputs(group), places: A.places(count),
                        gradient: gradient + output * gradientStride + input, gradientStride: gradientStride,
                        sums: copies + blockRows * Groups.widest * Lanes.scalarCount)
                    switch groups.width(group) {
                    case 1: slabs(Single<A>.self, operands)
                    case 2: slabs(Pair<A>.self, operands)
                    case 3: slabs(Triple<A>.self, operands)
                    default: slabs(Quad<A>.self, operands)
                    }
                    group += 1
                }
                output += width
            }
            row += count
        }
    }

    /// Columns of d as slabs, [slabs × places of rows × slabWidth]: what tiles read of a row lies side by
    /// side.
    @inline(never)
    private func copySlabs<A: Arithmetic>(
        _ numbers: A.Type, _ d: UnsafePointer<Float>, stride: Int, rows: Int, width: Int,
        into target: UnsafeMutablePointer<Float>
    ) {
        var output = 0
        var target = target
        while output < width {
            copyColumns(
                numbers, d + output, stride: stride, rows: rows, width: min(slabWidth, width - output), into: target,
                targetStride: slabWidth)
            target += A.places(rows) * slabWidth
            output += slabWidth
        }
    }

    /// `width` columns of some rows, side by side; what a vector holds beyond them is zero.
    @inline(__always)
    private func copyColumns<A: Arithmetic>(
        _ numbers: A.Type, _ source: UnsafePointer<Float>, stride: Int, rows: Int, width: Int,
        into target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        var row = 0
        var target = target
        while row < rows {
            let from = source + row * stride
            if A.inputsOfPlace == 2 {
                vectors_pair_bfloat16(from, row + 1 < rows ? from + stride : nil, width, target)
            } else {
                copyRow(from, width: width, into: target, targetWidth: targetStride)
            }
            // Part of a vector is beside what the copy before left there; it is multiplied, and must be a number.
            var column = width
            while column < targetStride {
                target[column] = 0
                column += 1
            }
            target += targetStride
            row += A.inputsOfPlace
        }
    }

    @inline(__always)
    private func copyRow(
        _ source: UnsafePointer<Float>, width: Int, into target: UnsafeMutablePointer<Float>, targetWidth: Int
    ) {
        var column = 0
        while column + Lanes.scalarCount <= width {
            Whole().store(Whole().load(source + column), target + column)
            column += Lanes.scalarCount
        }
        if column < width {
            let values = Part(count: width - column).load(source + column)
            Part(count: min(Lanes.scalarCount, targetWidth - column)).store(values, target + column)
        }
    }

    /// All outputs of a chunk for one group of inputs.
    @inline(__always)
    private func slabs<Row: Strip>(_ type: Row.Type, _ operands: GradientOperands) {
        var output = 0
        var slab = operands.d
        while output < operands.outputs {
            let width = min(slabWidth, operands.outputs - output)
            var place = 0
            while place < width {
                let height = Row.height(of: width - place)
                let d = slab + place
                switch height {
                case 1: tile(One<Row>.self, operands, d, output + place)
                case 2: tile(Two<Row>.self, operands, d, output + place)
                case 3: if Row.takes(3) { tile(Three<Row>.self, operands, d, output + place) }
                case 4: if Row.takes(4) { tile(Four<Row>.self, operands, d, output + place) }
                case 5: if Row.takes(5) { tile(Five<Row>.self, operands, d, output + place) }
                case 6: if Row.takes(6) { tile(Six<Row>.self, operands, d, output + place) }
                case 7: if Row.takes(7) { tile(Seven<Row>.self, operands, d, output + place) }
                default: if Row.takes(8) { tile(Eight<Row>.self, operands, d, output + place) }
                }
                place += height
            }
            output += slabWidth
            slab += operands.places * slabWidth
        }
    }

    @inline(__always)
    private func tile<T: Tile>(
        _ type: T.Type, _ operands: GradientOperands, _ d: UnsafePointer<Float>, _ output: Int
    ) {
        let width = T.Row.vectors * Lanes.scalarCount
        let target = operands.gradient + output * operands.gradientStride
        if operands.inputs == width {
            add(type, operands, d, to: target, stride: operands.gradientStride)
            return
        }
        // Beside the last vector something else lies: the sums go through the scratch.
        copyRows(
            T.rows, target, stride: operands.gradientStride, width: operands.inputs, into: operands.sums,
            targetStride: width)
        add(type, operands, d, to: operands.sums, stride: width)
        copyRows(
            T.rows, operands.sums, stride: width, width: operands.inputs, into: target,
            targetStride: operands.gradientStride)
    }

    @inline(never)
    private func copyRows(
        _ rows: Int, _ source: UnsafePointer<Float>, stride: Int, width: Int,
        into target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        var row = 0
        while row < rows {
            (target + row * targetStride).update(from: source + row * stride, count: width)
            row += 1
        }
    }

    @inline(never)
    private func add<T: Tile>(
        _ type: T.Type, _ operands: GradientOperands, _ d: UnsafePointer<Float>,
        to target: UnsafeMutablePointer<Float>, stride: Int
    ) {
        var tile = T(target, stride: stride)
        var d = d
        var x = operands.x
        let end = d + operands.places * slabWidth
        while d < end {
            tile.add(d, stride: 1, T.Row(x, step: Lanes.scalarCount))
            d += slabWidth
            x += T.Row.vectors * Lanes.scalarCount
        }
        tile.store(target, stride: stride)
    }
}

/// One chunk of outputs over one block of rows and one group of inputs, copied.
private struct GradientOperands {
    /// [slabs × places × slabWidth]
    let d: UnsafePointer<Float>
    let outputs: Int
    /// [places × whole vectors]
    let x: UnsafePointer<Float>
    let inputs: Int
    /// Places of the block's rows.
    let places: Int
    let gradient: UnsafeMutablePointer<Float>
    let gradientStride: Int
    /// Room for one tile.
    let sums: UnsafeMutablePointer<Float>
}
