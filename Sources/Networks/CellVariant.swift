import Kernels

extension Cell {
    /// What a model file says of a cell beside its name: the options that are not standard, in words.
    var variant: String {
        switch self {
        case .elman(let activation, let residual): activation.rawValue + (residual ? " residual" : "")
        case .lstm(let options): options.words.joined(separator: " ")
        case .gru(let reset): reset.rawValue
        case .minimalGated: ""
        }
    }

    /// Nil where the words are not those that `variant` says of some cell.
    init?(_ name: Name, variant: String) {
        guard let cell = Self.cell(name, variant: variant), cell.variant == variant else { return nil }
        self = cell
    }

    private static func cell(_ name: Name, variant: String) -> Cell? {
        var words = variant.split(separator: " ").map(String.init)
        switch name {
        case .elman:
            let residual = words.last == "residual"
            if residual { words.removeLast() }
            guard words.count == 1, let activation = Activation(rawValue: words[0]) else { return nil }
            return .elman(activation, residual: residual)
        case .lstm:
            guard let options = LSTMOptions(words: words) else { return nil }
            // As of a request: a gate that is not there sees nothing.
            guard options.forget == .gate || !options.peepholes.contains(.forget) else { return nil }
            return .lstm(options)
        case .gru: return GRUReset(rawValue: variant).map(Cell.gru)
        case .minimalGated: return .minimalGated
        }
    }
}

extension LSTMOptions {
    fileprivate var words: [String] {
        let standard = LSTMOptions()
        var words: [String] = []
        if forget != standard.forget { words.append("forget:" + forget.rawValue) }
        words += Self.gates.filter { peepholes.contains($0.gate) }.map { "peephole:" + $0.name }
        if outputSeesPrevious { words.append("output_sees_previous") }
        if candidate != standard.candidate { words.append("candidate:" + candidate.rawValue) }
        if state != standard.state { words.append("state:" + state.rawValue) }
        return words
    }

    private static let gates: [(name: String, gate: Gates)] = [
        ("input", .input), ("forget", .forget), ("output", .output),
    ]

    fileprivate init?(words: [String]) {
        self.init()
        for word in words {
            let parts = word.split(separator: ":").map(String.init)
            switch (parts.first ?? "", parts.last ?? "") {
            case ("forget", let value):
                guard let value = Forget(rawValue: value) else { return nil }
                forget = value
            case ("peephole", let value):
                guard let gate = Self.gates.first(where: { $0.name == value })?.gate else { return nil }
                peepholes.insert(gate)
            case ("output_sees_previous", _): outputSeesPrevious = true
            case ("candidate", let value):
                guard let value = Activation(rawValue: value) else { return nil }
                candidate = value
            case ("state", let value):
                guard let value = Activation(rawValue: value) else { return nil }
                state = value
            default: return nil
            }
        }
    }
}
