import NamedFields

/// What an LSTM may do otherwise than the standard form.
public struct LSTMOptions: Sendable, Hashable {
    public enum Forget: String, Sendable, Codable, CaseIterable {
        /// A gate with weights of its own (Gers et al. 2000).
        case gate
        /// Nothing is forgotten: f = 1 (Hochreiter and Schmidhuber 1997).
        case none
        /// f = 1 - i (Greff et al. 2017).
        case coupled

        /// The number by which the body knows it.
        fileprivate var code: Int {
            switch self {
            case .gate: 0
            case .none: 1
            case .coupled: 2
            }
        }
    }

    /// Gates that may see the cell state, in the order of their weights.
    public struct Gates: OptionSet, Sendable, Hashable {
        public let rawValue: Int

        public init(rawValue: Int) { self.rawValue = rawValue }

        public static let input = Gates(rawValue: 1)
        public static let forget = Gates(rawValue: 2)
        public static let output = Gates(rawValue: 4)
        public static let all: Gates = [.input, .forget, .output]
    }

    public var forget: Forget
    /// Gates with a weight a unit on the cell state (Gers and Schmidhuber 2000). A forget gate that is none has none.
    public var peepholes: Gates
    /// Whether the output's peephole sees c as it was before the step, and not c′.
    public var outputSeesPrevious: Bool
    /// In the place of the candidate's tanh.
    public var candidate: Activation
    /// In the place of the tanh over c′.
    public var state: Activation

    public init(
        forget: Forget = .gate, peepholes: Gates = [], outputSeesPrevious: Bool = false,
        candidate: Activation = .tanh, state: Activation = .tanh
    ) {
        self.forget = forget
        self.peepholes = peepholes
        self.outputSeesPrevious = outputSeesPrevious
        self.candidate = candidate
        self.state = state
    }

    /// The bits by which the body knows them.
    var code: Int {
        let seesPrevious = outputSeesPrevious && peepholes.contains(.output)
        return forget.code | seen.rawValue << 2 | (seesPrevious ? 32 : 0) | candidate.code << 6 | state.code << 8
    }

    /// The peepholes of gates that there are.
    private var seen: Gates { forget == .gate ? peepholes : peepholes.subtracting(.forget) }

    /// In the order of their weights: the block of the gate in p, and whether it sees c or c′.
    var peepholesInOrder: [(block: Int, seesPrevious: Bool)] {
        var peepholes: [(block: Int, seesPrevious: Bool)] = []
        if seen.contains(.input) { peepholes.append((0, true)) }
        if seen.contains(.forget) { peepholes.append((1, true)) }
        if seen.contains(.output) { peepholes.append((forget == .gate ? 3 : 2, outputSeesPrevious)) }
        return peepholes
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
    /// Tells every option to the visitor.
    public mutating func visit(_ visitor: inout some FieldVisitor) {
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

    /// What its options have to do with each other.
    public func noteConflicts(_ findings: inout FieldFindings) {
        guard peepholes.contains(.forget), forget != .gate else { return }
        findings.at("peepholes") {
            $0.add("a peephole of the forget gate, which forget \"\(forget.rawValue)\" leaves out")
        }
    }
}
