import Kernels
import Resources

/// A network ready to answer: weights packed once, read by any number of threads.
///
/// A sequence gives the same bits alone, in any batch, step by step or as a whole: every row goes through the same
/// chain of additions, whatever stands beside it.
public final class InferenceNetwork: Sendable {
    /// What a run answers.
    public enum Answer: Sendable {
        /// One output a sequence, after its last step.
        case last
        /// One output a step.
        case everyStep
    }

    public let description: NetworkDescription
    public let stateLayout: StateLayout
    public let precision: Precision
    package let kernels: KernelSet
    let stages: [InferenceStage]
    /// Where what the head reads lies among the states: the top layer's own last output, a copy of it, or a sum.
    let topPlace: Range<Int>
    /// The copy, and the sum of a mean readout, where there is one.
    let lastPlace: Range<Int>?
    let sumPlace: Range<Int>?
    let head: PackedHead
    /// Of one step of one sequence.
    package let multiplyAddsOfStep: Int
    // As the description says; asking the kinds of its layers would cost more than a row of a small network.
    let rowWidth: Int
    let widest: Int
    let streams: Bool
    let pool = WorkspacePool()

    /// - Precondition: the parameters have the layout of the description.
    ///
    /// - Parameter precision: of the layers' products; the head's are in float32 always, since they cost little and
    ///   their errors would stand in the answer as they are.
    public init(
        _ description: NetworkDescription, _ parameters: Parameters, precision: Precision = .float32,
        kernels: KernelSet
    ) {
        precondition(parameters.layout == ParameterLayout(description), "parameters of another network")
        self.description = description
        rowWidth = description.rowWidth
        widest = description.widest
        streams = description.streams
        stateLayout = StateLayout(description)
        lastPlace = stateLayout.range(.last)
        sumPlace = stateLayout.range(.sum)
        let ofTop = stateLayout.slots.filter { $0.layer == description.layers.count - 1 }
        topPlace =
            lastPlace ?? sumPlace ?? description.layers.last?.lastOutput.map { ofTop[$0].range } ?? 0..<0
        self.precision = precision
        self.kernels = kernels
        let layout = parameters.layout
        multiplyAddsOfStep = layout.inProducts
        stages = description.layers.indices.map { [stateLayout] index in
            InferenceStage(
                description, index,
                layout.sites(description, stateLayout, layer: index, precision: precision, kernels: kernels))
        }
        head = PackedHead(description, layout, kernels: kernels, trains: false)
        parameters.values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            for stage in stages { stage.load(base) }
            head.load(base)
        }
    }

    public var instructionSet: InstructionSet { kernels.instructionSet }

    /// Memory of the packed weights, and of the workspaces that are kept between runs.
    public var byteCount: Int {
        stages.reduce(WorkspacePool.keptBytes + head.byteCount) { $0 + $1.byteCount }
    }

    /// A state before the first step.
    public var zeroState: NetworkState { NetworkState(zeroFor: stateLayout) }

    /// Runs every sequence from the zero state.
    ///
    /// - Parameters:
    ///   - values: rows of `rowWidth` floats, sequence after sequence.
    ///   - lengths: rows of each sequence.
    ///   - cancellation: asked between chunks of steps; where it came, what is returned means nothing.
    /// - Returns: rows of `outputs` floats, in the order of the sequences (and their steps).
    public func run(
        _ values: [Float], lengths: [Int], answer: Answer = .last, cancellation: Cancellation? = nil
    ) -> [Float] {
        var none: [NetworkState] = []
        return run(
            values, lengths: lengths, states: &none, fromZero: true, answer: answer, cancellation: cancellation)
    }

    /// Runs every sequence from its own state and leaves its last state there.
    public func run(
        _ values: [Float], lengths: [Int], states: inout [NetworkState], answer: Answer = .last,
        cancellation: Cancellation? = nil
    ) -> [Float] {
        run(values, lengths: lengths, states: &states, fromZero: false, answer: answer, cancellation: cancellation)
    }

    /// One step of every stream: the same bits as `run` gives for that row.
    ///
    /// - Parameter inputs: one row of `rowWidth` floats a stream.
    /// - Returns: one row of `outputs` floats a stream.
    public func step(_ states: inout [NetworkState], _ inputs: [Float]) -> [Float] {
        precondition(inputs.count == states.count * rowWidth, "one input row a stream")
        return [Float](unsafeUninitializedCapacity: states.count * description.outputs) { outputs, count in
            inputs.withUnsafeBufferPointer { step(&states, $0, outputs) }
            count = states.count * description.outputs
        }
    }

    /// One step of every stream, without an allocation once a workspace is there.
    ///
    ///     inputs  [streams × inputs]    outputs  [streams × outputs], overwritten
    public func step(
        _ states: inout [NetworkState], _ inputs: UnsafeBufferPointer<Float>,
        _ outputs: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(inputs.count >= states.count * rowWidth, "one input row a stream")
        precondition(outputs.count >= states.count * description.outputs, "one output row a stream")
        guard let input = inputs.baseAddress, let output = outputs.baseAddress else { return }
        states.withUnsafeMutableBufferPointer { states in
            let step = Step(network: self, states: states, inputs: input, outputs: output)
            // Of a small step the way through another module's generic function would be a noticeable part.
            if kernels.threads == 1 || states.count == 1 {
                step.run(0..<1, of: 1)
            } else {
                kernels.run(step, rows: states.count, cost: cost(steps: states.count))
            }
        }
    }

    /// Multiply-adds of steps of sequences, roughly.
    func cost(steps: Int) -> Int { steps * multiplyAddsOfStep }

    /// One step of all streams: its parts are streams.
    private struct Step: PartedWork {
        let network: InferenceNetwork
        let states: UnsafeMutableBufferPointer<NetworkState>
        let inputs: UnsafePointer<Float>
        let outputs: UnsafeMutablePointer<Float>

        func run(_ parts: Range<Int>, of count: Int) {
            let streams = states.count * parts.lowerBound / count..<states.count * parts.upperBound / count
            InferenceWorkspace.eachGroup(streams) { network.step($0, self) }
        }
    }

    private func step(_ group: Range<Int>, _ step: Step) {
        let (first, count) = (group.lowerBound, group.count)
        precondition(streams, "a network that reads whole sequences")
        let workspace = pool.take(description, stateLayout, group: count, rows: count)
        defer { pool.giveBack(workspace) }
        let x = Rows(step.inputs + first * rowWidth, count: count, width: rowWidth)
        let target = MutableRows(
            step.outputs + first * description.outputs, count: count, width: description.outputs)
        if count == 1 { return self.step(workspace, &step.states[first], x, into: target) }
        let states = workspace.states
        for row in 0..<count { states.load(step.states[first + row], stateLayout, row: row) }
        self.step(workspace, states, x)
        readLast(workspace, states, into: target) { step.states[first + $0].steps + 1 }
        for row in 0..<count { states.save(&step.states[first + row], stateLayout, row: row, steps: 1) }
    }

    /// One step of one stream, whose state moves where it lies.
    ///
    ///     inputs  [inputs]    outputs  [outputs], overwritten
    public func step(
        _ state: inout NetworkState, _ inputs: UnsafePointer<Float>, _ outputs: UnsafeMutablePointer<Float>
    ) {
        precondition(streams, "a network that reads whole sequences")
        let workspace = pool.take(description, stateLayout, group: 1, rows: 1)
        defer { pool.giveBack(workspace) }
        step(
            workspace, &state, Rows(inputs, count: 1, width: rowWidth),
            into: MutableRows(outputs, count: 1, width: description.outputs))
    }

    private func step(
        _ workspace: InferenceWorkspace, _ state: inout NetworkState, _ x: Rows, into target: MutableRows
    ) {
        precondition(state.fits(stateLayout), "a state of another network")
        let steps = state.steps + 1
        state.values.withUnsafeMutableBufferPointer { values in
            // A network without a state has no address for it, and reads and writes none.
            let states = StateRows(base: values.baseAddress ?? target.base, group: 1)
            step(workspace, states, x)
            readLast(workspace, states, into: target) { _ in steps }
        }
        state.steps = steps
    }

    /// One step of all layers, and of the sum that a mean readout carries.
    private func step(_ workspace: InferenceWorkspace, _ states: StateRows, _ x: Rows) {
        let top = withUnsafePointer(to: x.count) { active in
            advance(
                workspace, states, .rows(x), active: UnsafeBufferPointer(start: active, count: 1)[...], rows: x.count)
        }
        if let sumPlace { kernels.add(top.rows, to: states.rows(sumPlace).rows(0..<x.count)) }
        if let lastPlace { states.rows(lastPlace).rows(0..<x.count).copy(top.rows) }
    }

    /// What the head says of states as they are, without a step.
    public func output(of states: [NetworkState]) -> [Float] {
        var copies = states
        return run([], lengths: [Int](repeating: 0, count: states.count), states: &copies)
    }
}
