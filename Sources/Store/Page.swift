/// One page of a list. `hasMore` says that a next page (after the last item's id) is not empty.
public struct Page<Item: Sendable>: Sendable {
    public let items: [Item]
    public let hasMore: Bool

    public init(items: [Item], hasMore: Bool) {
        self.items = items
        self.hasMore = hasMore
    }

    /// From `limit + 1` fetched items.
    init(fetched: [Item], limit: Int) {
        items = Array(fetched.prefix(limit))
        hasMore = fetched.count > limit
    }
}

extension Page: Equatable where Item: Equatable {}
