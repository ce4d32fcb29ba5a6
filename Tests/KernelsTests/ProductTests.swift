import Kernels
import TestSupport
import Testing

@Suite struct ProductTests {
    /// Outputs, inputs and rows around every vector width and tile height; few outputs of many rows, around every width
    /// of these; more rows than a block has.
    private static let shapes: [(rows: Int, inputs: Int, outputs: Int)] =
        (1...70).map { (1 + $0 % 13, ($0 * 7) % 37, $0) } + (0...34).map { ($0, 5, 19) }
        + (1...70).map { ($0, 60 + ($0 * 3) % 11, 1 + $0 % 5) }
        + [(90, 300, 3), (100, 520, 1), (17, 0, 2), (270, 40, 40), (300, 300, 2), (1_100, 70, 4)]
        + [(1, 300, 200), (2, 300, 200), (9, 300, 97), (33, 210, 70), (150, 1_000, 20), (3, 93_000, 2)]

    /// start + W·x, one fused multiply-add after the other in the order of the inputs: the definition, in Float.
    private func chain(_ w: Grid, _ x: Grid, row: Int, output: Int, start: Float, _ set: InstructionSet) -> Float {
        var sum = start
        for input in 0..<x.width { sum = multiplyAdd(x[row, input], w[output, input], sum, set) }
        return sum
    }

    @Test(
        "every output is the chain of its inputs in order, bit for bit, whatever the shape",
        arguments: InstructionSet.available)
    func definition(set: InstructionSet) {
        var random = SeededGenerator(1)
        let kernels = KernelSet(set)
        for (index, shape) in Self.shapes.enumerated() {
            let w = Grid(random: &random, shape.outputs, shape.inputs)
            let x = Grid(random: &random, shape.rows, shape.inputs, gap: index % 3)
            let bias = Grid(random: &random, 1, shape.outputs)
            let target = Grid(random: &random, shape.rows, shape.outputs, gap: index % 4)
            let before = Grid(copy: target)
            let packed = PackedMatrix(outputs: shape.outputs, inputs: shape.inputs, for: kernels)
            kernels.pack(w.base, into: packed)
            let start: ProductStart = [.zero, .bias(bias.base), .target][index % 3]
            kernels.product(x.rows, packed, start: start, into: target.mutable)
            for row in 0..<shape.rows {
                for output in 0..<shape.outputs {
                    let first = [0, bias[0, output], before[row, output]][index % 3]
                    let expected = chain(w, x, row: row, output: output, start: first, set)
                    #expect(target[row, output].bitPattern == expected.bitPattern, "\(shape) at \(row), \(output)")
                }
            }
            #expect(target.isIntact, "\(shape): written outside the rows")
        }
    }

    @Test("a row gives the same bits alone, in any batch and on any number of threads")
    func alone() {
        var random = SeededGenerator(2)
        let w = Grid(random: &random, 330, 260)
        let x = Grid(random: &random, 47, 260)
        var results: [[UInt32]] = []
        for set in fusedSets {
            for threads in [1, 2, 3, 5] {
                let kernels = KernelSet(set, threads: threads)
                let packed = PackedMatrix(outputs: 330, inputs: 260, for: kernels)
                kernels.pack(w.base, into: packed)
                for batch in [1, 2, 3, 4, 5, 6, 7, 8, 11, 47] {
                    let target = Grid(47, 330)
                    for first in stride(from: 0, to: 47, by: batch) {
                        let rows = first..<min(first + batch, 47)
                        kernels.product(x.rows.rows(rows), packed, start: .zero, into: target.mutable.rows(rows))
                    }
                    results.append(target.bits)
                }
            }
        }
        #expect(results.allSatisfy { $0 == results[0] })
    }

    @Test("the transposed packing multiplies by the transpose", arguments: InstructionSet.available)
    func transpose(set: InstructionSet) {
        var random = SeededGenerator(3)
        let kernels = KernelSet(set)
        for (outputs, inputs) in [(1, 1), (5, 33), (33, 5), (70, 17), (16, 64)] {
            let w = Grid(random: &random, inputs, outputs)
            let transposed = Grid(outputs, inputs)
            for i in 0..<inputs { for o in 0..<outputs { transposed[o, i] = w[i, o] } }
            let x = Grid(random: &random, 3, inputs)
            let (one, other) = (Grid(3, outputs), Grid(3, outputs))
            let packed = PackedMatrix(outputs: outputs, inputs: inputs, for: kernels)
            kernels.packTransposed(w.base, into: packed)
            kernels.product(x.rows, packed, start: .zero, into: one.mutable)
            kernels.pack(transposed.base, into: packed)
            kernels.product(x.rows, packed, start: .zero, into: other.mutable)
            #expect(one.bits == other.bits)
        }
    }

    @Test("the baseline, with two roundings a step, stays near the fused sets")
    func baseline() {
        var random = SeededGenerator(4)
        let w = Grid(random: &random, 40, 300)
        let x = Grid(random: &random, 9, 300)
        let results = [InstructionSet.baseline, .best].filter(\.isAvailable).map { set -> [Float] in
            let kernels = KernelSet(set)
            let packed = PackedMatrix(outputs: 40, inputs: 300, for: kernels)
            kernels.pack(w.base, into: packed)
            let target = Grid(9, 40)
            kernels.product(x.rows, packed, start: .zero, into: target.mutable)
            return target.values
        }
        for result in results {
            for (one, other) in zip(result, results[0]) { #expect(abs(one - other) < 2e-5) }
        }
    }
}
