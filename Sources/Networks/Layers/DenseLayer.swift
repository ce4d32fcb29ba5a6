import Kernels
import NamedFields

/// A dense layer: y = f(W·x + b) at every step.
///
///     W [width × inputs]    b [width]
struct DenseDefinition: LayerDefinition {
    static let kind = "dense"

    var width = 32
    var activation = Activation.tanh

    var outputs: Int { width }

    func place(_ parameters: inout ParameterLayout.Builder) {
        parameters.place("weight", [width, parameters.inputs], .glorot, isInProduct: true)
        parameters.place("bias", [width], .zero)
    }

    func scratch(inputs: Int) -> LayerScratch { LayerScratch(ofRow: width) }

    func inference(_ site: LayerSite) -> any InferenceLayer { DenseInference(self, site) }

    func training(_ site: LayerSite) -> any TrainingLayer { DenseTraining(self, site) }

    func trainingFloats(inputs: Int, rows: Int, sequences: Int) -> Int { rows * 3 * width }

    func product(_ site: LayerSite, trains: Bool) -> ActivatedProduct {
        ActivatedProduct(
            outputs: width, inputs: site.inputs, activation, weights: site.tensors[0], bias: site.tensors[1], site,
            trains: trains)
    }
}

extension DenseDefinition {
    mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("width", &width, .whole(1...ModelLimit.hidden), "Numbers of the layer's output.")
        visitor.field("activation", &activation, .choice(), "The function of the output.")
    }
}

private final class DenseInference: InferenceLayer {
    private let product: ActivatedProduct

    init(_ definition: DenseDefinition, _ site: LayerSite) { product = definition.product(site, trains: false) }

    var byteCount: Int { product.byteCount }

    func load(_ values: UnsafePointer<Float>) { product.load(values) }

    func advance(_ chunk: LayerChunk, _ x: LayerInput, into target: MutableRows) {
        let before = MutableRows(chunk.ofRows, count: target.count, width: target.width)
        product.forward(x, before: before, into: target)
    }
}

private final class DenseTraining: TrainingLayer {
    private let product: ActivatedProduct
    /// [rows × width]: W·x + b and then its gradient, what was given, and the gradient from above.
    private var sums = Buffer(count: 0)
    private var y = Buffer(count: 0)
    private var above = Buffer(count: 0)

    init(_ definition: DenseDefinition, _ site: LayerSite) { product = definition.product(site, trains: true) }

    var slots: [TrainingSlot] { [] }

    func load(_ values: UnsafePointer<Float>) { product.load(values) }

    func makeRoom(rows: Int, sequences: Int) {
        sums = Buffer(count: rows * product.outputs)
        y = Buffer(count: rows * product.outputs)
        above = Buffer(count: rows * product.outputs)
    }

    func forward(_ batch: RaggedBatch, _ x: Rows, startsAtZero: Bool) -> Rows {
        let target = y.rows(count: batch.rows, width: product.outputs)
        product.forward(.rows(x), before: gradient(batch), into: target)
        return target.rows
    }

    func backward(_ batch: RaggedBatch, _ x: Rows, above rows: Rows?, into gradient: UnsafeMutablePointer<Float>) {
        let own = above.rows(count: batch.rows, width: product.outputs)
        if let rows { own.copy(rows) } else { own.clear() }
        product.backward(
            own, y: y.rows(count: batch.rows, width: product.outputs).rows, into: self.gradient(batch))
        product.formGradients(self.gradient(batch).rows, x, into: gradient)
    }

    func inputGradient(_ batch: RaggedBatch, into target: MutableRows) {
        product.inputGradient(gradient(batch).rows, into: target)
    }

    func copyState(
        _ slot: Int, _ batch: RaggedBatch, row: Int, after steps: Int, to target: UnsafeMutablePointer<Float>
    ) {}

    private func gradient(_ batch: RaggedBatch) -> MutableRows {
        sums.rows(count: batch.rows, width: product.outputs)
    }
}
