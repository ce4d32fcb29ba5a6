import CVectors
import KernelsBaseline

/// A function of one variable in a cell.
public enum Activation: String, Sendable, Codable, CaseIterable {
    case tanh, sigmoid, relu, identity

    /// The number by which the bodies know it.
    var code: Int {
        switch self {
        case .tanh: 0
        case .sigmoid: 1
        case .relu: 2
        case .identity: 3
        }
    }
}

/// Where a GRU applies its reset gate: to the product U·h (PyTorch, cuDNN), or to h before it (Cho et al. 2014).
public enum GRUReset: String, Sendable, Codable, CaseIterable {
    case after, before
}

/// A recurrent cell: h′ (and c′) from p = W·x + b and q = U·h + c, whose blocks are `hidden` wide each.
public enum Cell: Sendable, Hashable {
    /// h′ = f(p + q), or h + f(p + q). Elman 1990.
    case elman(Activation, residual: Bool = false)
    /// Gates i, f, o and candidate g; blocks in the order i, f, g, o. Gers et al. 2000.
    case lstm(LSTMOptions = LSTMOptions())
    /// Gates r, z and candidate n; blocks in the order r, z, n; h′ = (1 - z) ⊙ n + z ⊙ h. Cho et al. 2014.
    case gru(GRUReset)
    /// A cell without options.
    case plain(Kind)

    /// The kinds of cells by their names in the interface, in the order of `CellTable`.
    public enum Kind: String, Sendable, CaseIterable {
        case elman, lstm, gru
        /// Minimal gated unit: gate f and candidate n; blocks in the order f, n; h′ = (1 - f) ⊙ n + f ⊙ h, as in Flax.
        case mgu

        private static let inOrder = allCases

        /// The number by which the bodies know it.
        fileprivate var number: Int { Self.inOrder.firstIndex(of: self) ?? 0 }
    }

    /// A cell of this kind with its options at their defaults.
    public init(_ kind: Kind) {
        switch kind {
        case .elman: self = .elman(.tanh)
        case .lstm: self = .lstm()
        case .gru: self = .gru(.after)
        default: self = .plain(kind)
        }
    }

    public var kind: Kind {
        switch self {
        case .elman: .elman
        case .lstm: .lstm
        case .gru: .gru
        case .plain(let kind): kind
        }
    }

    var code: CellCode {
        switch self {
        case .elman(let activation, let residual): CellCode(kind: 0, options: activation.code + (residual ? 4 : 0))
        case .lstm(let options): CellCode(kind: 1, options: options.code)
        case .gru(let reset): CellCode(kind: 2, options: reset == .before ? 1 : 0)
        case .plain(let kind): CellCode(kind: kind.number, options: 0)
        }
    }

    /// Its peepholes in the order of their weights: the block of the gate in p, and whether it sees c or c′.
    public var peepholes: [(block: Int, seesPrevious: Bool)] {
        if case .lstm(let options) = self { options.peepholesInOrder } else { [] }
    }

    /// Every kind, and every option of each in some cell: what the suites walk.
    public static let all: [Cell] =
        Activation.allCases.flatMap { [Cell.elman($0), .elman($0, residual: true)] }
        + [
            .lstm(), .lstm(LSTMOptions(forget: .none)), .lstm(LSTMOptions(forget: .coupled)),
            .lstm(LSTMOptions(peepholes: .all)),
            .lstm(LSTMOptions(peepholes: [.forget, .output], outputSeesPrevious: true)),
            .lstm(LSTMOptions(forget: .coupled, peepholes: [.input, .output], candidate: .relu, state: .sigmoid)),
            .lstm(LSTMOptions(forget: .none, peepholes: [.output], candidate: .sigmoid, state: .identity)),
        ] + GRUReset.allCases.map(Cell.gru)
        + Kind.allCases.map(Cell.init).filter { if case .plain = $0 { true } else { false } }

    /// What it is made of, as its body says.
    public var shape: CellShape {
        let code = code
        return CellShape(KernelsBaseline.Bodies.cellShape(kind: code.kind, options: code.options))
    }
}

/// The number of a cell's kind and its options, by which the bodies know it.
struct CellCode {
    let kind: Int
    let options: Int
}

/// What a cell is made of. Blocks are as wide as the state.
public struct CellShape: Sendable, Hashable {
    /// Of p, q and the weights.
    public let blocks: Int
    /// What forward leaves for backward at every step.
    public let saved: Int
    /// The last of `blocks`, whose recurrent part enters by itself: behind a gate, or formed of a masked state. Their
    /// weights' gradient is formed apart from that of the others.
    public let lateBlocks: Int
    /// Weights of gates on the cell state, one a unit each.
    public let peepholes: Int
    public let hasCellState: Bool
    /// p and q enter by their sum alone, so dq = dp. Otherwise that of the late blocks is its own.
    public let sharesGradient: Bool
    /// The late blocks' product takes a masked state, so forward and backward come in two phases.
    public let hasTwoPhases: Bool

    init(_ shape: cell_shape) {
        blocks = shape.blocks
        saved = shape.saved
        lateBlocks = shape.late_blocks
        peepholes = shape.peepholes
        hasCellState = shape.has_c != 0
        sharesGradient = shape.shares_gradient != 0
        hasTwoPhases = shape.has_two_phases != 0
    }

    /// Blocks of a row that holds p, then what is saved in its place, then dp (and the late blocks' dq) in place of that.
    public var rowBlocks: Int { max(sharesGradient ? blocks : blocks + lateBlocks, saved) }
    /// Blocks before the late ones.
    public var earlyBlocks: Int { blocks - lateBlocks }
}
