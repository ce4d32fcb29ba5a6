// Sums whose order is part of the contract: element i goes to virtual lane i mod 16, a block of 4,096 elements ends in
// the tree 16 → 8 → 4 → 2 → 1 (each lane plus the one half the width away), and blocks are added in order. The same
// definition serves rows of a column and elements of a vector, on every instruction set.

import CVectors

/// Sixteen virtual lanes: one vector with AVX-512, two or four elsewhere.
typealias SixteenLanes = SIMD16<Float>

private let blockLength = 4_096

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

    /// target[column] = Σ over rows of x[row][column], added to target where `adds` is 1.
    ///
    ///     x       [rows × width]    `stride` apart
    ///     target  [width]           may not overlap x
    @inline(never)
    public static func columnSums(
        x: UnsafePointer<Float>, stride: Int, rows: Int, width: Int,
        target: UnsafeMutablePointer<Float>, adds: Int
    ) {
        let remainder = width % Lanes.scalarCount
        var column = 0
        while column < width - remainder {
            columnSums(Whole(), x + column, stride: stride, rows: rows, target + column, adds: adds != 0)
            column += Lanes.scalarCount
        }
        if remainder > 0 {
            columnSums(
                Part(count: remainder), x + column, stride: stride, rows: rows, target + column, adds: adds != 0)
        }
    }

    @inline(__always)
    private static func columnSums<A: Access>(
        _ access: A, _ x: UnsafePointer<Float>, stride: Int, rows: Int,
        _ target: UnsafeMutablePointer<Float>, adds: Bool
    ) {
        var total = adds ? access.load(target) : .zero
        withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 16) { block in
            guard let base = block.baseAddress else { return }
            let staged = UnsafeMutableRawPointer(base).assumingMemoryBound(to: Float.self)
            var first = 0
            while first < rows {
                let end = min(rows, first + blockLength)
                var sums = SixteenRows.zero
                var row = first
                while row < end {
                    let whole = A.self == Whole.self && row + 16 <= end
                    if whole {
                        sums.add(broadcast(1), SixteenRows(x + row * stride, step: stride))
                    } else {
                        // Rows that do not fill the lanes, and parts of a vector, are staged beside zeros.
                        var lane = 0
                        while lane < 16 {
                            let value = row + lane < end ? access.load(x + (row + lane) * stride) : .zero
                            Whole().store(value, staged + lane * Lanes.scalarCount)
                            lane += 1
                        }
                        sums.add(broadcast(1), SixteenRows(staged, step: Lanes.scalarCount))
                    }
                    row += 16
                }
                total += folded(sums)
                first = end
            }
        }
        access.store(total, target)
    }
}

private typealias EightRows = Beside<Quad<Float32Numbers>, Quad<Float32Numbers>>

/// Sixteen rows of one vector each; `step` is the distance between rows.
private typealias SixteenRows = Beside<EightRows, EightRows>

@inline(__always)
private func folded(_ sums: SixteenRows) -> Lanes {
    var eight = sums.left
    eight.add(broadcast(1), sums.right)
    var four = eight.left
    four.add(broadcast(1), eight.right)
    var two = four.left
    two.add(broadcast(1), four.right)
    return two.left.sums + two.right.sums
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
