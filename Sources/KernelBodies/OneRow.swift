// A product of one row.

extension Bodies {
    /// A row by itself reads every weight once: two groups at a time, or too few sums would wait for each other.
    ///
    /// Steps that follow each other go through the groups forwards and backwards in turns: the weights that one read
    /// last are still in the cache when the next reads them first. Weights that just exceed a level would otherwise
    /// always be the ones thrown out.
    @inline(__always)
    static func runRow<P: GroupedProduct, A: Arithmetic>(
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
