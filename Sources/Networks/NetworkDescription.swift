import Kernels
import NamedFields

/// One recurrent layer: its cell and the width of its state, written as `{"cell": "lstm", "hidden": 32}` with the
/// options of the cell beside them.
public struct LayerDescription: Hashable, Sendable {
    public var cell = Cell.lstm()
    public var hidden = 32

    public init() {}

    public init(cell: Cell, hidden: Int) {
        self.cell = cell
        self.hidden = hidden
    }
}

/// Where the head reads the top layer.
public enum Readout: String, Hashable, Sendable, CaseIterable {
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
public struct NetworkDescription: Hashable, Sendable {
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

extension NetworkDescription: HasFields {
    public init() { self.init(inputs: 1, layers: [LayerDescription()], outputs: 1) }

    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("inputs", &inputs, .whole(1...ModelLimit.columns), "Numbers of an input row.")
        visitor.field(
            "layers", &layers, .list(of: .object(), "layers", 1...ModelLimit.layers), "From the input upwards.")
        visitor.field(
            "dropout", &dropout, .number(.dropped), "The fraction of numbers between layers that a training step drops."
        )
        visitor.field(
            "outputs", &outputs, .whole(1...max(ModelLimit.columns, ModelLimit.labels)), "Numbers of an output row.")
        visitor.field("readout", &readout, .choice(), "Where the head reads the top layer.")
    }
}

extension [LayerDescription] {
    /// What the fields of a layer have to do with each other, in a request as in a file.
    public func noteConflicts(_ findings: inout FieldFindings) {
        for (index, layer) in enumerated() {
            guard case .lstm(let options) = layer.cell, options.peepholes.contains(.forget), options.forget != .gate
            else { continue }
            findings.at(.index(index)) { findings in
                findings.at("peepholes") {
                    $0.add("a peephole of the forget gate, which forget \"\(options.forget.rawValue)\" leaves out")
                }
            }
        }
    }
}

extension NumberBound {
    /// A fraction that leaves something.
    public static let dropped = NumberBound.atLeast(0).below(1)
}

extension Cell {
    /// What a layer may say besides its width: the names of the public interface.
    public enum Name: String, Sendable, CaseIterable {
        case elman
        case lstm
        case gru
        case minimalGated = "mgu"
    }

    public init(_ name: Name, reset: GRUReset = .after, activation: Activation = .tanh) {
        switch name {
        case .elman: self = .elman(activation)
        case .lstm: self = .lstm()
        case .gru: self = .gru(reset)
        case .minimalGated: self = .minimalGated
        }
    }

    public var name: Name {
        switch self {
        case .elman: .elman
        case .lstm: .lstm
        case .gru: .gru
        case .minimalGated: .minimalGated
        }
    }
}

extension LayerDescription: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        var name = cell.name
        if visitor.kind("cell", &name, "What the layer computes at every step.") { cell = Cell(name) }
        visitor.field("hidden", &hidden, .whole(1...ModelLimit.hidden), "The width of the layer's state.")
        switch cell {
        case .elman(var activation, var residual):
            visitor.field("activation", &activation, .choice(), "The function of the cell.")
            visitor.field("residual_state", &residual, .flag, "Whether the function's value is added to the state.")
            cell = .elman(activation, residual: residual)
        case .lstm(var options):
            options.visit(&visitor)
            cell = .lstm(options)
        case .gru(var reset):
            visitor.field(
                "reset", &reset, .choice(), "Whether the reset gate acts after the recurrent product or before it.")
            cell = .gru(reset)
        case .minimalGated: break
        }
    }
}

/// A gate of an LSTM that may have a peephole.
public enum PeepholeGate: String, Sendable, CaseIterable {
    case input, forget, output

    fileprivate var gate: LSTMOptions.Gates {
        switch self {
        case .input: .input
        case .forget: .forget
        case .output: .output
        }
    }
}

extension LSTMOptions {
    fileprivate mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field(
            "forget", &forget, .choice(), "How the cell forgets: by a gate, never, or as much as it takes in.")
        var gates = PeepholeGate.allCases.filter { peepholes.contains($0.gate) }
        visitor.field(
            "peepholes", &gates, .list(of: .choice(), "gates", 0...PeepholeGate.allCases.count),
            "The gates that see the cell state.")
        peepholes = gates.reduce(into: []) { $0.formUnion($1.gate) }
        visitor.field(
            "output_sees_previous", &outputSeesPrevious, .flag,
            "Whether the output gate's peephole sees the cell state before the step, and not the one after it.")
        visitor.field("candidate_activation", &candidate, .choice(), "The function of the candidate.")
        visitor.field("state_activation", &state, .choice(), "The function of the cell state on its way out.")
    }
}
