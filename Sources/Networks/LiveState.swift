/// All that a model carries from one raw row of a stream to the next.
public struct LiveState: Sendable, Equatable {
    public var network: NetworkState
    /// The last raw rows that differencing needs, oldest first, at most `Model.lag`: targets of a forecast, features of a
    /// classification.
    public var lags: [[Double]]

    public init(network: NetworkState, lags: [[Double]] = []) {
        self.network = network
        self.lags = lags
    }
}

/// What a model says after one raw row.
public enum RowAnswer: Sendable, Equatable {
    /// Nothing yet: of the rows that differencing needs first, so many have been seen.
    case pending(have: Int, need: Int)
    /// The targets of the next row, in raw units.
    case forecast([Double])
    /// A probability for each label.
    case classification([Float])
}

/// What a model says after each row of some streams: one array of numbers for all of them, since a million rows are
/// answered at once.
public struct RowAnswers: Sendable, Equatable {
    public enum Numbers: Sendable, Equatable {
        /// Targets of the next row, in raw units.
        case forecasts([Double])
        /// A probability for each label.
        case probabilities([Float])
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
    public let numbers: Numbers
    /// Numbers of an answer.
    public let width: Int
    /// Rows that differencing needs before the first answer.
    public let lag: Int

    public init(streams: [Stream], numbers: Numbers, width: Int, lag: Int = 0) {
        self.streams = streams
        self.numbers = numbers
        self.width = width
        self.lag = lag
    }

    /// The numbers of a stream's answers, among all.
    public func range(of stream: Int) -> Range<Int> {
        let stream = streams[stream]
        return stream.first * width..<(stream.first + stream.rows - stream.pending) * width
    }

    public subscript(stream: Int, row: Int) -> RowAnswer {
        let own = streams[stream]
        guard row >= own.pending else { return .pending(have: min(own.gathered + row + 1, lag), need: lag) }
        let start = (own.first + row - own.pending) * width
        return switch numbers {
        case .forecasts(let values): .forecast(Array(values[start..<start + width]))
        case .probabilities(let values): .classification(Array(values[start..<start + width]))
        }
    }

    public subscript(stream: Int) -> [RowAnswer] { (0..<streams[stream].rows).map { self[stream, $0] } }
}

/// Raw sequences of unequal length: rows of numbers, row after row, sequence after sequence.
public struct RawSequences: Sendable, Equatable {
    public var values: [Double]
    public var lengths: [Int]
    public var width: Int

    /// - Precondition: the values fill the rows.
    public init(values: [Double], lengths: [Int], width: Int) {
        precondition(values.count == lengths.reduce(0, +) * width, "values do not fill the rows")
        self.values = values
        self.lengths = lengths
        self.width = width
    }

    public var count: Int { lengths.count }

    /// The places of a sequence's numbers in `values`, for every sequence.
    var ranges: [Range<Int>] {
        var start = 0
        return lengths.map { length in
            defer { start += length * width }
            return start..<start + length * width
        }
    }
}
