// target[row] = start + W·left[row], over a packed matrix.

extension Bodies {
    /// target[row][output] = start[output] + Σ weights[output][input] · left[row][input]
    ///
    ///     left    [rows × inputs]      `leftStride` apart; where there are `leftPlaces`, row r begins leftPlaces[r]
    ///                                  floats from left
    ///     packed  [outputs × inputs]   plain, as `pack` left it for this precision; the groups firstGroup ..<
    ///                                  firstGroup + groupCount count, from the last to the first for one row where
    ///                                  `backwards` is 1
    ///     bias    [outputs]            where `continues` is 0; nil starts at zero
    ///     target  [rows × outputs]     `targetStride` apart; where `continues` is 1 its values are the start
    ///     scratch `scratchCount` floats of the caller's thread
    ///
    /// Every output adds its products in the order of `inputs`, whatever the batch, the tile or the vector width: the
    /// same row gives the same bits alone and in a batch. `target` may not overlap any operand.
    @inline(never)
    public static func product(
        left: UnsafePointer<Float>, leftStride: Int, leftPlaces: UnsafePointer<Int>?, rows: Int,
        packed: UnsafePointer<Float>, inputs: Int, outputs: Int, firstGroup: Int, groupCount: Int, backwards: Int,
        bias: UnsafePointer<Float>?, continues: Int, precision: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        let product = PlainProduct(
            packed: packed, inputs: inputs, groups: Groups(blocks: 1, hidden: outputs), bias: bias,
            continues: continues != 0, target: target, targetStride: targetStride)
        dispatch(
            ProductWork(
                product: product, left: LeftRows(left, leftStride, places: leftPlaces), rows: rows,
                groups: firstGroup..<firstGroup + groupCount, backwards: backwards != 0, scratch: scratch),
            precision: precision)
    }
}

/// The operands of one product, as `Bodies.product` describes them.
private struct PlainProduct: GroupedProduct {
    let packed: UnsafePointer<Float>
    let inputs: Int
    let groups: Groups
    let bias: UnsafePointer<Float>?
    let continues: Bool
    let target: UnsafeMutablePointer<Float>
    let targetStride: Int

    /// Whole vectors lie in the target as in a tile.
    @inline(__always)
    func place(_ group: Int, row: Int) -> UnsafeMutablePointer<Float>? {
        guard groups.outputs(group) == groups.width(group) * Lanes.scalarCount else { return nil }
        return target + row * targetStride + groups.output(group)
    }

    @inline(__always)
    func start(
        _ group: Int, row: Int, rows: Int, staged: Bool, sums: UnsafeMutablePointer<Float>, stride: Int
    ) -> (pointer: UnsafePointer<Float>, stride: Int)? {
        let source: (pointer: UnsafePointer<Float>, stride: Int)
        if continues {
            source = (UnsafePointer(target + row * targetStride + groups.output(group)), targetStride)
        } else if let bias {
            source = (bias + groups.output(group), 0)
        } else {
            return nil
        }
        guard staged else { return source }
        copy(rows: rows, source.pointer, source.stride, sums, stride, group)
        return (UnsafePointer(sums), stride)
    }

    @inline(__always)
    func finish(_ group: Int, row: Int, rows: Int, sums: UnsafePointer<Float>, stride: Int) {
        copy(rows: rows, sums, stride, target + row * targetStride + groups.output(group), targetStride, group)
    }

    /// The outputs of a group that exist, from rows to rows.
    @inline(never)
    private func copy(
        rows: Int, _ source: UnsafePointer<Float>, _ sourceStride: Int, _ target: UnsafeMutablePointer<Float>,
        _ targetStride: Int, _ group: Int
    ) {
        let count = groups.outputs(group)
        var row = 0
        while row < rows {
            var output = 0
            while output < count {
                let part = Part(count: min(Lanes.scalarCount, count - output))
                part.store(part.load(source + row * sourceStride + output), target + row * targetStride + output)
                output += Lanes.scalarCount
            }
            row += 1
        }
    }
}

/// A grouped product with its rows, for any arithmetic.
struct ProductWork<P: GroupedProduct>: PrecisionWork {
    let product: P
    let left: LeftRows
    let rows: Int
    let groups: Range<Int>
    let backwards: Bool
    let scratch: UnsafeMutablePointer<Float>

    @inline(__always)
    func run<A: Arithmetic>(_ type: A.Type) {
        Bodies.run(product, type, left: left, rows: rows, groups, backwards: backwards, scratch)
    }
}
