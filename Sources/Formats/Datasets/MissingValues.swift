/// Fills the gaps of one column by a policy.
enum MissingValues {
    /// The mark of a missing value in a column that is being read.
    static let missing = Double.nan
    /// The mark of a value that was refused and reported already.
    static let refused = Double(nan: 1, signaling: false)

    static func isMissing(_ value: Double) -> Bool { value.isNaN && value.bitPattern != refused.bitPattern }

    enum Failure {
        /// `previous` with nothing before the first row.
        case noPrevious
        /// No value at all to fill with.
        case noValues
    }

    /// - count: values of the column, `stride` apart from `first`
    /// - mean: of all values there are; nil when there are none
    /// - Returns: what prevents filling, if anything
    static func fill(
        _ values: inout [Double], first: Int = 0, stride: Int = 1, count: Int, policy: MissingPolicy, mean: Double?
    ) -> Failure? {
        func position(_ index: Int) -> Int { first + index * stride }
        guard let firstKnown = (0..<count).first(where: { !values[position($0)].isNaN }) else {
            switch policy {
            case .zero: for index in 0..<count { values[position(index)] = 0 }
            case .mean:
                guard let mean else { return .noValues }
                for index in 0..<count { values[position(index)] = mean }
            default: return .noValues
            }
            return nil
        }
        if policy == .previous, firstKnown > 0 { return .noPrevious }
        var last = values[position(firstKnown)]
        var index = 0
        while index < count {
            guard values[position(index)].isNaN else {
                last = values[position(index)]
                index += 1
                continue
            }
            var end = index
            while end < count, values[position(end)].isNaN { end += 1 }
            for gap in index..<end {
                switch policy {
                case .zero: values[position(gap)] = 0
                case .mean: values[position(gap)] = mean ?? 0
                case .previous, .error: values[position(gap)] = last
                case .linear:
                    let next = end < count ? values[position(end)] : last
                    let part = index == 0 ? 0 : Double(gap - index + 1) / Double(end - index + 1)
                    values[position(gap)] = index == 0 ? next : last + (next - last) * part
                }
            }
            index = end
        }
        return nil
    }

    static func mean(_ values: [Double], first: Int = 0, stride: Int = 1) -> Double? {
        var sum = 0.0
        var count = 0
        for position in Swift.stride(from: first, to: values.count, by: stride) where !values[position].isNaN {
            sum += values[position]
            count += 1
        }
        return count == 0 ? nil : sum / Double(count)
    }
}
