import Kernels

/// The buffers of forward and backward over one batch, allocated once for the largest batch and used again.
///
/// Packed rows are those of `RaggedBatch`: all sequences' step 0, then step 1, and so on.
final class TrainingWorkspace {
    /// One layer's, [rows × …] unless said otherwise.
    final class Layer {
        /// p = W·x + b, then what forward saves in its place, then dp (and the late blocks' dq) in place of that: rows of
        /// `CellShape.rowBlocks` blocks.
        let p: Buffer
        let h: Buffer
        let c: Buffer
        let masked: Buffer
        /// The dropout mask on this layer's input, and the input after it.
        let mask: Buffer
        let dropped: Buffer
        /// States before the first step, [sequences × hidden].
        let h0: Buffer
        let c0: Buffer
        /// Gradients on their way back through time, [sequences × hidden]; at the end those of h0 and c0.
        let dh: Buffer
        let dc: Buffer

        init(_ sizes: Sizes.Layer) {
            p = Buffer(count: sizes.p)
            h = Buffer(count: sizes.h)
            c = Buffer(count: sizes.c)
            masked = Buffer(count: sizes.masked)
            mask = Buffer(count: sizes.dropped)
            dropped = Buffer(count: sizes.dropped)
            h0 = Buffer(count: sizes.state)
            c0 = Buffer(count: sizes.state)
            dh = Buffer(count: sizes.state)
            dc = Buffer(count: sizes.state)
        }
    }

    let layers: [Layer]
    /// One step's q, [sequences × widest blocks·hidden].
    let q: Buffer
    let dMasked: Buffer
    /// Gradients of what layers read, [rows × widest], in turns.
    let dLower: Buffer
    let dUpper: Buffer
    /// What the head reads and its gradient: [sequences × hidden]; every step's h is read where it is.
    let read: Buffer
    let dRead: Buffer
    let output: Buffer
    let rows: Int
    let sequences: Int

    init(_ network: NetworkDescription, rows: Int, sequences: Int) {
        let sizes = Sizes(network, rows: rows, sequences: sequences)
        self.rows = rows
        self.sequences = sequences
        layers = sizes.layers.map(Layer.init)
        q = Buffer(count: sizes.q)
        dMasked = Buffer(count: sizes.dMasked)
        dLower = Buffer(count: sizes.dInput)
        dUpper = Buffer(count: sizes.dInput)
        read = Buffer(count: sizes.read)
        dRead = Buffer(count: sizes.read)
        output = Buffer(count: sizes.output)
    }

    /// Floats of every buffer: what a workspace takes can be told before there is one.
    struct Sizes {
        struct Layer {
            var p = 0
            var h = 0
            var c = 0
            var masked = 0
            var dropped = 0
            var state = 0

            var total: Int { p + h + c + masked + 2 * dropped + 4 * state }
        }

        let layers: [Layer]
        let q: Int
        let dMasked: Int
        let dInput: Int
        let read: Int
        let output: Int

        init(_ network: NetworkDescription, rows: Int, sequences: Int) {
            layers = network.layers.indices.map { index in
                let (cell, hidden) = (network.layers[index].cell, network.layers[index].hidden)
                var layer = Layer()
                layer.p = rows * cell.shape.rowBlocks * hidden
                layer.h = rows * hidden
                layer.c = cell.shape.hasCellState ? rows * hidden : 0
                layer.masked = cell.shape.hasTwoPhases ? rows * hidden : 0
                layer.dropped = network.dropout > 0 && index > 0 ? rows * network.inputs(ofLayer: index) : 0
                layer.state = sequences * hidden
                return layer
            }
            let hidden = network.layers.map(\.hidden).max() ?? 0
            q = sequences * (network.layers.map { $0.cell.shape.blocks * $0.hidden }.max() ?? 0)
            dMasked = sequences * (network.layers.filter(\.cell.shape.hasTwoPhases).map(\.hidden).max() ?? 0)
            dInput = rows * max(hidden, network.inputs)
            read = sequences * (network.layers.last?.hidden ?? 0)
            output = (network.readout == .everyStep ? rows : sequences) * network.outputs
        }

        var total: Int {
            layers.reduce(q + dMasked + 2 * dInput + 2 * read + output) { $0 + $1.total }
        }
    }
}
