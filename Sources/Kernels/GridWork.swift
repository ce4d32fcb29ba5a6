/// A product, which may be cut between rows or between groups of outputs.
///
/// It holds addresses alone, whose owners the caller of the product keeps until it returns: to count references to them
/// would be a noticeable part of a small step.
protocol GridWork {
    /// - Parameter scratch: of this thread.
    func run(rows: Range<Int>, groups: Range<Int>, scratch: UnsafeMutablePointer<Float>)
}

extension KernelSet {
    /// Fewer rows take as long as this many: the time goes into reading the weights.
    static let rowsOfMemory = 6

    /// Rows that threads divide: whole tiles of any height.
    private static let rowUnit = 48

    /// Divides whichever there is more of: parts of the rows each read all weights, parts of the outputs each copy all
    /// rows, so of these there are few.
    ///
    /// - Parameters:
    ///   - groups: of the packed weights, which `outputs` make.
    ///   - cost: multiply-adds of the whole, roughly.
    @inline(__always)
    func divide<Work: GridWork>(_ work: Work, rows: Int, groups: Int, outputs: Int, cost: Int) {
        guard cost >= 2 * Self.worthwhile, let team, !team.refuses(isLarge: isLarge(cost)) else {
            withScratch { work.run(rows: 0..<rows, groups: 0..<groups, scratch: $0) }
            return
        }
        let units = (rows + Self.rowUnit - 1) / Self.rowUnit
        if rows > outputs || units > groups {
            divide(
                DividedRows(kernels: self, work: work, rows: rows, unit: Self.rowUnit, groups: groups), units: units,
                cost: cost / max(units, 1))
        } else {
            divide(
                DividedGroups(kernels: self, work: work, rows: rows), units: groups, cost: cost / max(groups, 1),
                partsOfThread: 2)
        }
    }
}

private struct DividedRows<Work: GridWork>: DividedWork {
    let kernels: KernelSet
    let work: Work
    let rows: Int
    let unit: Int
    let groups: Int

    func run(_ units: Range<Int>) {
        kernels.withScratch {
            work.run(
                rows: units.lowerBound * unit..<min(units.upperBound * unit, rows), groups: 0..<groups, scratch: $0)
        }
    }
}

private struct DividedGroups<Work: GridWork>: DividedWork {
    let kernels: KernelSet
    let work: Work
    let rows: Int

    func run(_ units: Range<Int>) {
        kernels.withScratch { work.run(rows: 0..<rows, groups: units, scratch: $0) }
    }
}
