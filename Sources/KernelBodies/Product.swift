// target[row] = start + W·left[row], over a packed matrix.
//
// A packed matrix is a row of panels, one for each `laneCount` outputs, each [inputs × laneCount]: at every input the
// weights of adjacent outputs lie side by side. Outputs beyond the last are zero weights that are never stored.

extension Bodies {
    /// target[row][output] = start[output] + Σ weights[output][input] · left[row][input]
    ///
    ///     left    [rows × inputs]      `leftStride` apart
    ///     packed  ⌈outputs / laneCount⌉ panels of [inputs × laneCount]
    ///     bias    [outputs]            where `continues` is 0; nil starts at zero
    ///     target  [rows × outputs]     `targetStride` apart; where `continues` is 1 its values are the start
    ///
    /// Every output adds its products in the order of `inputs`, whatever the batch, the tile or the vector width: the
    /// same row gives the same bits alone and in a batch. `target` may not overlap any operand.
    @inline(never)
    public static func product(
        left: UnsafePointer<Float>, leftStride: Int, rows: Int,
        packed: UnsafePointer<Float>, inputs: Int, outputs: Int,
        bias: UnsafePointer<Float>?, continues: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        // Some rows at a time, which stay in the second cache level, piece by piece, while all weights pass by them.
        let block = 256
        var first = 0
        while first < rows {
            // No block is left with a few rows that the one before could have taken.
            let count = rows - first < 2 * block ? rows - first : block
            let operands = Operands(
                left: left + first * leftStride, leftStride: leftStride, packed: packed, inputs: inputs,
                outputs: outputs, bias: bias, continues: continues != 0,
                target: target + first * targetStride, targetStride: targetStride)
            productBlock(operands, rows: count)
            first += count
        }
    }

    /// Many rows: tall tiles, so that each weight is read once for all rows of a tile. Few rows: more vectors of outputs
    /// side by side, since one row alone is a chain of additions each waiting for the one before.
    @inline(__always)
    private static func productBlock(_ operands: Operands, rows: Int) {
        let tall = rows / Tall<Broad>.rows * Tall<Broad>.rows
        if tall > 0 { across(Tall<Broad>.self, Tall<Pair>.self, Tall<Single>.self, operands, rows: 0..<tall) }
        var row = tall
        if tall > 0, rows - tall > 2, !operands.continues {
            // The last rows once more with some before them, which come out as they were.
            let last = rows - Tall<Broad>.rows..<rows
            across(Tall<Broad>.self, Tall<Pair>.self, Tall<Single>.self, operands, rows: last)
            return
        }
        if Tall<Broad>.rows > 4, rows - row >= 4 {
            across(Four<Quad>.self, Four<Pair>.self, Four<Single>.self, operands, rows: row..<row + 4)
            row += 4
        }
        if rows - row >= 2 {
            across(Two<Quad>.self, Two<Pair>.self, Two<Single>.self, operands, rows: row..<row + 2)
            row += 2
        }
        if rows - row >= 1 {
            var panel = sweep(One<Octet>.self, operands, rows: row..<rows, from: 0)
            panel = sweep(One<Quad>.self, operands, rows: row..<rows, from: panel)
            across(One<Pair>.self, One<Pair>.self, One<Single>.self, operands, rows: row..<rows, from: panel)
        }
    }

    /// All outputs of some rows: the widest tile as far as it goes, then the narrower ones, then the part of a vector.
    @inline(__always)
    private static func across<Wide: Tile, Narrow: Tile, Least: Tile>(
        _ wide: Wide.Type, _ narrow: Narrow.Type, _ least: Least.Type, _ operands: Operands, rows: Range<Int>,
        from first: Int = 0
    ) where Least.Row == Single {
        var panel = sweep(wide, operands, rows: rows, from: first)
        if Narrow.Row.vectors < Wide.Row.vectors { panel = sweep(narrow, operands, rows: rows, from: panel) }
        panel = sweep(least, operands, rows: rows, from: panel)
        partial(least, operands, rows: rows, panel: panel)
    }

    /// As many tiles as the whole panels from `from` on have room for; answers the first panel that is left.
    @inline(never)
    private static func sweep<T: Tile>(
        _ type: T.Type, _ operands: Operands, rows: Range<Int>, from: Int
    ) -> Int {
        let step = Lanes.scalarCount * operands.inputs
        // Where many tiles share the weights, they take them in pieces that stay in the first cache level; the sums
        // wait in the target meanwhile, which loses nothing.
        let piece = rows.count > T.rows ? 96 : max(operands.inputs, 1)
        var panel = from
        while (panel + T.Row.vectors) * Lanes.scalarCount <= operands.outputs {
            var input = 0
            repeat {
                let end = operands.inputs - input < 2 * piece ? operands.inputs : input + piece
                var row = rows.lowerBound
                while row < rows.upperBound {
                    var tile: T = operands.start(row: row, panel: panel, input: input)
                    operands.accumulate(&tile, row: row, panel: panel, step: step, inputs: input..<end)
                    tile.store(operands.target(row: row, panel: panel), stride: operands.targetStride)
                    row += T.rows
                }
                input = end
            } while input < operands.inputs
            panel += T.Row.vectors
        }
        return panel
    }

    /// The last panel, where only some of its outputs exist: the sums go through a block of their own.
    @inline(never)
    private static func partial<T: Tile>(
        _ type: T.Type, _ operands: Operands, rows: Range<Int>, panel: Int
    ) where T.Row == Single {
        let output = panel * Lanes.scalarCount
        let part = Part(count: operands.outputs - output)
        if part.count == 0 { return }
        let step = Lanes.scalarCount * operands.inputs
        withUnsafeTemporaryAllocation(of: Lanes.self, capacity: T.rows) { block in
            guard let base = block.baseAddress else { return }
            let sums = UnsafeMutableRawPointer(base).assumingMemoryBound(to: Float.self)
            var row = rows.lowerBound
            while row < rows.upperBound {
                let target = operands.target(row: row, panel: panel)
                var index = 0
                while index < T.rows {
                    var start = Lanes.zero
                    if operands.continues {
                        start = part.load(target + index * operands.targetStride)
                    } else if let bias = operands.bias {
                        start = part.load(bias + output)
                    }
                    Whole().store(start, sums + index * Lanes.scalarCount)
                    index += 1
                }
                var tile = T(sums, stride: Lanes.scalarCount)
                operands.accumulate(&tile, row: row, panel: panel, step: step, inputs: 0..<operands.inputs)
                tile.store(sums, stride: Lanes.scalarCount)
                index = 0
                while index < T.rows {
                    part.store(
                        Whole().load(sums + index * Lanes.scalarCount), target + index * operands.targetStride)
                    index += 1
                }
                row += T.rows
            }
        }
    }
}

/// The operands of one product, as `Bodies.product` describes them.
private struct Operands {
    let left: UnsafePointer<Float>
    let leftStride: Int
    let packed: UnsafePointer<Float>
    let inputs: Int
    let outputs: Int
    let bias: UnsafePointer<Float>?
    let continues: Bool
    let target: UnsafeMutablePointer<Float>
    let targetStride: Int

    @inline(__always)
    func target(row: Int, panel: Int) -> UnsafeMutablePointer<Float> {
        target + row * targetStride + panel * Lanes.scalarCount
    }

    /// The sums of a tile before it adds the products from `input` on.
    @inline(__always)
    func start<T: Tile>(row: Int, panel: Int, input: Int) -> T {
        if continues || input > 0 { return T(target(row: row, panel: panel), stride: targetStride) }
        guard let bias else { return T(each: .zero) }
        return T(each: T.Row(bias + panel * Lanes.scalarCount, step: Lanes.scalarCount))
    }

    @inline(__always)
    func accumulate<T: Tile>(_ tile: inout T, row: Int, panel: Int, step: Int, inputs: Range<Int>) {
        var factors = left + row * leftStride + inputs.lowerBound
        var weights = packed + panel * step + inputs.lowerBound * Lanes.scalarCount
        let end = left + row * leftStride + inputs.upperBound
        while factors < end {
            tile.add(factors, stride: leftStride, T.Row(weights, step: step))
            factors += 1
            weights += Lanes.scalarCount
        }
    }
}
