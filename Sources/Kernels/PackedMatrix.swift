/// A weight matrix arranged for products: groups of adjacent outputs, a few of the instruction set's vectors wide.
///
/// Made from canonical weights at load, or again after every step of training; never stored. Which of W and Wᵀ it holds
/// is the packer's choice: `outputs` and `inputs` are those of the product.
///
/// It may be read from any number of threads at once, and packed while no thread reads it.
public final class PackedMatrix: @unchecked Sendable {
    // @unchecked: the weights change only in KernelSet.pack, whose caller owns the matrix alone at that time (a model
    // packs before it is shared; a trainer packs between steps). A lock here would stand in every product.

    public let outputs: Int
    public let inputs: Int
    public let precision: Precision
    let laneCount: Int
    let weights: Buffer

    public init(outputs: Int, inputs: Int, precision: Precision = .float32, for kernels: KernelSet) {
        self.outputs = outputs
        self.inputs = inputs
        self.precision = precision
        precondition(
            precision == .float32 || inputs <= kernels.mostInputs(precision),
            "\(inputs) inputs in \(precision.rawValue): at most \(kernels.mostInputs(precision))")
        laneCount = kernels.bodies.laneCount
        weights = Buffer(
            count:
                kernels.products(precision).packedCount(
                    blocks: 1, hidden: outputs, inputs: inputs, precision: precision.code))
    }

    /// Memory of the weights.
    public var byteCount: Int { weights.count * MemoryLayout<Float>.stride }
}

/// The recurrent weights of a cell with one phase, arranged so that the gates of a unit come out of the product
/// together: U [blocks·hidden × hidden] and its bias [blocks·hidden].
///
/// Read and packed under the rules of `PackedMatrix`.
public final class RecurrentMatrix: @unchecked Sendable {
    // @unchecked: as for PackedMatrix.

    public let shape: CellShape
    let code: CellCode
    public let hidden: Int
    public let precision: Precision
    let laneCount: Int
    let weights: Buffer
    let bias: Buffer

    /// - Precondition: the cell has one phase.
    public init(_ cell: Cell, hidden: Int, precision: Precision = .float32, for kernels: KernelSet) {
        let shape = cell.shape
        precondition(!shape.hasTwoPhases, "\(cell) has products between its phases")
        self.shape = shape
        code = cell.code
        self.hidden = hidden
        self.precision = precision
        laneCount = kernels.bodies.laneCount
        weights = Buffer(
            count: kernels.products(precision).packedCount(
                blocks: shape.blocks, hidden: hidden, inputs: hidden, precision: precision.code))
        bias = Buffer(
            count: kernels.bodies.packedCount(
                blocks: shape.blocks, hidden: hidden, inputs: 1, precision: Precision.float32.code))
    }

    /// Memory of weights and bias.
    public var byteCount: Int { (weights.count + bias.count) * MemoryLayout<Float>.stride }
}
