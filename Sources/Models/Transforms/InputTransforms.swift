import Networks

/// The fitted transforms of a whole row: raw units outside, what the network sees inside.
///
/// The first `laggedColumns` columns may look back over `lag` rows: the targets of a forecast, all features of a
/// classification. The other columns (features of a forecast) are scaled row by row.
public struct InputTransforms: Hashable, Sendable {
    public let columns: [ColumnTransform]
    public let laggedColumns: Int
    /// Raw rows before the first one the network sees.
    public let lag: Int

    public init(columns: [ColumnTransform], laggedColumns: Int) {
        self.columns = columns
        self.laggedColumns = laggedColumns
        lag = columns.reduce(0) { max($0, $1.lag) }
    }

    /// Of the numbers of symbols, which go through as they are.
    public static let ofTokens = InputTransforms(columns: [ColumnTransform(steps: [])], laggedColumns: 1)

    /// Rows of a stream on their way into the network, and the way back for what it says after each of them.
    struct Passage {
        /// Of the rows, the last so many reach the network; before them differencing still gathers its first rows.
        var reaching: Int
        /// For each column its passage, and how many rows before the given ones that begins with.
        fileprivate var columns: [(passage: ColumnTransform.Passage, history: Int)]
        /// All of them.
        var rows: Int
    }

    /// Network inputs for raw rows that come after others, row-major [rows × columns]. One row after the other or many
    /// at once, the inputs are the same bits: the same differences of the same numbers.
    ///
    /// - Parameters:
    ///   - lags: the last rows before them, oldest first, their first `laggedColumns` columns; `lag` of them, or all
    ///     there are.
    ///   - inputs: appended to; of no use where this throws.
    func pass(
        _ rows: ArraySlice<Double>, after lags: [[Double]], appendingTo inputs: inout [Float]
    ) throws(TransformError) -> Passage {
        let width = columns.count
        let count = width == 0 ? 0 : rows.count / width
        let reaching = max(count + min(lags.count, lag) - lag, 0)
        let start = inputs.count
        inputs.append(contentsOf: repeatElement(0, count: reaching * width))
        var passed = Passage(reaching: reaching, columns: [], rows: count)
        for (index, column) in columns.enumerated() {
            let history = min(lags.count, column.lag)
            var raw: [Double] = []
            raw.reserveCapacity(history + count)
            for lagged in lags.suffix(history) { raw.append(lagged[index]) }
            for row in 0..<count { raw.append(rows[rows.startIndex + row * width + index]) }
            var passage: ColumnTransform.Passage
            do { passage = try column.pass(raw, column: index) } catch {
                throw TransformError(error.reason, column: index, row: error.row.map { max($0 - history, 0) })
            }
            let skipped = passage.transformed.count - reaching
            for row in 0..<reaching {
                let input = Float(passage.transformed[row + skipped])
                guard input.isFinite else {
                    let place = count - reaching + row
                    throw TransformError(.outOfRange(value: raw[history + place]), column: index, row: place)
                }
                inputs[start + row * width + index] = input
            }
            passage.transformed = []
            passed.columns.append((passage, history))
        }
        return passed
    }

    /// Network inputs for raw rows, row-major [rows × columns]: `lag` rows fewer, none when there are not enough.
    public func forward(_ rows: [Double]) throws(TransformError) -> [Float] {
        var inputs: [Float] = []
        _ = try pass(rows[...], after: [], appendingTo: &inputs)
        return inputs
    }

    /// The network input for one raw row, given the rows before it; nil while there are fewer than `lag` of them.
    ///
    /// - Parameter lags: the last `lag` rows before it, oldest first, their first `laggedColumns` columns.
    public func forward(_ row: [Double], after lags: [[Double]]) throws(TransformError) -> [Float]? {
        var inputs: [Float] = []
        return try pass(row[...], after: lags, appendingTo: &inputs).reaching == 0 ? nil : inputs
    }

    /// The raw targets that come after each row of a passage that reached the network and transform to `outputs`, with the
    /// digits that are known of them, appended to `values`.
    ///
    ///     outputs  [reaching × targets]
    func inverse(_ outputs: ArraySlice<Float>, of passage: Passage, appendingTo values: inout [Double]) {
        guard passage.reaching > 0 else { return }
        let targets = outputs.count / passage.reaching
        let start = values.count
        values.append(contentsOf: repeatElement(0, count: outputs.count))
        for index in 0..<targets {
            let column = columns[index]
            let (own, history) = passage.columns[index]
            let first = history + passage.rows - passage.reaching + 1
            for place in 0..<passage.reaching {
                let position = place * targets + index
                let output = outputs[outputs.startIndex + position]
                values[start + position] = column.answer(output, after: first + place, of: own).told
            }
        }
    }

    /// The raw targets that come after `lags` and transform to `outputs`.
    ///
    /// - Returns: `values`, exactly, and `told`, with the digits that are known of them.
    public func inverse(
        _ outputs: some Sequence<Float>, after lags: [[Double]]
    ) throws(TransformError) -> (values: [Double], told: [Double]) {
        var (values, told): ([Double], [Double]) = ([], [])
        for (index, output) in outputs.enumerated() {
            let column = columns[index]
            guard lags.count >= column.lag else {
                throw TransformError(.tooFewRows(have: lags.count, need: column.lag), column: index)
            }
            // Only what the differences were taken of, not all of the rows before.
            let answer = column.answer(output) { back in lags[lags.count - 1 - back][index] }
            values.append(answer.value)
            told.append(answer.told)
        }
        return (values, told)
    }

    // MARK: - Row by row

    /// The network's input for one raw row after others: the bits of `pass`, without arrays.
    ///
    /// - Returns: false, and nothing written, while fewer rows than `lag` came before it.
    func pass(
        _ row: UnsafeBufferPointer<Double>, after lags: [[Double]], into inputs: UnsafeMutablePointer<Float>
    ) throws(TransformError) -> Bool {
        let reaches = lags.count >= lag
        for (index, column) in columns.enumerated() {
            func raw(_ back: Int) -> Double { back == 0 ? row[index] : lags[lags.count - back][index] }
            // Until enough rows have come, differences have nothing to be taken of, but a logarithm may fail already.
            guard lags.count >= column.lag else {
                try column.check(index, rows: lags.count, raw: raw)
                continue
            }
            let input = Float(try column.forward(index, raw: raw))
            guard !reaches || input.isFinite else {
                throw TransformError(.outOfRange(value: row[index]), column: index, row: 0)
            }
            if reaches { inputs[index] = input }
        }
        return reaches
    }

    /// What the network said of the row after this one, which has passed, with the digits that are known of it.
    func inverse(
        _ outputs: UnsafeBufferPointer<Float>, after row: UnsafeBufferPointer<Double>, _ lags: [[Double]]
    ) -> [Double] {
        var told = [Double](repeating: 0, count: outputs.count)
        for index in told.indices {
            told[index] =
                columns[index].answer(outputs[index]) { back in
                    back == 0 ? row[index] : lags[lags.count - back][index]
                }.told
        }
        return told
    }

    /// `lags` after one more row, in their own memory once they are full.
    func advance(_ lags: inout [[Double]], with row: UnsafeBufferPointer<Double>) {
        guard lag > 0 else { return }
        guard lags.count == lag, laggedColumns <= row.count else {
            lags.append(Array(row.prefix(laggedColumns)))
            return
        }
        var oldest = lags.removeFirst()
        for column in 0..<laggedColumns { oldest[column] = row[column] }
        lags.append(oldest)
    }

    // MARK: -

    /// `lags` after one more row: the last `lag` rows, their first `laggedColumns` columns.
    public func advance(_ lags: inout [[Double]], with row: [Double]) {
        guard lag > 0 else { return }
        lags.append(Array(row.prefix(laggedColumns)))
        if lags.count > lag { lags.removeFirst(lags.count - lag) }
    }
}
