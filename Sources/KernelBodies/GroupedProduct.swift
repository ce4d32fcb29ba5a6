// The walk that all products over packed weights share: blocks of rows, groups of outputs, pieces of inputs, tiles.

import CVectors

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

/// Places of inputs that tiles take at a time: with AVX-512, of the widest group, 64 KiB of weights, which the second
/// cache level hands on as fast as tiles ask, while all rows of a block pass by them.
let pieceLength = 256

/// Rows of a piece of copied inputs are this far apart: an odd number of cache lines, so that the rows of a tile do not
/// fall on the same few places of a cache, as they do where rows are a power of two apart. A tile by itself bears that,
/// as a piece of up to eight rows finds room in eight ways; rows taken where they lie have it often.
private let pieceStride = 272

/// Floats of a cache line.
private let cacheLine = 16

/// Rows ahead of the one that is copied for which memory is asked.
private let rowsAhead = 2

/// Floats of the rows of a block, copied or not: 384 KiB, a part of the second cache level.
private let leftCapacity = 3 << 15

/// Places of the longest row: the gradient by four gates of 65,536 units, in pairs. A row alone is not cut into pieces.
private let longest = 1 << 17

/// Floats for the rows of a block, or for one long row.
private let copyCapacity = max(leftCapacity, longest)

/// Rows of a block at most, and so of the staged sums of a group.
private let tallestBlock = 256

/// Floats of a group's staged sums.
private let sumCapacity = tallestBlock * Groups.widest * Lanes.scalarCount

/// The rows of a product: `stride` apart, or each at its place, in floats from `base`.
struct LeftRows {
    let base: UnsafePointer<Float>
    let stride: Int
    let places: UnsafePointer<Int>?

    @inline(__always)
    init(_ base: UnsafePointer<Float>, _ stride: Int, places: UnsafePointer<Int>? = nil) {
        self.base = base
        self.stride = stride
        self.places = places
    }

    @inline(__always)
    func at(_ row: Int) -> UnsafePointer<Float> { base + (places.map { $0[row] } ?? row * stride) }
}

extension Bodies {
    /// Floats that a product needs on its thread: copied rows, staged sums, their starts, and the scales of rows.
    public static var scratchCount: Int { copyCapacity + 2 * sumCapacity + tallestBlock }

    /// The most places that a row of a reduced precision may have.
    public static var longestRow: Int { longest }

    @inline(__always)
    static func run<P: GroupedProduct, A: Arithmetic>(
        _ product: P, _ numbers: A.Type, left: LeftRows, rows: Int, _ groups: Range<Int>, backwards: Bool,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        let pieces = max(1, (A.places(product.inputs) + pieceLength - 1) / pieceLength)
        let capacity = max(1, min(tallestBlock, leftCapacity / (pieces * pieceStride)))
        let stage = Stage(
            sums: scratch + copyCapacity, starts: scratch + copyCapacity + sumCapacity,
            scales: scratch + copyCapacity + 2 * sumCapacity)
        var row = 0
        while row < rows {
            var count = min(capacity, rows - row)
            // No block is left with a few rows that the one before could have shared with it.
            if rows - row > capacity, rows - row < 2 * capacity { count = (rows - row + 1) / 2 }
            if count == 1 {
                let source = left.at(row)
                if A.inputsOfPlace == 1 {
                    runRow(product, numbers, left: source, row: row, groups, backwards, stage)
                } else {
                    stage.scales[0] = A.scale(of: source, count: product.inputs)
                    A.place(source, count: product.inputs, scale: stage.scales[0], into: scratch)
                    runRow(product, numbers, left: scratch, row: row, groups, backwards, stage)
                }
            } else if A.inputsOfPlace == 1, left.places == nil, rows <= tallestBlock {
                // Floats that lie evenly are taken where they lie. So many more come from memory, which a copy asks for
                // in time.
                let block = BlockRows(base: left.at(row), stride: left.stride, apart: pieceLength, count: count)
                runBlock(product, numbers, block, row: row, groups, stage)
            } else {
                copy(
                    numbers, left, row..<row + count, inputs: product.inputs, into: scratch, scales: stage.scales)
                let block = BlockRows(base: scratch, stride: pieceStride, apart: count * pieceStride, count: count)
                runBlock(product, numbers, block, row: row, groups, stage)
            }
            row += count
        }
    }

    /// Pieces of the rows, [pieces × rows × pieceStride] places, and the scale of each row.
    @inline(never)
    private static func copy<A: Arithmetic>(
        _ numbers: A.Type, _ left: LeftRows, _ range: Range<Int>, inputs: Int,
        into target: UnsafeMutablePointer<Float>, scales: UnsafeMutablePointer<Float>
    ) {
        let rows = range.upperBound - range.lowerBound
        var row = 0
        while row < rows {
            let source = left.at(range.lowerBound + row)
            if row + rowsAhead < rows { prefetch(left.at(range.lowerBound + row + rowsAhead), inputs) }
            let scale = A.scale(of: source, count: inputs)
            scales[row] = scale
            var input = 0
            var piece = target + row * pieceStride
            while input < inputs {
                let count = min(pieceLength * A.inputsOfPlace, inputs - input)
                A.place(source + input, count: count, scale: scale, into: piece)
                input += count
                piece += rows * pieceStride
            }
            row += 1
        }
    }

    @inline(__always)
    private static func prefetch(_ row: UnsafePointer<Float>, _ count: Int) {
        var line = 0
        while line < count {
            vectors_prefetch(row + line)
            line += cacheLine
        }
    }

    // MARK: - Many rows

    @inline(__always)
    private static func runBlock<P: GroupedProduct, A: Arithmetic>(
        _ product: P, _ numbers: A.Type, _ left: BlockRows, row: Int, _ groups: Range<Int>, _ stage: Stage
    ) {
        let places = A.places(product.inputs)
        let rows = left.count
        var group = groups.lowerBound
        while group < groups.upperBound {
            let width = product.groups.width(group)
            let stride = width * Lanes.scalarCount
            let weights = product.packed + product.groups.offset(group, inputs: places)
            if A.isScaled {
                block(
                    numbers, width, left, places: places, weights: weights,
                    start: product.groups.starts(product.packed, group, places: places), startStride: 0,
                    target: stage.sums, targetStride: stride)
                let start = product.start(
                    group, row: row, rows: rows, staged: true, sums: stage.starts, stride: stride)
                scale(
                    rows: rows, width: width, stage,
                    outputs: product.groups.scales(product.packed, group, places: places),
                    start: start?.pointer, startStride: start?.stride ?? 0)
                product.finish(group, row: row, rows: rows, sums: stage.sums, stride: stride)
            } else {
                let target = product.place(group, row: row)
                let start = product.start(
                    group, row: row, rows: rows, staged: target == nil, sums: stage.sums, stride: stride)
                let outputs = product.groups.outputs(group)
                // Rows before this one are turned into lanes.
                var first = 0
                if A.inputsOfPlace == 1, width == 1, target == nil, outputs <= fewOutputs {
                    first = rows / Lanes.scalarCount * Lanes.scalarCount
                    turn(
                        left.rows(0, first),
                        FewOutputs(
                            outputs: outputs, places: places, weights: weights, start: start?.pointer,
                            startStride: start?.stride ?? 0, target: stage.sums, scratch: stage.starts))
                }
                if first < rows {
                    block(
                        numbers, width, left.rows(first, rows - first), places: places, weights: weights,
                        start: start.map { $0.pointer + first * $0.stride }, startStride: start?.stride ?? 0,
                        target: target ?? stage.sums + first * stride,
                        targetStride: target == nil ? stride : product.targetStride)
                }
                if target == nil { product.finish(group, row: row, rows: rows, sums: stage.sums, stride: stride) }
            }
            group += 1
        }
    }

    /// start + sum · (scale of the row · scale of the output), in place of whole sums.
    @inline(never)
    static func scale(
        rows: Int, width: Int, _ stage: Stage, outputs: UnsafePointer<Float>, start: UnsafePointer<Float>?,
        startStride: Int
    ) {
        var row = 0
        while row < rows {
            let rowScale = broadcast(stage.scales[row])
            let sums = stage.sums + row * width * Lanes.scalarCount
            var vector = 0
            while vector < width {
                let offset = vector * Lanes.scalarCount
                let whole = float(bits(Whole().load(sums + offset)))
                let first = start.map { Whole().load($0 + row * startStride + offset) } ?? .zero
                Whole().store(multiplyAdd(whole, rowScale * Whole().load(outputs + offset), first), sums + offset)
                vector += 1
            }
            row += 1
        }
    }

    /// One group for all rows of a block.
    @inline(never)
    private static func block<A: Arithmetic>(
        _ numbers: A.Type, _ width: Int, _ left: BlockRows, places: Int, weights: UnsafePointer<Float>,
        start: UnsafePointer<Float>?, startStride: Int, target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        var (factors, weights, start, startStride) = (left.base, weights, start, startStride)
        var place = 0
        repeat {
            let count = min(pieceLength, places - place)
            let piece = Piece(
                factors: factors, stride: left.stride, weights: weights, count: count, start: start,
                startStride: startStride, target: target, targetStride: targetStride)
            switch width {
            case 1: tiles(Single<A>.self, piece, rows: left.count)
            case 2: tiles(Pair<A>.self, piece, rows: left.count)
            case 3: tiles(Triple<A>.self, piece, rows: left.count)
            default: tiles(Quad<A>.self, piece, rows: left.count)
            }
            place += count
            factors += left.apart
            weights += count * width * Lanes.scalarCount
            (start, startStride) = (UnsafePointer(target), targetStride)
        } while place < places
    }

    /// All rows in tiles of about the same height.
    @inline(__always)
    private static func tiles<Row: Strip>(_ type: Row.Type, _ piece: Piece, rows: Int) {
        // Each tile asks for a share of the weights that come after the piece's: the next ones to be read.
        let next = piece.weights + piece.count * Row.vectors * Lanes.scalarCount
        let end = next + piece.count * Row.vectors * Lanes.scalarCount
        var ahead = next
        var row = 0
        while row < rows {
            let height = Row.height(of: rows - row)
            switch height {
            case 1: tile(One<Row>.self, piece, row: row, ahead)
            case 2: tile(Two<Row>.self, piece, row: row, ahead)
            case 3: if Row.takes(3) { tile(Three<Row>.self, piece, row: row, ahead) }
            case 4: if Row.takes(4) { tile(Four<Row>.self, piece, row: row, ahead) }
            case 5: if Row.takes(5) { tile(Five<Row>.self, piece, row: row, ahead) }
            case 6: if Row.takes(6) { tile(Six<Row>.self, piece, row: row, ahead) }
            case 7: if Row.takes(7) { tile(Seven<Row>.self, piece, row: row, ahead) }
            default: if Row.takes(8) { tile(Eight<Row>.self, piece, row: row, ahead) }
            }
            row += height
            ahead += piece.count * cacheLine
            // All were asked for: those of this piece are near, and to ask for them again costs nothing.
            if ahead >= end { ahead = piece.weights }
        }
    }

    @inline(never)
    private static func tile<T: Tile>(_ type: T.Type, _ piece: Piece, row: Int, _ ahead: UnsafePointer<Float>) {
        let target = piece.target + row * piece.targetStride
        var tile: T
        if let start = piece.start {
            tile = T(start + row * piece.startStride, stride: piece.startStride)
        } else {
            tile = T(each: .zero)
        }
        // Other rows than those of floats are copied always.
        let stride = T.Row.Numbers.inputsOfPlace == 1 ? piece.stride : pieceStride
        var factors = piece.factors + row * stride
        var weights = piece.weights
        var ahead = ahead
        let end = factors + piece.count
        while factors < end {
            vectors_prefetch(ahead)
            tile.add(factors, stride: stride, T.Row(weights, step: Lanes.scalarCount))
            ahead += cacheLine
            factors += 1
            weights += T.Row.vectors * Lanes.scalarCount
        }
        tile.store(target, stride: piece.targetStride)
    }
}

/// The rows of a block, in pieces of inputs: `stride` from row to row, `apart` from piece to piece.
struct BlockRows {
    let base: UnsafePointer<Float>
    let stride: Int
    let apart: Int
    let count: Int

    @inline(__always)
    func rows(_ first: Int, _ count: Int) -> BlockRows {
        BlockRows(base: base + first * stride, stride: stride, apart: apart, count: count)
    }
}

/// Where the sums of a group wait: [rows × width], what whole sums start from once they are floats, [rows] scales.
struct Stage {
    let sums: UnsafeMutablePointer<Float>
    let starts: UnsafeMutablePointer<Float>
    let scales: UnsafeMutablePointer<Float>
}

/// A piece of the inputs of one group: what its tiles read and write.
private struct Piece {
    let factors: UnsafePointer<Float>
    let stride: Int
    let weights: UnsafePointer<Float>
    let count: Int
    let start: UnsafePointer<Float>?
    let startStride: Int
    let target: UnsafeMutablePointer<Float>
    let targetStride: Int
}
