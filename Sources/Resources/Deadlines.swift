import HeapModule

/// When what is due: the soonest first, at a cost that hardly grows with how many there are.
///
/// Whoever moves on to a later time leaves its entry and is looked at when that comes up, so moving on costs nothing; whoever
/// moves to an earlier time is added again. Entries of what is gone are left out when they come up, or by `keep` before they
/// outnumber the others.
public struct Deadlines<ID, Instant: Comparable> {
    private struct Entry: Comparable {
        let due: Instant
        let id: ID

        static func == (one: Entry, other: Entry) -> Bool { one.due == other.due }
        static func < (one: Entry, other: Entry) -> Bool { one.due < other.due }
    }

    private var heap = Heap<Entry>()

    public init() {}

    public var count: Int { heap.count }

    public var earliest: Instant? { heap.min?.due }

    public mutating func add(_ id: ID, due: Instant) { heap.insert(Entry(due: due, id: id)) }

    /// Takes the soonest entry out, where its time has come.
    public mutating func popDue(at now: Instant) -> (id: ID, due: Instant)? {
        guard let first = heap.min, first.due <= now else { return nil }
        heap.removeMin()
        return (first.id, first.due)
    }

    /// Leaves out all entries that are not current, where they are likely to be most of them.
    ///
    /// - Parameter living: how many current ones there can be.
    public mutating func keep(living: Int, _ isCurrent: (ID, Instant) -> Bool) {
        guard heap.count > 2 * living + Self.fewStale else { return }
        heap = Heap(heap.unordered.filter { isCurrent($0.id, $0.due) })
    }

    /// Stale entries that are not worth a walk.
    private static var fewStale: Int { 1024 }
}
