import Kernels
import NamedFields

/// A recurrent layer: a cell at every step, and perhaps a projection behind it.
///
///     p = W·x + b    q = U·r + c    h′, c′ = cell(p, q, h, c)    r′ = h′, or what the projection makes of it
///
/// Weights W [blocks·hidden × inputs], U [blocks·hidden × outputs]; blocks in PyTorch's order: LSTM i, f, g, o; GRU r, z,
/// n. Both biases exist as there, so that weights load as they are.
struct RecurrentDefinition: LayerDefinition {
    static let kind = "recurrent"

    var cell = Cell.lstm()
    var hidden = 32
    var projection: Projection?

    var outputs: Int { projection?.width ?? hidden }

    /// The state that the recurrent product takes: h, or what a projection gave. A context that fades is none of its rows.
    var lastOutput: Int? { (projection?.decay ?? 0) == 0 ? 0 : nil }

    func place(_ parameters: inout ParameterLayout.Builder) {
        let shape = cell.shape
        let rows = shape.blocks * hidden
        var forget: Range<Int>?
        if case .lstm(let options) = cell, options.forget == .gate { forget = hidden..<2 * hidden }
        parameters.place(
            "weight_ih", [rows, parameters.inputs], .input(bound: hidden), blocks: shape.blocks, isInProduct: true)
        parameters.place(
            "weight_hh", [rows, outputs], .recurrent(bound: hidden), blocks: shape.blocks, isInProduct: true)
        parameters.place("bias_ih", [rows], .bias(bound: hidden, forget: forget), blocks: shape.blocks)
        parameters.place("bias_hh", [rows], .bias(bound: hidden), blocks: shape.blocks)
        if shape.peepholes > 0 { parameters.place("peepholes", [shape.peepholes, hidden], .uniform(bound: hidden)) }
        if let projection {
            parameters.place("weight_hr", [projection.width, hidden], .uniform(bound: hidden), isInProduct: true)
            if projection.bias { parameters.place("bias_hr", [projection.width], .zero) }
        }
    }

    func place(_ states: inout StateLayout.Builder) {
        states.place(.h, outputs)
        if cell.shape.hasCellState { states.place(.c, hidden) }
    }

    func scratch(inputs: Int) -> LayerScratch {
        let shape = cell.shape
        let phases = shape.hasTwoPhases ? shape.saved + 1 : 0
        return LayerScratch(
            ofRow: shape.blocks * hidden,
            ofSequence: (shape.blocks + phases) * hidden + (projection == nil ? 0 : hidden + outputs))
    }

    func inference(_ site: LayerSite) -> any InferenceLayer { RecurrentInference(self, site) }

    func training(_ site: LayerSite) -> any TrainingLayer { RecurrentTraining(self, site) }

    func noteConflicts(_ findings: inout FieldFindings) {
        cell.noteConflicts(&findings)
        if projection != nil, !cell.isProjectable {
            findings.at("projection") {
                $0.add(
                    "this cell mixes its state with the one before, so only LSTM and plain Elman cells are projected")
            }
        }
    }
}

extension RecurrentDefinition {
    mutating func visit(_ visitor: inout some FieldVisitor) {
        var kind = cell.kind
        if visitor.kind("cell", &kind, "What the layer computes at every step.") { cell = Cell(kind) }
        visitor.field("hidden", &hidden, .whole(1...ModelLimit.hidden), "The width of the layer's state.")
        cell.visit(&visitor)
        visitor.field("projection", &projection, .optional(.object()), "What stands between the cell and its outputs.")
    }
}

extension Cell {
    /// Whether a step reads the state before it through the recurrent product alone.
    var isProjectable: Bool {
        switch self {
        case .lstm: true
        case .elman(_, let residual): !residual
        case .gru, .plain: false
        }
    }
}

/// A product behind the cell, whose result is the layer's output and what the recurrent product takes.
///
///     r′ = f(V·h′ + b)    V [width × hidden]    the recurrent product takes k′ = decay·k + r′
///
/// Linear and without a bias: the LSTM with projection (Sak, Senior and Beaufays 2014). Behind an Elman cell: Jordan's
/// network (Jordan 1986), whose output is fed back, with its context decaying.
public struct Projection: Hashable, Sendable {
    public var width = 16
    public var activation = Activation.identity
    public var bias = false
    /// How much of the context stays from step to step.
    public var decay: Float = 0

    public init() {}

    public init(width: Int, activation: Activation = .identity, bias: Bool = false, decay: Float = 0) {
        self.width = width
        self.activation = activation
        self.bias = bias
        self.decay = decay
    }
}

extension Projection: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("width", &width, .whole(1...ModelLimit.hidden), "Numbers of the layer's output.")
        visitor.field("activation", &activation, .choice(), "The function of the output.")
        visitor.field("bias", &bias, .flag, "Whether the output has a bias.")
        visitor.field("decay", &decay, .number(.dropped), "How much of what was fed back before stays.")
    }
}
