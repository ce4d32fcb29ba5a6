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
        // A block of rows that stays in the second cache level while all weights pass by it.
        let block = max(64, min(rows, 65_536 / max(inputs, 1)))
        var first = 0
        while first < rows {
            let count = min(block, rows - first)
            let operands = Operands(
                left: left + first * leftStride, leftStride: leftStride, packed: packed, inputs: inputs,
                bias: bias, continues: continues != 0,
                target: target + first * targetStride, targetStride: targetStride)
            productBlock(operands, rows: count, outputs: outputs)
            first += count
        }
    }

    /// Few rows: many vectors of outputs side by side, since one row alone is a chain of additions each waiting for
    /// the one before. Many rows: tall tiles, so that each weight is read once for all of them.
    @inline(__always)
    private static func productBlock(_ operands: Operands, rows: Int, outputs: Int) {
        let panels = outputs / Lanes.scalarCount
        let remainder = outputs % Lanes.scalarCount
        let tall = rows / Tallest<Pair>.rows * Tallest<Pair>.rows
        if tall > 0 {
            var panel = 0
            panel = sweep(Tallest<Pair>.self, operands, rows: 0..<tall, panels: panel..<panels)
            panel = sweep(Tallest<Single>.self, operands, rows: 0..<tall, panels: panel..<panels)
            if remainder > 0 {
                partial(Tallest<Single>.self, operands, rows: 0..<tall, panel: panel, Part(count: remainder))
            }
        }
        var row = tall
        if rows - row >= 4, Tallest<Pair>.rows > 4 {
            var panel = 0
            #if KERNELS_AVX512 || KERNELS_NEON
            panel = sweep(Four<Quad>.self, operands, rows: row..<row + 4, panels: panel..<panels)
            #endif
            panel = sweep(Four<Pair>.self, operands, rows: row..<row + 4, panels: panel..<panels)
            panel = sweep(Four<Single>.self, operands, rows: row..<row + 4, panels: panel..<panels)
            if remainder > 0 {
                partial(Four<Single>.self, operands, rows: row..<row + 4, panel: panel, Part(count: remainder))
            }
            row += 4
        }
        if rows - row >= 2 {
            var panel = 0
            panel = sweep(Two<Quad>.self, operands, rows: row..<row + 2, panels: panel..<panels)
            panel = sweep(Two<Pair>.self, operands, rows: row..<row + 2, panels: panel..<panels)
            panel = sweep(Two<Single>.self, operands, rows: row..<row + 2, panels: panel..<panels)
            if remainder > 0 {
                partial(Two<Single>.self, operands, rows: row..<row + 2, panel: panel, Part(count: remainder))
            }
            row += 2
        }
        if rows - row >= 1 {
            var panel = 0
            panel = sweep(One<Octet>.self, operands, rows: row..<row + 1, panels: panel..<panels)
            panel = sweep(One<Quad>.self, operands, rows: row..<row + 1, panels: panel..<panels)
            panel = sweep(One<Pair>.self, operands, rows: row..<row + 1, panels: panel..<panels)
            panel = sweep(One<Single>.self, operands, rows: row..<row + 1, panels: panel..<panels)
            if remainder > 0 {
                partial(One<Single>.self, operands, rows: row..<row + 1, panel: panel, Part(count: remainder))
            }
        }
    }

    /// As many whole tiles as the panels have room for; answers the first panel that is left.
    @inline(never)
    private static func sweep<T: Tile>(
        _ type: T.Type, _ operands: Operands, rows: Range<Int>, panels: Range<Int>
    ) -> Int {
        let step = Lanes.scalarCount * operands.inputs
        var panel = panels.lowerBound
        while panel + T.Row.vectors <= panels.upperBound {
            let output = panel * Lanes.scalarCount
            let weights = operands.packed + panel * step
            var row = rows.lowerBound
            while row < rows.upperBound {
                let target = operands.target + row * operands.targetStride + output
                var tile: T
                if operands.continues {
                    tile = T(target, stride: operands.targetStride)
                } else if let bias = operands.bias {
                    tile = T(each: T.Row(bias + output, step: Lanes.scalarCount))
                } else {
                    tile = T(each: .zero)
                }
                operands.accumulate(&tile, row: row, weights: weights, step: step)
                tile.store(target, stride: operands.targetStride)
                row += T.rows
            }
            panel += T.Row.vectors
        }
        return panel
    }

    /// The last panel, of which only some outputs exist: the sums go through a block of their own.
    @inline(never)
    private static func partial<T: Tile>(
        _ type: T.Type, _ operands: Operands, rows: Range<Int>, panel: Int, _ part: Part
    ) where T.Row == Single {
        let step = Lanes.scalarCount * operands.inputs
        let output = panel * Lanes.scalarCount
        let weights = operands.packed + panel * step
        var row = rows.lowerBound
        while row < rows.upperBound {
            let target = operands.target + row * operands.targetStride + output
            withUnsafeTemporaryAllocation(of: Lanes.self, capacity: T.rows) { block in
                guard let base = block.baseAddress else { return }
                let sums = UnsafeMutableRawPointer(base).assumingMemoryBound(to: Float.self)
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
                operands.accumulate(&tile, row: row, weights: weights, step: step)
                tile.store(sums, stride: Lanes.scalarCount)
                index = 0
                while index < T.rows {
                    part.store(
                        Whole().load(sums + index * Lanes.scalarCount), target + index * operands.targetStride)
                    index += 1
                }
            }
            row += T.rows
        }
    }
}

/// The operands of one product, as `Bodies.product` describes them.
private struct Operands {
    let left: UnsafePointer<Float>
    let leftStride: Int
    let packed: UnsafePointer<Float>
    let inputs: Int
    let bias: UnsafePointer<Float>?
    let continues: Bool
    let target: UnsafeMutablePointer<Float>
    let targetStride: Int

    @inline(__always)
    func accumulate<T: Tile>(_ tile: inout T, row: Int, weights: UnsafePointer<Float>, step: Int) {
        let factors = left + row * leftStride
        var input = 0
        while input < inputs {
            tile.add(factors + input, stride: leftStride, T.Row(weights + input * Lanes.scalarCount, step: step))
            input += 1
        }
    }
}
