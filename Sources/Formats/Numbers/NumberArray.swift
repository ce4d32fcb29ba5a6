/// Numbers nested one to three deep, stored flat: `values` in the order of the text, and the lengths of each level.
///
///     [1, 2, 3]               depth 1    count 3
///     [[1, 2], [3, 4]]        depth 2    count 2 rows, 2 wide
///     [[[1], [2]], [[3]]]     depth 3    count 2 sequences of 2 and 1 rows, 1 wide
public struct NumberArray: Sendable, Equatable {
    /// The lengths of the arrays on one level, short while they are all equal.
    public enum Lengths: Sendable, Equatable {
        case uniform(count: Int, each: Int)
        case ragged([Int])

        public var count: Int {
            switch self {
            case .uniform(let count, _): count
            case .ragged(let lengths): lengths.count
            }
        }

        public subscript(index: Int) -> Int {
            switch self {
            case .uniform(_, let each): each
            case .ragged(let lengths): lengths[index]
            }
        }

        public var all: [Int] {
            switch self {
            case .uniform(let count, let each): Array(repeating: each, count: count)
            case .ragged(let lengths): lengths
            }
        }

        /// Length common to all, if there is one; nil when there are none at all.
        public var common: Int? {
            switch self {
            case .uniform(let count, let each): count == 0 ? nil : each
            case .ragged(let lengths): lengths.allSatisfy { $0 == lengths[0] } ? lengths.first : nil
            }
        }

        /// Adds the same length `count` times.
        mutating func append(_ length: Int, count added: Int = 1) {
            switch self {
            case .uniform(0, _): self = .uniform(count: added, each: length)
            case .uniform(let count, length): self = .uniform(count: count + added, each: length)
            case .uniform(let count, let each):
                self = .ragged(
                    [Int](repeating: each, count: count) + [Int](repeating: length, count: added))
            case .ragged(var lengths):
                self = .none  // gives up its reference, so that the append below copies nothing
                lengths.append(contentsOf: repeatElement(length, count: added))
                self = .ragged(lengths)
            }
        }

        static let none = Lengths.uniform(count: 0, each: 0)

        public static func == (left: Lengths, right: Lengths) -> Bool {
            if case .uniform(let a, let b) = left, case .uniform(let c, let d) = right {
                return a == c && (a == 0 || b == d)
            }
            return left.all == right.all
        }
    }

    public let depth: Int
    public internal(set) var values: [Double]
    /// How many numbers each innermost array has: one entry for depth 1, one a row for depths 2 and 3.
    public internal(set) var rowWidths: Lengths
    /// How many rows each sequence has; only for depth 3, otherwise none.
    public internal(set) var sequenceLengths: Lengths

    init(depth: Int, values: [Double] = [], rowWidths: Lengths = .none, sequenceLengths: Lengths = .none) {
        self.depth = depth
        self.values = values
        self.rowWidths = rowWidths
        self.sequenceLengths = sequenceLengths
    }

    /// `[1, 2, 3]`
    public init(_ values: [Double]) {
        self.init(depth: 1, values: values, rowWidths: .uniform(count: 1, each: values.count))
    }

    /// Rows of one width: `values` holds `rows × width` numbers.
    public init(_ values: [Double], width: Int) {
        precondition(width > 0 && values.count % width == 0, "\(values.count) values do not make rows of \(width)")
        self.init(depth: 2, values: values, rowWidths: .uniform(count: values.count / width, each: width))
    }

    /// Sequences of rows of one width: `values` holds `sum(lengths) × width` numbers.
    public init(_ values: [Double], width: Int, lengths: [Int]) {
        let rows = lengths.reduce(0, +)
        precondition(values.count == rows * width, "\(values.count) values do not make \(rows) rows of \(width)")
        self.init(
            depth: 3, values: values, rowWidths: .uniform(count: rows, each: width), sequenceLengths: .ragged(lengths))
    }

    /// How many elements the outermost array has.
    public var count: Int {
        switch depth {
        case 1: values.count
        case 2: rowWidths.count
        default: sequenceLengths.count
        }
    }

    /// The width that all rows share; nil where rows differ or there is none.
    public var rowWidth: Int? { rowWidths.common }

    /// The outermost array taken apart one level.
    public var elements: [JSON] {
        switch depth {
        case 1: return values.map { .number($0) }
        case 2:
            var start = 0
            return (0..<rowWidths.count).map { row in
                let width = rowWidths[row]
                defer { start += width }
                return Self.row(Array(values[start..<start + width]))
            }
        default:
            var start = 0
            var firstRow = 0
            return (0..<sequenceLengths.count).map { sequence in
                let rows = firstRow..<firstRow + sequenceLengths[sequence]
                let widths = rows.map { rowWidths[$0] }
                let count = widths.reduce(0, +)
                defer {
                    start += count
                    firstRow = rows.upperBound
                }
                guard !rows.isEmpty else { return .array([]) }
                return .numbers(
                    NumberArray(
                        depth: 2, values: Array(values[start..<start + count]), rowWidths: .ragged(widths)))
            }
        }
    }

    private static func row(_ values: [Double]) -> JSON { values.isEmpty ? .array([]) : .numbers(NumberArray(values)) }
}
