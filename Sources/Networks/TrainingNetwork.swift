import Kernels

/// A network in training: forward over a batch with all that backward needs saved, and backward to the gradient of every
/// parameter, in the layout of `Parameters`.
///
///     forward:   x → layers → readout → outputs
///     backward:  gradient of the outputs → gradient of the parameters (and of x and the first states)
///
/// One owner, one thread at a time; the kernels divide their work among threads of their own.
public final class TrainingNetwork {
    public let description: NetworkDescription
    public let layout: ParameterLayout
    public let stateLayout: StateLayout
    public let precision: Precision
    let kernels: KernelSet
    let layers: [LayerWeights]
    private let head: PackedMatrix
    private let headTransposed: PackedMatrix
    private let headBias: Buffer
    var workspace: TrainingWorkspace
    /// The batch that went forward last, and its input.
    private(set) var batch = RaggedBatch(lengths: [])
    private(set) var input: Rows?
    private(set) var startsAtZero = true
    private(set) var dropsOut = false

    /// - Parameter precision: float32, or bfloat16 for the products of the layers; sums, parameters and all else are
    ///   float32 in both.
    public init(_ description: NetworkDescription, precision: Precision = .float32, kernels: KernelSet) {
        self.description = description
        self.precision = precision
        self.kernels = kernels
        layout = ParameterLayout(description)
        stateLayout = StateLayout(description)
        layers = description.layers.indices.map { index in
            LayerWeights(
                description.layers[index], inputs: description.inputs(ofLayer: index), precision: precision,
                kernels: kernels, trains: true)
        }
        let top = description.layers.last?.hidden ?? description.inputs
        head = PackedMatrix(outputs: description.outputs, inputs: top, for: kernels)
        headTransposed = PackedMatrix(outputs: top, inputs: description.outputs, for: kernels)
        headBias = Buffer(count: description.outputs)
        workspace = TrainingWorkspace(description, rows: 0, sequences: 0)
    }

    /// Beyond what any machine holds, and far from the end of `Int`.
    private static let mostFloats = 1 << 56

    /// Memory of packed weights and workspace for batches of this size; of impossible ones 2⁵⁶ bytes, whatever it would be.
    public static func byteCount(
        _ description: NetworkDescription, precision: Precision = .float32, rows: Int, sequences: Int
    ) -> Int {
        let layout = ParameterLayout(description)
        // Within their limits a long lookback, a large batch and wide layers together can leave the numbers. Of each layer
        // no buffer is wider than six of its blocks and its input, and there are eight of them.
        let widths = description.layers.indices.reduce(Double(description.inputs + description.outputs)) {
            $0 + Double(8 * (6 * description.layers[$1].hidden + description.inputs(ofLayer: $1)))
        }
        guard Double(rows + sequences) * widths < Double(mostFloats) else { return mostFloats }
        let inProducts = layout.layers.reduce(0) { $0 + $1.inputWeights.count + $1.recurrentWeights.count }
        let sizes = TrainingWorkspace.Sizes(description, rows: rows, sequences: sequences)
        // As they are and transposed.
        return 2 * inProducts * precision.bytesPerWeight
            + (2 * (layout.count - inProducts) + sizes.total) * MemoryLayout<Float>.stride
    }

    /// Takes new values of all parameters, in the order of the layout.
    public func load(_ values: UnsafePointer<Float>) {
        for (weights, place) in zip(layers, layout.layers) { weights.load(values, place, kernels: kernels) }
        kernels.pack(values + layout.headWeights.lowerBound, into: head)
        kernels.packTransposed(values + layout.headWeights.lowerBound, into: headTransposed)
        headBias.base.update(from: values + layout.headBias.lowerBound, count: description.outputs)
    }

    /// Runs a batch from the zero state, or from the states given (in the caller's order).
    ///
    /// - Parameters:
    ///   - x: packed rows [rows × inputs], which must stay until `backward`.
    ///   - dropout: where the draws are taken; nil drops nothing.
    /// - Returns: the outputs: [sequences × outputs] in the rows of the batch (longest first), or packed
    ///   [rows × outputs] where the readout is every step. They may be overwritten with their gradient.
    public func forward(
        _ batch: RaggedBatch, x: Rows, dropout: DropoutPlace? = nil, states: [NetworkState]? = nil
    ) -> MutableRows {
        precondition(x.count == batch.rows && x.width == description.inputs, "x is no packed input of this batch")
        if workspace.rows < batch.rows || workspace.sequences < batch.count {
            workspace = TrainingWorkspace(
                description, rows: max(workspace.rows, batch.rows), sequences: max(workspace.sequences, batch.count))
        }
        self.batch = batch
        input = x
        dropsOut = dropout != nil && description.dropout > 0
        setFirstStates(states)
        runLayers(x, dropout: dropout)
        let output = workspace.output.rows(count: outputRows, width: description.outputs)
        kernels.product(readRows(), head, start: .bias(UnsafePointer(headBias.base)), into: output)
        return output
    }

    /// Rows of the outputs of the batch that went forward last.
    private var outputRows: Int { description.readout == .everyStep ? batch.rows : batch.count }

    /// Adds the gradient of the parameters to `gradient`, for the batch that went forward last.
    ///
    /// - Parameter outputs: the gradient of the outputs, in their rows.
    public func backward(_ outputs: Rows, into gradient: UnsafeMutablePointer<Float>) {
        guard let top = description.layers.last else { return }
        let read = readRows()
        kernels.weightGradient(outputs, read, into: gradient + layout.headWeights.lowerBound)
        kernels.biasGradient(outputs, into: gradient + layout.headBias.lowerBound)
        for index in layers.indices { clearGradients(index) }
        switch description.readout {
        case .everyStep:
            let dTop = workspace.dUpper.rows(count: batch.rows, width: top.hidden)
            kernels.product(outputs, headTransposed, start: .zero, into: dTop)
            backwardLayers(dTop.rows, into: gradient)
        case .last:
            let dLast = workspace.layers[layers.count - 1].dh.rows(count: batch.count, width: top.hidden)
            kernels.product(outputs, headTransposed, start: .zero, into: dLast)
            backwardLayers(nil, into: gradient)
        case .mean:
            let dMean = workspace.dRead.rows(count: batch.count, width: top.hidden)
            kernels.product(outputs, headTransposed, start: .zero, into: dMean)
            let dTop = workspace.dUpper.rows(count: batch.rows, width: top.hidden)
            for step in 0..<batch.steps {
                for row in 0..<batch.active[step] {
                    let divisor = Float(batch.lengths[batch.order[row]])
                    let target = dTop.base + (batch.offsets[step] + row) * top.hidden
                    for unit in 0..<top.hidden { target[unit] = dMean.base[row * top.hidden + unit] / divisor }
                }
            }
            backwardLayers(dTop.rows, into: gradient)
        }
    }

    /// What the head reads: last states, means of states in the order of their steps, or every step's state.
    private func readRows() -> Rows {
        guard let top = description.layers.last else { preconditionFailure("a network without layers") }
        let h = workspace.layers[layers.count - 1].h.rows(count: batch.rows, width: top.hidden)
        let read = workspace.read.rows(count: batch.count, width: top.hidden)
        switch description.readout {
        case .everyStep: return h.rows
        case .last:
            for row in 0..<batch.count {
                (read.base + row * top.hidden).update(from: lastState(h, row), count: top.hidden)
            }
        case .mean:
            read.base.update(repeating: 0, count: batch.count * top.hidden)
            for step in 0..<batch.steps {
                let count = batch.active[step]
                kernels.add(
                    h.rows.rows(batch.offsets[step]..<batch.offsets[step] + count), to: read.rows(0..<count))
            }
            for row in 0..<batch.count {
                let divisor = Float(max(batch.lengths[batch.order[row]], 1))
                for unit in row * top.hidden..<(row + 1) * top.hidden { read.base[unit] /= divisor }
            }
        }
        return read.rows
    }

    /// The state after the last step of the sequence in `row`.
    private func lastState(_ h: MutableRows, _ row: Int) -> UnsafePointer<Float> {
        let length = batch.lengths[batch.order[row]]
        guard length > 0 else {
            return UnsafePointer(workspace.layers[layers.count - 1].h0.base + row * h.width)
        }
        return UnsafePointer(h.base + (batch.offsets[length - 1] + row) * h.width)
    }

    private func setFirstStates(_ states: [NetworkState]?) {
        startsAtZero = states == nil
        for (index, layer) in description.layers.enumerated() {
            let buffers = workspace.layers[index]
            guard let states else {
                buffers.h0.fill(0)
                buffers.c0.fill(0)
                continue
            }
            precondition(states.count == batch.count, "one state a sequence")
            for row in 0..<batch.count {
                let state = states[batch.order[row]]
                stateLayout.copy(state, .h, index, to: buffers.h0.base + row * layer.hidden)
                stateLayout.copy(state, .c, index, to: buffers.c0.base + row * layer.hidden)
            }
        }
    }
}
