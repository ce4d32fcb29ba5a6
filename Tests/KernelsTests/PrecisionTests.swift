import TestSupport
import Testing

@testable import Kernels

@Suite struct PrecisionTests {
    private static let reduced: [Precision] = [.bfloat16, .int8]
    private static let shapes: [(rows: Int, inputs: Int, outputs: Int)] =
        (1...70).map { (1 + $0 % 13, 1 + ($0 * 7) % 37, $0) } + [
            (1, 300, 200), (9, 300, 97), (33, 601, 70), (300, 9, 20),
        ]

    private func product(
        _ w: Grid, _ x: Grid, _ bias: Grid, _ precision: Precision, _ kernels: KernelSet
    ) -> Grid {
        let matrix = PackedMatrix(outputs: w.count, inputs: w.width, precision: precision, for: kernels)
        kernels.pack(w.base, into: matrix)
        let target = Grid(x.count, w.count, gap: 2)
        kernels.product(x.rows, matrix, start: .bias(bias.base), into: target.mutable)
        return target
    }

    @Test("a product is that of the rounded operands", arguments: reduced, InstructionSet.available)
    func rounded(precision: Precision, set: InstructionSet) {
        var random = SeededGenerator(71)
        let kernels = KernelSet(set)
        for (index, shape) in Self.shapes.enumerated() {
            let w = Grid(random: &random, shape.outputs, shape.inputs)
            let x = Grid(random: &random, shape.rows, shape.inputs, gap: index % 3)
            let bias = Grid(random: &random, 1, shape.outputs)
            let target = product(w, x, bias, precision, kernels)
            #expect(target.isIntact, "\(shape): written outside the rows")
            let (weights, rows) = (Self.rounded(w, precision), Self.rounded(x, precision))
            for row in 0..<shape.rows {
                for output in 0..<shape.outputs {
                    var (sum, size) = (Double(bias[0, output]), 1.0)
                    for input in 0..<shape.inputs {
                        let term = weights[output][input] * rows[row][input]
                        sum += term
                        size += abs(term)
                    }
                    // Float32 sums of at most 601 terms; whole sums round once or twice.
                    let error = abs(Double(target[row, output]) - sum)
                    #expect(error < 4e-6 * size, "\(shape) at \(row), \(output): off by \(error)")
                }
            }
        }
    }

    @Test(
        "a row gives the same bits alone, in any batch and on any number of threads",
        arguments: reduced, InstructionSet.available)
    func alone(precision: Precision, set: InstructionSet) {
        var random = SeededGenerator(72)
        let w = Grid(random: &random, 330, 261)
        let x = Grid(random: &random, 47, 261)
        var results: [[UInt32]] = []
        for threads in [1, 3] {
            let kernels = KernelSet(set, threads: threads)
            let matrix = PackedMatrix(outputs: 330, inputs: 261, precision: precision, for: kernels)
            kernels.pack(w.base, into: matrix)
            for batch in [1, 2, 5, 7, 47] {
                let target = Grid(47, 330)
                for first in stride(from: 0, to: 47, by: batch) {
                    let rows = first..<min(first + batch, 47)
                    kernels.product(x.rows.rows(rows), matrix, start: .zero, into: target.mutable.rows(rows))
                }
                results.append(target.bits)
            }
        }
        #expect(results.allSatisfy { $0 == results[0] })
    }

    @Test("bytes give the same bits on all sets with fused multiply-add")
    func bytes() {
        var random = SeededGenerator(73)
        for shape in Self.shapes {
            let w = Grid(random: &random, shape.outputs, shape.inputs)
            let x = Grid(random: &random, shape.rows, shape.inputs)
            let bias = Grid(random: &random, 1, shape.outputs)
            let results = fusedSets.map { product(w, x, bias, .int8, KernelSet($0)).bits }
            #expect(results.allSatisfy { $0 == results[0] }, "\(shape)")
        }
    }

    @Test("the widening products are those of other sets: bytes on all, bfloat16 among those without dot products")
    func widening() {
        var random = SeededGenerator(77)
        for shape in Self.shapes {
            let w = Grid(random: &random, shape.outputs, shape.inputs)
            let x = Grid(random: &random, shape.rows, shape.inputs)
            let bias = Grid(random: &random, 1, shape.outputs)
            for precision in Self.reduced {
                let wide = fusedSets.map {
                    product(w, x, bias, precision, KernelSet($0, threads: 1, usesDots: false)).bits
                }
                #expect(wide.allSatisfy { $0 == wide[0] }, "\(precision), \(shape)")
                if precision == .int8, let first = wide.first {
                    #expect(first == product(w, x, bias, .int8, KernelSet()).bits, "\(shape)")
                }
            }
        }
    }

    @Test("sums of bytes are exact over as many inputs as data may have columns", arguments: InstructionSet.available)
    func widest(set: InstructionSet) {
        let inputs = 100_000
        let (w, x, bias) = (Grid(2, inputs, fill: { 1 }), Grid(3, inputs, fill: { -1 }), Grid(1, 2, fill: { 0.5 }))
        let target = product(w, x, bias, .int8, KernelSet(set))
        for row in 0..<3 {
            for output in 0..<2 { #expect(abs(target[row, output] + Float(inputs) - 0.5) < 0.05) }
        }
        x[0, 0] = 1
        let alone = Grid(1, 2)
        let kernels = KernelSet(set)
        let matrix = PackedMatrix(outputs: 2, inputs: inputs, precision: .int8, for: kernels)
        kernels.pack(w.base, into: matrix)
        kernels.product(x.rows.rows(0..<1), matrix, start: .zero, into: alone.mutable)
        #expect(abs(alone[0, 0] + Float(inputs - 2)) < 0.05)
    }

    @Test("a row that bytes cannot hold leaves its neighbours alone", arguments: InstructionSet.available)
    func extremes(set: InstructionSet) {
        var random = SeededGenerator(78)
        let kernels = KernelSet(set)
        let w = Grid(random: &random, 20, 37)
        let bias = Grid(random: &random, 1, 20)
        let x = Grid(random: &random, 6, 37)
        let plain = product(w, x, bias, .int8, kernels)
        let unusual: [Float] = [.nan, .infinity, -.infinity]
        for (row, value) in unusual.enumerated() { x[row, 5] = value }
        for input in 0..<37 { x[3, input] = Float(input) * .leastNonzeroMagnitude }
        let target = product(w, x, bias, .int8, kernels)
        for output in 0..<20 {
            for row in 0..<3 { #expect(!target[row, output].isFinite) }
            #expect(target[3, output] == bias[0, output])
            for row in 4..<6 { #expect(target[row, output].bitPattern == plain[row, output].bitPattern) }
        }
    }

    @Test("a row or an output of zeros gives the bias", arguments: reduced)
    func zeros(precision: Precision) {
        var random = SeededGenerator(74)
        let bias = Grid(random: &random, 1, 5)
        let target = product(
            Grid(random: &random, 5, 9), Grid(3, 9), bias, precision, KernelSet())
        let other = product(Grid(5, 9), Grid(random: &random, 3, 9), bias, precision, KernelSet())
        for row in 0..<3 {
            for output in 0..<5 {
                #expect(target[row, output] == bias[0, output] && other[row, output] == bias[0, output])
            }
        }
    }

    @Test("a step in one go gives the bits of its product and its cell", arguments: Precision.allCases, Cell.all)
    func step(precision: Precision, cell: Cell) {
        guard !cell.shape.hasTwoPhases else { return }
        for set in InstructionSet.available {
            for hidden in [1, 2, 4, 7, 16, 33, 70] {
                for rows in [1, 2, 9, 37] {
                    var random = SeededGenerator(UInt64(75 + hidden))
                    let kernels = KernelSet(set)
                    let width = cell.shape.blocks * hidden
                    let (u, bias) = (Grid(random: &random, width, hidden), Grid(random: &random, 1, width))
                    let p = Grid(random: &random, rows, width, gap: 1)
                    let (h, c) = (Grid(random: &random, rows, hidden, gap: 3), Grid(random: &random, rows, hidden))
                    let peepholes = Grid(random: &random, cell.shape.peepholes, hidden)
                    func run(_ step: (CellForward) -> Void, q: Grid?) -> [[UInt32]] {
                        let (hNew, cNew, kept) = (
                            Grid(rows, hidden, gap: 2), Grid(rows, hidden), Grid(rows, cell.shape.saved * hidden)
                        )
                        step(
                            CellForward(
                                hidden: hidden, p: p.rows, q: q?.rows, hPrevious: h.rows, cPrevious: c.rows,
                                peepholes: peepholes.base, h: hNew.mutable, c: cNew.mutable, saved: kept.mutable))
                        #expect(hNew.isIntact && cNew.isIntact && kept.isIntact)
                        return [hNew.bits, cNew.bits, kept.bits]
                    }
                    let matrix = RecurrentMatrix(cell, hidden: hidden, precision: precision, for: kernels)
                    kernels.pack(u.base, bias: bias.base, into: matrix)
                    let one = run({ kernels.forward(matrix, $0) }, q: nil)
                    let q = product(u, h, bias, precision, kernels)
                    for row in 0..<rows {
                        let alone = Grid(1, width)
                        kernels.product(h.rows.rows(row..<row + 1), matrix, into: alone.mutable)
                        #expect(alone.bits == (0..<width).map { q[row, $0].bitPattern }, "\(set), row \(row)")
                    }
                    let two = run({ kernels.forward(cell, $0) }, q: q)
                    #expect(one == two, "\(set), hidden \(hidden), rows \(rows)")
                    for backwards in [false, true] {
                        let apart = Grid(rows, width, gap: 2)
                        kernels.product(h.rows, matrix, backwards: backwards, into: apart.mutable)
                        #expect(apart.bits == q.bits && apart.isIntact, "\(set), hidden \(hidden), rows \(rows)")
                    }
                }
            }
        }
    }

    @Test(
        "a step in one go gives the same bits on any number of threads, divided by rows or by units",
        arguments: Precision.allCases, Cell.all)
    func threads(precision: Precision, cell: Cell) {
        guard !cell.shape.hasTwoPhases else { return }
        // Large enough to wake sleeping helpers.
        for (rows, hidden) in [(240, 600), (4_000, 64)] {
            var results: [[UInt32]] = []
            for threads in [1, 2, 3] {
                var random = SeededGenerator(79)
                let kernels = KernelSet(.best, threads: threads)
                let width = cell.shape.blocks * hidden
                let (u, bias) = (Grid(random: &random, width, hidden), Grid(random: &random, 1, width))
                let p = Grid(random: &random, rows, width)
                let (h, c) = (Grid(random: &random, rows, hidden), Grid(random: &random, rows, hidden))
                let peepholes = Grid(random: &random, cell.shape.peepholes, hidden)
                let (hNew, cNew, kept) = (Grid(rows, hidden), Grid(rows, hidden), Grid(rows, cell.shape.saved * hidden))
                let matrix = RecurrentMatrix(cell, hidden: hidden, precision: precision, for: kernels)
                #expect(kernels.isLarge(rows * (hidden + 40) * width))
                kernels.pack(u.base, bias: bias.base, into: matrix)
                kernels.forward(
                    matrix,
                    CellForward(
                        hidden: hidden, p: p.rows, q: nil, hPrevious: h.rows, cPrevious: c.rows,
                        peepholes: peepholes.base, h: hNew.mutable, c: cNew.mutable, saved: kept.mutable))
                results.append(hNew.bits + cNew.bits + kept.bits)
            }
            #expect(results.allSatisfy { $0 == results[0] }, "\(rows) rows of \(hidden)")
        }
    }

    @Test("a product divided by rows gives the bits of one thread", arguments: Precision.allCases)
    func dividedRows(precision: Precision) {
        let results = [1, 2, 3].map { threads -> [UInt32] in
            var random = SeededGenerator(80)
            let (w, x) = (Grid(random: &random, 40, 70), Grid(random: &random, 7_000, 70))
            let kernels = KernelSet(.best, threads: threads)
            #expect(kernels.isLarge(7_000 * 70 * 40))
            return product(w, x, Grid(random: &random, 1, 40), precision, kernels).bits
        }
        #expect(results.allSatisfy { $0 == results[0] })
    }

    @Test("gradients divided among threads give the bits of one", arguments: [Precision.float32, .bfloat16])
    func dividedGradients(precision: Precision) {
        let results = [1, 2, 3].map { threads -> [UInt32] in
            var random = SeededGenerator(81)
            let (d, x) = (Grid(random: &random, 2_001, 150), Grid(random: &random, 2_001, 77))
            let (weights, bias) = (Grid(150, 77), Grid(1, 150))
            let kernels = KernelSet(.best, threads: threads)
            kernels.weightGradient(d.rows, x.rows, precision: precision, into: weights.base)
            kernels.biasGradient(d.rows, into: bias.base)
            return weights.bits + bias.bits
        }
        #expect(results.allSatisfy { $0 == results[0] })
    }

    @Test("a weight gradient in bfloat16 is that of the rounded operands", arguments: InstructionSet.available)
    func gradient(set: InstructionSet) {
        var random = SeededGenerator(76)
        let kernels = KernelSet(set)
        for (rows, inputs, outputs) in [(1, 5, 3), (2, 17, 30), (7, 70, 25), (301, 33, 49)] {
            let d = Grid(random: &random, rows, outputs, gap: 1)
            let x = Grid(random: &random, rows, inputs, gap: 2)
            let gradient = Grid(outputs, inputs)
            kernels.weightGradient(d.rows, x.rows, precision: .bfloat16, into: gradient.base)
            let (left, right) = (Self.rounded(d, .bfloat16), Self.rounded(x, .bfloat16))
            for output in 0..<outputs {
                for input in 0..<inputs {
                    let terms = (0..<rows).map { left[$0][output] * right[$0][input] }
                    let size = terms.reduce(1) { $0 + abs($1) }
                    #expect(abs(Double(gradient[output, input]) - terms.reduce(0, +)) < 4e-6 * size)
                }
            }
        }
    }

    @Test("rows that lie anywhere have the bits of rows side by side", arguments: Precision.allCases)
    func scattered(precision: Precision) {
        // One row, a block, and as many as threads divide by rows and by outputs.
        for (rows, outputs) in [(1, 90), (7, 33), (7_000, 40), (600, 700)] {
            for threads in [1, 3] {
                var random = SeededGenerator(81)
                let kernels = KernelSet(.best, threads: threads)
                let (w, x) = (Grid(random: &random, outputs, 70), Grid(random: &random, rows, 70, gap: 3))
                let matrix = PackedMatrix(outputs: outputs, inputs: 70, precision: precision, for: kernels)
                kernels.pack(w.base, into: matrix)
                let order = (0..<rows).map { $0 * 11 % rows }
                if rows >= 600 { #expect(kernels.isLarge(rows * 70 * outputs)) }
                let target = Grid(rows, outputs, gap: 1)
                order.map { $0 * x.rows.stride }.withUnsafeBufferPointer { places in
                    guard let places = places.baseAddress else { return }
                    kernels.product(
                        ScatteredRows(x.base, places: places, count: rows, width: 70), matrix, start: .zero,
                        into: target.mutable)
                }
                let plain = Grid(rows, outputs)
                kernels.product(x.rows, matrix, start: .zero, into: plain.mutable)
                #expect(target.isIntact)
                #expect(
                    order.indices.allSatisfy { row in
                        (0..<outputs).allSatisfy {
                            target[row, $0].bitPattern == plain[order[row], $0].bitPattern
                        }
                    }, "\(rows) rows, \(threads) threads")
            }
        }
    }

    /// The numbers that stand for these in products, row by row.
    private static func rounded(_ grid: Grid, _ precision: Precision) -> [[Double]] {
        (0..<grid.count).map { row in
            let values = (0..<grid.width).map { grid[row, $0] }
            switch precision {
            case .float32: return values.map(Double.init)
            case .bfloat16:
                return values.map { value in
                    let pattern = value.bitPattern
                    let even = pattern &+ 0x7fff &+ (pattern >> 16 & 1)
                    return Double(Float(bitPattern: even & 0xffff_0000))
                }
            case .int8:
                let greatest = values.map(abs).max() ?? 0
                guard greatest > 0 else { return values.map(Double.init) }
                let scale = greatest / 127
                return values.map { Double(scale) * Double(($0 * (1 / scale)).rounded(.toNearestOrEven)) }
            }
        }
    }
}
