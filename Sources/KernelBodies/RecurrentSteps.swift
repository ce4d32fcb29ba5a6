// The recurrent product and the pointwise part of a cell in one go: the sums of some units' gates are finished while
// they lie in the first cache level. The weights are interleaved, see Groups; their biases are packed like one input.
//
// The bits are those of `product` into q followed by the cell's forward body.

extension Bodies {
    /// LSTM: h′ and c′ from p and U·h + bias. Shapes as in `lstmForward`; groups are of units.
    ///
    ///     hPrevious  [rows × hidden]    may not be h
    ///     packed     U, 4 blocks interleaved, as `pack` left it for this precision; bias likewise in float32
    @inline(never)
    public static func lstmStep(
        rows: Int, hidden: Int, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>, precision: Int,
        firstGroup: Int, groupCount: Int, backwards: Int, p: UnsafePointer<Float>, pStride: Int,
        hPrevious: UnsafePointer<Float>, hPreviousStride: Int,
        cPrevious: UnsafePointer<Float>, cPreviousStride: Int,
        h: UnsafeMutablePointer<Float>, hStride: Int, c: UnsafeMutablePointer<Float>, cStride: Int,
        kept: UnsafeMutablePointer<Float>?, keptStride: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        let cell = LSTMFinish(
            hidden: hidden, p: Source(p, pStride), cPrevious: Source(cPrevious, cPreviousStride),
            h: Target(h, hStride), c: Target(c, cStride), kept: Target(kept ?? h, keptStride), keeps: kept != nil)
        run(
            cell, blocks: 4, hidden: hidden, packed: packed, bias: bias, precision: precision,
            groups: firstGroup..<firstGroup + groupCount, backwards: backwards != 0,
            left: LeftRows(hPrevious, hPreviousStride), rows: rows, scratch: scratch)
    }

    /// GRU, reset after the product. Shapes as in `gruAfterForward`.
    @inline(never)
    public static func gruAfterStep(
        rows: Int, hidden: Int, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>, precision: Int,
        firstGroup: Int, groupCount: Int, backwards: Int, p: UnsafePointer<Float>, pStride: Int,
        hPrevious: UnsafePointer<Float>, hPreviousStride: Int, h: UnsafeMutablePointer<Float>, hStride: Int,
        kept: UnsafeMutablePointer<Float>?, keptStride: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        let cell = GRUAfterFinish(
            hidden: hidden, p: Source(p, pStride), hPrevious: Source(hPrevious, hPreviousStride),
            h: Target(h, hStride), kept: Target(kept ?? h, keptStride), keeps: kept != nil)
        run(
            cell, blocks: 3, hidden: hidden, packed: packed, bias: bias, precision: precision,
            groups: firstGroup..<firstGroup + groupCount, backwards: backwards != 0,
            left: LeftRows(hPrevious, hPreviousStride), rows: rows, scratch: scratch)
    }

    /// Elman. Shapes as in `elmanForward`.
    @inline(never)
    public static func elmanStep(
        activation: Int, rows: Int, hidden: Int, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>,
        precision: Int, firstGroup: Int, groupCount: Int, backwards: Int, p: UnsafePointer<Float>, pStride: Int,
        hPrevious: UnsafePointer<Float>, hPreviousStride: Int, h: UnsafeMutablePointer<Float>, hStride: Int,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let cell = ElmanFinish(activation: activation, p: Source(p, pStride), h: Target(h, hStride))
        run(
            cell, blocks: 1, hidden: hidden, packed: packed, bias: bias, precision: precision,
            groups: firstGroup..<firstGroup + groupCount, backwards: backwards != 0,
            left: LeftRows(hPrevious, hPreviousStride), rows: rows, scratch: scratch)
    }
}

extension Bodies {
    /// target = U·left + bias over the weights of a step, with the bits of `product` over plain ones.
    ///
    ///     left     [rows × hidden]
    ///     packed   U, `blocks` interleaved, as `pack` left it for this precision; bias likewise in float32
    ///     target   [rows × blocks·hidden]    block after block; may not overlap any operand
    @inline(never)
    public static func recurrentProduct(
        rows: Int, blocks: Int, hidden: Int, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>, precision: Int,
        firstGroup: Int, groupCount: Int, backwards: Int, left: UnsafePointer<Float>, leftStride: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        let blocksInOrder = BlocksInOrder(blocks: blocks, hidden: hidden, target: Target(target, targetStride))
        run(
            blocksInOrder, blocks: blocks, hidden: hidden, packed: packed, bias: bias, precision: precision,
            groups: firstGroup..<firstGroup + groupCount, backwards: backwards != 0, left: LeftRows(left, leftStride),
            rows: rows, scratch: scratch)
    }
}

extension Bodies {
    @inline(__always)
    private static func run<Cell: Finish>(
        _ cell: Cell, blocks: Int, hidden: Int, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>,
        precision: Int, groups: Range<Int>, backwards: Bool, left: LeftRows, rows: Int,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let step = RecurrentStep(
            packed: packed, bias: bias, inputs: hidden, groups: Groups(blocks: blocks, hidden: hidden), cell: cell)
        dispatch(
            ProductWork(
                product: step, left: left, rows: rows, groups: groups, backwards: backwards, scratch: scratch),
            precision: precision)
    }
}

/// What follows the recurrent product of some units.
private protocol Finish {
    /// - Parameters:
    ///   - unit: the first of `units` units.
    ///   - q: [rows × blocks·laneCount], or [rows × units] where the cell has one block.
    func finish(row: Int, rows: Int, unit: Int, units: Int, q: Source)
}

/// The product of one step as `GroupedProduct` walks it: every group is staged and finished by the cell.
private struct RecurrentStep<Cell: Finish>: GroupedProduct {
    let packed: UnsafePointer<Float>
    let bias: UnsafePointer<Float>
    let inputs: Int
    let groups: Groups
    let cell: Cell

    var targetStride: Int { @inline(__always) get { 0 } }

    @inline(__always)
    func place(_ group: Int, row: Int) -> UnsafeMutablePointer<Float>? { nil }

    @inline(__always)
    func start(
        _ group: Int, row: Int, rows: Int, staged: Bool, sums: UnsafeMutablePointer<Float>, stride: Int
    ) -> (pointer: UnsafePointer<Float>, stride: Int)? {
        (bias + groups.offset(group, inputs: 1), 0)
    }

    @inline(__always)
    func finish(_ group: Int, row: Int, rows: Int, sums: UnsafePointer<Float>, stride: Int) {
        cell.finish(
            row: row, rows: rows, unit: groups.output(group), units: groups.outputs(group), q: Source(sums, stride))
    }
}

private struct LSTMFinish: Finish {
    let hidden: Int
    let p: Source
    let cPrevious: Source
    let h: Target
    let c: Target
    let kept: Target
    let keeps: Bool

    @inline(__always)
    func finish(row: Int, rows: Int, unit: Int, units: Int, q: Source) {
        let forward = LSTMForward(
            hidden: hidden, qHidden: Lanes.scalarCount, p: p.from(row, unit), q: q,
            cPrevious: cPrevious.from(row, unit), h: h.from(row, unit), c: c.from(row, unit),
            kept: kept.from(row, unit), keeps: keeps)
        walk(forward, rows: rows, hidden: units)
    }
}

private struct GRUAfterFinish: Finish {
    let hidden: Int
    let p: Source
    let hPrevious: Source
    let h: Target
    let kept: Target
    let keeps: Bool

    @inline(__always)
    func finish(row: Int, rows: Int, unit: Int, units: Int, q: Source) {
        let forward = GRUAfterForward(
            hidden: hidden, qHidden: Lanes.scalarCount, p: p.from(row, unit), q: q,
            hPrevious: hPrevious.from(row, unit), h: h.from(row, unit), kept: kept.from(row, unit), keeps: keeps)
        walk(forward, rows: rows, hidden: units)
    }
}

private struct ElmanFinish: Finish {
    let activation: Int
    let p: Source
    let h: Target

    @inline(__always)
    func finish(row: Int, rows: Int, unit: Int, units: Int, q: Source) {
        let (p, h) = (p.from(row, unit), h.from(row, unit))
        switch activation {
        case 0: walk(ElmanForward<TanhActivation>(p: p, q: q, h: h), rows: rows, hidden: units)
        case 1: walk(ElmanForward<SigmoidActivation>(p: p, q: q, h: h), rows: rows, hidden: units)
        case 2: walk(ElmanForward<RectifierActivation>(p: p, q: q, h: h), rows: rows, hidden: units)
        default: walk(ElmanForward<IdentityActivation>(p: p, q: q, h: h), rows: rows, hidden: units)
        }
    }
}

/// Sums that wait for the rest of their step.
private struct BlocksInOrder: Finish {
    let blocks: Int
    let hidden: Int
    let target: Target

    @inline(__always)
    func finish(row: Int, rows: Int, unit: Int, units: Int, q: Source) {
        walk(
            Copy(blocks: blocks, hidden: hidden, q: q, target: target.from(row, unit)), rows: rows, hidden: units)
    }

    private struct Copy: Pointwise {
        let blocks: Int
        let hidden: Int
        let q: Source
        let target: Target

        @inline(__always)
        func step<A: Access>(_ access: A, row: Int, unit: Int) {
            var block = 0
            while block < blocks {
                access.store(
                    access.load(q.at(row, unit, block: block, of: Lanes.scalarCount)),
                    target.at(row, unit, block: block, of: hidden))
                block += 1
            }
        }
    }
}
