import Foundation
import TestSupport
import Testing

@testable import Models
@testable import Networks

@Suite("Transforms")
struct TransformTests {
    private let series = (0..<40).map { 50 + 3 * Double($0) + 10 * sin(Double($0)) }

    static let chains: [[TransformSpec]] = [
        [], [.log], [.difference], [.seasonalDifference(12)], [.standardize], [.minMax],
        [.log, .seasonalDifference(12)], [.log, .difference, .seasonalDifference(4), .standardize],
        [.difference, .difference, .minMax],
    ]

    @Test("what goes in comes out again, one value after the other", arguments: chains)
    func roundTrip(chain: [TransformSpec]) throws {
        let column = try ColumnTransform(fitting: chain, to: [series], column: 0)
        #expect(column.lag == chain.lag)
        let transformed = try column.forward(series, column: 0)
        #expect(transformed.count == series.count - column.lag)
        for (place, value) in transformed.enumerated() {
            let row = place + column.lag
            let back = try column.inverse(value, after: Array(series[..<row]), column: 0)
            #expect(abs(back - series[row]) < 1e-9 * abs(series[row]))
        }
    }

    @Test(
        "an answer is the shortest decimal that transforms to what the network said",
        arguments: chains, [0.0, 1e6, 1e12])
    func answers(chain: [TransformSpec], level: Double) throws {
        let raised = series.map { $0 + level }
        let column = try ColumnTransform(fitting: chain, to: [raised], column: 0)
        let inputs = InputTransforms(columns: [column], laggedColumns: 1)
        let history = raised.suffix(column.lag).map { [$0] }
        var digits = 0
        for draw in draws(2_000, seed: 5) {
            let output = draw * 3
            let (values, told) = try inputs.inverse([output], after: history)
            let back = try inputs.forward(history.flatMap { $0 } + told)
            // Far from 0 a double itself may not tell two outputs apart; it is told as it is then.
            if told != values { #expect(back == [output], "\(told) for \(values)") }
            digits += "\(told[0])".filter(\.isNumber).count
            // One digit less is another number.
            if level == 0, told[0] != values[0], let shorter = oneDigitLess(told[0]) {
                #expect(try inputs.forward(history.flatMap { $0 } + [shorter]) != [output], "\(told) for \(values)")
            }
        }
        #expect(level > 0 || digits < 2_000 * 11, "\(Double(digits) / 2_000) digits")
    }

    /// The number rounded to one significant digit less than it is written with.
    private func oneDigitLess(_ value: Double) -> Double? {
        let text = "\(value)"
        guard !text.contains("e"), let point = text.firstIndex(of: "."), !text.hasSuffix(".0") else { return nil }
        return Double(String(format: "%.\(text.distance(from: point, to: text.endIndex) - 2)f", value))
    }

    @Test("numbers are rounded within what is known of them and no further")
    func knownDigits() {
        #expect(KnownDigits.rounded(352.48853144623877, within: 4e-6) == 352.48853)
        #expect(KnownDigits.rounded(352.48853144623877, within: 6e-2) == 352.5)
        #expect(
            KnownDigits.rounded(1_234_567, within: 600) == 1_235_000
                || KnownDigits.rounded(1_234_567, within: 600) == 1_234_000)
        #expect(KnownDigits.rounded(-0.000123456789, within: 6e-10) == -0.000123457)
        for value in [1.0 / 3, 1e300, .leastNonzeroMagnitude, -0.0, .infinity] {
            #expect(KnownDigits.rounded(value, within: 0) == value)
            #expect(KnownDigits.rounded(value, within: .nan) == value)
        }
        var random = SeededGenerator(3)
        for _ in 0..<20_000 {
            let value =
                Double.random(in: -1...1, using: &random)
                * Double(sign: .plus, exponent: .random(in: -60...60, using: &random), significand: 1)
            let margin =
                value.magnitude * Double(sign: .plus, exponent: .random(in: -48 ... -1, using: &random), significand: 1)
            let rounded = KnownDigits.rounded(value, within: margin)
            #expect((rounded - value).magnitude <= margin)
        }
    }

    @Test("a mean of 32-bit numbers is told as the shortest decimal that is the same one in 32 bits")
    func singles() {
        #expect(KnownDigits.ofSingles(0.0036781234567890123) == 0.0036781235)
        #expect(KnownDigits.ofSingles(1.0 / 3) == 0.33333334 && KnownDigits.ofSingles(0) == 0)
        #expect(KnownDigits.ofSingles(1e300) == 1e300 && KnownDigits.ofSingles(.infinity) == .infinity)
        for draw in draws(5_000, seed: 11) {
            for value in [draw, draw * 1e-20, draw * 1e20] {
                let told = KnownDigits.ofSingles(Double(value))
                #expect(Float(told) == value)
                // A decimal at the very edge of what reads as the same number is not taken.
                #expect("\(told)".count <= "\(value)".count + 1, "\(told) for \(value)")
            }
        }
    }

    @Test("a stream of rows is transformed to the bits of the whole series", arguments: chains)
    func streaming(chain: [TransformSpec]) throws {
        let column = try ColumnTransform(fitting: chain, to: [series], column: 0)
        let other = try ColumnTransform(fitting: [.standardize], to: [series.reversed()], column: 1)
        let inputs = InputTransforms(columns: [column, other], laggedColumns: 1)
        let rows = series.flatMap { [$0, -$0] }
        let whole = try inputs.forward(rows)
        var lags: [[Double]] = []
        var found: [Float] = []
        for value in series {
            if let row = try inputs.forward([value, -value], after: lags) { found += row }
            inputs.advance(&lags, with: [value, -value])
        }
        #expect(found.bits == whole.bits)
        #expect(lags.count == column.lag && lags.allSatisfy { $0.count == 1 })
    }

    @Test("values are centred and scaled by the numbers of the fitted part alone")
    func fitted() throws {
        let column = try ColumnTransform(fitting: [.standardize], to: [[1, 2, 3], [4, 5]], column: 0)
        #expect(column.steps == [.scale(offset: 3, divisor: 2.0.squareRoot())])
        #expect(try column.forward([3, 103], column: 0) == [0, 100 / 2.0.squareRoot()])
        let range = try ColumnTransform(fitting: [.minMax], to: [[2, 6]], column: 0)
        #expect(try range.forward([2, 4, 10], column: 0) == [0, 0.5, 2])
    }

    @Test("a scaling is added where none ends the chain, and none where one does")
    func impliedScaling() throws {
        let open = try ColumnTransform(fitting: [.difference], to: [series], column: 0, spread: 0.5)
        #expect(open.steps.count == 2)
        let values = try open.forward(series, column: 0)
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        #expect(abs(mean) < 1e-12 && abs(squares.squareRoot() - 0.5) < 1e-12)
        #expect(try ColumnTransform(fitting: [.log, .minMax], to: [series], column: 0, spread: 0.5).steps.count == 2)
    }

    @Test("a constant column is shifted to 0 and comes back", arguments: [0.0, 7, -1e300, 1e-300])
    func constant(value: Double) throws {
        for chain in [[TransformSpec.standardize], [.minMax], [.difference]] {
            let column = try ColumnTransform(fitting: chain, to: [[value, value, value]], column: 0)
            let transformed = try column.forward([value, value], column: 0)
            #expect(transformed.allSatisfy { $0 == 0 })
            #expect(try column.inverse(0, after: [value], column: 0) == value)
        }
    }

    @Test("the logarithm of 0 and below is refused with its place", arguments: [0.0, -3])
    func logarithm(value: Double) throws {
        #expect(throws: TransformError(.notPositive(value: value), column: 4, row: 2)) {
            _ = try ColumnTransform(fitting: [.log], to: [[1, 2, value]], column: 4)
        }
        let column = try ColumnTransform(fitting: [.log, .difference], to: [[1, 2, 4]], column: 0)
        let inputs = InputTransforms(columns: [column], laggedColumns: 1)
        // Even while the lags are still being gathered.
        #expect(throws: TransformError.self) { _ = try inputs.forward([value], after: []) }
    }

    @Test("values whose spread is no number are refused")
    func overflow() {
        #expect(throws: TransformError(.overflow, column: 0)) {
            _ = try ColumnTransform(fitting: [.standardize], to: [[1e308, -1e308, 1e308]], column: 0)
        }
    }

    @Test("a value too far from the fitted ones for a float32 is refused with its place")
    func outOfRange() throws {
        let column = try ColumnTransform(fitting: [.difference], to: [[1, 2, 4]], column: 0)
        let inputs = InputTransforms(columns: [column], laggedColumns: 1)
        #expect(throws: TransformError(.outOfRange(value: 1e300), column: 0, row: 3)) {
            _ = try inputs.forward([1, 2, 3, 1e300])
        }
    }

    @Test("fewer values than the lags give no rows")
    func short() throws {
        let column = try ColumnTransform(fitting: [.seasonalDifference(12)], to: [series], column: 0)
        #expect(try column.forward([1, 2, 3], column: 0) == [])
        #expect(throws: TransformError(.tooFewRows(have: 3, need: 12), column: 0)) {
            _ = try column.inverse(0, after: [1, 2, 3], column: 0)
        }
    }
}
