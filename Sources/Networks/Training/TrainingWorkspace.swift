import Kernels

/// The buffers between the layers of a network in training over one batch, allocated once for the largest batch and used
/// again.
final class TrainingWorkspace {
    /// Gradients of what layers read, [rows × widest], in turns.
    let dLower: Buffer
    let dUpper: Buffer
    /// What the head reads and its gradient: [sequences × top]; every step's output is read where it is.
    let read: Buffer
    let dRead: Buffer
    /// The dropout mask on what the head reads, and that after it.
    let mask: Buffer
    let dropped: Buffer
    let output: Buffer
    let rows: Int
    let sequences: Int

    init(_ network: NetworkDescription, rows: Int, sequences: Int) {
        let sizes = Sizes(network, rows: rows, sequences: sequences)
        self.rows = rows
        self.sequences = sequences
        dLower = Buffer(count: sizes.dInput)
        dUpper = Buffer(count: sizes.dInput)
        read = Buffer(count: sizes.read)
        dRead = Buffer(count: sizes.read)
        mask = Buffer(count: sizes.dropped)
        dropped = Buffer(count: sizes.dropped)
        output = Buffer(count: sizes.output)
    }

    /// Floats of every buffer.
    private struct Sizes {
        let dInput: Int
        let read: Int
        let dropped: Int
        let output: Int

        init(_ network: NetworkDescription, rows: Int, sequences: Int) {
            let outputRows = network.readout == .everyStep ? rows : sequences
            dInput = rows * max(network.widest, network.rowWidth)
            read = sequences * network.topWidth
            dropped = network.outputDropout > 0 ? outputRows * network.topWidth : 0
            output = outputRows * network.outputs
        }
    }

    /// Floats of these buffers and those of the layers, for batches of such a size: what they take can be told before
    /// there are any.
    static func floats(_ network: NetworkDescription, rows: Int, sequences: Int) -> Int {
        let sizes = Sizes(network, rows: rows, sequences: sequences)
        let between = 2 * (sizes.dInput + sizes.read + sizes.dropped) + sizes.output
        return network.layers.indices.reduce(between) {
            $0 + TrainingStage.floats(network, $1, rows: rows, sequences: sequences)
        }
    }
}
