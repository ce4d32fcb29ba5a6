import TestSupport
import Testing

@testable import Kernels

/// Steps whose gates are saturated, whose states underflow, and whose zeros have signs.
@Suite struct EdgeTests {
    private static let edges: [Float] = [
        0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude, -.leastNormalMagnitude, 1e-30,
        -1e-30, 1, -1, 17, -17, 88, -88, 104, -104, 1e4,
        -1e4, 3e38, -3e38,
    ]

    private func grid(_ rows: Int, _ width: Int, _ random: inout SeededGenerator) -> Grid {
        let grid = Grid(rows, width)
        for row in 0..<rows {
            for column in 0..<width { grid[row, column] = Self.edges.randomElement(using: &random) ?? 0 }
        }
        return grid
    }

    @Test(
        "with edges as operands a step in one go gives the bits of its product and its cell, and of one that saves",
        arguments: Cell.all, InstructionSet.available)
    func forward(cell: Cell, set: InstructionSet) {
        let shape = cell.shape
        guard !shape.hasTwoPhases else { return }
        let kernels = KernelSet(set)
        var random = SeededGenerator(91)
        for (rows, hidden) in [(1, 1), (1, 16), (1, 37), (5, 9), (40, 33)] {
            for _ in 0..<6 {
                let width = shape.blocks * hidden
                let (u, bias) = (grid(width, hidden, &random), grid(1, width, &random))
                let (p, h, c) = (grid(rows, width, &random), grid(rows, hidden, &random), grid(rows, hidden, &random))
                let peepholes = grid(shape.peepholes, hidden, &random)
                func run(saves: Bool, _ step: (CellForward) -> Void, q: Grid?) -> [[UInt32]] {
                    let (hNew, cNew) = (Grid(rows, hidden), Grid(rows, hidden))
                    let saved = Grid(rows, shape.saved * hidden)
                    step(
                        CellForward(
                            hidden: hidden, p: p.rows, q: q?.rows, hPrevious: h.rows, cPrevious: c.rows,
                            peepholes: peepholes.base, h: hNew.mutable, c: cNew.mutable,
                            saved: saves ? saved.mutable : nil))
                    return [hNew.bits, cNew.bits].map { $0.map(Self.word) }
                }
                let matrix = RecurrentMatrix(cell, hidden: hidden, for: kernels)
                kernels.pack(u.base, bias: bias.base, into: matrix)
                let q = Grid(rows, width)
                kernels.product(h.rows, matrix, into: q.mutable)
                let expected = run(saves: true, { kernels.forward(cell, $0) }, q: q)
                #expect(run(saves: false, { kernels.forward(cell, $0) }, q: q) == expected)
                #expect(run(saves: true, { kernels.forward(matrix, $0) }, q: nil) == expected)
                #expect(run(saves: false, { kernels.forward(matrix, $0) }, q: nil) == expected)
                #expect(run(saves: false, { kernels.forward(matrix, $0, backwards: true) }, q: nil) == expected)
            }
        }
    }

    /// NaNs are one: which of several an operation hands on is not said.
    private static func word(_ bits: UInt32) -> UInt32 { Float(bitPattern: bits).isNaN ? Float.nan.bitPattern : bits }

    @Test("an output gate that is shut gives zero with the sign of the state, in every way of taking a step")
    func shutGate() {
        let kernels = KernelSet()
        // i and f open, g = -1, o shut: h′ = 0 · tanh(c′) with c′ below zero.
        let p = Grid(1, 4)
        for (block, value) in [Float(90), 90, -90, -3e38].enumerated() { p[0, block] = value }
        let (h, c, hNew, cNew, q) = (Grid(1, 1), Grid(1, 1), Grid(1, 1), Grid(1, 1), Grid(1, 4))
        kernels.forward(
            .lstm(),
            CellForward(
                hidden: 1, p: p.rows, q: q.rows, hPrevious: h.rows, cPrevious: c.rows, h: hNew.mutable,
                c: cNew.mutable))
        #expect(cNew[0, 0] == -1 && hNew[0, 0].bitPattern == (-Float.zero).bitPattern)
    }
}
