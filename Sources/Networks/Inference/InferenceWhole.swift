import Kernels
import Resources

// Networks with a layer that reads its sequences from the end: one layer after the other over all steps, each in chunks.
//
// The rows of a direction that reads from the end stand in the order in which it reads them: packed row (t, r) and packed
// row (length − 1 − t, r) change places, which leaves the shape of the batch as it is. So it is the same layer with the
// same bits.

/// The order of packed rows with every sequence turned; turned again it is the order before.
struct Reversal {
    let places: [Int]

    /// - Parameters:
    ///   - active: rows of each step.
    ///   - rows: of all steps.
    init(active: some Collection<Int>, rows: Int) {
        var places = [Int](repeating: 0, count: rows)
        var offsets: [Int] = []
        var end = 0
        for count in active {
            offsets.append(end)
            end += count
        }
        // The length of a row is the number of steps that have it; the steps' rows become fewer.
        var length = offsets.count
        for row in 0..<(active.first ?? 0) {
            while length > 0, offsets[length - 1] + row >= (length < offsets.count ? offsets[length] : rows) {
                length -= 1
            }
            for step in 0..<length { places[offsets[step] + row] = offsets[length - 1 - step] + row }
        }
        self.places = places
    }

    func turn(_ rows: LayerInput, into target: MutableRows) {
        for (row, place) in places.enumerated() {
            (target.base + row * target.stride).update(from: rows.row(place), count: target.width)
        }
    }
}

extension InferenceNetwork {
    /// Floats of one buffer over all rows of a group; a longer sequence is run by itself.
    private static let wholeFloats = 1 << 22

    /// Numbers of the widest row that whole sequences are kept of.
    private var widestWhole: Int { Self.widestWhole(widest, rowWidth) }

    private static func widestWhole(_ widest: Int, _ rowWidth: Int) -> Int { max(widest, rowWidth, 1) }

    /// Cuts rows of a batch into groups that run together.
    func eachGroup(_ batch: RaggedBatch, _ rows: Range<Int>, _ body: (Range<Int>) -> Void) {
        InferenceWorkspace.eachGroup(rows) { group in
            guard !streams else { return body(group) }
            var first = group.lowerBound
            while first < group.upperBound {
                var end = first
                var floats = 0
                repeat {
                    floats += batch.lengths[batch.order[end]] * widestWhole
                    end += 1
                } while end < group.upperBound
                    && floats + batch.lengths[batch.order[end]] * widestWhole <= Self.wholeFloats
                body(first..<end)
                first = end
            }
        }
    }

    /// Memory for whole sequences, beside the workspaces: of one group for every thread.
    static func wholeBytes(_ network: NetworkDescription, steps: Int, longest: Int, threads: Int) -> Int {
        if network.streams { return 0 }
        let width = widestWhole(network.widest, network.rowWidth)
        let ofGroup = Double(max(longest, wholeFloats / width))
        let rows = min(Double(steps), Double(max(threads, 1)) * ofGroup)
        return Int(min(rows * (4 * 4 * Double(width) + 16), 1e18))
    }

    /// All steps of a group.
    ///
    /// - Returns: whether it came to the end.
    func runWhole(
        _ group: Group, _ run: Run, _ workspace: InferenceWorkspace, _ rowsOfChunk: Int, _ before: [Int]
    ) -> Bool {
        let active = group.active.dropLast()
        let rows = active.reduce(0, +)
        var places = [Int](repeating: 0, count: rows)
        findRows(group, 0..<group.steps, into: &places)
        let reversal = Reversal(active: active, rows: rows)
        let width = widestWhole
        let buffers = WholeBuffers(count: rows * width)
        defer { withExtendedLifetime(buffers) {} }
        let walk = WholeWalk(states: workspace.states, active: active, rowsOfChunk: rowsOfChunk, run: run)
        return places.withUnsafeBufferPointer { places in
            guard let base = places.baseAddress else { return true }
            var input = LayerInput.scattered(
                ScatteredRows(run.values, places: base, count: rows, width: rowWidth))
            var top = buffers.lower.rows(count: 0, width: 0)
            for (index, stage) in stages.enumerated() {
                let target = MutableRows(
                    index % 2 == 0 ? buffers.lower.base : buffers.upper.base, count: rows, width: stage.outputs)
                if let reverse = stage.reverse {
                    let own = buffers.given.rows(count: rows, width: stage.width)
                    guard walk.run(stage.forward, workspace, input, into: own) else { return false }
                    target.columns(0..<stage.width).copy(own.rows)
                    let read = buffers.turned.rows(count: rows, width: description.rowWidth(ofLayer: index))
                    reversal.turn(input, into: read)
                    guard walk.run(reverse, workspace, .rows(read.rows), into: own) else { return false }
                    reversal.turn(.rows(own.rows), into: target.columns(stage.width..<stage.outputs))
                } else {
                    guard walk.run(stage.forward, workspace, input, into: target) else { return false }
                }
                if stage.isResidual { kernels.add(input, to: target) }
                input = .rows(target.rows)
                top = target
            }
            readWhole(group, run, workspace, top, places, before)
            return true
        }
    }

    /// What the head reads of the top layer's rows, and its answers at every step.
    private func readWhole(
        _ group: Group, _ run: Run, _ workspace: InferenceWorkspace, _ top: MutableRows,
        _ places: UnsafeBufferPointer<Int>, _ before: [Int]
    ) {
        let states = workspace.states
        if let lastPlace, let stage = stages.last {
            let last = states.rows(lastPlace)
            var offsets = [0]
            for count in group.active { offsets.append(offsets[offsets.count - 1] + count) }
            for row in 0..<group.count {
                let length = group.batch.lengths[group.sequence(row)]
                guard length > 0 else { continue }
                let target = last.base + row * last.width
                target.update(from: top.base + (offsets[length - 1] + row) * top.width, count: stage.width)
                // What read from the end came last to the first step.
                (target + stage.width)
                    .update(from: top.base + row * top.width + stage.width, count: stage.outputs - stage.width)
            }
        }
        if let sumPlace {
            addUp(
                states.rows(sumPlace), top, group.active.dropLast(), means: run.answer == .everyStep
            ) { before[$0] }
        }
        guard run.answer == .everyStep else { return }
        for first in stride(from: 0, to: top.count, by: workspace.rows) {
            let some = first..<min(first + workspace.rows, top.count)
            let outputs = workspace.output.rows(count: some.count, width: description.outputs)
            head.forward(top.rows.rows(some), into: outputs)
            for (row, place) in places[some].enumerated() {
                (run.target + place / rowWidth * description.outputs)
                    .update(from: outputs.base + row * description.outputs, count: description.outputs)
            }
        }
    }
}

/// Rows of whole sequences: what layers read and give in turns, what a direction that reads from the end reads, and what
/// one direction gives.
private final class WholeBuffers {
    let lower: Buffer
    let upper: Buffer
    let turned: Buffer
    let given: Buffer

    init(count: Int) {
        lower = Buffer(count: count)
        upper = Buffer(count: count)
        turned = Buffer(count: count)
        given = Buffer(count: count)
    }
}

/// One direction of a layer over all steps of a group, in chunks of them.
private struct WholeWalk {
    let states: StateRows
    let active: ArraySlice<Int>
    let rowsOfChunk: Int
    let run: InferenceNetwork.Run

    /// - Returns: whether it came to the end.
    func run(
        _ layer: any InferenceLayer, _ workspace: InferenceWorkspace, _ x: LayerInput, into target: MutableRows
    ) -> Bool {
        active.withUnsafeBufferPointer { active in
            var (step, offset) = (0, 0)
            while step < active.count {
                if let cancellation = run.cancellation, cancellation.isCancelled { return false }
                var (end, rows) = (step, 0)
                repeat {
                    rows += active[end]
                    end += 1
                } while end < active.count && rows + active[end] <= rowsOfChunk
                let some = offset..<offset + rows
                layer.advance(
                    workspace.chunk(states, active[step..<end], rows: rows), x.rows(some), into: target.rows(some))
                (step, offset) = (end, some.upperBound)
            }
            return true
        }
    }
}

extension LayerInput {
    /// Some of the rows.
    fileprivate func rows(_ some: Range<Int>) -> LayerInput {
        switch self {
        case .rows(let rows): .rows(rows.rows(some))
        case .scattered(let rows):
            .scattered(
                ScatteredRows(
                    rows.base, places: rows.places + some.lowerBound, count: some.count, width: rows.width))
        }
    }
}
