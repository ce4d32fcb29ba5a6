import GRDB

/// One page of a list. `hasMore` says that a next page (after the last item's id) is not empty.
public struct Page<Item: Sendable>: Sendable {
    public let items: [Item]
    public let hasMore: Bool

    public init(items: [Item], hasMore: Bool) {
        self.items = items
        self.hasMore = hasMore
    }

    /// From rows of which up to `limit + 1` may be read: as many as the limit and the bytes of a page allow, and at least
    /// one where there is any. A page is shorter than asked for where its rows are large; `hasMore` tells of the others.
    init(_ rows: RowCursor, limit: Int, _ make: (Row) throws -> Item) throws {
        var items: [Item] = []
        var bytes = 0
        var hasMore = false
        while let row = try rows.next() {
            bytes += row.byteCount
            if items.count == limit || (bytes > PageLimit.bytes && !items.isEmpty) {
                hasMore = true
                break
            }
            items.append(try make(row))
        }
        self.init(items: items, hasMore: hasMore)
    }

    /// From `limit + 1` fetched items.
    init(fetched: [Item], limit: Int) {
        items = Array(fetched.prefix(limit))
        hasMore = fetched.count > limit
    }
}

extension Page: Equatable where Item: Equatable {}

enum PageLimit {
    /// Bytes of the rows of one page. The specification of a job may hold megabytes, and a page a thousand jobs: what is
    /// read and written for one request stays some tens of megabytes.
    static let bytes = 4 << 20
}

extension Row {
    /// Of its texts and blobs.
    fileprivate var byteCount: Int {
        databaseValues.reduce(0) { sum, value in
            switch value.storage {
            case .string(let text): sum + text.utf8.count
            case .blob(let data): sum + data.count
            case .null, .int64, .double: sum + 8
            }
        }
    }
}
