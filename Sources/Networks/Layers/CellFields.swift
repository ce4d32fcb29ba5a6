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
        if case .lstm(let options) = self { options.noteConflicts(&findings) }
    }
}
