import Kernels
import Networks

/// The transforms of one column, fitted: what they do to a value, and how to undo it. All arithmetic in Double.
public struct ColumnTransform: Hashable, Sendable {
    public enum Step: Hashable, Sendable {
        case log
        /// x[t] − x[t − lag]
        case difference(lag: Int)
        /// (x − offset) / divisor
        case scale(offset: Double, divisor: Double)
    }

    public let steps: [Step]
    /// Raw values before the first transformed one.
    public let lag: Int

    public init(steps: [Step]) {
        self.steps = steps
        lag = steps.reduce(0) { sum, step in
            if case .difference(let lag) = step { sum + lag } else { sum }
        }
    }

    /// Fits `specs` one after the other, each to what those before it made of `sequences`.
    ///
    /// Unless the last of them already scales, a scaling to mean 0 and deviation `spread` is added: a network learns badly
    /// on numbers far from 1. A column that does not vary is shifted, not scaled.
    ///
    /// - Parameters:
    ///   - sequences: the training part, each sequence differenced within itself.
    ///   - column: named in errors.
    ///   - spread: the deviation of the values where `specs` leave it open.
    public init(
        fitting specs: [TransformSpec], to sequences: [[Double]], column: Int, spread: Double = 1
    ) throws(TransformError) {
        var steps: [Step] = []
        var values = sequences
        for spec in specs {
            let step: Step
            switch spec {
            case .log: step = .log
            case .difference: step = .difference(lag: 1)
            case .seasonalDifference(let lag): step = .difference(lag: lag)
            case .standardize: step = try Self.standardizing(values, column)
            case .minMax: step = try Self.toUnitRange(values, column)
            }
            steps.append(step)
            for index in values.indices {
                values[index] = try Self.apply(step, values[index], column)
            }
        }
        if specs.last != .standardize && specs.last != .minMax {
            steps.append(try Self.standardizing(values, column, spread: spread))
        }
        self.init(steps: steps)
    }

    /// Values on their way through the steps, and what leads back from the values that follow them.
    struct Passage {
        /// `lag` fewer than the raw values, none when there are not enough.
        var transformed: [Double]
        /// For every difference among the steps what it was taken of; empty for the other steps.
        var bases: [[Double]]
    }

    func pass(_ values: [Double], column: Int) throws(TransformError) -> Passage {
        var passage = Passage(transformed: values, bases: [])
        for step in steps {
            if case .difference = step { passage.bases.append(passage.transformed) } else { passage.bases.append([]) }
            passage.transformed = try Self.apply(step, passage.transformed, column)
        }
        return passage
    }

    /// The transformed values: `lag` fewer, none when there are not enough.
    public func forward(_ values: [Double], column: Int) throws(TransformError) -> [Double] {
        var values = values
        for step in steps { values = try Self.apply(step, values, column) }
        return values
    }

    /// The raw value that comes after `history` and transforms to `y`.
    ///
    /// - Parameter history: the raw values before it, at least `lag` of them, the latest last.
    public func inverse(_ y: Double, after history: [Double], column: Int) throws(TransformError) -> Double {
        guard history.count >= lag else {
            throw TransformError(.tooFewRows(have: history.count, need: lag), column: column)
        }
        return inverse(y, after: lag, of: try pass(Array(history.suffix(lag)), column: column)).value
    }

    /// What leads back to raw units.
    struct Inverse {
        var value: Double
        /// How much it changes with what it was made of.
        var slope = 1.0
        /// How far roundings on the way may have led astray.
        var noise = 0.0
    }

    /// The raw value that comes after the first `count` raw values of a passage and transforms to `y`.
    ///
    /// - Precondition: `count` is at least `lag`.
    func inverse(_ y: Double, after count: Int, of passage: Passage) -> Inverse {
        // Raw values that the steps so far consume: a base begins that many raw values late.
        var consumed = lag
        return inverse(y) { index, lag in
            consumed -= lag
            return passage.bases[index][count - consumed - lag]
        }
    }

    /// - Parameter base: what a difference, step `index`, was taken of, `lag` rows before the row that is asked for; asked
    ///   from the last difference to the first.
    private func inverse(_ y: Double, base: (_ index: Int, _ lag: Int) -> Double) -> Inverse {
        var raw = Inverse(value: y)
        for index in stride(from: steps.count - 1, through: 0, by: -1) {
            switch steps[index] {
            case .log:
                raw.value = DoubleFunctions.exp(raw.value)
                raw.slope *= raw.value
                raw.noise *= raw.value
            case .difference(let lag):
                let base = base(index, lag)
                raw.value += base
                raw.noise += base.ulp
            case .scale(let offset, let divisor):
                raw.value = raw.value * divisor + offset
                raw.slope *= divisor
                raw.noise *= divisor.magnitude
            }
            raw.noise += raw.value.ulp
        }
        return raw
    }

    /// What the network said in raw units, with as few digits as tell it: the shortest decimal that transforms to the same
    /// 32-bit number again. A large level with small changes keeps the digits that its changes need.
    ///
    /// - Returns: `value`, exactly, and `told`, what is answered.
    func answer(_ output: Float, after count: Int, of passage: Passage) -> (value: Double, told: Double) {
        answer(output, inverse(Double(output), after: count, of: passage))
    }

    private func answer(_ output: Float, _ raw: Inverse) -> (value: Double, told: Double) {
        // Half of the way to the nearer of the two numbers beside the output.
        let half = Double(output.magnitude - output.magnitude.nextDown) / 2
        // A little less of it: how far an exponential is from its slope, and what is lost both here and on the way in.
        let margin = half * raw.slope.magnitude * 0.999_999 - 2 * raw.noise
        return (raw.value, KnownDigits.rounded(raw.value, within: margin))
    }

    // MARK: - Row by row

    /// The transformed value of the newest row: the bits of `forward`, without arrays.
    ///
    /// - Parameter raw: the raw value so many rows before the newest; asked for the last `lag` rows before it.
    func forward(_ column: Int, raw: (Int) -> Double) throws(TransformError) -> Double {
        try value(after: steps.count, back: 0, column, raw: raw)
    }

    /// Throws what the steps say of the newest row that have enough of the `rows` before it.
    func check(_ column: Int, rows: Int, raw: (Int) -> Double) throws(TransformError) {
        var (count, consumed) = (0, 0)
        while count < steps.count {
            if case .difference(let lag) = steps[count] { consumed += lag }
            if consumed > rows { break }
            count += 1
        }
        _ = try value(after: count, back: 0, column, raw: raw)
    }

    /// What `answer` of a passage says of the row after the newest, which has passed.
    func answer(_ output: Float, raw: (Int) -> Double) -> (value: Double, told: Double) {
        answer(
            output,
            inverse(Double(output)) { index, lag in
                // What has passed once passes again.
                (try? value(after: index, back: lag - 1, 0, raw: raw)) ?? .nan
            })
    }

    /// The value of a row, so many before the newest, after the first `count` steps.
    private func value(
        after count: Int, back: Int, _ column: Int, raw: (Int) -> Double
    ) throws(TransformError) -> Double {
        guard count > 0 else { return raw(back) }
        let value = try value(after: count - 1, back: back, column, raw: raw)
        switch steps[count - 1] {
        case .log:
            guard value > 0 else { throw TransformError(.notPositive(value: value), column: column, row: 0) }
            return DoubleFunctions.log(value)
        case .difference(let lag):
            return value - (try self.value(after: count - 1, back: back + lag, column, raw: raw))
        case .scale(let offset, let divisor): return (value - offset) / divisor
        }
    }

    // MARK: -

    /// This transform's steps up to the first that looks at other rows or at the spread: log, or nothing. The space in
    /// which naive forecasts that extrapolate are drawn.
    public var pointwise: ColumnTransform {
        ColumnTransform(steps: steps.filter { $0 == .log })
    }

    private static func apply(_ step: Step, _ values: [Double], _ column: Int) throws(TransformError) -> [Double] {
        switch step {
        case .log:
            var result = values
            for (row, value) in values.enumerated() {
                guard value > 0 else { throw TransformError(.notPositive(value: value), column: column, row: row) }
                result[row] = DoubleFunctions.log(value)
            }
            return result
        case .difference(let lag):
            guard values.count > lag else { return [] }
            return (lag..<values.count).map { values[$0] - values[$0 - lag] }
        case .scale(let offset, let divisor): return values.map { ($0 - offset) / divisor }
        }
    }

    private static func standardizing(
        _ sequences: [[Double]], _ column: Int, spread: Double = 1
    ) throws(TransformError) -> Step {
        let count = Double(max(sequences.reduce(0) { $0 + $1.count }, 1))
        let mean = sequences.reduce(0) { $1.reduce($0, +) } / count
        let squares = sequences.reduce(0) { $1.reduce($0) { $0 + ($1 - mean) * ($1 - mean) } }
        return try scale(offset: mean, divisor: (squares / count).squareRoot() / spread, column)
    }

    private static func toUnitRange(_ sequences: [[Double]], _ column: Int) throws(TransformError) -> Step {
        var (least, greatest) = (Double.infinity, -Double.infinity)
        for values in sequences {
            for value in values {
                least = min(least, value)
                greatest = max(greatest, value)
            }
        }
        guard least <= greatest else { return .scale(offset: 0, divisor: 1) }
        return try scale(offset: least, divisor: greatest - least, column)
    }

    /// A spread that is nothing but rounding counts as none.
    private static func scale(offset: Double, divisor: Double, _ column: Int) throws(TransformError) -> Step {
        guard offset.isFinite, divisor.isFinite else { throw TransformError(.overflow, column: column) }
        let isConstant = divisor <= abs(offset) * 1e-12 || divisor < Double.leastNormalMagnitude
        return .scale(offset: offset, divisor: isConstant ? 1 : divisor)
    }
}
