import Kernels

/// Where each tensor lies in the flat array of a network's parameters: the one canonical order, row-major.
///
///     layers.L.weight_ih [blocks·hidden × inputs]    layers.L.weight_hh [blocks·hidden × hidden]
///     layers.L.bias_ih   [blocks·hidden]             layers.L.bias_hh   [blocks·hidden]
///     layers.L.peepholes [peepholes × hidden]        of cells that have some
///     head.weight        [outputs × hidden]          head.bias          [outputs]
///
/// Blocks in PyTorch's order: LSTM i, f, g, o; GRU r, z, n. Both biases exist as there, so that weights load as they are.
public struct ParameterLayout: Hashable, Sendable {
    public struct Tensor: Hashable, Sendable {
        public var name: String
        public var shape: [Int]
        /// Where it lies in the flat array.
        public var range: Range<Int>
    }

    /// The tensors of one layer.
    public struct Layer: Hashable, Sendable {
        public var inputWeights: Range<Int>
        public var recurrentWeights: Range<Int>
        public var inputBias: Range<Int>
        public var recurrentBias: Range<Int>
        /// Empty where the cell has none.
        public var peepholes: Range<Int>
    }

    public let tensors: [Tensor]
    public let layers: [Layer]
    public let headWeights: Range<Int>
    public let headBias: Range<Int>
    /// Numbers in all.
    public let count: Int

    public init(_ network: NetworkDescription) {
        var tensors: [Tensor] = []
        var end = 0
        func place(_ name: String, _ shape: Int...) -> Range<Int> {
            let range = end..<end + shape.reduce(1, *)
            tensors.append(Tensor(name: name, shape: shape, range: range))
            end = range.upperBound
            return range
        }
        layers = network.layers.indices.map { index in
            let layer = network.layers[index]
            let shape = layer.cell.shape
            let rows = shape.blocks * layer.hidden
            return Layer(
                inputWeights: place("layers.\(index).weight_ih", rows, network.inputs(ofLayer: index)),
                recurrentWeights: place("layers.\(index).weight_hh", rows, layer.hidden),
                inputBias: place("layers.\(index).bias_ih", rows),
                recurrentBias: place("layers.\(index).bias_hh", rows),
                peepholes: shape.peepholes > 0
                    ? place("layers.\(index).peepholes", shape.peepholes, layer.hidden) : end..<end)
        }
        let top = network.layers.last?.hidden ?? network.inputs
        headWeights = place("head.weight", network.outputs, top)
        headBias = place("head.bias", network.outputs)
        self.tensors = tensors
        count = end
    }

    /// The tensor of this name.
    public func tensor(_ name: String) -> Tensor? {
        tensors.first { $0.name == name }
    }
}

/// The parameters of one network: a value; a copy is a snapshot.
public struct Parameters: Sendable, Equatable {
    public let layout: ParameterLayout
    public var values: [Float]

    /// All zero.
    public init(layout: ParameterLayout) {
        self.layout = layout
        values = [Float](repeating: 0, count: layout.count)
    }

    /// - Precondition: one value for each place in the layout.
    public init(layout: ParameterLayout, values: [Float]) {
        precondition(values.count == layout.count, "the layout has \(layout.count) places, there are \(values.count)")
        self.layout = layout
        self.values = values
    }

    /// The values of the tensor of this name; nil where there is none.
    public subscript(name: String) -> [Float]? {
        get { layout.tensor(name).map { Array(values[$0.range]) } }
        set {
            guard let tensor = layout.tensor(name), let newValue, newValue.count == tensor.range.count else { return }
            values.replaceSubrange(tensor.range, with: newValue)
        }
    }
}
