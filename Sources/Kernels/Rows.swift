/// A read-only view of `count` rows of `width` floats, `stride` floats apart.
///
/// The view owns nothing: the memory must outlive it. Kernels read and write inside the rows only, so rows may lie back
/// to back (`stride` = `width`), and a row may be a block of a wider one (`columns`).
public struct Rows {
    public let base: UnsafePointer<Float>
    public let count: Int
    public let width: Int
    public let stride: Int

    /// - Parameter stride: from row to row; `width` unless given.
    @inlinable
    public init(_ base: UnsafePointer<Float>, count: Int, width: Int, stride: Int? = nil) {
        precondition(count >= 0 && width >= 0, "rows: \(count) × \(width) is no shape")
        self.base = base
        self.count = count
        self.width = width
        self.stride = stride ?? width
    }

    /// The rows `range` of this view.
    @inlinable
    public func rows(_ range: Range<Int>) -> Rows {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "rows \(range) of \(count)")
        return Rows(base + range.lowerBound * stride, count: range.count, width: width, stride: stride)
    }

    /// The columns `range` of every row.
    @inlinable
    public func columns(_ range: Range<Int>) -> Rows {
        precondition(range.lowerBound >= 0 && range.upperBound <= width, "columns \(range) of \(width)")
        return Rows(base + range.lowerBound, count: count, width: range.count, stride: stride)
    }
}

/// A view of `count` rows of `width` floats that lie anywhere: row r begins places[r] floats from `base`.
public struct ScatteredRows {
    public let base: UnsafePointer<Float>
    public let places: UnsafePointer<Int>
    public let count: Int
    public let width: Int

    public init(_ base: UnsafePointer<Float>, places: UnsafePointer<Int>, count: Int, width: Int) {
        precondition(count >= 0 && width >= 0, "rows: \(count) × \(width) is no shape")
        self.base = base
        self.places = places
        self.count = count
        self.width = width
    }
}

/// A view of `count` rows of `width` floats, `stride` floats apart, that may be written; see `Rows`.
public struct MutableRows {
    public let base: UnsafeMutablePointer<Float>
    public let count: Int
    public let width: Int
    public let stride: Int

    /// - Parameter stride: from row to row; `width` unless given.
    @inlinable
    public init(_ base: UnsafeMutablePointer<Float>, count: Int, width: Int, stride: Int? = nil) {
        precondition(count >= 0 && width >= 0, "rows: \(count) × \(width) is no shape")
        self.base = base
        self.count = count
        self.width = width
        self.stride = stride ?? width
    }

    /// The same rows, to read.
    @inlinable
    public var rows: Rows { Rows(base, count: count, width: width, stride: stride) }

    /// The rows `range` of this view.
    @inlinable
    public func rows(_ range: Range<Int>) -> MutableRows {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "rows \(range) of \(count)")
        return MutableRows(base + range.lowerBound * stride, count: range.count, width: width, stride: stride)
    }

    /// The columns `range` of every row.
    @inlinable
    public func columns(_ range: Range<Int>) -> MutableRows {
        precondition(range.lowerBound >= 0 && range.upperBound <= width, "columns \(range) of \(width)")
        return MutableRows(base + range.lowerBound, count: count, width: range.count, stride: stride)
    }
}
