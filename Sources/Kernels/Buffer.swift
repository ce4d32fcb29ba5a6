import Glibc

/// Floats allocated once, aligned to a cache line and zero at the start: the storage of workspaces and packed matrices.
public struct Buffer: ~Copyable, @unchecked Sendable {
    // @unchecked: the pointer is this value's alone until `base` hands it out, and whoever takes it answers for the use
    // of it, as with any unsafe pointer. It would end if views carried their owner.

    public let base: UnsafeMutablePointer<Float>
    public let count: Int

    /// Pages of 2 MiB: reading through weights of many megabytes, a third of the time went into looking up small pages.
    private static let largePage = 2 << 20

    public init(count: Int) {
        precondition(count >= 0, "a buffer of \(count) floats")
        let bytes = max(count, 1) * MemoryLayout<Float>.stride
        let isLarge = bytes >= Self.largePage
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? Self.largePage : 64)
        // A wish, granted or not.
        if isLarge { _ = madvise(raw, bytes, Int32(MADV_HUGEPAGE)) }
        base = raw.bindMemory(to: Float.self, capacity: max(count, 1))
        base.initialize(repeating: 0, count: max(count, 1))
        self.count = count
    }

    deinit { base.deallocate() }

    /// `count` rows of `width`, back to back from `offset`.
    public func rows(at offset: Int = 0, count rows: Int, width: Int) -> MutableRows {
        precondition(offset >= 0 && offset + rows * width <= count, "\(rows) × \(width) rows at \(offset) of \(count)")
        return MutableRows(base + offset, count: rows, width: width)
    }

    public func fill(_ value: Float) { base.update(repeating: value, count: count) }
}
