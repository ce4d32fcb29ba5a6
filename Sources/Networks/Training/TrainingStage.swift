import Kernels

/// One layer of a network in training: its directions, what it reads with a part dropped, and what it gives.
final class TrainingStage {
    let forward: any TrainingLayer
    /// The direction that reads from the end, where there is one.
    let reverse: (any TrainingLayer)?
    private let isResidual: Bool
    private let index: Int
    /// The fraction of what it reads that is dropped.
    private let dropout: Float
    /// Numbers of a row that it reads, and that one direction gives.
    let inputs: Int
    let width: Int
    private let kernels: KernelSet
    private var buffers: Buffers

    // Of the batch that went forward last.
    private var reversal = Reversal(active: [], rows: 0)
    private var read: Rows?
    private var drops = false

    /// [rows × …]
    private final class Buffers {
        /// The dropout mask on what it reads, and that after it.
        let mask: Buffer
        let dropped: Buffer
        /// What it gives, where that is not what its one direction gives.
        let given: Buffer
        /// Of the direction that reads from the end: what it reads, the gradient of that, and the gradient from above.
        let turned: Buffer
        let dTurned: Buffer
        let above: Buffer

        init(_ stage: TrainingStage, rows: Int) {
            let dropped = stage.dropout > 0 ? rows * stage.inputs : 0
            let turned = stage.reverse == nil ? 0 : rows
            mask = Buffer(count: dropped)
            self.dropped = Buffer(count: dropped)
            given = Buffer(count: stage.givesItself ? 0 : rows * stage.outputs)
            self.turned = Buffer(count: turned * stage.inputs)
            dTurned = Buffer(count: turned * stage.inputs)
            above = Buffer(count: turned * stage.width)
        }

        init() {
            mask = Buffer(count: 0)
            dropped = Buffer(count: 0)
            given = Buffer(count: 0)
            turned = Buffer(count: 0)
            dTurned = Buffer(count: 0)
            above = Buffer(count: 0)
        }
    }

    init(_ description: NetworkDescription, _ index: Int, _ sites: [LayerSite]) {
        let own = description.layers[index]
        forward = own.definition.training(sites[0])
        reverse = sites.count > 1 ? own.definition.training(sites[1]) : nil
        isResidual = own.residual
        self.index = index
        dropout = index > 0 ? description.dropout : 0
        inputs = description.rowWidth(ofLayer: index)
        width = own.definition.outputs
        kernels = sites[0].kernels
        buffers = Buffers()
    }

    /// Of a row that it gives.
    var outputs: Int { reverse == nil ? width : 2 * width }
    /// Whether what it gives is what its one direction does.
    private var givesItself: Bool { reverse == nil && !isResidual }

    func load(_ values: UnsafePointer<Float>) {
        forward.load(values)
        reverse?.load(values)
    }

    func makeRoom(rows: Int, sequences: Int) {
        forward.makeRoom(rows: rows, sequences: sequences)
        reverse?.makeRoom(rows: rows, sequences: sequences)
        buffers = Buffers(self, rows: rows)
    }

    /// Floats that the buffers of a layer take.
    static func floats(_ description: NetworkDescription, _ index: Int, rows: Int, sequences: Int) -> Int {
        let layer = description.layers[index]
        let inputs = description.rowWidth(ofLayer: index)
        let ofDirection = layer.definition.trainingFloats(
            inputs: description.inputs(ofLayer: index), rows: rows, sequences: sequences)
        let dropped = description.dropout > 0 && index > 0 ? 2 * rows * inputs : 0
        let given = layer.bidirectional || layer.residual ? rows * layer.outputs : 0
        let turned = layer.bidirectional ? rows * (2 * inputs + layer.definition.outputs) : 0
        return layer.directions * ofDirection + dropped + given + turned
    }

    // MARK: - Forward and backward

    /// - Returns: what the layer gives, [rows × outputs], until it runs again.
    func forward(_ batch: RaggedBatch, _ x: Rows, startsAtZero: Bool, dropout place: DropoutPlace?) -> Rows {
        var input = x
        drops = dropout > 0 && place != nil
        if drops, let place {
            let mask = buffers.mask.rows(count: batch.rows, width: inputs)
            let dropped = buffers.dropped.rows(count: batch.rows, width: inputs)
            place.mask(mask, layer: index, rate: dropout)
            kernels.multiply(x, mask.rows, into: dropped)
            input = dropped.rows
        }
        read = input
        let own = forward.forward(batch, input, startsAtZero: startsAtZero)
        if givesItself { return own }
        let given = buffers.given.rows(count: batch.rows, width: outputs)
        given.columns(0..<width).copy(own)
        if let reverse {
            reversal = Reversal(active: batch.active, rows: batch.rows)
            let turned = buffers.turned.rows(count: batch.rows, width: inputs)
            reversal.turn(.rows(input), into: turned)
            let other = reverse.forward(batch, turned.rows, startsAtZero: startsAtZero)
            reversal.turn(.rows(other), into: given.columns(width..<outputs))
        }
        if isResidual { kernels.add(x, to: given) }
        return given.rows
    }

    /// - Parameters:
    ///   - above: gradient of what it gave; nil where it is zero.
    ///   - dInput: takes the gradient of what it read, where that is wanted; another place than `above`.
    func backward(
        _ batch: RaggedBatch, above: Rows?, into gradient: UnsafeMutablePointer<Float>, dInput: MutableRows?
    ) {
        guard let read else { return }
        forward.backward(batch, read, above: above?.columns(0..<width), into: gradient)
        if let reverse {
            var other: Rows?
            if let above {
                let target = buffers.above.rows(count: batch.rows, width: width)
                reversal.turn(.rows(above.columns(width..<outputs)), into: target)
                other = target.rows
            }
            let turned = buffers.turned.rows(count: batch.rows, width: inputs)
            reverse.backward(batch, turned.rows, above: other, into: gradient)
        }
        guard let dInput else { return }
        forward.inputGradient(batch, into: dInput)
        if let reverse {
            let turned = buffers.dTurned.rows(count: batch.rows, width: inputs)
            reverse.inputGradient(batch, into: turned)
            for (row, place) in reversal.places.enumerated() {
                kernels.add(turned.rows.rows(place..<place + 1), to: dInput.rows(row..<row + 1))
            }
        }
        if drops {
            kernels.multiply(dInput.rows, buffers.mask.rows(count: batch.rows, width: inputs).rows, into: dInput)
        }
        if isResidual, let above { kernels.add(above, to: dInput) }
    }
}

/// A slot of the states, and where the layer of it has its numbers.
struct PlacedSlot {
    let slot: StateLayout.Slot
    let layer: any TrainingLayer
    /// Among the slots of that direction.
    let index: Int
}
