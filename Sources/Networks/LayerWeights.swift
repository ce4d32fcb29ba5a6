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
    let precision: Precision
    let input: PackedMatrix
    let recurrent: Recurrent
    /// Wᵀ, Uᵀ and the candidate's transpose, for backward.
    let transposes: (input: PackedMatrix, recurrent: PackedMatrix, candidate: PackedMatrix?)?
    /// U, as the steps of the cell take it.
    enum Recurrent {
        /// With its bias, for a step in one go.
        case onePhase(RecurrentMatrix)
        /// The gate blocks, and the candidate's block by itself.
        case twoPhases(gates: PackedMatrix, candidate: PackedMatrix)
    }

    /// Input biases, then recurrent biases.
    private let biases: Buffer

    init(_ layer: LayerDescription, inputs: Int, precision: Precision, kernels: KernelSet, trains: Bool) {
        cell = layer.cell
        hidden = layer.hidden
        self.inputs = inputs
        self.precision = precision
        func matrix(outputs: Int, inputs: Int) -> PackedMatrix {
            PackedMatrix(outputs: outputs, inputs: inputs, precision: precision, for: kernels)
        }
        let width = cell.blocks * hidden
        let gates = cell.splitsCandidate ? width - hidden : width
        input = matrix(outputs: width, inputs: inputs)
        recurrent =
            cell.hasTwoPhases
            ? .twoPhases(
                gates: matrix(outputs: gates, inputs: hidden),
                candidate: matrix(outputs: hidden, inputs: hidden))
            : .onePhase(RecurrentMatrix(cell, hidden: hidden, precision: precision, for: kernels))
        transposes =
            trains
            ? (
                matrix(outputs: inputs, inputs: width),
                matrix(outputs: hidden, inputs: gates),
                cell.splitsCandidate ? matrix(outputs: hidden, inputs: hidden) : nil
            ) : nil
        biases = Buffer(count: 2 * width)
    }

    /// Blocks times hidden: the width of p and q.
    var width: Int { cell.blocks * hidden }
    var inputBias: UnsafePointer<Float> { UnsafePointer(biases.base) }
    var recurrentBias: UnsafePointer<Float> { UnsafePointer(biases.base + width) }
    /// Outputs of U before the candidate's where the cell splits that off, or all.
    var gates: Int { cell.splitsCandidate ? width - hidden : width }
    var byteCount: Int {
        var bytes = biases.count * MemoryLayout<Float>.stride + input.byteCount
        switch recurrent {
        case .onePhase(let matrix): bytes += matrix.byteCount
        case .twoPhases(let gates, let candidate): bytes += gates.byteCount + candidate.byteCount
        }
        if let transposes {
            bytes += transposes.input.byteCount + transposes.recurrent.byteCount
            bytes += transposes.candidate?.byteCount ?? 0
        }
        return bytes
    }

    /// Takes the values of one layer out of a network's parameters. The caller owns these weights alone meanwhile.
    func load(_ values: UnsafePointer<Float>, _ place: ParameterLayout.Layer, kernels: KernelSet) {
        let w = values + place.inputWeights.lowerBound
        let u = values + place.recurrentWeights.lowerBound
        let candidateBlock = u + gates * hidden
        kernels.pack(w, into: input)
        switch recurrent {
        case .onePhase(let matrix): kernels.pack(u, bias: values + place.recurrentBias.lowerBound, into: matrix)
        case .twoPhases(let gates, let candidate):
            kernels.pack(u, into: gates)
            kernels.pack(candidateBlock, into: candidate)
        }
        if let transposes {
            kernels.packTransposed(w, into: transposes.input)
            kernels.packTransposed(u, into: transposes.recurrent)
            if let candidate = transposes.candidate { kernels.packTransposed(candidateBlock, into: candidate) }
        }
        biases.base.update(from: values + place.inputBias.lowerBound, count: width)
        (biases.base + width).update(from: values + place.recurrentBias.lowerBound, count: width)
    }
}
