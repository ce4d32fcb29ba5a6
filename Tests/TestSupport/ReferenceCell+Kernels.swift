import Kernels

// The formulas do not know the kernels; this says which formula a cell is held to.

extension ReferenceActivation {
    public init(_ activation: Activation) {
        switch activation {
        case .tanh: self = .tanh
        case .sigmoid: self = .sigmoid
        case .relu: self = .relu
        case .identity: self = .identity
        }
    }
}

extension ReferenceCell {
    public init(_ cell: Cell) {
        switch cell {
        case .elman(let activation, let residual): self = .elman(ReferenceActivation(activation), residual: residual)
        case .lstm(let options):
            var form = ReferenceLSTM()
            switch options.forget {
            case .gate: form.forget = .gate
            case .none: form.forget = .none
            case .coupled: form.forget = .coupled
            }
            form.seesInput = options.peepholes.contains(.input)
            form.seesForget = options.peepholes.contains(.forget) && options.forget == .gate
            form.seesOutput = options.peepholes.contains(.output)
            form.outputSeesPrevious = options.outputSeesPrevious
            form.candidate = ReferenceActivation(options.candidate)
            form.state = ReferenceActivation(options.state)
            self = .lstm(form)
        case .gru(.after): self = .gruAfter
        case .gru(.before): self = .gruBefore
        case .plain(.mgu): self = .minimalGated
        case .plain(let kind): fatalError("no reference for \(kind)")
        }
    }
}
