import Networks

/// All that a model carries from one raw row of a stream to the next.
public struct ModelState: Sendable, Equatable {
    public var network: NetworkState
    /// The last raw rows that differencing needs, oldest first, at most `Model.lag`: targets of a forecast, features of a
    /// classification.
    public var lags: [[Double]]

    public init(network: NetworkState, lags: [[Double]] = []) {
        self.network = network
        self.lags = lags
    }
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
