/// Rows of symbols as a network without an embedding reads them: a number for each symbol, 1 for the one that stands
/// there and 0 for all others.
///
/// Until a batch is filled a row is the symbol's number alone: a hundred thousand words of an alphabet of ten thousand
/// would be a thousand million numbers.
public enum OneHot {
    /// Sequences side by side, and their rows.
    public struct Group: Sendable, Equatable {
        public var sequences: Range<Int>
        public var rows: Range<Int>
    }

    /// Numbers that stand in memory at once, where a single sequence is not more: 64 MiB.
    public static let numbersAtOnce = 1 << 24

    /// Sequences in groups of so many rows that expanded they are no more than `numbersAtOnce`; one sequence at least.
    public static func groups(of lengths: [Int], width: Int, most: Int = numbersAtOnce) -> [Group] {
        var groups: [Group] = []
        for (sequence, length) in lengths.enumerated() {
            if let last = groups.last, (last.rows.count + length) * width <= most {
                groups[groups.count - 1].sequences = last.sequences.lowerBound..<sequence + 1
                groups[groups.count - 1].rows = last.rows.lowerBound..<last.rows.upperBound + length
            } else {
                let start = groups.last?.rows.upperBound ?? 0
                groups.append(Group(sequences: sequence..<sequence + 1, rows: start..<start + length))
            }
        }
        return groups
    }

    public static func expanded(_ numbers: some Collection<Float>, width: Int) -> [Float] {
        var rows: [Float] = []
        rows.reserveCapacity(numbers.count * width)
        for number in numbers { append(number, width: width, to: &rows) }
        return rows
    }

    public static func append(_ number: Float, width: Int, to rows: inout [Float]) {
        let start = rows.count
        rows.append(contentsOf: repeatElement(0, count: width))
        rows[start + Int(number)] = 1
    }

    /// One row in place: the number that stands first gives way to the row.
    package static func expand(_ row: UnsafeMutablePointer<Float>, width: Int) {
        let number = Int(row[0])
        precondition(number >= 0 && number < width, "symbol \(number) of \(width)")
        row.update(repeating: 0, count: width)
        row[number] = 1
    }
}
