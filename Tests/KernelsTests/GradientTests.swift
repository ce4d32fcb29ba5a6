import Kernels
import TestSupport
import Testing

@Suite struct GradientTests {
    private static let shapes: [(rows: Int, inputs: Int, outputs: Int)] =
        (1...70).map { ($0 * 5 % 43, $0, 1 + $0 * 3 % 29) } + (1...35).map { (7, 21, $0) }
        + [(300, 50, 40), (129, 1, 33), (500, 3, 5)]

    @Test(
        "a weight gradient adds its rows in order to what is there, bit for bit, whatever the shape",
        arguments: InstructionSet.available)
    func weights(set: InstructionSet) {
        var random = SeededGenerator(5)
        let kernels = KernelSet(set)
        for (index, shape) in Self.shapes.enumerated() {
            let d = Grid(random: &random, shape.rows, shape.outputs, gap: index % 3)
            let x = Grid(random: &random, shape.rows, shape.inputs, gap: index % 4)
            let gradient = Grid(random: &random, shape.outputs, shape.inputs)
            let before = Grid(copy: gradient)
            kernels.weightGradient(d.rows, x.rows, into: gradient.base)
            for output in 0..<shape.outputs {
                for input in 0..<shape.inputs {
                    var sum = before[output, input]
                    for row in 0..<shape.rows { sum = multiplyAdd(d[row, output], x[row, input], sum, set) }
                    #expect(gradient[output, input].bitPattern == sum.bitPattern, "\(shape) at \(output), \(input)")
                }
            }
            #expect(gradient.isIntact, "\(shape): written outside the gradient")
        }
    }

    @Test("a weight gradient has the same bits on any number of threads and in any cut of its rows")
    func threads() {
        var random = SeededGenerator(6)
        let d = Grid(random: &random, 333, 150)
        let x = Grid(random: &random, 333, 77)
        var results: [[UInt32]] = []
        for set in fusedSets {
            for threads in [1, 2, 3] {
                for cut in [1, 64, 333] {
                    let kernels = KernelSet(set, threads: threads)
                    let gradient = Grid(150, 77)
                    for first in stride(from: 0, to: 333, by: cut) {
                        let rows = first..<min(first + cut, 333)
                        kernels.weightGradient(d.rows.rows(rows), x.rows.rows(rows), into: gradient.base)
                    }
                    results.append(gradient.bits)
                }
            }
        }
        #expect(results.allSatisfy { $0 == results[0] })
    }

    /// The documented order: row i in lane i mod 16, the tree at the end of each block of 4,096, blocks in order.
    private func laneSum(_ values: [Float], start: Float = 0) -> Float {
        var total = start
        for first in stride(from: 0, to: values.count, by: 4_096) {
            var lanes = [Float](repeating: 0, count: 16)
            for index in first..<min(first + 4_096, values.count) { lanes[(index - first) % 16] += values[index] }
            while lanes.count > 1 {
                let half = lanes.count / 2
                lanes = (0..<half).map { lanes[$0] + lanes[$0 + half] }
            }
            total += lanes[0]
        }
        return total
    }

    @Test("bias gradients and column sums follow the sixteen lanes and the tree", arguments: InstructionSet.available)
    func columns(set: InstructionSet) {
        var random = SeededGenerator(7)
        let kernels = KernelSet(set)
        let large = [(4_095, 3), (4_096, 17), (9_001, 2), (21, 256), (33, 523)]
        for (rows, width) in (1...40).map({ ($0 * 7 % 50, $0) }) + large {
            let d = Grid(random: &random, rows, width, gap: width % 3)
            let gradient = Grid(random: &random, 1, width)
            let other = Grid(random: &random, 1, width)
            let sums = Grid(1, width)
            let (before, otherBefore) = (Grid(copy: gradient), Grid(copy: other))
            kernels.biasGradient(d.rows, into: gradient.base, and: other.base)
            kernels.columnSums(d.rows, into: sums.base)
            for column in 0..<width {
                let values = (0..<rows).map { d[$0, column] }
                #expect(gradient[0, column] == laneSum(values, start: before[0, column]), "[\(rows) × \(width)]")
                #expect(other[0, column] == laneSum(values, start: otherBefore[0, column]), "[\(rows) × \(width)]")
                #expect(sums[0, column] == laneSum(values), "[\(rows) × \(width)]")
            }
            #expect(gradient.isIntact && other.isIntact && sums.isIntact)
        }
    }

    @Test("sums and norms of a vector follow the sixteen lanes and the tree", arguments: InstructionSet.available)
    func sums(set: InstructionSet) {
        var random = SeededGenerator(8)
        let kernels = KernelSet(set)
        for count in Array(0...70) + [4_096, 4_097, 12_345] {
            let x = Grid(random: &random, 1, count)
            let y = Grid(random: &random, 1, count)
            #expect(kernels.sum(x.base, count: count) == laneSum(x.values))
            let exact = zip(x.values, y.values).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            #expect(abs(Double(kernels.dot(x.base, y.base, count: count)) - exact) <= 1e-6 * Double(max(count, 1)))
            let square = x.values.reduce(0.0) { $0 + Double($1) * Double($1) }
            #expect(abs(Double(kernels.norm(x.base, count: count)) - square.squareRoot()) <= 1e-5)
        }
    }

    @Test("sums have the same bits on all sets with fused multiply-add")
    func sameSums() {
        var random = SeededGenerator(9)
        let x = Grid(random: &random, 1, 10_007)
        let dots = fusedSets.map { KernelSet($0).dot(x.base, x.base, count: 10_007).bitPattern }
        #expect(Set(dots).count == 1)
    }
}
