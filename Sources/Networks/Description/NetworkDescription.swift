import NamedFields

/// Where the head reads the top layer.
public enum Readout: String, Hashable, Sendable, CaseIterable {
    /// What the top layer gave at the last step; of a layer that reads from both ends, what each of its directions gave last.
    case last
    /// The mean of what it gave at all steps.
    case mean
    /// Every step: one output a step.
    case everyStep = "every_step"
}

/// What stands between the top layer and the outputs.
public enum Head: String, Hashable, Sendable, CaseIterable {
    /// A product with weights of its own, and a bias.
    case linear
    /// Nothing: the top layer gives the outputs.
    case none
}

/// The shape of a network: a line of layers and a head.
///
///     input [inputs] → layer 0 → dropout → layer 1 → … → readout → dropout → head [outputs]
public struct NetworkDescription: Hashable, Sendable {
    /// Numbers of an input row, or symbols that it may be one of.
    public var inputs: Int
    public var layers: [LayerDescription]
    /// The fraction of numbers between layers that a training step drops.
    public var dropout: Float
    /// The fraction of the numbers that the head reads.
    public var outputDropout: Float
    public var outputs: Int
    public var readout: Readout
    public var head: Head

    public init(
        inputs: Int, layers: [LayerDescription], dropout: Float = 0, outputDropout: Float = 0, outputs: Int,
        readout: Readout = .last, head: Head = .linear
    ) {
        self.inputs = inputs
        self.layers = layers
        self.dropout = dropout
        self.outputDropout = outputDropout
        self.outputs = outputs
        self.readout = readout
        self.head = head
    }

    /// The width of what layer `index` reads; of symbols, how many there are.
    public func inputs(ofLayer index: Int) -> Int {
        index == 0 ? inputs : layers[index - 1].outputs
    }

    /// Whether the rows that it reads are indices of symbols.
    public var readsIndices: Bool { layers.first?.definition.readsIndices ?? false }

    /// Numbers of a row that it reads: one where that is the index of a symbol.
    public var rowWidth: Int { readsIndices ? 1 : inputs }

    /// Numbers that layer `index` reads in a row.
    func rowWidth(ofLayer index: Int) -> Int { index == 0 ? rowWidth : inputs(ofLayer: index) }

    /// Numbers of a row of the top layer.
    public var topWidth: Int { layers.last?.outputs ?? rowWidth }

    /// Whether it answers step by step: no layer reads its sequences from the end.
    public var streams: Bool { layers.allSatisfy { !$0.bidirectional } }

    /// Numbers of the widest row between layers.
    var widest: Int { layers.map(\.outputs).max() ?? 0 }
}

extension NetworkDescription: HasFields {
    public init() { self.init(inputs: 1, layers: [LayerDescription()], outputs: 1) }

    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("inputs", &inputs, .whole(1...ModelLimit.inputs), "Numbers of an input row, or symbols.")
        visitor.field(
            "layers", &layers, .list(of: .object(), "layers", 1...ModelLimit.layers), "From the input upwards.")
        visitor.field(
            "dropout", &dropout, .number(.dropped), "The fraction of numbers between layers that a training step drops."
        )
        visitor.field(
            "output_dropout", &outputDropout, .number(.dropped),
            "The fraction of the numbers that the head reads that a training step drops.")
        visitor.field(
            "outputs", &outputs, .whole(1...max(ModelLimit.columns, ModelLimit.labels)), "Numbers of an output row.")
        visitor.field("readout", &readout, .choice(), "Where the head reads the top layer.")
        visitor.field("head", &head, .choice(), "What stands between the top layer and the outputs.")
    }

    /// What its fields have to do with each other.
    public func noteConflicts(_ findings: inout FieldFindings) {
        findings.at("layers") { layers.noteConflicts(inputs: inputs, &$0) }
        if head == .none, topWidth != outputs {
            findings.at("head") {
                $0.add(
                    "without a head the top layer gives the answers: it has \(topWidth) outputs where \(outputs) "
                        + "are needed")
            }
        }
    }
}

extension NumberBound {
    /// A fraction that leaves something.
    public static let dropped = NumberBound.atLeast(0).below(1)
}
