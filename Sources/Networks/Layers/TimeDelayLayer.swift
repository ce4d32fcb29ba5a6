import Kernels
import NamedFields

/// A time-delay layer: the rows of some steps, one beside the other, through a dense layer. Waibel et al. 1989.
///
///     yₜ = f(W·[xₜ₋₍ₖ₋₁₎ᵈ … xₜ₋ᵈ xₜ] + b)    k taps, d steps apart    W [width × taps × inputs], the newest tap last
///
/// Before the first step there are zeros, or what the delay line holds.
struct TimeDelayDefinition: LayerDefinition {
    static let kind = "time_delay"

    var width = 32
    var taps = 3
    var dilation = 1
    var activation = Activation.tanh

    var outputs: Int { width }
    /// Steps that it looks back.
    var lag: Int {
        let (lag, overflows) = (taps - 1).multipliedReportingOverflow(by: dilation)
        return overflows ? .max : lag
    }

    func place(_ parameters: inout ParameterLayout.Builder) {
        parameters.place("weight", [width, taps, parameters.inputs], .glorot, isInProduct: true)
        parameters.place("bias", [width], .zero)
    }

    func place(_ states: inout StateLayout.Builder) {
        let (width, overflows) = lag.multipliedReportingOverflow(by: states.inputs)
        if lag > 0 { states.place(.delay, overflows ? .max : width) }
    }

    func scratch(inputs: Int) -> LayerScratch { LayerScratch(ofRow: width + taps * inputs) }

    func inference(_ site: LayerSite) -> any InferenceLayer { TimeDelayInference(self, site) }

    func training(_ site: LayerSite) -> any TrainingLayer { TimeDelayTraining(self, site) }

    func trainingFloats(inputs: Int, rows: Int, sequences: Int) -> Int {
        rows * (3 * width + (2 * taps + 1) * inputs) + (2 * sequences + 1) * lag * inputs
    }

    func noteConflicts(_ findings: inout FieldFindings) {
        if lag > ModelLimit.delay {
            findings.at("dilation") {
                $0.add("\(taps) taps look back \(lag) steps so; at most \(ModelLimit.delay) are kept")
            }
        }
    }

    func product(_ site: LayerSite, trains: Bool) -> ActivatedProduct {
        ActivatedProduct(
            outputs: width, inputs: taps * site.inputs, activation, weights: site.tensors[0], bias: site.tensors[1],
            site, trains: trains)
    }
}

extension TimeDelayDefinition {
    mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("width", &width, .whole(1...ModelLimit.hidden), "Numbers of the layer's output.")
        visitor.field("taps", &taps, .whole(1...ModelLimit.taps), "Steps that an output is formed of.")
        visitor.field("dilation", &dilation, .whole(1...ModelLimit.delay), "Steps from tap to tap.")
        visitor.field("activation", &activation, .choice(), "The function of the output.")
    }
}

private final class TimeDelayInference: InferenceLayer {
    private let definition: TimeDelayDefinition
    private let product: ActivatedProduct
    private let inputs: Int
    private let delay: Range<Int>?

    init(_ definition: TimeDelayDefinition, _ site: LayerSite) {
        self.definition = definition
        product = definition.product(site, trains: false)
        inputs = site.inputs
        delay = site.slots.first
    }

    var byteCount: Int { product.byteCount }

    func load(_ values: UnsafePointer<Float>) { product.load(values) }

    func advance(_ chunk: LayerChunk, _ x: LayerInput, into target: MutableRows) {
        let windows = MutableRows(chunk.ofRows, count: target.count, width: product.inputs)
        let before = MutableRows(windows.base + windows.count * windows.width, count: target.count, width: target.width)
        withUnsafeTemporaryAllocation(of: Int.self, capacity: chunk.active.count) { offsets in
            var end = 0
            for (step, count) in chunk.active.enumerated() {
                offsets.initializeElement(at: step, to: end)
                end += count
            }
            let read = Reading(x: x, delay: delay.map(chunk.states.rows), offsets: offsets, layer: self)
            var window = windows.base
            for (step, count) in chunk.active.enumerated() {
                for row in 0..<count {
                    for tap in (0..<definition.taps).reversed() {
                        window.update(from: read.row(row, step - tap * definition.dilation), count: inputs)
                        window += inputs
                    }
                }
            }
            product.forward(.rows(windows.rows), before: before, into: target)
            for row in 0..<chunk.first { read.move(row, steps: chunk.active.reduce(0) { $0 + ($1 > row ? 1 : 0) }) }
        }
    }

    /// What the steps of a chunk read, and what the delay line holds of the steps before them.
    private struct Reading {
        let x: LayerInput
        let delay: MutableRows?
        /// Where each step begins among the rows.
        let offsets: UnsafeMutableBufferPointer<Int>
        let layer: TimeDelayInference

        /// What a sequence read at a step, counted from the first of the chunk.
        func row(_ row: Int, _ step: Int) -> UnsafePointer<Float> {
            if step < 0, let delay {
                return UnsafePointer(line(delay, row) + (layer.definition.lag + step) * layer.inputs)
            }
            return x.row(offsets[step] + row)
        }

        /// The line moves on by the steps that a sequence had.
        func move(_ row: Int, steps: Int) {
            guard let delay else { return }
            let (lag, inputs) = (layer.definition.lag, layer.inputs)
            let line = line(delay, row)
            let stays = max(lag - steps, 0)
            line.update(from: line + (lag - stays) * inputs, count: stays * inputs)
            for place in stays..<lag {
                (line + place * inputs).update(from: x.row(offsets[steps - lag + place] + row), count: inputs)
            }
        }

        private func line(_ delay: MutableRows, _ row: Int) -> UnsafeMutablePointer<Float> {
            delay.base + row * delay.width
        }
    }
}

private final class TimeDelayTraining: TrainingLayer {
    private let definition: TimeDelayDefinition
    private let product: ActivatedProduct
    private let site: LayerSite
    private(set) var slots: [TrainingSlot] = []
    /// [rows × taps·inputs]: what every step reads, and its gradient.
    private var windows = Buffer(count: 0)
    private var dWindows = Buffer(count: 0)
    /// [rows × inputs]
    private var dInput = Buffer(count: 0)
    /// One sequence's line.
    private var dLine = Buffer(count: 0)
    /// [rows × width]: the sums and then their gradient, what was given, and the gradient from above.
    private var sums = Buffer(count: 0)
    private var y = Buffer(count: 0)
    private var above = Buffer(count: 0)

    init(_ definition: TimeDelayDefinition, _ site: LayerSite) {
        self.definition = definition
        self.site = site
        product = definition.product(site, trains: true)
    }

    func load(_ values: UnsafePointer<Float>) { product.load(values) }

    func makeRoom(rows: Int, sequences: Int) {
        windows = Buffer(count: rows * product.inputs)
        dWindows = Buffer(count: rows * product.inputs)
        dInput = Buffer(count: rows * site.inputs)
        dLine = Buffer(count: definition.lag * site.inputs)
        sums = Buffer(count: rows * product.outputs)
        y = Buffer(count: rows * product.outputs)
        above = Buffer(count: rows * product.outputs)
        slots = site.slots.map { TrainingSlot(width: $0.count, sequences: sequences) }
    }

    func forward(_ batch: RaggedBatch, _ x: Rows, startsAtZero: Bool) -> Rows {
        let inputs = site.inputs
        eachTap(batch) { row, step, packed, place, back in
            let target = windows.base + packed * product.inputs + place * inputs
            if step >= back {
                let source = x.base + (batch.offsets[step - back] + row) * x.stride
                target.update(from: source, count: inputs)
            } else {
                target.update(from: slots[0].first.base + line(row, step - back), count: inputs)
            }
        }
        let target = y.rows(count: batch.rows, width: product.outputs)
        let rows = windows.rows(count: batch.rows, width: product.inputs).rows
        product.forward(.rows(rows), before: gradient(batch), into: target)
        return target.rows
    }

    func backward(_ batch: RaggedBatch, _ x: Rows, above rows: Rows?, into gradient: UnsafeMutablePointer<Float>) {
        let own = above.rows(count: batch.rows, width: product.outputs)
        if let rows { own.copy(rows) } else { own.clear() }
        product.backward(
            own, y: y.rows(count: batch.rows, width: product.outputs).rows, into: self.gradient(batch))
        product.formGradients(
            self.gradient(batch).rows, windows.rows(count: batch.rows, width: product.inputs).rows, into: gradient)
        formInputGradient(batch)
    }

    func inputGradient(_ batch: RaggedBatch, into target: MutableRows) {
        target.copy(dInput.rows(count: batch.rows, width: site.inputs).rows)
    }

    /// Every row has what the last line passes on to it, and then the gradients of the windows that it stands in, in the
    /// order of those. What reaches beyond the first step is the gradient of the first line.
    private func formInputGradient(_ batch: RaggedBatch) {
        let inputs = site.inputs
        let all = dWindows.rows(count: batch.rows, width: product.inputs)
        product.inputGradient(gradient(batch).rows, into: all)
        dInput.rows(count: batch.rows, width: inputs).clear()
        for row in 0..<(slots.isEmpty ? 0 : batch.count) {
            let line = slots[0].gradient.base + row * slots[0].width
            dLine.base.update(from: line, count: slots[0].width)
            line.update(repeating: 0, count: slots[0].width)
            let length = batch.lengths[batch.order[row]]
            for place in 0..<definition.lag {
                add(dLine.base + place * inputs, to: batch, row, step: length - definition.lag + place)
            }
        }
        eachTap(batch) { row, step, packed, place, back in
            add(all.base + packed * product.inputs + place * inputs, to: batch, row, step: step - back)
        }
    }

    private func add(_ source: UnsafePointer<Float>, to batch: RaggedBatch, _ row: Int, step: Int) {
        let inputs = site.inputs
        let sum =
            step >= 0
            ? dInput.base + (batch.offsets[step] + row) * inputs : slots[0].gradient.base + line(row, step)
        for index in 0..<inputs { sum[index] += source[index] }
    }

    func copyState(
        _ slot: Int, _ batch: RaggedBatch, row: Int, after steps: Int, to target: UnsafeMutablePointer<Float>
    ) {
        let inputs = site.inputs
        for place in 0..<definition.lag {
            let step = steps - definition.lag + place
            if step < 0 {
                (target + place * inputs).update(from: slots[0].first.base + line(row, step), count: inputs)
            } else {
                // The newest tap of a step's window is what the step read.
                let packed = batch.offsets[step] + row
                let source = windows.base + packed * product.inputs + (definition.taps - 1) * inputs
                (target + place * inputs).update(from: source, count: inputs)
            }
        }
    }

    /// Where the line before the first step has the row of a step below 0.
    private func line(_ row: Int, _ step: Int) -> Int { row * slots[0].width + (definition.lag + step) * site.inputs }

    private func eachTap(_ batch: RaggedBatch, _ body: (Int, Int, Int, Int, Int) -> Void) {
        for step in 0..<batch.steps {
            for row in 0..<batch.active[step] {
                for tap in 0..<definition.taps {
                    body(
                        row, step, batch.offsets[step] + row, tap, (definition.taps - 1 - tap) * definition.dilation)
                }
            }
        }
    }

    private func gradient(_ batch: RaggedBatch) -> MutableRows {
        sums.rows(count: batch.rows, width: product.outputs)
    }
}
