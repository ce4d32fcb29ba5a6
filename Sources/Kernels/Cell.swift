/// The function of an Elman cell.
public enum Activation: String, Sendable, Codable, CaseIterable {
    case tanh, sigmoid, relu, identity
}

/// Where a GRU applies its reset gate: to the product U·h (PyTorch, cuDNN), or to h before it (Cho et al. 2014).
public enum GRUReset: String, Sendable, Codable, CaseIterable {
    case after, before
}

/// A recurrent cell: h′ (and c′) from p = W·x + b and q = U·h + c, whose blocks are `hidden` wide each.
public enum Cell: Sendable, Hashable {
    /// h′ = f(p + q). Elman 1990.
    case elman(Activation)
    /// Gates i, f, o and candidate g; blocks in the order i, f, g, o. Gers et al. 2000.
    case lstm
    /// Gates r, z and candidate n; blocks in the order r, z, n; h′ = (1 - z) ⊙ n + z ⊙ h. Cho et al. 2014.
    case gru(GRUReset)

    public static let all: [Cell] =
        Activation.allCases.map(Cell.elman) + [.lstm] + GRUReset.allCases.map(Cell.gru)

    /// Blocks of `hidden` in p, q and the weights.
    public var blocks: Int {
        switch self {
        case .elman: return 1
        case .lstm: return 4
        case .gru: return 3
        }
    }

    public var carriesCellState: Bool { self == .lstm }

    /// Blocks of `hidden` that forward keeps for backward at every step.
    public var keptBlocks: Int {
        switch self {
        case .elman: return 0
        case .lstm: return 5
        case .gru(.after): return 4
        case .gru(.before): return 3
        }
    }

    /// Blocks of `hidden` in a row that holds p, then what forward keeps in its place, then dp (and dqₙ) in place of that.
    public var rowBlocks: Int { max(blocks, keptBlocks) }

    /// p and q enter by their sum alone, so dq = dp. Otherwise the candidate's block of dq is its own.
    public var sharesGradient: Bool { self != .gru(.after) }

    /// The candidate's block of U has a gradient that is formed apart from those of the gates.
    public var splitsCandidate: Bool { if case .gru = self { true } else { false } }

    /// The candidate's recurrent product takes r ⊙ h, so forward and backward come in two phases.
    public var hasTwoPhases: Bool { self == .gru(.before) }
}
