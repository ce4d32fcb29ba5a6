import Kernels
import NamedFields

/// A kind of layer: the fields by which it is asked for, what it places in a network's parameters and states, and what
/// it makes of them. A new kind is a file with a type like this, and its line in `LayerKind`.
///
/// It knows one direction of one layer. That a layer reads its sequences from both ends, adds what it reads to what it
/// gives, or drops a part of it is the business of the network.
protocol LayerDefinition: HasFields, Hashable, Sendable {
    /// Its name in the interface.
    static var kind: String { get }

    /// Numbers of a row that it gives.
    var outputs: Int { get }

    /// Whether a row that it reads is one whole number, the index of a symbol among as many as it has inputs.
    var readsIndices: Bool { get }

    /// Where in its states the last row lies that it gave, by number of the slot; nil where it keeps none.
    var lastOutput: Int? { get }

    /// Its tensors: names, shapes and how they start, in the order in which `LayerSite.tensors` has them.
    func place(_ parameters: inout ParameterLayout.Builder)

    /// What it carries from step to step, in the order in which `LayerSite.slots` has it.
    func place(_ states: inout StateLayout.Builder)

    /// Memory that it needs beside its states while it answers.
    func scratch(inputs: Int) -> LayerScratch

    func inference(_ site: LayerSite) -> any InferenceLayer

    func training(_ site: LayerSite) -> any TrainingLayer

    /// Floats that the buffers of its training take.
    func trainingFloats(inputs: Int, rows: Int, sequences: Int) -> Int

    /// What its fields have to do with each other.
    func noteConflicts(_ findings: inout FieldFindings)
}

extension LayerDefinition {
    var readsIndices: Bool { false }
    var lastOutput: Int? { nil }

    func place(_ states: inout StateLayout.Builder) {}

    func noteConflicts(_ findings: inout FieldFindings) {}
}

/// The kinds of layers there are.
public struct LayerKind: RawRepresentable, CaseIterable, Hashable, Sendable {
    static let definitions: [any LayerDefinition.Type] = [
        RecurrentDefinition.self,
        TimeDelayDefinition.self,
        DenseDefinition.self,
        EmbeddingDefinition.self,
    ]

    public let rawValue: String

    public init?(rawValue: String) {
        guard Self.definitions.contains(where: { $0.kind == rawValue }) else { return nil }
        self.rawValue = rawValue
    }

    init(_ definition: any LayerDefinition) { rawValue = type(of: definition).kind }

    public static let allCases = definitions.compactMap { LayerKind(rawValue: $0.kind) }

    /// A layer of this kind with its fields at their defaults.
    var definition: any LayerDefinition {
        for definition in Self.definitions where definition.kind == rawValue { return definition.init() }
        preconditionFailure("a kind of layer without its line: \(rawValue)")
    }
}

/// Where one direction of a layer stands: what it reads, and where its tensors and slots lie among those of the network.
struct LayerSite {
    let inputs: Int
    let tensors: [Range<Int>]
    let slots: [Range<Int>]
    let precision: Precision
    let kernels: KernelSet
}

/// Floats that a layer uses while it answers, for nothing that outlives a step or a chunk of steps.
struct LayerScratch {
    /// For each row of a chunk.
    var ofRow = 0
    /// For each sequence of a group.
    var ofSequence = 0
}

/// What a layer reads: rows that lie evenly, or each at its place.
enum LayerInput {
    case rows(Rows)
    case scattered(ScatteredRows)

    /// Where a row begins.
    func row(_ index: Int) -> UnsafePointer<Float> {
        switch self {
        case .rows(let rows): rows.base + index * rows.stride
        case .scattered(let rows): rows.base + rows.places[index]
        }
    }
}

/// Some steps of a group of sequences on their way through the layers. Rows of the steps lie step after step.
struct LayerChunk {
    /// Of all rows of the group; a step has the first of them.
    let states: StateRows
    /// Rows of each step.
    let active: Slice<UnsafeBufferPointer<Int>>
    /// Of all steps.
    let rows: Int
    /// `LayerScratch.ofRow` for each row, and `ofSequence` for each sequence.
    let ofRows: UnsafeMutablePointer<Float>
    let ofSequences: UnsafeMutablePointer<Float>
    /// Whether a step of one row goes through the weights from their ends; see `RecurrentInference`.
    let isBackwards: Bool

    var first: Int { active[active.startIndex] }
}

/// One direction of a layer that answers; read by any number of threads.
protocol InferenceLayer: AnyObject, Sendable {
    var byteCount: Int { get }

    /// Takes its values out of those of all parameters. The caller owns the layer alone meanwhile.
    func load(_ values: UnsafePointer<Float>)

    /// Runs over some steps; the states move on.
    ///
    ///     x       [rows × inputs]
    ///     target  [rows × outputs], back to back, overwritten
    func advance(_ chunk: LayerChunk, _ x: LayerInput, into target: MutableRows)
}

/// One direction of a layer in training, with the buffers of one batch. Rows are packed as in `RaggedBatch`.
protocol TrainingLayer: AnyObject {
    /// What it carries from step to step, in the order of its slots.
    var slots: [TrainingSlot] { get }

    func load(_ values: UnsafePointer<Float>)

    /// Makes its buffers anew for batches of up to so many rows and sequences.
    func makeRoom(rows: Int, sequences: Int)

    /// All steps of a batch, from the states in the slots.
    ///
    /// - Parameter startsAtZero: whether these states are zero.
    /// - Returns: [rows × outputs], until the layer runs again.
    func forward(_ batch: RaggedBatch, _ x: Rows, startsAtZero: Bool) -> Rows

    /// The mirror of the last `forward`: adds the gradients of its tensors to those of all parameters, and leaves in the
    /// slots those of the states before the first step, where those of the last states are when it begins.
    ///
    /// - Parameter above: gradient of what it gave, [rows × outputs]; nil where it is zero.
    func backward(_ batch: RaggedBatch, _ x: Rows, above: Rows?, into gradient: UnsafeMutablePointer<Float>)

    /// The gradient of what it read, after `backward`: [rows × inputs], overwritten.
    func inputGradient(_ batch: RaggedBatch, into target: MutableRows)

    /// A slot after the first `steps` steps of the sequence in a row of the batch.
    func copyState(
        _ slot: Int, _ batch: RaggedBatch, row: Int, after steps: Int, to target: UnsafeMutablePointer<Float>)
}

/// One slot of a layer in training, [sequences × width].
final class TrainingSlot {
    /// Before the first step.
    let first: Buffer
    /// The gradient on its way back through time.
    let gradient: Buffer
    let width: Int

    init(width: Int, sequences: Int) {
        self.width = width
        first = Buffer(count: sequences * width)
        gradient = Buffer(count: sequences * width)
    }
}

extension RaggedBatch {
    /// The packed row of a sequence's last step; nil where it has none.
    func lastRow(_ row: Int) -> Int? {
        let length = lengths[order[row]]
        return length > 0 ? offsets[length - 1] + row : nil
    }
}
