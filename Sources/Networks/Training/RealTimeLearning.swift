import Kernels

/// Real-time recurrent learning of a network of one recurrent layer and its head: the exact gradient of every step at that
/// step, with nothing kept of the steps before it but their derivative. Williams and Zipser 1989.
///
///     s  the layer's state, [states]          θ  the layer's parameters          S = ∂s/∂θ  [states × parameters]
///     S′ = (∂s′/∂s)·S + ∂s′/∂θ                ∂L/∂θ = (∂L/∂s)·S + ∂L/∂θ at this step alone
///
/// Nothing is written for any cell: the backward of one step, on as many rows as there are states, each with a one in the
/// gradient of one of them, gives the rows of ∂s′/∂s and of ∂s′/∂θ; one more row, with the gradient of the outputs, gives
/// those of L. Memory is that of S, however long the stream; a step costs states² · parameters multiplications.
public final class RealTimeLearning {
    private let network: TrainingNetwork
    private let layer: RecurrentTraining
    /// Numbers of a state, and of the layer's parameters, which are the first of the network's.
    public let states: Int
    public let parameters: Int
    /// Of each stream, and one to write the next into.
    private var sensitivities: [Sensitivity]
    private var next: Sensitivity
    /// The state of each stream.
    public private(set) var carried: [NetworkState]
    private let zero: NetworkState
    private let batch: RaggedBatch
    /// The row of a step, once for every state and once for the outputs.
    private let input: Buffer
    /// ∂s′/∂s with rows and columns exchanged, and ∂L/∂s.
    private let jacobian: Buffer
    private let ofLoss: Buffer

    /// [states × parameters]
    private final class Sensitivity {
        let values: Buffer

        init(count: Int) { values = Buffer(count: count) }
    }

    /// - Parameter network: its readout is every step; whoever owns it loads its parameters.
    /// - Precondition: `fits`.
    public init(_ network: TrainingNetwork, streams: Int) {
        guard Self.fits(network.description), let layer = network.stages[0].forward as? RecurrentTraining else {
            preconditionFailure("no network of one recurrent layer")
        }
        self.network = network
        self.layer = layer
        states = network.stateLayout.slots.reduce(0) { $0 + ($1.layer == nil ? 0 : $1.range.count) }
        parameters = network.layout.headWeights.lowerBound
        let count = states * parameters
        sensitivities = (0..<streams).map { _ in Sensitivity(count: count) }
        next = Sensitivity(count: count)
        zero = NetworkState(zeroFor: network.stateLayout)
        carried = [NetworkState](repeating: zero, count: streams)
        batch = RaggedBatch(lengths: [Int](repeating: 1, count: states + 1))
        input = Buffer(count: (states + 1) * network.description.rowWidth)
        jacobian = Buffer(count: states * states)
        ofLoss = Buffer(count: states)
    }

    /// Whether such a network can be learnt from so.
    public static func fits(_ network: NetworkDescription) -> Bool { fits(network.layers) }

    public static func fits(_ layers: [LayerDescription]) -> Bool {
        layers.count == 1 && layers[0].definition is RecurrentDefinition && !layers[0].bidirectional
    }

    /// Numbers of what is kept of so many streams, and multiplications of one step, as numbers that may be beyond `Int`.
    public static func cost(_ network: NetworkDescription, streams: Int) -> (floats: Double, multiplications: Double) {
        let states = Double(StateLayout(network).count)
        let parameters = Double(ParameterLayout(network).headWeights.lowerBound)
        return (Double(streams + 1) * states * parameters + states * states, states * (states + 3) * parameters)
    }

    /// A stream begins anew.
    public func reset(_ stream: Int) {
        carried[stream] = zero
        sensitivities[stream].values.fill(0)
    }

    /// One step of a stream, whose state and sensitivity move on.
    ///
    /// - Parameters:
    ///   - x: the row that it reads, of `rowWidth` numbers.
    ///   - gradient: of all parameters; that of this step's loss is added.
    ///   - answer: is given the outputs, [1 × outputs], and puts their gradient in their place.
    public func step(
        _ stream: Int, x: UnsafePointer<Float>, dropout: DropoutPlace? = nil,
        into gradient: UnsafeMutablePointer<Float>, _ answer: (MutableRows) -> Void
    ) {
        let width = network.description.rowWidth
        for row in 0...states { (input.base + row * width).update(from: x, count: width) }
        let outputs = network.forward(
            batch, x: input.rows(count: states + 1, width: width).rows, dropout: dropout,
            states: [NetworkState](repeating: carried[stream], count: states + 1))
        network.take(&carried[stream], after: 1, row: states)
        let own = outputs.rows(states..<states + 1)
        answer(own)
        next.values.fill(0)
        backward(own.rows, into: gradient)
        let before = sensitivities[stream].values.rows(count: states, width: parameters).rows
        network.kernels.weightGradient(Rows(ofLoss.base, count: states, width: 1), before, into: gradient)
        network.kernels.weightGradient(
            jacobian.rows(count: states, width: states).rows, before, into: next.values.base)
        swap(&sensitivities[stream], &next)
    }

    /// Leaves ∂s′/∂s and ∂L/∂s in their buffers and ∂s′/∂θ in `next`; adds ∂L/∂θ at this step alone to `gradient`.
    private func backward(_ dOutput: Rows, into gradient: UnsafeMutablePointer<Float>) {
        let above = network.backwardHead(dOutput, row: states, into: gradient)
        network.clearGradients()
        var first = 0
        for slot in layer.slots {
            for unit in 0..<slot.width { slot.gradient.base[(first + unit) * slot.width + unit] = 1 }
            first += slot.width
        }
        layer.backwardRows(batch, input.rows(count: states + 1, width: network.description.rowWidth).rows, above: above)
        {
            $0 == states ? gradient : next.values.base + $0 * parameters
        }
        first = 0
        for slot in layer.slots {
            for unit in 0..<slot.width {
                for row in 0..<states {
                    jacobian.base[(first + unit) * states + row] = slot.gradient.base[row * slot.width + unit]
                }
                ofLoss.base[first + unit] = slot.gradient.base[states * slot.width + unit]
            }
            first += slot.width
        }
    }

    // MARK: - On ice

    /// ∂s/∂θ of a stream, [states × parameters].
    public func sensitivity(_ stream: Int) -> [Float] {
        Array(UnsafeBufferPointer(start: sensitivities[stream].values.base, count: states * parameters))
    }

    /// - Precondition: a state and a sensitivity of this network.
    public func restore(_ stream: Int, _ state: NetworkState, sensitivity: [Float]) {
        precondition(state.fits(network.stateLayout) && sensitivity.count == states * parameters, "another network's")
        carried[stream] = state
        sensitivity.withUnsafeBufferPointer { values in
            if let base = values.baseAddress {
                sensitivities[stream].values.base.update(from: base, count: values.count)
            }
        }
    }
}

extension TrainingNetwork {
    /// Backward through the head from one row of its outputs, of a batch whose steps are all answered.
    ///
    /// - Returns: the gradient of what the top layer gave, [rows × top], zero but for that row.
    fileprivate func backwardHead(_ dOutput: Rows, row: Int, into gradient: UnsafeMutablePointer<Float>) -> Rows? {
        guard let headRead else { return nil }
        head.formGradients(dOutput, headRead.rows(row..<row + 1), into: gradient)
        let dTop = workspace.dUpper.rows(count: batch.rows, width: topWidth)
        dTop.clear()
        let own = dTop.rows(row..<row + 1)
        head.inputGradient(dOutput, into: own)
        if dropsOutput { kernels.multiply(own.rows, droppedOutput.mask.rows.rows(row..<row + 1), into: own) }
        return dTop.rows
    }
}
