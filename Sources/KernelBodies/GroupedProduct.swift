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
private let pieceLength = 256

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

/// Outputs at most for which rows become lanes: an input of a vector of rows takes as many multiply-adds as there are
/// outputs then instead of as there are lanes, but has to be turned, which takes as long as some third of the latter.
private let fewOutputs = Lanes.scalarCount / 4

/// Inputs that are turned at a time: of four vectors of rows no more than half of the first cache level.
private let inputsOfTurn = 64

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
    private static func scale(
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

    // MARK: - Many rows, few outputs

    /// A matrix of few outputs, as a head has: a vector holds an output of many rows instead of an output and many
    /// zeros of one. Rows are turned into columns on the way, some inputs at a time.
    ///
    /// - Parameter left: whole vectors of rows.
    @inline(never)
    private static func turn(_ left: BlockRows, _ group: FewOutputs) {
        var row = 0
        while row < left.count {
            let vectors = min(Groups.widest, (left.count - row) / Lanes.scalarCount)
            let rows = left.rows(row, vectors * Lanes.scalarCount)
            switch vectors {
            case 1: turn(Single<Float32Numbers>.self, rows, group.from(row))
            case 2: turn(Pair<Float32Numbers>.self, rows, group.from(row))
            case 3: turn(Triple<Float32Numbers>.self, rows, group.from(row))
            default: turn(Quad<Float32Numbers>.self, rows, group.from(row))
            }
            row += rows.count
        }
    }

    /// - Parameter left: as many rows as a strip has lanes.
    @inline(__always)
    private static func turn<Row: Strip>(_ type: Row.Type, _ left: BlockRows, _ group: FewOutputs) {
        let (rows, lanes) = (left.count, Lanes.scalarCount)
        let (sums, columns) = (group.scratch, group.scratch + group.outputs * rows)
        var output = 0
        while output < group.outputs {
            var row = 0
            while row < rows {
                sums[output * rows + row] = group.start.map { $0[row * group.startStride + output] } ?? 0
                row += 1
            }
            output += 1
        }
        var (factors, place) = (left.base, 0)
        while place < group.places {
            let count = min(inputsOfTurn, group.places - place)
            transpose(factors, stride: left.stride, rows: rows, inputs: count, into: columns)
            output = 0
            while output < group.outputs {
                let weights = group.weights + place * lanes + output
                var strip = Row(sums + output * rows, step: lanes)
                var input = 0
                while input < count {
                    strip.add(broadcast(weights[input * lanes]), Row(columns + input * rows, step: lanes))
                    input += 1
                }
                strip.store(sums + output * rows)
                output += 1
            }
            place += count
            // A piece is several turns long.
            factors += place % pieceLength == 0 ? left.apart - pieceLength + inputsOfTurn : inputsOfTurn
        }
        output = 0
        while output < group.outputs {
            var row = 0
            while row < rows {
                group.target[row * lanes + output] = sums[output * rows + row]
                row += 1
            }
            output += 1
        }
    }

    /// Inputs of rows, [rows × inputs], as columns, [inputs × rows].
    @inline(__always)
    private static func transpose(
        _ source: UnsafePointer<Float>, stride: Int, rows: Int, inputs: Int, into target: UnsafeMutablePointer<Float>
    ) {
        var row = 0
        while row < rows {
            let square = source + row * stride
            var input = 0
            while input + 4 <= inputs {
                vectors_transpose_4(square + input, stride, target + input * rows + row, rows)
                input += 4
            }
            while input < inputs {
                var lane = 0
                while lane < 4 {
                    target[input * rows + row + lane] = square[lane * stride + input]
                    lane += 1
                }
                input += 1
            }
            row += 4
        }
    }

    // MARK: - One row

    /// A row by itself reads every weight once: two groups at a time, or too few sums would wait for each other.
    ///
    /// Steps that follow each other go through the groups forwards and backwards in turns: the weights that one read
    /// last are still in the cache when the next reads them first. Weights that just exceed a level would otherwise
    /// always be the ones thrown out.
    @inline(__always)
    private static func runRow<P: GroupedProduct, A: Arithmetic>(
        _ product: P, _ numbers: A.Type, left: UnsafePointer<Float>, row: Int, _ groups: Range<Int>, _ backwards: Bool,
        _ stage: Stage
    ) {
        let places = A.places(product.inputs)
        var (first, end) = (groups.lowerBound, groups.upperBound)
        while first < end {
            var group = backwards ? end - 1 : first
            let width = product.groups.width(group)
            var pairs = false
            if backwards {
                pairs = group > first && product.groups.width(group - 1) == width
                if pairs { group -= 1 }
            } else {
                pairs = group + 1 < end && product.groups.width(group + 1) == width
            }
            let stride = width * Lanes.scalarCount
            var target = product.place(group, row: row)
            if A.isScaled || pairs && product.place(group + 1, row: row) == nil { target = nil }
            let staged = target == nil
            let starts = A.isScaled ? stage.starts : stage.sums
            var start = product.start(group, row: row, rows: 1, staged: staged, sums: starts, stride: stride)?.pointer
            if pairs, staged {
                // It follows that of the first group, here as in the scratch.
                _ = product.start(group + 1, row: row, rows: 1, staged: true, sums: starts + stride, stride: stride)
            }
            let floats = start
            if A.isScaled { start = product.groups.starts(product.packed, group, places: places) }
            rowSums(
                numbers, width, pairs: pairs, factors: left, places: places,
                weights: product.packed + product.groups.offset(group, inputs: places),
                start: start, target: target ?? stage.sums)
            if A.isScaled {
                scale(
                    rows: 1, width: pairs ? 2 * width : width, stage,
                    outputs: product.groups.scales(product.packed, group, places: places), start: floats, startStride: 0
                )
            }
            if staged {
                product.finish(group, row: row, rows: 1, sums: stage.sums, stride: stride)
                if pairs { product.finish(group + 1, row: row, rows: 1, sums: stage.sums + stride, stride: stride) }
            }
            if backwards { end = group } else { first = group + (pairs ? 2 : 1) }
        }
    }

    /// One group, or two that follow each other, in weights, start and target alike.
    @inline(never)
    private static func rowSums<A: Arithmetic>(
        _ numbers: A.Type, _ width: Int, pairs: Bool, factors: UnsafePointer<Float>, places: Int,
        weights: UnsafePointer<Float>, start: UnsafePointer<Float>?, target: UnsafeMutablePointer<Float>
    ) {
        switch width {
        case 1: rowSums(Single<A>.self, pairs, factors, places, weights, start, target)
        case 2: rowSums(Pair<A>.self, pairs, factors, places, weights, start, target)
        case 3: rowSums(Triple<A>.self, pairs, factors, places, weights, start, target)
        default: rowSums(Quad<A>.self, pairs, factors, places, weights, start, target)
        }
    }

    @inline(__always)
    private static func rowSums<Row: Strip>(
        _ type: Row.Type, _ pairs: Bool, _ factors: UnsafePointer<Float>, _ places: Int,
        _ weights: UnsafePointer<Float>, _ start: UnsafePointer<Float>?, _ target: UnsafeMutablePointer<Float>
    ) {
        let step = Lanes.scalarCount
        var one = start.map { Row($0, step: step) } ?? Row.zero
        var weights = weights
        var factors = factors
        let end = factors + places
        if pairs {
            let distance = Row.vectors * step * places
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

/// The rows of a block, in pieces of inputs: `stride` from row to row, `apart` from piece to piece.
private struct BlockRows {
    let base: UnsafePointer<Float>
    let stride: Int
    let apart: Int
    let count: Int

    @inline(__always)
    func rows(_ first: Int, _ count: Int) -> BlockRows {
        BlockRows(base: base + first * stride, stride: stride, apart: apart, count: count)
    }
}

/// The one group of a matrix of less than a vector of outputs: its weights are [places × laneCount].
private struct FewOutputs {
    let outputs: Int
    let places: Int
    let weights: UnsafePointer<Float>
    let start: UnsafePointer<Float>?
    let startStride: Int
    /// [rows × laneCount]
    let target: UnsafeMutablePointer<Float>
    /// For [outputs × rows] sums and [inputsOfTurn × rows] columns of a strip of rows.
    let scratch: UnsafeMutablePointer<Float>

    @inline(__always)
    func from(_ row: Int) -> FewOutputs {
        FewOutputs(
            outputs: outputs, places: places, weights: weights, start: start.map { $0 + row * startStride },
            startStride: startStride, target: target + row * Lanes.scalarCount, scratch: scratch)
    }
}

/// Where the sums of a group wait: [rows × width], what whole sums start from once they are floats, [rows] scales.
private struct Stage {
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
