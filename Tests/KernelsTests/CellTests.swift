import Kernels
import TestSupport
import Testing

/// One step of a cell as a driver would do it: products, pointwise part, and backward to every operand.
final class StepFixture {
    let cell: Cell
    let (rows, inputs, hidden): (Int, Int, Int)
    let (w, u, b, c): (Grid, Grid, Grid, Grid)
    /// [peepholes × hidden].
    let peepholes: Grid
    let (x, h, state): (Grid, Grid, Grid)
    /// Weights of the loss Σ dh·h′ + dc·c′.
    let (dhNew, dcNew): (Grid, Grid)

    init(_ cell: Cell, rows: Int, inputs: Int, hidden: Int, seed: UInt64, gap: Int) {
        var random = SeededGenerator(seed)
        (self.cell, self.rows, self.inputs, self.hidden) = (cell, rows, inputs, hidden)
        w = Grid(random: &random, cell.shape.blocks * hidden, inputs)
        u = Grid(random: &random, cell.shape.blocks * hidden, hidden)
        b = Grid(random: &random, 1, cell.shape.blocks * hidden)
        c = Grid(random: &random, 1, cell.shape.blocks * hidden)
        peepholes = Grid(random: &random, cell.shape.peepholes, hidden)
        x = Grid(random: &random, rows, inputs, gap: gap)
        h = Grid(random: &random, rows, hidden, gap: gap)
        state = Grid(random: &random, rows, hidden, gap: gap)
        dhNew = Grid(random: &random, rows, hidden, gap: gap)
        dcNew = Grid(random: &random, rows, hidden, gap: gap)
    }

    struct Results {
        var h: Grid
        var c: Grid
        var dx: Grid
        var dh: Grid
        var dc: Grid
        var dw: Grid
        var du: Grid
        var db: Grid
        var dcBias: Grid
        var dPeepholes: Grid

        var all: [Grid] { [h, c, dx, dh, dc, dw, du, db, dcBias, dPeepholes] }
    }

    func run(_ kernels: KernelSet, keeping: Bool = true) -> Results {
        let blocks = cell.shape.blocks * hidden
        let gap = x.stride - x.width
        func grid(_ width: Int) -> Grid { Grid(rows, width, gap: gap) }
        let (p, q, kept, masked) = (grid(blocks), grid(blocks), grid(cell.shape.saved * hidden), grid(hidden))
        let (hNew, cNew) = (grid(hidden), grid(hidden))
        kernels.product(x.rows, pack(w.base, blocks, inputs, kernels), start: .bias(b.base), into: p.mutable)

        let step = CellForward(
            hidden: hidden, p: p.rows, q: q.rows, hPrevious: h.rows, cPrevious: state.rows, peepholes: peepholes.base,
            h: hNew.mutable, c: cNew.mutable, saved: keeping || cell.shape.hasTwoPhases ? kept.mutable : nil,
            masked: masked.mutable)
        if cell.shape.hasTwoPhases {
            let gates = 2 * hidden
            kernels.product(
                h.rows, pack(u.base, gates, hidden, kernels), start: .bias(c.base),
                into: q.mutable.columns(0..<gates))
            kernels.forwardMask(cell, step)
            kernels.product(
                masked.rows, pack(u.base + gates * hidden, hidden, hidden, kernels),
                start: .bias(c.base + gates), into: q.mutable.columns(gates..<blocks))
        } else {
            kernels.product(h.rows, pack(u.base, blocks, hidden, kernels), start: .bias(c.base), into: q.mutable)
        }
        kernels.forward(cell, step)

        let (dp, dqOwn, dMasked) = (grid(blocks), grid(hidden), grid(hidden))
        let (dh, dc) = (Grid(copy: dhNew), Grid(copy: dcNew))
        var back = CellBackward(
            hidden: hidden, dh: dh.mutable, dc: dc.mutable, saved: kept.rows, h: hNew.rows, hPrevious: h.rows,
            cPrevious: state.rows, peepholes: peepholes.base, dp: dp.mutable, dq: dqOwn.mutable)
        let (dw, du) = (Grid(blocks, inputs), Grid(blocks, hidden))
        guard keeping else {
            return Results(
                h: hNew, c: cNew, dx: grid(inputs), dh: dh, dc: dc, dw: dw, du: du, db: Grid(1, blocks),
                dcBias: Grid(1, blocks), dPeepholes: Grid(cell.shape.peepholes, hidden))
        }
        kernels.backward(cell, back)
        // All of dq, put together where the cell gives the candidate's block by itself.
        let dq = cell.shape.sharesGradient ? dp : Grid(copy: dp)
        if !cell.shape.sharesGradient {
            for row in 0..<rows { for unit in 0..<hidden { dq[row, blocks - hidden + unit] = dqOwn[row, unit] } }
        }
        if cell.shape.hasTwoPhases {
            let gates = 2 * hidden
            kernels.product(
                dp.rows.columns(gates..<blocks), packTransposed(u.base + gates * hidden, hidden, hidden, kernels),
                start: .zero, into: dMasked.mutable)
            back.dMasked = dMasked.rows
            kernels.backwardMask(cell, back)
            kernels.product(
                dp.rows.columns(0..<gates), packTransposed(u.base, gates, hidden, kernels), start: .target,
                into: dh.mutable)
            kernels.weightGradient(dp.rows.columns(0..<gates), h.rows, into: du.base)
            kernels.weightGradient(dp.rows.columns(gates..<blocks), masked.rows, into: du.base + gates * hidden)
        } else {
            kernels.product(
                dq.rows, packTransposed(u.base, blocks, hidden, kernels), start: .target, into: dh.mutable)
            kernels.weightGradient(dq.rows, h.rows, into: du.base)
        }
        let dx = grid(inputs)
        kernels.product(dp.rows, packTransposed(w.base, blocks, inputs, kernels), start: .zero, into: dx.mutable)
        kernels.weightGradient(dp.rows, x.rows, into: dw.base)
        let (db, dcBias) = (Grid(1, blocks), Grid(1, blocks))
        kernels.biasGradient(dp.rows, into: db.base)
        kernels.biasGradient(dq.rows, into: dcBias.base)
        let dPeepholes = Grid(cell.shape.peepholes, hidden)
        for (place, peephole) in cell.peepholes.enumerated() {
            kernels.addColumnProducts(
                dp.rows.columns(peephole.block * hidden..<(peephole.block + 1) * hidden),
                peephole.seesPrevious ? state.rows : cNew.rows, into: dPeepholes.base + place * hidden)
        }
        return Results(
            h: hNew, c: cNew, dx: dx, dh: dh, dc: dc, dw: dw, du: du, db: db, dcBias: dcBias, dPeepholes: dPeepholes)
    }

    /// W [outputs × inputs] for W·x.
    private func pack(
        _ w: UnsafePointer<Float>, _ outputs: Int, _ inputs: Int, _ kernels: KernelSet
    ) -> PackedMatrix {
        let matrix = PackedMatrix(outputs: outputs, inputs: inputs, for: kernels)
        kernels.pack(w, into: matrix)
        return matrix
    }

    /// W [outputs × inputs] for Wᵀ·d.
    private func packTransposed(
        _ w: UnsafePointer<Float>, _ outputs: Int, _ inputs: Int, _ kernels: KernelSet
    ) -> PackedMatrix {
        let matrix = PackedMatrix(outputs: inputs, inputs: outputs, for: kernels)
        kernels.packTransposed(w, into: matrix)
        return matrix
    }

    var reference: ReferenceLayer {
        func doubles(_ grid: Grid) -> [Double] { grid.values.map(Double.init) }
        return ReferenceLayer(
            cell: ReferenceCell(cell), inputs: inputs, hidden: hidden, w: doubles(w), u: doubles(u), b: doubles(b),
            c: doubles(c), peepholes: doubles(peepholes))
    }

    /// Everything that the loss depends on, in Double.
    struct Operands {
        var layer: ReferenceLayer
        var x: [[Double]]
        var h: [[Double]]
        var c: [[Double]]
    }

    var operands: Operands {
        func doubles(_ grid: Grid) -> [[Double]] { (0..<rows).map { grid.doubles($0) } }
        return Operands(layer: reference, x: doubles(x), h: doubles(h), c: doubles(state))
    }

    /// Σ over rows of dh·h′ + dc·c′.
    func loss(_ operands: Operands) -> Double {
        var sum = 0.0
        for row in 0..<rows {
            let new = operands.layer.step(operands.x[row], h: operands.h[row], c: operands.c[row])
            for unit in 0..<hidden {
                sum += Double(dhNew[row, unit]) * new.h[unit]
                if cell.shape.hasCellState { sum += Double(dcNew[row, unit]) * new.c[unit] }
            }
        }
        return sum
    }

    /// The central difference of the loss where `move` moves one operand.
    func slope(_ move: (inout Operands, Double) -> Void) -> Double {
        let delta = 1e-5
        var (up, down) = (operands, operands)
        move(&up, delta)
        move(&down, -delta)
        return (loss(up) - loss(down)) / (2 * delta)
    }
}

@Suite struct CellTests {
    /// Hidden widths around every vector width; inputs and rows vary with them.
    private static let widths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 70]

    private func fixture(_ cell: Cell, _ hidden: Int, seed: UInt64 = 11) -> StepFixture {
        StepFixture(
            cell, rows: 1 + hidden % 5, inputs: 1 + hidden * 3 % 11, hidden: hidden, seed: seed + UInt64(hidden),
            gap: hidden % 4)
    }

    @Test("a step forward is the formula in Double to rounding", arguments: Cell.all, InstructionSet.available)
    func forward(cell: Cell, set: InstructionSet) {
        for hidden in Self.widths {
            let step = fixture(cell, hidden)
            let results = step.run(KernelSet(set))
            let layer = step.reference
            for row in 0..<step.rows {
                let expected = layer.step(step.x.doubles(row), h: step.h.doubles(row), c: step.state.doubles(row))
                for unit in 0..<hidden {
                    let scale = 1 + abs(expected.h[unit])
                    #expect(abs(Double(results.h[row, unit]) - expected.h[unit]) < 4e-6 * scale, "hidden \(hidden)")
                    if cell.shape.hasCellState {
                        #expect(abs(Double(results.c[row, unit]) - expected.c[unit]) < 4e-6, "hidden \(hidden)")
                    }
                }
            }
        }
    }

    @Test("a step backward is the slope of the formula in Double", arguments: Cell.all, InstructionSet.available)
    func backward(cell: Cell, set: InstructionSet) {
        for hidden in [1, 2, 5, 9, 17] {
            let step = fixture(cell, hidden, seed: 23)
            let results = step.run(KernelSet(set))
            func check(_ name: String, _ value: Float, _ expected: Double) {
                #expect(abs(Double(value) - expected) < 3e-5 * (1 + abs(expected)), "\(name), hidden \(hidden)")
            }
            for row in 0..<step.rows {
                for i in 0..<step.inputs { check("dx", results.dx[row, i], step.slope { $0.x[row][i] += $1 }) }
                for j in 0..<hidden { check("dh", results.dh[row, j], step.slope { $0.h[row][j] += $1 }) }
                guard cell.shape.hasCellState else { continue }
                for j in 0..<hidden { check("dc", results.dc[row, j], step.slope { $0.c[row][j] += $1 }) }
            }
            for row in 0..<cell.shape.peepholes {
                for j in 0..<hidden {
                    check(
                        "dPeepholes", results.dPeepholes[row, j],
                        step.slope { $0.layer.peepholes[row * hidden + j] += $1 })
                }
            }
            for row in stride(from: 0, to: cell.shape.blocks * hidden, by: 1 + hidden / 4) {
                for i in 0..<step.inputs {
                    check("dW", results.dw[row, i], step.slope { $0.layer.w[row * step.inputs + i] += $1 })
                }
                for j in 0..<hidden {
                    check("dU", results.du[row, j], step.slope { $0.layer.u[row * hidden + j] += $1 })
                }
                check("db", results.db[0, row], step.slope { $0.layer.b[row] += $1 })
                check("dc bias", results.dcBias[0, row], step.slope { $0.layer.c[row] += $1 })
            }
        }
    }

    @Test("a step has the same bits on all sets with fused multiply-add and any number of threads", arguments: Cell.all)
    func sameBits(cell: Cell) {
        for hidden in Self.widths + [130] {
            let rows = hidden == 130 ? 40 : 1 + hidden % 5
            let step = StepFixture(cell, rows: rows, inputs: 6, hidden: hidden, seed: 31, gap: hidden % 3)
            let results = fusedSets.flatMap { set in
                (hidden == 130 ? [1, 2, 3] : [1]).map { step.run(KernelSet(set, threads: $0)).all.map(\.bits) }
            }
            #expect(results.allSatisfy { $0 == results[0] }, "hidden \(hidden)")
        }
    }

    @Test("a row gives the same bits alone and in a batch, forward and backward", arguments: Cell.all, fusedSets)
    func alone(cell: Cell, set: InstructionSet) {
        let kernels = KernelSet(set)
        let batch = StepFixture(cell, rows: 11, inputs: 7, hidden: 19, seed: 41, gap: 1)
        let whole = batch.run(kernels)
        for row in 0..<11 {
            let single = StepFixture(cell, rows: 1, inputs: 7, hidden: 19, seed: 41, gap: 0)
            for (from, to) in [
                (batch.x, single.x), (batch.h, single.h), (batch.state, single.state), (batch.dhNew, single.dhNew),
                (batch.dcNew, single.dcNew),
            ] {
                for column in 0..<to.width { to[0, column] = from[row, column] }
            }
            let result = single.run(kernels)
            for (one, many) in zip([result.h, result.c, result.dx, result.dh], [whole.h, whole.c, whole.dx, whole.dh]) {
                #expect(one.bits == (0..<many.width).map { many[row, $0].bitPattern })
            }
        }
    }

    @Test("inference, which keeps nothing, gives the bits of training", arguments: Cell.all)
    func keepsNothing(cell: Cell) {
        let step = fixture(cell, 33)
        let (kept, bare) = (step.run(KernelSet()), step.run(KernelSet(), keeping: false))
        #expect(kept.h.bits == bare.h.bits && kept.c.bits == bare.c.bits)
    }

    @Test("nothing is written beside the rows", arguments: Cell.all, InstructionSet.available)
    func bounds(cell: Cell, set: InstructionSet) {
        for hidden in Self.widths {
            let step = StepFixture(cell, rows: 3, inputs: 5, hidden: hidden, seed: 51, gap: 2)
            for grid in step.run(KernelSet(set)).all { #expect(grid.isIntact, "hidden \(hidden)") }
        }
    }
}
