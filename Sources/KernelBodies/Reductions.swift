// Sums whose order is part of the contract: element i goes to virtual lane i mod 16, a block of 4,096 elements ends in
// the tree 16 → 8 → 4 → 2 → 1 (each lane plus the one half the width away), and blocks are added in order. The same
// definition serves rows of a column and elements of a vector, on every instruction set.

import CVectors

/// Sixteen virtual lanes: one vector with AVX-512, two or four elsewhere.
typealias SixteenLanes = SIMD16<Float>

private let blockLength = 4_096

/// Columns that are summed at a time: their sixteen lanes take 16 KiB, half of the first cache level.
private let columnsOfTurn = 256

/// Rows ahead of the one that is added for which memory is asked.
private let rowsAhead = 8

extension Bodies {
    /// Σ x[i] for i in 0 ..< count.
    @inline(never)
    public static func sum(_ x: UnsafePointer<Float>, count: Int) -> Float {
        reduce(x, x, count: count, Plain.self)
    }

    /// Σ x[i]·y[i] for i in 0 ..< count; x may be y.
    @inline(never)
    public static func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Float {
        reduce(x, y, count: count, Product.self)
    }

    /// target[column] = Σ over rows of x[row][column], added to target where `adds` is 1; the same to `other`.
    ///
    ///     x        [rows × width]    `stride` apart
    ///     target   [width]           may not overlap x
    ///     other    [width]           or nil
    ///     scratch  `scratchCount` floats of the caller's thread
    @inline(never)
    public static func columnSums(
        x: UnsafePointer<Float>, stride: Int, rows: Int, width: Int,
        target: UnsafeMutablePointer<Float>, other: UnsafeMutablePointer<Float>?, adds: Int,
        scratch: UnsafeMutablePointer<Float>
    ) {
        var column = 0
        while column < width {
            let columns = min(columnsOfTurn, width - column)
            if adds == 0 {
                fill(target + column, columns)
                if let other { fill(other + column, columns) }
            }
            var first = 0
            while first < rows {
                let count = min(blockLength, rows - first)
                sumRows(x + first * stride + column, stride: stride, rows: count, width: columns, into: scratch)
                add(scratch, width: columns, to: target + column)
                if let other { add(scratch, width: columns, to: other + column) }
                first += count
            }
            column += columns
        }
    }

    /// The sums of some columns of one block in the first row of `sums`, [16 × columnsOfTurn]: row i of x is added to
    /// row i mod 16, and these are folded. Rows are read side by side, not column by column: what lies together comes
    /// together.
    @inline(__always)
    private static func sumRows(
        _ x: UnsafePointer<Float>, stride: Int, rows: Int, width: Int, into sums: UnsafeMutablePointer<Float>
    ) {
        var lane = 0
        while lane < 16 {
            fill(sums + lane * columnsOfTurn, width)
            lane += 1
        }
        var row = 0
        while row < rows {
            let source = x + row * stride
            var line = 0
            while line < width {
                vectors_prefetch(source + rowsAhead * stride + line)
                line += 16
            }
            add(source, width: width, to: sums + row % 16 * columnsOfTurn)
            row += 1
        }
        var half = 8
        while half > 0 {
            var lane = 0
            while lane < half {
                add(sums + (lane + half) * columnsOfTurn, width: width, to: sums + lane * columnsOfTurn)
                lane += 1
            }
            half /= 2
        }
    }

    @inline(__always)
    private static func add(_ x: UnsafePointer<Float>, width: Int, to target: UnsafeMutablePointer<Float>) {
        var column = 0
        while column + Lanes.scalarCount <= width {
            Whole().store(Whole().load(target + column) + Whole().load(x + column), target + column)
            column += Lanes.scalarCount
        }
        if column < width {
            let part = Part(count: width - column)
            part.store(part.load(target + column) + part.load(x + column), target + column)
        }
    }

    @inline(__always)
    private static func fill(_ target: UnsafeMutablePointer<Float>, _ count: Int) {
        var index = 0
        while index < count {
            target[index] = 0
            index += 1
        }
    }
}

/// What a reduction adds for one pair of elements.
private protocol Term {
    static func add(_ x: SixteenLanes, _ y: SixteenLanes, to sums: SixteenLanes) -> SixteenLanes
}

private enum Plain: Term {
    @inline(__always)
    static func add(_ x: SixteenLanes, _ y: SixteenLanes, to sums: SixteenLanes) -> SixteenLanes { sums + x }
}

private enum Product: Term {
    @inline(__always)
    static func add(_ x: SixteenLanes, _ y: SixteenLanes, to sums: SixteenLanes) -> SixteenLanes {
        #if KERNELS_BASELINE
        return sums + x * y
        #else
        return vectors_multiply_add_16(x, y, sums)
        #endif
    }
}

@inline(__always)
private func reduce<T: Term>(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int, _ term: T.Type
) -> Float {
    var total: Float = 0
    var first = 0
    while first < count {
        let end = min(count, first + blockLength)
        var sums = SixteenLanes.zero
        var index = first
        while index + 16 <= end {
            sums = T.add(sixteen(x + index), sixteen(y + index), to: sums)
            index += 16
        }
        if index < end {
            sums = T.add(sixteen(x + index, count: end - index), sixteen(y + index, count: end - index), to: sums)
        }
        total += folded(sums)
        first = end
    }
    return total
}

@inline(__always)
func sixteen(_ pointer: UnsafePointer<Float>) -> SixteenLanes {
    UnsafeRawPointer(pointer).loadUnaligned(as: SixteenLanes.self)
}

/// The first `count` of sixteen, the others `filler`.
@inline(__always)
func sixteen(_ pointer: UnsafePointer<Float>, count: Int, filler: Float = 0) -> SixteenLanes {
    var whole = SixteenLanes(repeating: filler)
    var lane = 0
    while lane < count {
        whole[lane] = pointer[lane]
        lane += 1
    }
    return whole
}

@inline(__always)
func folded(_ sums: SixteenLanes) -> Float {
    let eight = sums.lowHalf + sums.highHalf
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
}

/// The greatest of x[0 ..< count], NaN aside; -∞ where there is none. The order does not matter to the result.
@inline(__always)
func greatest(_ x: UnsafePointer<Float>, count: Int) -> Float {
    var best = SixteenLanes(repeating: -.infinity)
    var index = 0
    while index < count {
        let next =
            index + 16 <= count ? sixteen(x + index) : sixteen(x + index, count: count - index, filler: -.infinity)
        best = best.replacing(with: next, where: next .> best)
        index += 16
    }
    let eight = best.lowHalf.replacing(with: best.highHalf, where: best.highHalf .> best.lowHalf)
    let four = eight.lowHalf.replacing(with: eight.highHalf, where: eight.highHalf .> eight.lowHalf)
    let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
    return two.x > two.y ? two.x : two.y
}
