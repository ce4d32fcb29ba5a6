import Kernels

/// One recurrent layer: its cell and the width of its state.
///
/// Written as `{"cell": "lstm" | "gru" | "elman", "hidden": 32}`, with `"reset": "after" | "before"` for the GRU and
/// `"activation": "tanh" | "sigmoid" | "relu" | "identity"` for Elman's network.
public struct LayerDescription: Hashable, Sendable {
    public var cell: Cell
    public var hidden: Int

    public init(cell: Cell = .lstm, hidden: Int = 32) {
        self.cell = cell
        self.hidden = hidden
    }
}

/// Where the head reads the top layer.
public enum Readout: String, Codable, Hashable, Sendable, CaseIterable {
    /// The state after the last step.
    case last
    /// The mean of the states of all steps.
    case mean
    /// Every step: one output a step.
    case everyStep = "every_step"
}

/// The shape of a network: a line of recurrent layers and a linear head.
///
///     input [inputs] → layer 0 → dropout → layer 1 → … → readout → head [outputs]
public struct NetworkDescription: Codable, Hashable, Sendable {
    public var inputs: Int
    public var layers: [LayerDescription]
    /// The fraction of numbers between layers that a training step drops; there is none after the last layer.
    public var dropout: Float
    public var outputs: Int
    public var readout: Readout

    public init(inputs: Int, layers: [LayerDescription], dropout: Float = 0, outputs: Int, readout: Readout = .last) {
        self.inputs = inputs
        self.layers = layers
        self.dropout = dropout
        self.outputs = outputs
        self.readout = readout
    }

    /// The width of what layer `index` reads.
    public func inputs(ofLayer index: Int) -> Int {
        index == 0 ? inputs : layers[index - 1].hidden
    }
}

extension Cell {
    /// What a layer may say besides its width: the names of the public interface.
    public enum Name: String, Codable, Sendable, CaseIterable {
        case elman
        case lstm
        case gru
    }

    public init(_ name: Name, reset: GRUReset = .after, activation: Activation = .tanh) {
        switch name {
        case .elman: self = .elman(activation)
        case .lstm: self = .lstm
        case .gru: self = .gru(reset)
        }
    }

    public var name: Name {
        switch self {
        case .elman: .elman
        case .lstm: .lstm
        case .gru: .gru
        }
    }
}

extension LayerDescription: Codable {
    private enum CodingKeys: String, CodingKey {
        case cell, hidden, reset, activation
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let name = try container.decodeIfPresent(Cell.Name.self, forKey: .cell) ?? .lstm
        let reset = try container.decodeIfPresent(String.self, forKey: .reset)
        let activation = try container.decodeIfPresent(String.self, forKey: .activation)
        let knownReset = reset.flatMap(GRUReset.init(rawValue:))
        let knownActivation = activation.flatMap(Activation.init(rawValue:))
        if reset != nil, knownReset == nil {
            throw DecodingError.dataCorruptedError(forKey: .reset, in: container, debugDescription: "after or before")
        }
        if activation != nil, knownActivation == nil {
            throw DecodingError.dataCorruptedError(
                forKey: .activation, in: container, debugDescription: "tanh, sigmoid, relu or identity")
        }
        self.init(
            cell: Cell(name, reset: knownReset ?? .after, activation: knownActivation ?? .tanh),
            hidden: try container.decodeIfPresent(Int.self, forKey: .hidden) ?? 32)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(cell.name, forKey: .cell)
        try container.encode(hidden, forKey: .hidden)
        switch cell {
        case .lstm: break
        case .elman(let activation): try container.encode(activation.rawValue, forKey: .activation)
        case .gru(let reset): try container.encode(reset.rawValue, forKey: .reset)
        }
    }
}
