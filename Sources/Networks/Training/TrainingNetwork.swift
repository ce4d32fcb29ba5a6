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
    /// Numbers of a row of the top layer.
    let topWidth: Int
    let kernels: KernelSet
    let stages: [TrainingStage]
    let head: PackedHead
    var workspace: TrainingWorkspace
    /// The batch that went forward last, and its input.
    private(set) var batch = RaggedBatch(lengths: [])
    private(set) var input: Rows?
    private(set) var startsAtZero = true
    private(set) var dropsOutput = false
    private(set) var headRead: Rows?
    /// What the top layer gave.
    private(set) var top: Rows?

    /// - Parameter precision: float32, or bfloat16 for the products of the layers; sums, parameters and all else are
    ///   float32 in both.
    public init(_ description: NetworkDescription, precision: Precision = .float32, kernels: KernelSet) {
        self.description = description
        topWidth = description.topWidth
        self.precision = precision
        self.kernels = kernels
        layout = ParameterLayout(description)
        stateLayout = StateLayout(description)
        stages = description.layers.indices.map { [layout, stateLayout] index in
            TrainingStage(
                description, index,
                layout.sites(description, stateLayout, layer: index, precision: precision, kernels: kernels))
        }
        head = PackedHead(description, layout, kernels: kernels, trains: true)
        workspace = TrainingWorkspace(description, rows: 0, sequences: 0)
        makeRoom(rows: 0, sequences: 0)
    }

    private func makeRoom(rows: Int, sequences: Int) {
        workspace = TrainingWorkspace(description, rows: rows, sequences: sequences)
        for stage in stages { stage.makeRoom(rows: rows, sequences: sequences) }
    }

    /// Beyond what any machine holds, and far from the end of `Int`.
    private static let mostFloats = 1 << 56

    /// Memory of packed weights and workspace for batches of this size; of impossible ones 2⁵⁶ bytes, whatever it would be.
    public static func byteCount(
        _ description: NetworkDescription, precision: Precision = .float32, rows: Int, sequences: Int
    ) -> Int {
        let layout = ParameterLayout(description)
        // Within their limits a long lookback, a large batch and wide layers together can leave the numbers: first whether
        // they do, of two numbers that do not.
        let one = TrainingWorkspace.floats(description, rows: 1, sequences: 1)
        guard Double(rows + sequences) * Double(one) < Double(mostFloats) else { return mostFloats }
        let floats = TrainingWorkspace.floats(description, rows: rows, sequences: sequences)
        // As they are and transposed.
        return 2 * layout.inProducts * precision.bytesPerWeight
            + (2 * (layout.count - layout.inProducts) + floats) * MemoryLayout<Float>.stride
    }

    /// Takes new values of all parameters, in the order of the layout.
    public func load(_ values: UnsafePointer<Float>) {
        for stage in stages { stage.load(values) }
        head.load(values)
    }

    /// Runs a batch from the zero state, or from the states given (in the caller's order).
    ///
    /// - Parameters:
    ///   - x: packed rows [rows × rowWidth], which must stay until `backward`.
    ///   - dropout: where the draws are taken; nil drops nothing.
    /// - Returns: the outputs: [sequences × outputs] in the rows of the batch (longest first), or packed
    ///   [rows × outputs] where the readout is every step. They may be overwritten with their gradient.
    public func forward(
        _ batch: RaggedBatch, x: Rows, dropout: DropoutPlace? = nil, states: [NetworkState]? = nil
    ) -> MutableRows {
        precondition(x.count == batch.rows && x.width == description.rowWidth, "x is no packed input of this batch")
        if workspace.rows < batch.rows || workspace.sequences < batch.count {
            makeRoom(rows: max(workspace.rows, batch.rows), sequences: max(workspace.sequences, batch.count))
        }
        self.batch = batch
        input = x
        setFirstStates(states)
        var rows = x
        for stage in stages { rows = stage.forward(batch, rows, startsAtZero: startsAtZero, dropout: dropout) }
        top = rows
        let output = workspace.output.rows(count: outputRows, width: description.outputs)
        var read = readRows(rows)
        dropsOutput = dropout != nil && description.outputDropout > 0
        if dropsOutput, let dropout {
            let (mask, dropped) = droppedOutput
            dropout.mask(mask, layer: stages.count, rate: description.outputDropout)
            kernels.multiply(read, mask.rows, into: dropped)
            read = dropped.rows
        }
        headRead = read
        head.forward(read, into: output)
        return output
    }

    /// The mask on what the head reads, and that after it.
    var droppedOutput: (mask: MutableRows, dropped: MutableRows) {
        let width = topWidth
        return (
            workspace.mask.rows(count: outputRows, width: width),
            workspace.dropped.rows(count: outputRows, width: width)
        )
    }

    /// Rows of the outputs of the batch that went forward last.
    private var outputRows: Int { description.readout == .everyStep ? batch.rows : batch.count }

    /// Adds the gradient of the parameters to `gradient`, for the batch that went forward last.
    ///
    /// - Parameter outputs: the gradient of the outputs, in their rows.
    public func backward(_ outputs: Rows, into gradient: UnsafeMutablePointer<Float>) {
        guard let read = headRead else { return }
        head.formGradients(outputs, read, into: gradient)
        clearGradients()
        let width = topWidth
        let isEveryStep = description.readout == .everyStep
        let dTop = workspace.dUpper.rows(count: batch.rows, width: width)
        let carried = isEveryStep ? nil : carriedOutput
        let dRead = isEveryStep ? dTop : carried ?? workspace.dRead.rows(count: batch.count, width: width)
        head.inputGradient(outputs, into: dRead)
        if dropsOutput { kernels.multiply(dRead.rows, droppedOutput.mask.rows, into: dRead) }
        switch description.readout {
        case .everyStep: break
        case .last:
            if carried != nil {
                backwardStages(nil, into: gradient)
                return
            }
            dTop.clear()
            eachLast { row, columns, place in
                kernels.add(
                    dRead.rows.columns(columns).rows(row..<row + 1), to: dTop.columns(columns).rows(place..<place + 1))
            }
        case .mean:
            for step in 0..<batch.steps {
                for row in 0..<batch.active[step] {
                    let divisor = Float(batch.lengths[batch.order[row]])
                    let target = dTop.base + (batch.offsets[step] + row) * width
                    for unit in 0..<width { target[unit] = dRead.base[row * width + unit] / divisor }
                }
            }
        }
        backwardStages(dTop.rows, into: gradient)
    }

    /// The carried gradient of the top layer's last output, where that is one of its states.
    private var carriedOutput: MutableRows? {
        guard description.readout == .last, let stage = stages.last, let slot = description.layers.last?.lastOutput
        else { return nil }
        return stage.forward.slots[slot].gradient.rows(count: batch.count, width: stage.width)
    }

    /// What the head reads: last outputs, means of outputs in the order of their steps, or every step's output.
    private func readRows(_ top: Rows) -> Rows {
        let width = topWidth
        let read = workspace.read.rows(count: description.readout == .everyStep ? 0 : batch.count, width: width)
        switch description.readout {
        case .everyStep: return top
        case .last:
            for row in 0..<batch.count where batch.lengths[batch.order[row]] == 0 { setEmpty(read, row) }
            eachLast { row, columns, place in
                read.rows(row..<row + 1).columns(columns).copy(top.rows(place..<place + 1).columns(columns))
            }
        case .mean:
            read.base.update(repeating: 0, count: batch.count * width)
            for step in 0..<batch.steps {
                let count = batch.active[step]
                kernels.add(top.rows(batch.offsets[step]..<batch.offsets[step] + count), to: read.rows(0..<count))
            }
            for row in 0..<batch.count {
                let divisor = Float(max(batch.lengths[batch.order[row]], 1))
                for unit in row * width..<(row + 1) * width { read.base[unit] /= divisor }
            }
        }
        return read.rows
    }

    /// The last output of a sequence without steps: that of the state before them.
    private func setEmpty(_ read: MutableRows, _ row: Int) {
        let own = read.rows(row..<row + 1)
        guard let stage = stages.last, let slot = description.layers.last?.lastOutput else { return own.clear() }
        own.copy(stage.forward.slots[slot].first.rows(count: batch.count, width: stage.width).rows.rows(row..<row + 1))
    }

    /// Of every sequence with steps: the columns that a direction of the top layer gave, and the packed row in which it
    /// gave them last.
    private func eachLast(_ body: (_ row: Int, _ columns: Range<Int>, _ place: Int) -> Void) {
        guard let stage = stages.last else { return }
        for row in 0..<batch.count {
            guard let last = batch.lastRow(row) else { continue }
            body(row, 0..<stage.width, last)
            // What reads from the end comes last to the first step.
            if stage.reverse != nil { body(row, stage.width..<stage.outputs, row) }
        }
    }

    private func setFirstStates(_ states: [NetworkState]?) {
        startsAtZero = states == nil
        precondition(states == nil || states?.count == batch.count, "one state a sequence")
        eachSlot { placed in
            let own = placed.layer.slots[placed.index]
            guard let states else { return own.first.fill(0) }
            for row in 0..<batch.count {
                states[batch.order[row]].copy(placed.slot, to: own.first.base + row * own.width)
            }
        }
    }

    /// Every slot that a layer has.
    func eachSlot(_ body: (PlacedSlot) -> Void) {
        for (index, stage) in stages.enumerated() {
            var (ofForward, ofReverse) = (0, 0)
            for slot in stateLayout.slots where slot.layer == index {
                if slot.name.isReverse, let reverse = stage.reverse {
                    body(PlacedSlot(slot: slot, layer: reverse, index: ofReverse))
                    ofReverse += 1
                } else {
                    body(PlacedSlot(slot: slot, layer: stage.forward, index: ofForward))
                    ofForward += 1
                }
            }
        }
    }

    /// Gradients carried back through time start at zero.
    func clearGradients() {
        for stage in stages {
            for slot in stage.forward.slots { slot.gradient.fill(0) }
            if let reverse = stage.reverse { for slot in reverse.slots { slot.gradient.fill(0) } }
        }
    }

    /// All layers backward, top first. The gradients in the slots hold those of the last states (zero, or more) and end as
    /// those of the first.
    ///
    /// - Parameters:
    ///   - dTop: gradient of what the top layer gave at every step; nil where it is zero. It may lie in dUpper.
    ///   - wantsInput: whether the gradient of x is formed too.
    /// - Returns: the gradient of x, packed [rows × inputs], where it is wanted.
    @discardableResult
    func backwardStages(
        _ dTop: Rows?, into gradient: UnsafeMutablePointer<Float>, wantsInput: Bool = false
    ) -> Rows? {
        var above = dTop
        // dTop may lie in dUpper, so the layer below it gets dLower, and so on in turns.
        var isUpper = true
        for (index, stage) in stages.enumerated().reversed() {
            let target = isUpper ? workspace.dLower.base : workspace.dUpper.base
            isUpper.toggle()
            let wants = index > 0 || wantsInput
            let dInput = MutableRows(target, count: batch.rows, width: stage.inputs)
            stage.backward(batch, above: above, into: gradient, dInput: wants ? dInput : nil)
            guard wants else { return nil }
            above = dInput.rows
        }
        return above
    }
}
