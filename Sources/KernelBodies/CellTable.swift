// All cells: their numbers, and what is asked of any of them.

import CVectors

extension Bodies {
    /// Calls with the kind of a number; `Kernels.Cell` gives the numbers.
    @inline(__always)
    static func withKind<V: KindVisitor>(_ kind: Int, _ visitor: V) -> V.Result {
        switch kind {
        case 0: return visitor.visit(ElmanCell.self)
        case 1: return visitor.visit(LSTMCell.self)
        case 2: return visitor.visit(GRUCell.self)
        default: return visitor.visit(MinimalGatedCell.self)
        }
    }

    public static func cellShape(kind: Int, options: Int) -> cell_shape { withKind(kind, Shape(options: options)) }

    private struct Shape: KindVisitor {
        let options: Int

        @inline(__always)
        func visit<Kind: CellKind>(_ kind: Kind.Type) -> cell_shape { Kind.shape(options) }
    }
}
