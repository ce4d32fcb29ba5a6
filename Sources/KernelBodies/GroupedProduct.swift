// The walk that all products over packed weights share: blocks of rows, groups of outputs, pieces of inputs, tiles.

/// A product whose sums go, group by group, either where they belong or to where they are finished.
protocol GroupedProduct {
    var packed: UnsafePointer<Float> { get }
    var inputs: Int { get }
    var groups: Groups { get }
    /// Where the sums of a group lie from `row` on, `targetStride` apart; nil where they are to be staged.
    func place(_ group: Int, row: Int) -> UnsafeMutablePointer<Float>?
    var targetStride: Int { get }
    /// What the sums of a group start from; nil is zero. A stride of 0 gives every row the same. A start that is not
    /// readable as whole vectors is copied into `sums` where these are `staged`.
    func start(
        _ group: Int, row: Int, rows: Int, staged: Bool, sums: UnsafeMutablePointer<Float>, stride: Int
    ) -> (pointer: UnsafePointer<Float>, stride: Int)?
    /// Takes the sums of a staged group.
    func finish(_ group: Int, row: Int, rows: Int, sums: UnsafePointer<Float>, stride: Int)
}

/// Inputs that tiles take at a time: of the widest group, 24 KiB of weights, which stay in the first cache level while
/// all rows of a block pass by them.
private let pieceLength = 256

/// Rows of a piece of copied inputs are this far apart: an odd number of cache lines, so that the rows of a tile do not
/// fall on the same few places of a cache, as they do where rows are a power of two apart.
private let pieceStride = 272

/// Floats for the copied rows of a block: 384 KiB, a part of the second cache level.
private let leftCapacity = 3 << 15

/// Rows of a block at most, and so of the staged sums of a group.
private let tallestBlock = 256

extension Bodies {
    /// Floats that a product needs on its thread.
    public static var scratchCount: Int { leftCapacity + tallestBlock * Groups.widest * Lanes.scalarCount }

    @inline(__always)
    static func run<P: GroupedProduct>(
        _ product: P, left: UnsafePointer<Float>, leftStride: Int, rows: Int, _ groups: Range<Int>,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        let pieces = max(1, (product.inputs + pieceLength - 1) / pieceLength)
        let capacity = min(tallestBlock, leftCapacity / (pieces * pieceStride))
        var row = 0
        while row < rows {
            var count = min(capacity, rows - row)
            // No block is left with a few rows that the one before could have shared with it.
            if count == capacity, rows - row < 2 * capacity { count = (rows - row + 1) / 2 }
            if rows == 1 || capacity < 2 {
                runRow(product, left: left + row * leftStride, row: row, groups)
                count = 1
            } else {
                copy(left + row * leftStride, stride: leftStride, rows: count, inputs: product.inputs, into: scratch)
                runBlock(product, left: scratch, row: row, rows: count, groups, sums: scratch + leftCapacity)
            }
            row += count
        }
    }

    /// Pieces of the rows, [pieces × rows × pieceStride].
    @inline(never)
    private static func copy(
        _ left: UnsafePointer<Float>, stride: Int, rows: Int, inputs: Int, into target: UnsafeMutablePointer<Float>
    ) {
        var input = 0
        var target = target
        while input < inputs {
            let count = min(pieceLength, inputs - input)
            var row = 0
            while row < rows {
                let source = left + row * stride + input
                var index = 0
                while index + Lanes.scalarCount <= count {
                    Whole().store(Whole().load(source + index), target + index)
                    index += Lanes.scalarCount
                }
                while index < count {
                    target[index] = source[index]
                    index += 1
                }
                target += pieceStride
                row += 1
            }
            input += count
        }
    }

    // MARK: - Many rows

    @inline(__always)
    private static func runBlock<P: GroupedProduct>(
        _ product: P, left: UnsafePointer<Float>, row: Int, rows: Int, _ groups: Range<Int>,
        sums: UnsafeMutablePointer<Float>
    ) {
        var group = groups.lowerBound
        while group < groups.upperBound {
            let width = product.groups.width(group)
            let weights = product.packed + product.groups.offset(group, inputs: product.inputs)
            let stride = width * Lanes.scalarCount
            let target = product.place(group, row: row)
            let start = product.start(group, row: row, rows: rows, staged: target == nil, sums: sums, stride: stride)
            block(
                width, left: left, rows: rows, inputs: product.inputs, weights: weights, start: start?.pointer,
                startStride: start?.stride ?? 0, target: target ?? sums,
                targetStride: target == nil ? stride : product.targetStride)
            if target == nil { product.finish(group, row: row, rows: rows, sums: sums, stride: stride) }
            group += 1
        }
    }

    /// One group for all rows of a block, which were copied.
    @inline(never)
    private static func block(
        _ width: Int, left: UnsafePointer<Float>, rows: Int, inputs: Int, weights: UnsafePointer<Float>,
        start: UnsafePointer<Float>?, startStride: Int, target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        var (left, weights, start, startStride) = (left, weights, start, startStride)
        var input = 0
        repeat {
            let count = min(pieceLength, inputs - input)
            let piece = Piece(
                factors: left, weights: weights, count: count, start: start, startStride: startStride,
                target: target, targetStride: targetStride)
            switch width {
            case 1: tiles(Single.self, piece, rows: rows)
            case 2: tiles(Pair.self, piece, rows: rows)
            case 3: tiles(Triple.self, piece, rows: rows)
            default: tiles(Quad.self, piece, rows: rows)
            }
            input += count
            left += rows * pieceStride
            weights += count * width * Lanes.scalarCount
            (start, startStride) = (UnsafePointer(target), targetStride)
        } while input < inputs
    }

    /// All rows in tiles of about the same height.
    @inline(__always)
    private static func tiles<Row: Strip>(_ type: Row.Type, _ piece: Piece, rows: Int) {
        let count = (rows + Row.tallest - 1) / Row.tallest
        let (size, larger) = rows.quotientAndRemainder(dividingBy: count)
        var row = 0
        var index = 0
        while index < count {
            let height = size + (index < larger ? 1 : 0)
            switch height {
            case 1: tile(One<Row>.self, piece, row: row)
            case 2: tile(Two<Row>.self, piece, row: row)
            case 3: if Row.tallest >= 3 { tile(Three<Row>.self, piece, row: row) }
            case 4: if Row.tallest >= 4 { tile(Four<Row>.self, piece, row: row) }
            case 5: if Row.tallest >= 5 { tile(Five<Row>.self, piece, row: row) }
            case 6: if Row.tallest >= 6 { tile(Six<Row>.self, piece, row: row) }
            case 7: if Row.tallest >= 7 { tile(Seven<Row>.self, piece, row: row) }
            default: if Row.tallest >= 8 { tile(Eight<Row>.self, piece, row: row) }
            }
            row += height
            index += 1
        }
    }

    @inline(never)
    private static func tile<T: Tile>(_ type: T.Type, _ piece: Piece, row: Int) {
        let target = piece.target + row * piece.targetStride
        var tile: T
        if let start = piece.start {
            tile = T(start + row * piece.startStride, stride: piece.startStride)
        } else {
            tile = T(each: .zero)
        }
        var factors = piece.factors + row * pieceStride
        var weights = piece.weights
        let end = factors + piece.count
        while factors < end {
            tile.add(factors, stride: pieceStride, T.Row(weights, step: Lanes.scalarCount))
            factors += 1
            weights += T.Row.vectors * Lanes.scalarCount
        }
        tile.store(target, stride: piece.targetStride)
    }

    // MARK: - One row

    /// A row by itself reads every weight once: two groups at a time, or too few sums would wait for each other.
    @inline(__always)
    private static func runRow<P: GroupedProduct>(
        _ product: P, left: UnsafePointer<Float>, row: Int, _ groups: Range<Int>
    ) {
        withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 2 * Groups.widest) { block in
            guard let base = block.baseAddress else { return }
            let sums = UnsafeMutableRawPointer(base).assumingMemoryBound(to: Float.self)
            var group = groups.lowerBound
            while group < groups.upperBound {
                let width = product.groups.width(group)
                let pairs = group + 1 < groups.upperBound && product.groups.width(group + 1) == width
                let stride = width * Lanes.scalarCount
                var target = product.place(group, row: row)
                if pairs, product.place(group + 1, row: row) == nil { target = nil }
                let staged = target == nil
                let start = product.start(group, row: row, rows: 1, staged: staged, sums: sums, stride: stride)
                if pairs, staged {
                    // It follows that of the first group, here as in the scratch.
                    _ = product.start(
                        group + 1, row: row, rows: 1, staged: true, sums: sums + stride, stride: stride)
                }
                rowSums(
                    width, pairs: pairs, factors: left, inputs: product.inputs,
                    weights: product.packed + product.groups.offset(group, inputs: product.inputs),
                    start: start?.pointer, target: target ?? sums)
                if staged {
                    product.finish(group, row: row, rows: 1, sums: sums, stride: stride)
                    if pairs { product.finish(group + 1, row: row, rows: 1, sums: sums + stride, stride: stride) }
                }
                group += pairs ? 2 : 1
            }
        }
    }

    /// One group, or two that follow each other, in weights, start and target alike.
    @inline(never)
    private static func rowSums(
        _ width: Int, pairs: Bool, factors: UnsafePointer<Float>, inputs: Int, weights: UnsafePointer<Float>,
        start: UnsafePointer<Float>?, target: UnsafeMutablePointer<Float>
    ) {
        switch width {
        case 1: rowSums(Single.self, pairs, factors, inputs, weights, start, target)
        case 2: rowSums(Pair.self, pairs, factors, inputs, weights, start, target)
        case 3: rowSums(Triple.self, pairs, factors, inputs, weights, start, target)
        default: rowSums(Quad.self, pairs, factors, inputs, weights, start, target)
        }
    }

    @inline(__always)
    private static func rowSums<Row: Strip>(
        _ type: Row.Type, _ pairs: Bool, _ factors: UnsafePointer<Float>, _ inputs: Int,
        _ weights: UnsafePointer<Float>, _ start: UnsafePointer<Float>?, _ target: UnsafeMutablePointer<Float>
    ) {
        let step = Lanes.scalarCount
        var one = start.map { Row($0, step: step) } ?? Row.zero
        var weights = weights
        var factors = factors
        let end = factors + inputs
        if pairs {
            let distance = Row.vectors * step * inputs
            var other = start.map { Row($0 + Row.vectors * step, step: step) } ?? Row.zero
            while factors < end {
                let factor = broadcast(factors.pointee)
                one.add(factor, Row(weights, step: step))
                other.add(factor, Row(weights + distance, step: step))
                factors += 1
                weights += Row.vectors * step
            }
            other.store(target + Row.vectors * step)
        } else {
            while factors < end {
                one.add(broadcast(factors.pointee), Row(weights, step: step))
                factors += 1
                weights += Row.vectors * step
            }
        }
        one.store(target)
    }
}

/// A piece of the inputs of one group: what its tiles read and write.
private struct Piece {
    let factors: UnsafePointer<Float>
    let weights: UnsafePointer<Float>
    let count: Int
    let start: UnsafePointer<Float>?
    let startStride: Int
    let target: UnsafeMutablePointer<Float>
    let targetStride: Int
}
