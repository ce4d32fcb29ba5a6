import Kernels

/// The weights of a recurrent layer's cell, arranged for products: made from the canonical parameters at load, or again
/// after every step of training.
///
///     W [blocks·hidden × inputs]    U [blocks·hidden × fed]    biases [blocks·hidden] each
///
/// A cell with two phases (GRU, reset before) has U in two parts: the early blocks, which take h, and the late ones, which
/// take the masked state.
final class CellWeights: Sendable {
    let cell: Cell
    let shape: CellShape
    /// Of each peephole the gate's block in p, and whether it sees c as it was before the step.
    let peepholeGates: [(block: Int, seesPrevious: Bool)]
    let hidden: Int
    let inputs: Int
    /// The width of what U takes: the state, or what a projection makes of it.
    let fed: Int
    let precision: Precision
    let input: PackedMatrix
    let recurrent: Recurrent
    /// Wᵀ, Uᵀ of the early blocks and of the late ones, for backward.
    let transposes: (input: PackedMatrix, recurrent: PackedMatrix, late: PackedMatrix?)?
    /// U, as the steps of the cell take it.
    enum Recurrent {
        /// With its bias, for a step in one go.
        case onePhase(RecurrentMatrix)
        /// The early blocks, and the late ones by themselves.
        case twoPhases(early: PackedMatrix, late: PackedMatrix)
        /// By itself, since it takes no state of the cell.
        case projected(PackedMatrix)
    }

    /// Input biases, recurrent biases, then peepholes.
    private let biases: Buffer

    init(_ definition: RecurrentDefinition, _ site: LayerSite, trains: Bool) {
        let (precision, kernels) = (site.precision, site.kernels)
        cell = definition.cell
        shape = cell.shape
        peepholeGates = cell.peepholes
        hidden = definition.hidden
        inputs = site.inputs
        fed = definition.outputs
        self.precision = precision
        func matrix(outputs: Int, inputs: Int) -> PackedMatrix {
            PackedMatrix(outputs: outputs, inputs: inputs, precision: precision, for: kernels)
        }
        let width = shape.blocks * hidden
        let (early, late) = (shape.earlyBlocks * hidden, shape.lateBlocks * hidden)
        input = matrix(outputs: width, inputs: inputs)
        if definition.projection != nil {
            recurrent = .projected(matrix(outputs: width, inputs: fed))
        } else if shape.hasTwoPhases {
            recurrent = .twoPhases(
                early: matrix(outputs: early, inputs: hidden), late: matrix(outputs: late, inputs: hidden))
        } else {
            recurrent = .onePhase(RecurrentMatrix(cell, hidden: hidden, precision: precision, for: kernels))
        }
        transposes =
            trains
            ? (
                matrix(outputs: inputs, inputs: width),
                matrix(outputs: fed, inputs: early),
                late > 0 ? matrix(outputs: fed, inputs: late) : nil
            ) : nil
        biases = Buffer(count: 2 * width + shape.peepholes * hidden)
    }

    /// Blocks times hidden: the width of p and q.
    var width: Int { shape.blocks * hidden }
    var inputBias: UnsafePointer<Float> { UnsafePointer(biases.base) }
    var recurrentBias: UnsafePointer<Float> { UnsafePointer(biases.base + width) }
    /// [peepholes × hidden], where the cell has some.
    var peepholes: UnsafePointer<Float>? { shape.peepholes > 0 ? UnsafePointer(biases.base + 2 * width) : nil }
    /// Outputs of U before those of the late blocks.
    var earlyWidth: Int { shape.earlyBlocks * hidden }
    var byteCount: Int {
        var bytes = biases.count * MemoryLayout<Float>.stride + input.byteCount
        switch recurrent {
        case .onePhase(let matrix): bytes += matrix.byteCount
        case .twoPhases(let early, let late): bytes += early.byteCount + late.byteCount
        case .projected(let matrix): bytes += matrix.byteCount
        }
        if let transposes {
            bytes += transposes.input.byteCount + transposes.recurrent.byteCount
            bytes += transposes.late?.byteCount ?? 0
        }
        return bytes
    }

    /// Takes the values of the cell out of a network's parameters: tensors in the order in which
    /// `RecurrentDefinition` places them. The caller owns these weights alone meanwhile.
    func load(_ values: UnsafePointer<Float>, _ tensors: [Range<Int>], kernels: KernelSet) {
        let w = values + tensors[0].lowerBound
        let u = values + tensors[1].lowerBound
        let (inputBias, recurrentBias) = (values + tensors[2].lowerBound, values + tensors[3].lowerBound)
        let lateBlocks = u + earlyWidth * fed
        kernels.pack(w, into: input)
        switch recurrent {
        case .onePhase(let matrix): kernels.pack(u, bias: recurrentBias, into: matrix)
        case .twoPhases(let early, let late):
            kernels.pack(u, into: early)
            kernels.pack(lateBlocks, into: late)
        case .projected(let matrix): kernels.pack(u, into: matrix)
        }
        if let transposes {
            kernels.packTransposed(w, into: transposes.input)
            kernels.packTransposed(u, into: transposes.recurrent)
            if let late = transposes.late { kernels.packTransposed(lateBlocks, into: late) }
        }
        biases.base.update(from: inputBias, count: width)
        (biases.base + width).update(from: recurrentBias, count: width)
        if shape.peepholes > 0 {
            (biases.base + 2 * width).update(from: values + tensors[4].lowerBound, count: tensors[4].count)
        }
    }
}
