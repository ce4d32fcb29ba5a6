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

    /// Network inputs for raw rows, row-major [rows × columns]: `lag` rows fewer, none when there are not enough.
    public func forward(_ rows: [Double]) throws(TransformError) -> [Float] {
        let width = columns.count
        let count = width == 0 ? 0 : rows.count / width
        guard count > lag else { return [] }
        var result = [Float](repeating: 0, count: (count - lag) * width)
        for (index, column) in columns.enumerated() {
            let raw = (0..<count).map { rows[$0 * width + index] }
            let transformed = try column.forward(raw, column: index)
            let excess = transformed.count - (count - lag)
            for row in 0..<count - lag { result[row * width + index] = Float(transformed[row + excess]) }
        }
        return result
    }

    /// The network input for one raw row, given the rows before it; nil while there are fewer than `lag` of them.
    ///
    /// The same bits as `forward` gives for that row: the same differences of the same numbers.
    ///
    /// - Parameter lags: the last `lag` rows before it, oldest first, their first `laggedColumns` columns.
    public func forward(_ row: [Double], after lags: [[Double]]) throws(TransformError) -> [Float]? {
        guard lags.count >= lag else {
            // Values that can never be taken are refused at once, not when the lags are complete.
            for (index, column) in columns.enumerated() where column.steps.first == .log {
                _ = try column.pointwise.forward([row[index]], column: index)
            }
            return nil
        }
        var result = [Float](repeating: 0, count: columns.count)
        for (index, column) in columns.enumerated() {
            var window: [Double] = []
            window.reserveCapacity(column.lag + 1)
            for lagged in lags.suffix(column.lag) { window.append(lagged[index]) }
            window.append(row[index])
            result[index] = Float(try column.forward(window, column: index)[0])
        }
        return result
    }

    /// The raw targets that come after `lags` and transform to `outputs`.
    public func inverse(_ outputs: some Sequence<Float>, after lags: [[Double]]) throws(TransformError) -> [Double] {
        var result: [Double] = []
        for (index, output) in outputs.enumerated() {
            let history = lags.suffix(columns[index].lag).map { $0[index] }
            result.append(try columns[index].inverse(Double(output), after: history, column: index))
        }
        return result
    }

    /// `lags` after one more row: the last `lag` rows, their first `laggedColumns` columns.
    public func advance(_ lags: inout [[Double]], with row: [Double]) {
        guard lag > 0 else { return }
        lags.append(Array(row.prefix(laggedColumns)))
        if lags.count > lag { lags.removeFirst(lags.count - lag) }
    }
}
