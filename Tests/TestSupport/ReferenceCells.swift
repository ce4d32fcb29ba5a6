import Foundation

/// The recurrent cells as plain formulas in Double, one sequence at a time: what every faster implementation is held to.
/// Nothing here knows the kernels.
public enum ReferenceCell: Sendable {
    case elmanTanh, elmanSigmoid, elmanRelu, elmanIdentity
    case lstm
    case gruAfter, gruBefore

    /// Blocks of `hidden` rows in the weights: LSTM i, f, g, o; GRU r, z, n.
    public var blocks: Int {
        switch self {
        case .lstm: return 4
        case .gruAfter, .gruBefore: return 3
        default: return 1
        }
    }
}

/// One layer: W [blocks·hidden × inputs] and U [blocks·hidden × hidden], row-major, and the two biases [blocks·hidden].
public struct ReferenceLayer: Sendable {
    public var cell: ReferenceCell
    public var inputs: Int
    public var hidden: Int
    public var w: [Double]
    public var u: [Double]
    public var b: [Double]
    public var c: [Double]

    public init(
        cell: ReferenceCell, inputs: Int, hidden: Int, w: [Double], u: [Double], b: [Double], c: [Double]
    ) {
        self.cell = cell
        self.inputs = inputs
        self.hidden = hidden
        self.w = w
        self.u = u
        self.b = b
        self.c = c
    }

    /// One step: h′ and c′ (which stays as it is where the cell has none).
    public func step(_ x: [Double], h: [Double], c state: [Double]) -> (h: [Double], c: [Double]) {
        let p = (0..<cell.blocks * hidden).map { row in b[row] + dot(w, row, x) }
        let q = (0..<cell.blocks * hidden).map { row in c[row] + dot(u, row, h) }
        let n = hidden
        switch cell {
        case .elmanTanh: return ((0..<n).map { tanh(p[$0] + q[$0]) }, state)
        case .elmanSigmoid: return ((0..<n).map { logistic(p[$0] + q[$0]) }, state)
        case .elmanRelu: return ((0..<n).map { max(0, p[$0] + q[$0]) }, state)
        case .elmanIdentity: return ((0..<n).map { p[$0] + q[$0] }, state)
        case .lstm:
            var (hNew, cNew) = (h, state)
            for j in 0..<n {
                let input = logistic(p[j] + q[j])
                let forget = logistic(p[n + j] + q[n + j])
                let candidate = tanh(p[2 * n + j] + q[2 * n + j])
                let output = logistic(p[3 * n + j] + q[3 * n + j])
                cNew[j] = forget * state[j] + input * candidate
                hNew[j] = output * tanh(cNew[j])
            }
            return (hNew, cNew)
        case .gruAfter, .gruBefore:
            let reset = (0..<n).map { logistic(p[$0] + q[$0]) }
            let update = (0..<n).map { logistic(p[n + $0] + q[n + $0]) }
            let resetState = (0..<n).map { reset[$0] * h[$0] }
            let hNew = (0..<n).map { j in
                let recurrent =
                    cell == .gruAfter ? reset[j] * q[2 * n + j] : c[2 * n + j] + dot(u, 2 * n + j, resetState)
                let candidate = tanh(p[2 * n + j] + recurrent)
                return (1 - update[j]) * candidate + update[j] * h[j]
            }
            return (hNew, state)
        }
    }

    /// A whole sequence [steps][inputs]: h of every step, and the last state.
    public func run(
        _ sequence: [[Double]], h: [Double]? = nil, c: [Double]? = nil
    ) -> (outputs: [[Double]], h: [Double], c: [Double]) {
        var state = (h: h ?? Array(repeating: 0, count: hidden), c: c ?? Array(repeating: 0, count: hidden))
        var outputs: [[Double]] = []
        for x in sequence {
            state = step(x, h: state.h, c: state.c)
            outputs.append(state.h)
        }
        return (outputs, state.h, state.c)
    }

    private func dot(_ matrix: [Double], _ row: Int, _ vector: [Double]) -> Double {
        var sum = 0.0
        for (index, value) in vector.enumerated() { sum += matrix[row * vector.count + index] * value }
        return sum
    }

    private func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
}
