/// Work in parts that need nothing of each other, as rows that go through the steps of a network by themselves.
///
/// Threads that take such parts meet once at the end, not in every product, and what one wrote it reads again itself.
public protocol PartedWork {
    /// Does some of the parts; may be called from several threads at once.
    func run(_ parts: Range<Int>)
}

extension KernelSet {
    /// Rows of a part at least: so many keep a thread busy while the weights, which every thread reads, come from memory.
    private static let rowsOfPart = 8

    /// Into how many parts rows are to be cut: one for every thread, or 1 where there are few rows, whose products are
    /// better divided by outputs, or little work.
    ///
    /// - Parameter cost: multiply-adds of the whole, roughly.
    public func parts(rows: Int, cost: Int) -> Int {
        rows >= threads * Self.rowsOfPart && cost >= threads * Self.worthwhile ? threads : 1
    }

    /// Runs all parts, on several threads where there are and none of them is busy. Kernels called within a part run on its
    /// thread alone.
    public func run<Work: PartedWork>(_ work: Work, parts: Int, cost: Int) {
        if parts > 1, let team,
            team.run(Parts(work: work), units: parts, parts: parts, isLarge: isLarge(cost))
        {
            return
        }
        work.run(0..<parts)
    }
}

private struct Parts<Work: PartedWork>: DividedWork {
    let work: Work

    func run(_ units: Range<Int>) { work.run(units) }
}
