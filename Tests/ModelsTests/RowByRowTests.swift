import TestSupport
import Testing

@testable import Models
@testable import Networks

/// Transforms of a live stream, which passes its rows one by one and in no arrays.
@Suite("Transforms row by row")
struct RowByRowTests {
    private static let chains: [[ColumnTransform.Step]] = [
        [], [.log], [.scale(offset: 3, divisor: 7)], [.difference(lag: 1)], [.difference(lag: 3), .difference(lag: 1)],
        [.log, .difference(lag: 2), .scale(offset: 0.1, divisor: 0.3)],
        [.difference(lag: 1), .log], [.scale(offset: -2, divisor: 3), .log, .difference(lag: 1), .difference(lag: 4)],
    ]

    @Test("inputs, answers, lags and refusals are those of many rows at once, bit for bit", arguments: chains.indices)
    func sameBits(chain: Int) throws {
        let other = Self.chains[(chain + 3) % Self.chains.count]
        let transforms = InputTransforms(
            columns: [ColumnTransform(steps: Self.chains[chain]), ColumnTransform(steps: other)], laggedColumns: 2)
        var generator = SeededGenerator(UInt64(chain) + 40)
        for _ in 0..<60 {
            var (lags, ownLags): ([[Double]], [[Double]]) = ([], [])
            for _ in 0..<12 {
                // Mostly rising, so that the logarithm of a difference is met on both sides of its domain.
                let row = (0..<2).map { _ in
                    Double(lags.count) * 3 + Double.random(in: -1...9, using: &generator)
                }
                var inputs: [Float] = []
                var expected: InputTransforms.Passage?
                var refusal: TransformError?
                do throws(TransformError) {
                    expected = try transforms.pass(row[...], after: lags, appendingTo: &inputs)
                } catch { refusal = error }
                var found = [Float](repeating: 0, count: 2)
                var answers: [Double] = []
                let output = [Float.random(in: -2...2, using: &generator), Float.random(in: -2...2, using: &generator)]
                var ownRefusal: TransformError?
                var reaches = false
                row.withUnsafeBufferPointer { row in
                    output.withUnsafeBufferPointer { output in
                        do throws(TransformError) {
                            reaches = try found.withUnsafeMutableBufferPointer { found throws(TransformError) in
                                try transforms.pass(row, after: ownLags, into: found.baseAddress!)
                            }
                            if reaches { answers = transforms.inverse(output, after: row, ownLags) }
                        } catch { ownRefusal = error }
                    }
                }
                #expect(ownRefusal == refusal)
                guard let expected, ownRefusal == nil else { continue }
                #expect(reaches == (expected.reaching == 1))
                if reaches {
                    #expect(found.bits == inputs.bits)
                    var told: [Double] = []
                    transforms.inverse(output[...], of: expected, appendingTo: &told)
                    #expect(answers.map(\.bitPattern) == told.map(\.bitPattern))
                }
                transforms.advance(&lags, with: row)
                row.withUnsafeBufferPointer { transforms.advance(&ownLags, with: $0) }
                #expect(ownLags == lags)
            }
        }
    }
}
