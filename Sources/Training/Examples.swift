import Kernels
import Models
import Networks

/// What a network learns from, ready for batches: rows, for each example where they lie, and what is to be said of them.
struct Examples {
    /// What is to be said of an example, in the alphabet of the answers.
    enum Answers {
        /// The rows' own first `targets` numbers, one row later.
        case nextRow(targets: Int)
        /// A label each, by number.
        case labels([Int32])
        /// The flags that are set.
        case flags(FlagSets)
    }

    /// After which rows of an example it is to be said.
    enum Place {
        /// After the last one: answers are one an example.
        case last
        /// After every row: answers are one a row.
        case everyRow
    }

    /// Rows as they are kept, row after row: transformed numbers, or the number of a symbol.
    let rows: [Float]
    /// Numbers of a row as it is kept.
    let width: Int
    /// First row and number of rows of each example.
    let places: [(start: Int, length: Int)]
    let answers: Answers
    let place: Place
    /// Examples to learn from, and examples to validate with; neither empty unless nothing was asked for.
    let training: [Int]
    let validation: [Int]

    /// Where examples are scored. Windows over one series share their rows: those before the last of a window are answers
    /// of other windows, which may be of the training part.
    var scoredPlace: Place {
        if case .nextRow = answers { .last } else { place }
    }

    /// What some examples count in the mean of a loss: one each where an example has an answer, or else its rows.
    func weight(_ examples: [Int]) -> Int { scoredPlace == .last ? examples.count : rowCount(examples) }

    /// The greatest number of rows that a batch of `size` examples can have.
    func greatestBatch(size: Int) -> Int {
        let lengths = places.map(\.length)
        guard let longest = lengths.max(), let shortest = lengths.min(), longest > shortest else {
            return min(size, places.count) * (lengths.first ?? 0)
        }
        return lengths.sorted(by: >).prefix(size).reduce(0, +)
    }

    /// Rows of these examples together.
    func rowCount(_ examples: [Int]) -> Int { examples.reduce(0) { $0 + places[$1].length } }

    /// One row as the network reads it.
    func append(row: Int, rowWidth: Int, to x: inout [Float]) {
        if rowWidth == width {
            x.append(contentsOf: rows[row * width..<(row + 1) * width])
        } else {
            OneHot.append(rows[row], width: rowWidth, to: &x)
        }
    }
}

/// Of each of many answers, the numbers of the flags that are set.
struct FlagSets {
    /// Flags there are.
    let count: Int
    /// Where the numbers of each answer begin; one more entry, their end.
    private(set) var starts = [0]
    private(set) var numbers: [Int32] = []

    init(count: Int) { self.count = count }

    mutating func append(_ flags: some Sequence<Int32>) {
        numbers.append(contentsOf: flags)
        starts.append(numbers.count)
    }

    subscript(answer: Int) -> ArraySlice<Int32> { numbers[starts[answer]..<starts[answer + 1]] }
}
