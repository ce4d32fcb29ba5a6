/// A product, which may be cut between rows or between groups of outputs.
protocol GridWork {
    func run(rows: Range<Int>, groups: Range<Int>)
}

extension KernelSet {
    /// Rows that threads divide: whole tiles of any height.
    private static let rowUnit = 48

    /// Divides whichever there is more of: threads that share the rows each read all weights, threads that share the
    /// outputs each copy all rows.
    ///
    /// - Parameters:
    ///   - groups: of the packed weights.
    ///   - cost: multiply-adds of the whole, roughly.
    @inline(__always)
    func divide<Work: GridWork>(_ work: Work, rows: Int, groups: Int, outputs: Int, cost: Int) {
        guard team != nil else {
            work.run(rows: 0..<rows, groups: 0..<groups)
            return
        }
        if rows > outputs {
            let units = (rows + Self.rowUnit - 1) / Self.rowUnit
            divide(
                DividedRows(work: work, rows: rows, unit: Self.rowUnit, groups: groups), units: units,
                cost: cost / units)
        } else {
            divide(DividedGroups(work: work, rows: rows), units: groups, cost: cost / max(groups, 1))
        }
    }
}

private struct DividedRows<Work: GridWork>: DividedWork {
    let work: Work
    let rows: Int
    let unit: Int
    let groups: Int

    func run(_ units: Range<Int>) {
        work.run(rows: units.lowerBound * unit..<min(units.upperBound * unit, rows), groups: 0..<groups)
    }
}

private struct DividedGroups<Work: GridWork>: DividedWork {
    let work: Work
    let rows: Int

    func run(_ units: Range<Int>) { work.run(rows: 0..<rows, groups: units) }
}
