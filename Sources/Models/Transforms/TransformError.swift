/// A value that a transform cannot take.
public struct TransformError: Error, Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// The logarithm of a value that is 0 or below.
        case notPositive(value: Double)
        case notFinite(value: Double)
        /// Fewer rows than differencing needs.
        case tooFewRows(have: Int, need: Int)
        /// Values so large that their mean or spread is no finite number.
        case overflow
        /// A value so far from those of the training part that no float32 holds its distance.
        case outOfRange(value: Double)
    }

    public var reason: Reason
    /// The column, by its place in the row.
    public var column: Int
    /// The row within the values given, where one is to blame.
    public var row: Int?

    public init(_ reason: Reason, column: Int, row: Int? = nil) {
        self.reason = reason
        self.column = column
        self.row = row
    }
}

extension TransformError: CustomStringConvertible {
    public var description: String {
        let place = row.map { "row \($0), " } ?? ""
        switch reason {
        case .notPositive(let value):
            return "\(place)column \(column): \(value) has no logarithm; the transform log needs values above 0"
        case .notFinite(let value): return "\(place)column \(column): \(value) is not a finite number"
        case .tooFewRows(let have, let need):
            return "column \(column): differencing needs more than \(need) rows, there are \(have)"
        case .overflow: return "column \(column): the values are too large for their mean and spread to be numbers"
        case .outOfRange(let value):
            return "\(place)column \(column): \(value) lies too far from the values of the training part"
        }
    }
}
