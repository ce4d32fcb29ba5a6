import Foundation

/// The recurrent cells as plain formulas in Double, one sequence at a time: what every faster implementation is held to.
/// Nothing here knows the kernels.
public enum ReferenceCell: Sendable {
    case elman(ReferenceActivation, residual: Bool)
    case lstm(ReferenceLSTM)
    case gruAfter, gruBefore
    case minimalGated

    /// Blocks of `hidden` rows in the weights: LSTM i, f, g, o or i, g, o; GRU r, z, n; minimal gated unit f, n.
    public var blocks: Int {
        switch self {
        case .elman: return 1
        case .lstm(let form): return form.forget == .gate ? 4 : 3
        case .gruAfter, .gruBefore: return 3
        case .minimalGated: return 2
        }
    }

    /// Vectors of weights on the cell state.
    public var peepholes: Int {
        guard case .lstm(let form) = self else { return 0 }
        return [form.seesInput, form.seesForget, form.seesOutput].filter { $0 }.count
    }
}

public enum ReferenceActivation: Sendable {
    case tanh, sigmoid, relu, identity

    public func callAsFunction(_ x: Double) -> Double {
        switch self {
        case .tanh: Foundation.tanh(x)
        case .sigmoid: 1 / (1 + exp(-x))
        case .relu: max(0, x)
        case .identity: x
        }
    }
}

/// The forms of the LSTM.
public struct ReferenceLSTM: Sendable {
    public enum Forget: Sendable {
        case gate, none, coupled
    }

    public var forget = Forget.gate
    /// Which gates see the cell state; `seesForget` goes with a gate only.
    public var (seesInput, seesForget, seesOutput) = (false, false, false)
    /// Whether the output gate sees the state before the step.
    public var outputSeesPrevious = false
    public var candidate = ReferenceActivation.tanh
    public var state = ReferenceActivation.tanh

    public init() {}
}

/// One layer: W [blocks·hidden × inputs] and U [blocks·hidden × hidden], row-major, the two biases [blocks·hidden], and
/// peepholes [… × hidden] in the order i, f, o of those there are.
public struct ReferenceLayer: Sendable {
    public var cell: ReferenceCell
    public var inputs: Int
    public var hidden: Int
    public var w: [Double]
    public var u: [Double]
    public var b: [Double]
    public var c: [Double]
    public var peepholes: [Double]

    public init(
        cell: ReferenceCell, inputs: Int, hidden: Int, w: [Double], u: [Double], b: [Double], c: [Double],
        peepholes: [Double] = []
    ) {
        self.cell = cell
        self.inputs = inputs
        self.hidden = hidden
        self.w = w
        self.u = u
        self.b = b
        self.c = c
        self.peepholes = peepholes
    }

    /// One step: h′ and c′ (which stays as it is where the cell has none).
    public func step(_ x: [Double], h: [Double], c state: [Double]) -> (h: [Double], c: [Double]) {
        let p = (0..<cell.blocks * hidden).map { row in b[row] + dot(w, row, x) }
        let q = (0..<cell.blocks * hidden).map { row in c[row] + dot(u, row, h) }
        let n = hidden
        switch cell {
        case .elman(let activation, let residual):
            return ((0..<n).map { (residual ? h[$0] : 0) + activation(p[$0] + q[$0]) }, state)
        case .lstm(let form): return lstm(form, zip(p, q).map(+), c: state)
        case .gruAfter, .gruBefore:
            let isAfter = if case .gruAfter = cell { true } else { false }
            let reset = (0..<n).map { logistic(p[$0] + q[$0]) }
            let update = (0..<n).map { logistic(p[n + $0] + q[n + $0]) }
            let resetState = (0..<n).map { reset[$0] * h[$0] }
            let hNew = (0..<n).map { j in
                let recurrent = isAfter ? reset[j] * q[2 * n + j] : c[2 * n + j] + dot(u, 2 * n + j, resetState)
                let candidate = tanh(p[2 * n + j] + recurrent)
                return (1 - update[j]) * candidate + update[j] * h[j]
            }
            return (hNew, state)
        case .minimalGated:
            let hNew = (0..<n).map { j in
                let forget = logistic(p[j] + q[j])
                return forget * h[j] + (1 - forget) * tanh(p[n + j] + forget * q[n + j])
            }
            return (hNew, state)
        }
    }

    private func lstm(_ form: ReferenceLSTM, _ sums: [Double], c: [Double]) -> (h: [Double], c: [Double]) {
        let n = hidden
        let candidateBlock = form.forget == .gate ? 2 : 1
        var (hNew, cNew) = (c, c)
        for j in 0..<n {
            var vector = 0
            func seen(_ sees: Bool, _ value: Double) -> Double {
                guard sees else { return 0 }
                vector += 1
                return peepholes[(vector - 1) * n + j] * value
            }
            let input = logistic(sums[j] + seen(form.seesInput, c[j]))
            let forget =
                switch form.forget {
                case .gate: logistic(sums[n + j] + seen(form.seesForget, c[j]))
                case .none: 1.0
                case .coupled: 1 - input
                }
            cNew[j] = forget * c[j] + input * form.candidate(sums[candidateBlock * n + j])
            let output = logistic(
                sums[(candidateBlock + 1) * n + j] + seen(form.seesOutput, form.outputSeesPrevious ? c[j] : cNew[j]))
            hNew[j] = output * form.state(cNew[j])
        }
        return (hNew, cNew)
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
