import Kernels
import Networks
import TestSupport

/// Draws in [-1, 1], the same for the same seed.
func draws(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed)
    return (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
}

/// Parameters of every tensor drawn from [-1, 1] · scale.
func drawnParameters(_ network: NetworkDescription, scale: Float = 0.5, seed: UInt64 = 1) -> Parameters {
    let layout = ParameterLayout(network)
    return Parameters(layout: layout, values: draws(layout.count, seed: seed).map { $0 * scale })
}

/// A network of one cell throughout.
func network(
    _ cell: Cell, inputs: Int = 3, hidden: [Int] = [5], outputs: Int = 2, dropout: Float = 0,
    readout: Readout = .last
) -> NetworkDescription {
    NetworkDescription(
        inputs: inputs, layers: hidden.map { LayerDescription(cell: cell, hidden: $0) }, dropout: dropout,
        outputs: outputs, readout: readout)
}

/// Sequences of many lengths, 0 among them: 40 rows a step in the mean, enough to be cut among three threads, and 565 in
/// all, which with 200 units of the smallest cell are 22 million multiply-adds, enough to wake them.
let manyLengths = (0..<80).map { $0 * 7 % 15 }

extension [Float] {
    /// What equality is compared by.
    var bits: [UInt32] { map(\.bitPattern) }
}

extension NetworkState {
    var bits: [UInt32] { values.bits + [UInt32(steps)] }
}

/// The instruction sets with fused multiply-add that this machine has.
let fusedSets = InstructionSet.allCases.filter { $0 != .baseline && $0.isAvailable }

/// Rows of one sequence out of values that hold all, as Double.
func sequence(_ index: Int, of values: [Float], lengths: [Int], width: Int) -> [[Double]] {
    let start = lengths[..<index].reduce(0, +)
    return (0..<lengths[index]).map { step in
        (0..<width).map { Double(values[(start + step) * width + $0]) }
    }
}

/// The greatest distance, relative to the greatest expected value (and at least 1).
func distance(_ found: [Float], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let scale = max(expected.map(abs).max() ?? 0, 1)
    return zip(found, expected).map { abs(Double($0) - $1) }.max().map { $0.isNaN ? .infinity : $0 / scale } ?? 0
}
