import Kernels

/// The weights of one layer, arranged for products: made from the canonical parameters at load, or again after every
/// step of training.
///
///     W [blocks·hidden × inputs]    U [blocks·hidden × hidden]    biases [blocks·hidden] each
///
/// A cell that gates before its product (GRU, reset before) has U in two parts: the gate blocks, which take h, and the
/// candidate's block, which takes r ⊙ h.
final class LayerWeights: Sendable {
    let cell: Cell
    let hidden: Int
    let inputs: Int
    let input: PackedMatrix
    /// All blocks of U, or the gate blocks alone.
    let recurrent: PackedMatrix
    /// The candidate's block of U, where it goes by itself.
    let candidate: PackedMatrix?
    /// Wᵀ, Uᵀ and the candidate's transpose, for backward.
    let transposes: (input: PackedMatrix, recurrent: PackedMatrix, candidate: PackedMatrix?)?
    /// Input biases, then recurrent biases.
    private let biases: Buffer

    init(_ layer: LayerDescription, inputs: Int, kernels: KernelSet, trains: Bool) {
        cell = layer.cell
        hidden = layer.hidden
        self.inputs = inputs
        let width = cell.blocks * hidden
        let gates = cell.hasTwoPhases ? width - hidden : width
        input = PackedMatrix(outputs: width, inputs: inputs, for: kernels)
        recurrent = PackedMatrix(outputs: gates, inputs: hidden, for: kernels)
        candidate = cell.hasTwoPhases ? PackedMatrix(outputs: hidden, inputs: hidden, for: kernels) : nil
        transposes =
            trains
            ? (
                PackedMatrix(outputs: inputs, inputs: width, for: kernels),
                PackedMatrix(outputs: hidden, inputs: gates, for: kernels),
                cell.hasTwoPhases ? PackedMatrix(outputs: hidden, inputs: hidden, for: kernels) : nil
            ) : nil
        biases = Buffer(count: 2 * width)
    }

    /// Blocks times hidden: the width of p and q.
    var width: Int { cell.blocks * hidden }
    var inputBias: UnsafePointer<Float> { UnsafePointer(biases.base) }
    var recurrentBias: UnsafePointer<Float> { UnsafePointer(biases.base + width) }
    var byteCount: Int {
        let packed = [input, recurrent] + [candidate].compactMap { $0 }
        let transposed = transposes.map { [$0.input, $0.recurrent] + [$0.candidate].compactMap { $0 } } ?? []
        return (packed + transposed).reduce(biases.count * MemoryLayout<Float>.stride) { $0 + $1.byteCount }
    }

    /// Takes the values of one layer out of a network's parameters. The caller owns these weights alone meanwhile.
    func load(_ values: UnsafePointer<Float>, _ place: ParameterLayout.Layer, kernels: KernelSet) {
        let w = values + place.inputWeights.lowerBound
        let u = values + place.recurrentWeights.lowerBound
        let candidateBlock = u + recurrent.outputs * hidden
        kernels.pack(w, into: input)
        kernels.pack(u, into: recurrent)
        if let candidate { kernels.pack(candidateBlock, into: candidate) }
        if let transposes {
            kernels.packTransposed(w, into: transposes.input)
            kernels.packTransposed(u, into: transposes.recurrent)
            if let candidate = transposes.candidate { kernels.packTransposed(candidateBlock, into: candidate) }
        }
        biases.base.update(from: values + place.inputBias.lowerBound, count: width)
        (biases.base + width).update(from: values + place.recurrentBias.lowerBound, count: width)
    }
}
