import Kernels
import NamedFields

/// An embedding: the row of a table that belongs to a symbol.
///
///     table [symbols × width]
///
/// Row 0 is that of the unknown symbol. It starts at zero, so a symbol that was never learnt adds nothing.
struct EmbeddingDefinition: LayerDefinition {
    static let kind = "embedding"

    var width = 32

    var outputs: Int { width }
    var readsIndices: Bool { true }

    func place(_ parameters: inout ParameterLayout.Builder) {
        parameters.place("weight", [parameters.inputs, width], .normal)
    }

    func scratch(inputs: Int) -> LayerScratch { LayerScratch() }

    func inference(_ site: LayerSite) -> any InferenceLayer { EmbeddingInference(self, site) }

    func training(_ site: LayerSite) -> any TrainingLayer { EmbeddingTraining(self, site) }

    func trainingFloats(inputs: Int, rows: Int, sequences: Int) -> Int { inputs * width + rows * width }
}

extension EmbeddingDefinition {
    mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("width", &width, .whole(1...ModelLimit.hidden), "Numbers of a symbol's row.")
    }
}

/// The table of an embedding.
private final class EmbeddingTable: Sendable {
    let symbols: Int
    let width: Int
    private let place: Range<Int>
    private let numbers: Buffer

    init(_ definition: EmbeddingDefinition, _ site: LayerSite) {
        symbols = site.inputs
        width = definition.width
        place = site.tensors[0]
        numbers = Buffer(count: place.count)
    }

    var byteCount: Int { numbers.count * MemoryLayout<Float>.stride }

    func load(_ values: UnsafePointer<Float>) {
        numbers.base.update(from: values + place.lowerBound, count: place.count)
    }

    /// Where the row of a symbol begins in the table. A number that is none of them is the unknown symbol's.
    func start(_ symbol: Float) -> Int {
        symbol >= 0 && symbol < Float(symbols) ? Int(symbol) * width : 0
    }

    func copy(_ symbol: Float, to target: UnsafeMutablePointer<Float>) {
        target.update(from: numbers.base + start(symbol), count: width)
    }

    /// Where the row of a symbol begins among all parameters.
    func parameter(_ symbol: Float) -> Int { place.lowerBound + start(symbol) }
}

private final class EmbeddingInference: InferenceLayer {
    private let table: EmbeddingTable

    init(_ definition: EmbeddingDefinition, _ site: LayerSite) { table = EmbeddingTable(definition, site) }

    var byteCount: Int { table.byteCount }

    func load(_ values: UnsafePointer<Float>) { table.load(values) }

    func advance(_ chunk: LayerChunk, _ x: LayerInput, into target: MutableRows) {
        for row in 0..<target.count { table.copy(x.row(row).pointee, to: target.base + row * target.stride) }
    }
}

private final class EmbeddingTraining: TrainingLayer {
    private let table: EmbeddingTable
    private let kernels: KernelSet
    /// [rows × width]
    private var y = Buffer(count: 0)

    init(_ definition: EmbeddingDefinition, _ site: LayerSite) {
        table = EmbeddingTable(definition, site)
        kernels = site.kernels
    }

    var slots: [TrainingSlot] { [] }

    func load(_ values: UnsafePointer<Float>) { table.load(values) }

    func makeRoom(rows: Int, sequences: Int) { y = Buffer(count: rows * table.width) }

    func forward(_ batch: RaggedBatch, _ x: Rows, startsAtZero: Bool) -> Rows {
        let target = y.rows(count: batch.rows, width: table.width)
        for row in 0..<batch.rows { table.copy(x.base[row * x.stride], to: target.base + row * target.width) }
        return target.rows
    }

    /// Rows of a symbol's gradient are added in the order of the packed rows.
    func backward(_ batch: RaggedBatch, _ x: Rows, above: Rows?, into gradient: UnsafeMutablePointer<Float>) {
        guard let above else { return }
        for row in 0..<batch.rows {
            let target = gradient + table.parameter(x.base[row * x.stride])
            kernels.add(
                above.rows(row..<row + 1), to: MutableRows(target, count: 1, width: table.width))
        }
    }

    /// An index has no gradient.
    func inputGradient(_ batch: RaggedBatch, into target: MutableRows) { target.clear() }

    func copyState(
        _ slot: Int, _ batch: RaggedBatch, row: Int, after steps: Int, to target: UnsafeMutablePointer<Float>
    ) {}
}
