// gradient += dᵀ·x over the rows of whole sequences, without a transposed copy of either.

import CVectors

/// Places of rows that tiles take at a time: with AVX-512, of the widest group of inputs, 64 KiB of x.
private let blockRows = 256

/// Outputs of one slab of d: whole vectors, and whole tiles of 2, 3, 4, 6 and 8 rows.
private let slabWidth = 48

/// Slabs that are copied at a time: 384 KiB, a part of the second cache level.
private let slabsOfChunk = 8

/// Rows ahead of the one that is copied for which memory is asked: far enough for the time that it takes.
private let rowsAhead = 16

extension Bodies {
    /// Outputs of a weight gradient by which it may be divided among threads.
    public static var gradientUnit: Int { slabWidth }

    /// gradient[output][input] += Σ d[row][output] · x[row][input]
    ///
    ///     d         [rows × outputs]     `dStride` apart
    ///     x         [rows × inputs]      `xStride` apart
    ///     gradient  [outputs × inputs]   `gradientStride` apart
    ///     scratch   `scratchCount` floats of the caller's thread
    ///
    /// Precision: float32 or bfloat16, whose places hold two rows each. Every element adds its rows (or pairs of rows)
    /// in order, starting from what `gradient` holds: the bits depend neither on tiles nor on how the outputs are
    /// divided among threads. `gradient` may not overlap d or x.
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

    /// Columns of d as slabs, [slabs × places of rows × slabWidth]: what tiles read of a row lies side by side. Row
    /// after row, since the columns of a chunk lie side by side in memory and those of a slab are few.
    @inline(never)
    private func copySlabs<A: Arithmetic>(
        _ numbers: A.Type, _ d: UnsafePointer<Float>, stride: Int, rows: Int, width: Int,
        into target: UnsafeMutablePointer<Float>
    ) {
        var row = 0
        var target = target
        while row < rows {
            var output = 0
            while output < width {
                copyPlace(
                    numbers, d + row * stride + output, stride: stride, hasNext: row + 1 < rows,
                    width: min(slabWidth, width - output), into: target + output * A.places(rows),
                    targetWidth: slabWidth)
                output += slabWidth
            }
            target += slabWidth
            row += A.inputsOfPlace
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
            copyPlace(
                numbers, source + row * stride, stride: stride, hasNext: row + 1 < rows, width: width, into: target,
                targetWidth: targetStride)
            target += targetStride
            row += A.inputsOfPlace
        }
    }

    /// One place of some columns: a row, or a row and the next one.
    @inline(__always)
    private func copyPlace<A: Arithmetic>(
        _ numbers: A.Type, _ source: UnsafePointer<Float>, stride: Int, hasNext: Bool, width: Int,
        into target: UnsafeMutablePointer<Float>, targetWidth: Int
    ) {
        var line = 0
        while line < width {
            vectors_prefetch(source + rowsAhead * stride + line)
            line += 16
        }
        if A.inputsOfPlace == 2 {
            vectors_pair_bfloat16(source, hasNext ? source + stride : nil, width, target)
        } else {
            copyRow(source, width: width, into: target)
        }
        // What stands here goes into sums that nobody reads; but what the memory held may be subnormal, and slow.
        var column = width
        while column < targetWidth {
            target[column] = 0
            column += 1
        }
    }

    @inline(__always)
    private func copyRow(_ source: UnsafePointer<Float>, width: Int, into target: UnsafeMutablePointer<Float>) {
        var column = 0
        while column + Lanes.scalarCount <= width {
            Whole().store(Whole().load(source + column), target + column)
            column += Lanes.scalarCount
        }
        if column < width {
            let part = Part(count: width - column)
            part.store(part.load(source + column), target + column)
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
        // The sums below these are next, on lines that nothing else would ask for in time.
        var row = T.rows
        while row < 2 * T.rows {
            var column = 0
            while column < T.Row.vectors * Lanes.scalarCount {
                vectors_prefetch(target + row * stride + column)
                column += 16
            }
            row += 1
        }
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
