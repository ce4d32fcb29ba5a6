import Kernels
import Synchronization

/// The buffers of one run over a group of sequences, allocated once and used again.
///
///     places      [rows]                          rows: those of one chunk of steps; where they lie in x
///     ofRows      [rows × …]                      what a layer needs for them, such as W·x + b
///     lower/upper [rows × widest]                 what a layer reads and writes, in turns
///     ofSequences [group × …]                     what a layer needs for one step, such as U·h + c; what the head reads
///     states      [group × …]                     every slot of the states
///     output      [rows × outputs]                the readout
final class InferenceWorkspace: @unchecked Sendable {
    // @unchecked: handed from thread to thread by WorkspacePool, which gives it to one caller at a time. It would end
    // if a Mutex could lend a class that is not Sendable.

    /// Sequences that run together; more are taken in groups of this many, so that memory has a bound.
    static let groupSize = 512
    /// Floats of `ofRows` that one chunk of steps may fill beyond a single step, for every thread: 256 KiB, which with the
    /// copied rows fit a second cache level of 1 MiB.
    static let chunkFloats = 1 << 16

    var places: [Int]
    let ofRows: Buffer
    let lower: Buffer
    let upper: Buffer
    let ofSequences: Buffer
    private let stateNumbers: Buffer
    let output: Buffer
    let group: Int
    /// Packed rows of a chunk.
    let rows: Int
    /// Whether the next step of one row goes through the weights backwards.
    private var isBackwards = false

    init(_ network: NetworkDescription, _ layout: StateLayout, group: Int, rows: Int) {
        self.group = group
        self.rows = rows
        bytes = Self.byteCount(network, layout, group: group, rows: rows)
        let scratch = network.scratch
        places = [Int](repeating: 0, count: rows)
        ofRows = Buffer(count: rows * scratch.ofRow)
        lower = Buffer(count: rows * network.widest)
        upper = Buffer(count: rows * network.widest)
        ofSequences = Buffer(count: group * scratch.ofSequence)
        stateNumbers = Buffer(count: group * layout.count)
        output = Buffer(count: rows * network.outputs)
    }

    /// Bytes of a workspace, roughly.
    static func byteCount(_ network: NetworkDescription, _ layout: StateLayout, group: Int, rows: Int) -> Int {
        let scratch = network.scratch
        let floats =
            Double(rows) * Double(2 + scratch.ofRow + 2 * network.widest + network.outputs)
            + Double(group) * Double(scratch.ofSequence + layout.count)
        return Int(min(floats * 4, 1e18))
    }

    /// Bytes, roughly.
    let bytes: Int

    /// The states of the group.
    var states: StateRows { StateRows(base: stateNumbers.base, group: group) }

    /// Some steps on their way through the layers, with this workspace's buffers.
    func chunk(
        _ states: StateRows, _ active: Slice<UnsafeBufferPointer<Int>>, rows: Int, isBackwards: Bool = false
    ) -> LayerChunk {
        LayerChunk(
            states: states, active: active, rows: rows, ofRows: ofRows.base, ofSequences: ofSequences.base,
            isBackwards: isBackwards)
    }

    /// The direction of this step; the next one has the other.
    func takesTurn() -> Bool {
        defer { isBackwards.toggle() }
        return isBackwards
    }

    /// Cuts rows into groups of about the same size.
    static func eachGroup(_ rows: Range<Int>, _ body: (Range<Int>) -> Void) {
        let groups = (rows.count + groupSize - 1) / groupSize
        for group in 0..<groups {
            let (first, end) = (rows.count * group / groups, rows.count * (group + 1) / groups)
            body(rows.lowerBound + first..<rows.lowerBound + end)
        }
    }

    /// Rows of a chunk for a group: one step always fits.
    static func rows(for network: NetworkDescription, group: Int, steps: Int, threads: Int) -> Int {
        min(max(group, threads * chunkFloats / max(network.scratch.ofRow, 1)), max(group * steps, group))
    }
}

extension InferenceNetwork {
    /// Memory of the workspaces that a run uses.
    ///
    /// - Parameter longest: steps of the longest sequence.
    package func workspaceBytes(sequences: Int, steps: Int, longest: Int) -> Int {
        Self.workspaceBytes(
            description, stateLayout, sequences: sequences, steps: steps, longest: longest, threads: kernels.threads)
    }

    /// The same of a network that is not there, since it has its weights in memory.
    package static func workspaceBytes(
        _ network: NetworkDescription, _ layout: StateLayout, sequences: Int, steps: Int, longest: Int, threads: Int
    ) -> Int {
        // Every thread has a group of its own.
        let group = min(max(sequences, 1), InferenceWorkspace.groupSize * max(threads, 1))
        let rows = InferenceWorkspace.rows(
            for: network, group: group, steps: max(steps / max(sequences, 1), 1), threads: threads)
        // Sizes are rounded up to powers of two.
        let bytes = InferenceWorkspace.byteCount(network, layout, group: 2 * group, rows: 2 * rows)
        return bytes + wholeBytes(network, steps: steps, longest: longest, threads: threads)
    }
}

extension NetworkDescription {
    /// What the layers need while they answer, and the head.
    var scratch: LayerScratch {
        var most = LayerScratch(ofRow: 1, ofSequence: topWidth)
        for index in layers.indices {
            let own = layers[index].definition.scratch(inputs: inputs(ofLayer: index))
            most.ofRow = max(most.ofRow, own.ofRow)
            most.ofSequence = max(most.ofSequence, own.ofSequence)
        }
        return most
    }
}

/// Workspaces that nobody uses at the moment.
final class WorkspacePool: Sendable {
    private let free = Mutex<Free>(Free())

    private struct Free {
        /// The one that came back last: steps of streams follow each other.
        var last: InferenceWorkspace?
        var others: [InferenceWorkspace] = []
    }

    /// The first free one that is large enough, or a new one.
    ///
    /// Sizes are rounded up to powers of two, so that there are few of them whatever batches come, at up to twice the
    /// memory.
    func take(_ network: NetworkDescription, _ layout: StateLayout, group: Int, rows: Int) -> InferenceWorkspace {
        let (group, rows) = (Self.rounded(group), Self.rounded(rows))
        let found = free.withLock { free -> InferenceWorkspace? in
            if let last = free.last, last.group >= group, last.rows >= rows {
                free.last = nil
                return last
            }
            return free.others.firstIndex { $0.group >= group && $0.rows >= rows }.map { free.others.remove(at: $0) }
        }
        return found ?? InferenceWorkspace(network, layout, group: group, rows: rows)
    }

    /// What is kept between runs, at most; more is let go: a run that needs it takes far longer than to allocate it, and
    /// what one request took once would be held for as long as the model. Two threads find room for 64 sequences of a
    /// network of 256 units each, for which a new one would cost a twentieth of a short run.
    static let keptBytes = 2 << 20

    /// Smaller ones that this one can stand in for are let go; equal ones are those of other threads.
    func giveBack(_ workspace: InferenceWorkspace) {
        guard workspace.bytes <= Self.keptBytes else { return }
        free.withLock { free in
            if let last = free.last { free.others.append(last) }
            free.last = workspace
            if free.others.isEmpty { return }
            free.others.removeAll {
                ($0.group, $0.rows) != (workspace.group, workspace.rows)
                    && $0.group <= workspace.group && $0.rows <= workspace.rows
            }
            var kept = free.others.reduce(workspace.bytes) { $0 + $1.bytes }
            while kept > Self.keptBytes, let oldest = free.others.first {
                kept -= oldest.bytes
                free.others.removeFirst()
            }
        }
    }

    /// How many are free.
    var count: Int { free.withLock { $0.others.count + ($0.last == nil ? 0 : 1) } }

    private static func rounded(_ count: Int) -> Int {
        count <= 1 ? 1 : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
    }
}
