// The recurrent product and the pointwise part of a cell in one go: the sums of some units' gates are finished while
// they lie in the first cache level. The weights are interleaved, see Groups; their biases are packed like one input.
//
// The bits are those of `product` into q followed by the cell's forward body.

import CVectors

extension Bodies {
    /// The state after a step of a cell with one phase, from p and U·h + bias. Groups are of units.
    ///
    ///     s          as for `cellForward`, without q; h may not be h_previous
    ///     packed     U, the cell's blocks interleaved, as `pack` left it for this precision; bias likewise in float32
    @inline(never)
    public static func cellStep(
        _ s: UnsafePointer<cell_forward>, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>, precision: Int,
        firstGroup: Int, groupCount: Int, backwards: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        guard let hPrevious = s.pointee.h_previous else { return }
        withKind(
            s.pointee.kind,
            CellStep(
                s: s, left: LeftRows(hPrevious, s.pointee.h_previous_stride), packed: packed, bias: bias,
                precision: precision, groups: firstGroup..<firstGroup + groupCount, backwards: backwards != 0,
                scratch: scratch))
    }
}

/// The step of one kind: the walk over groups is compiled for each, its body is chosen once a group.
private struct CellStep: KindVisitor {
    let s: UnsafePointer<cell_forward>
    let left: LeftRows
    let packed: UnsafePointer<Float>
    let bias: UnsafePointer<Float>
    let precision: Int
    let groups: Range<Int>
    let backwards: Bool
    let scratch: UnsafeMutablePointer<Float>

    @inline(__always)
    func visit<Kind: CellKind>(_ kind: Kind.Type) {
        Bodies.run(
            CellFinish<Kind>(s: s), blocks: Kind.shape(s.pointee.options).blocks, hidden: s.pointee.hidden,
            packed: packed, bias: bias, precision: precision, groups: groups, backwards: backwards, left: left,
            rows: s.pointee.rows, scratch: scratch)
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
    fileprivate static func run<Cell: Finish>(
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

private struct CellFinish<Kind: CellKind>: Finish {
    /// Read anew at each group: what a cell does not use costs nothing.
    let s: UnsafePointer<cell_forward>

    @inline(__always)
    func finish(row: Int, rows: Int, unit: Int, units: Int, q: Source) {
        guard let some = ForwardOperands(s, row: row, unit: unit, q: q, qHidden: Lanes.scalarCount) else { return }
        Kind.choose(s.pointee.options, Units(s: some, rows: rows, units: units))
    }

    private struct Units: BodyVisitor {
        let s: ForwardOperands
        let rows: Int
        let units: Int

        @inline(__always)
        func visit<Body: CellBody>(_ body: Body) { walk(ForwardStep(body: body, s: s), rows: rows, hidden: units) }
    }
}

/// One step forward, vector by vector.
struct ForwardStep<Body: CellBody>: Pointwise {
    let body: Body
    let s: ForwardOperands

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) { body.forward(access, s, row, unit) }
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
