import Networks

/// What kind of things a model answers with.
public enum AnswerKind: String, Sendable, CaseIterable {
    /// Numbers in raw units.
    case numbers
    /// One of several labels that exclude each other.
    case labels
    /// Any of several flags, each a yes or no of its own.
    case flags
}

/// What a model says after one row.
public enum Answer: Sendable, Equatable {
    /// Nothing yet: of the rows that differencing needs first, so many have been seen.
    case pending(have: Int, need: Int)
    /// The targets of the next row, in raw units.
    case numbers([Double])
    /// A probability for each label; together they are 1.
    case labels([Float])
    /// A probability for each flag.
    case flags([Float])
}

/// What a model says of some sequences: one array of numbers for all of them, since a million rows are answered at once.
public struct Answers: Sendable, Equatable {
    public enum Values: Sendable, Equatable {
        case numbers([Double])
        case labels([Float])
        case flags([Float])
    }

    public struct Stream: Sendable, Equatable {
        public var rows: Int
        /// Of the rows, the first so many have no answer: differencing still gathers its first rows.
        public var pending: Int
        /// Rows that differencing had gathered before these.
        public var gathered: Int
        /// Where its answers begin among all.
        public var first: Int

        public init(rows: Int, pending: Int = 0, gathered: Int = 0, first: Int) {
            self.rows = rows
            self.pending = pending
            self.gathered = gathered
            self.first = first
        }
    }

    public let streams: [Stream]
    /// Answer after answer, stream after stream.
    public let values: Values
    /// Numbers of an answer.
    public let width: Int
    /// Rows that differencing needs before the first answer.
    public let lag: Int

    public init(streams: [Stream], values: Values, width: Int, lag: Int = 0) {
        self.streams = streams
        self.values = values
        self.width = width
        self.lag = lag
    }

    /// So many answers of each of `count` sequences, none of them pending.
    public init(_ values: Values, width: Int, each rows: Int, of count: Int) {
        self.init(
            streams: (0..<count).map { Stream(rows: rows, first: $0 * rows) }, values: values, width: width)
    }

    /// The numbers of a stream's answers, among all.
    public func range(of stream: Int) -> Range<Int> {
        let stream = streams[stream]
        return stream.first * width..<(stream.first + stream.rows - stream.pending) * width
    }

    public subscript(stream: Int, row: Int) -> Answer {
        let own = streams[stream]
        guard row >= own.pending else { return .pending(have: min(own.gathered + row + 1, lag), need: lag) }
        let start = (own.first + row - own.pending) * width
        return switch values {
        case .numbers(let values): .numbers(Array(values[start..<start + width]))
        case .labels(let values): .labels(Array(values[start..<start + width]))
        case .flags(let values): .flags(Array(values[start..<start + width]))
        }
    }

    public subscript(stream: Int) -> [Answer] { (0..<streams[stream].rows).map { self[stream, $0] } }
}

extension [Float] {
    /// The places of the greatest numbers, the greatest first and equal ones in their order.
    public func greatest(_ count: Int) -> [Int] {
        let order = indices.sorted { left, right in
            self[left] == self[right] ? left < right : self[left] > self[right]
        }
        return [Int](order.prefix(count))
    }
}
