import Kernels

/// Where each tensor lies in the flat array of a network's parameters: the one canonical order, row-major.
///
///     layers.L.NAME            as the kind of layer L places them
///     layers.L.NAME_reverse    of its second direction
///     head.weight [outputs × top]    head.bias [outputs]    where there is a head
public struct ParameterLayout: Hashable, Sendable {
    public struct Tensor: Hashable, Sendable {
        public var name: String
        public var shape: [Int]
        /// Where it lies in the flat array.
        public var range: Range<Int>
        let start: Start
        /// Into how many blocks (gates) of rows it falls, each of which is drawn by itself; 0 where it is drawn whole.
        let blocks: Int
        /// Whether it is an operand of products, in the precision of the layers.
        let isInProduct: Bool
    }

    /// How a tensor starts.
    enum Start: Hashable, Sendable {
        case zero
        /// A matrix of blocks by the rule of the input side; uniform is within ±1/√bound.
        case input(bound: Int)
        /// The same of the recurrent side.
        case recurrent(bound: Int)
        /// With a uniform recurrent side uniform too, else zero; the bias of forget gates is added to some.
        case bias(bound: Int, forget: Range<Int>? = nil)
        /// Within ±1/√bound.
        case uniform(bound: Int)
        /// By Glorot's rule.
        case glorot
        /// Rows of nearly normal numbers, the first of them zero.
        case normal
    }

    /// The tensors of one direction of a layer.
    struct Part: Hashable, Sendable {
        let layer: Int
        let isReverse: Bool
        /// Their places in `tensors`.
        let tensors: Range<Int>
    }

    public let tensors: [Tensor]
    /// Of each layer its directions.
    let parts: [[Part]]
    public let headWeights: Range<Int>
    public let headBias: Range<Int>
    /// Numbers in all.
    public let count: Int

    public init(_ network: NetworkDescription) {
        var tensors: [Tensor] = []
        var parts: [[Part]] = []
        for (index, layer) in network.layers.enumerated() {
            parts.append(
                (0..<layer.directions).map { direction in
                    var builder = Builder(
                        tensors: tensors, prefix: "layers.\(index).", suffix: direction == 0 ? "" : "_reverse",
                        inputs: network.inputs(ofLayer: index))
                    layer.definition.place(&builder)
                    defer { tensors = builder.tensors }
                    return Part(
                        layer: index, isReverse: direction > 0, tensors: tensors.count..<builder.tensors.count)
                })
        }
        var head = Builder(tensors: tensors, prefix: "head.", suffix: "", inputs: network.topWidth)
        if network.head == .linear {
            head.place("weight", [network.outputs, network.topWidth], .glorot)
            head.place("bias", [network.outputs], .zero)
        }
        let end = head.tensors.last?.range.upperBound ?? 0
        let ofHead = head.tensors[tensors.count...]
        headWeights = ofHead.first?.range ?? end..<end
        headBias = ofHead.last?.range ?? end..<end
        self.tensors = head.tensors
        self.parts = parts
        count = end
    }

    /// Takes the tensors of a layer, one after the other.
    struct Builder {
        fileprivate(set) var tensors: [Tensor]
        fileprivate let prefix: String
        fileprivate let suffix: String
        /// Of the layer.
        let inputs: Int

        mutating func place(
            _ name: String, _ shape: [Int], _ start: Start, blocks: Int = 0, isInProduct: Bool = false
        ) {
            let begin = tensors.last?.range.upperBound ?? 0
            tensors.append(
                Tensor(
                    name: prefix + name + suffix, shape: shape, range: begin..<begin + shape.reduce(1, *),
                    start: start, blocks: blocks, isInProduct: isInProduct))
        }
    }

    /// The tensor of this name.
    public func tensor(_ name: String) -> Tensor? {
        tensors.first { $0.name == name }
    }

    /// Numbers of the operands of the layers' products.
    var inProducts: Int { tensors.reduce(0) { $0 + ($1.isInProduct ? $1.range.count : 0) } }
}

extension ParameterLayout {
    /// Where the directions of a layer stand.
    func sites(
        _ network: NetworkDescription, _ states: StateLayout, layer: Int, precision: Precision, kernels: KernelSet
    ) -> [LayerSite] {
        parts[layer].map { part in
            LayerSite(
                inputs: network.inputs(ofLayer: layer), tensors: tensors[part.tensors].map(\.range),
                slots: states.slots.filter { $0.layer == layer && $0.name.isReverse == part.isReverse }.map(\.range),
                precision: precision, kernels: kernels)
        }
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
