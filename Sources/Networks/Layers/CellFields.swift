import Kernels
import NamedFields

extension Cell {
    /// The fields of the cell beside its kind.
    mutating func visit(_ visitor: inout some FieldVisitor) {
        switch self {
        case .elman(var activation, var residual):
            visitor.field("activation", &activation, .choice(), "The function of the cell.")
            visitor.field("residual_state", &residual, .flag, "Whether the function's value is added to the state.")
            self = .elman(activation, residual: residual)
        case .lstm(var options):
            options.visit(&visitor)
            self = .lstm(options)
        case .gru(var reset):
            visitor.field(
                "reset", &reset, .choice(), "Whether the reset gate acts after the recurrent product or before it.")
            self = .gru(reset)
        case .plain: break
        }
    }

    /// What its options have to do with each other.
    func noteConflicts(_ findings: inout FieldFindings) {
        guard case .lstm(let options) = self, options.peepholes.contains(.forget), options.forget != .gate
        else { return }
        findings.at("peepholes") {
            $0.add("a peephole of the forget gate, which forget \"\(options.forget.rawValue)\" leaves out")
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
