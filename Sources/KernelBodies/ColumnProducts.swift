extension Bodies {
    /// target[column] += Σ x[row][column] · y[row][column], rows in order.
    ///
    ///     x, y      [rows × width]
    ///     target    [width]          accumulated into; may not overlap the others
    @inline(never)
    public static func columnProducts(
        rows: Int, width: Int, x: UnsafePointer<Float>, xStride: Int, y: UnsafePointer<Float>, yStride: Int,
        target: UnsafeMutablePointer<Float>
    ) {
        // One row of sums: every vector of them goes down all rows.
        walk(
            ColumnProducts(rows: rows, x: Source(x, xStride), y: Source(y, yStride), target: Target(target, 0)),
            rows: 1, hidden: width)
    }
}

private struct ColumnProducts: Pointwise {
    let rows: Int
    let x: Source
    let y: Source
    let target: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        var sum = access.load(target.at(0, unit))
        var row = 0
        while row < rows {
            sum = multiplyAdd(access.load(x.at(row, unit)), access.load(y.at(row, unit)), sum)
            row += 1
        }
        access.store(sum, target.at(0, unit))
    }
}
