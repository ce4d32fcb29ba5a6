/// Work in parts that need nothing of each other, as rows that go through the steps of a network by themselves.
///
/// Threads that take such parts meet once at the end, not in every product, and what one wrote it reads again itself.
public protocol PartedWork {
    /// Does some of `count` parts; may be called from several threads at once.
    func run(_ parts: Range<Int>, of count: Int)
}

extension KernelSet {
    /// Rows of a part at least: so many keep a thread busy while the weights, which every thread reads, come from
    /// memory.
    private static let rowsOfPart = 8

    /// Runs work that may be cut between rows: in one part for every thread, or whole, so that its products may be
    /// divided instead. It stays whole where there are few rows, where there is little work, and where the helpers are
    /// busy or asleep and not worth waking.
    ///
    /// In a part of several, kernels run on the thread of that part alone.
    ///
    /// - Parameters:
    ///   - rows: how many go side by side; the mean where their number changes from step to step.
    ///   - cost: multiply-adds of the whole, roughly.
    public func run<Work: PartedWork>(_ work: Work, rows: Int, cost: Int) {
        if let team, rows >= threads * Self.rowsOfPart, cost >= threads * Self.worthwhile,
            team.run(
                Parts(work: work, count: threads), units: threads, parts: threads, isLarge: isLarge(cost))
        {
            return
        }
        work.run(0..<1, of: 1)
    }
}

private struct Parts<Work: PartedWork>: DividedWork {
    let work: Work
    let count: Int

    func run(_ units: Range<Int>) { work.run(units, of: count) }
}
