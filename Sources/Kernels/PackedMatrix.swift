/// A weight matrix arranged for products: panels of adjacent outputs, as wide as the instruction set's vectors.
///
/// Made from canonical weights at load, or again after every step of training; never stored. Which of W and Wᵀ it holds
/// is the packer's choice: `outputs` and `inputs` are those of the product.
///
/// It may be read from any number of threads at once, and packed while no thread reads it.
public final class PackedMatrix: @unchecked Sendable {
    // @unchecked: the panels change only in KernelSet.pack, whose caller owns the matrix alone at that time (a model
    // packs before it is shared; a trainer packs between steps). A lock here would stand in every product.

    public let outputs: Int
    public let inputs: Int
    let laneCount: Int
    let panels: Buffer

    public init(outputs: Int, inputs: Int, for kernels: KernelSet) {
        self.outputs = outputs
        self.inputs = inputs
        laneCount = kernels.bodies.laneCount
        panels = Buffer(count: (outputs + laneCount - 1) / laneCount * laneCount * inputs)
    }

    /// Memory of the panels.
    public var byteCount: Int { panels.count * MemoryLayout<Float>.stride }
}
