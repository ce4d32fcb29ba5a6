import Formats
import Networks
import Resources
import Service

/// Writes the answers of single steps and remembers where, and why, one of them is null.
struct OutputWriter {
    /// Labels of a classifier, in the order of its probabilities.
    let names: [String]
    private(set) var warnings: [(pointer: String, detail: String)] = []
    private var omitted = 0

    /// A network that overflowed answers with a million nulls; the first hundred tell the story.
    static let told = 100

    init(_ model: ServedModel) { names = model.outputNames }

    /// `pointer` is the place of the answer in the document, asked for only where there is something to tell.
    mutating func write(_ output: StepOutput, to writer: inout JSONWriter, at pointer: @autoclosure () -> String) {
        switch output {
        case .forecast(let values, _):
            writer.doubles(values)
            for (column, value) in values.enumerated() where !value.isFinite {
                warn(pointer() + "/\(column)", "the network answered with \(Self.word(value)), which JSON cannot tell")
            }
        case .classification(let probabilities, let best): write(probabilities, best, to: &writer, at: pointer())
        case .pending(let reason):
            writer.null()
            warn(pointer(), reason)
        }
    }

    mutating func writeWarnings(to writer: inout JSONWriter) {
        if warnings.isEmpty { return }
        writer.key("warnings")
        writer.array { writer in
            for warning in warnings {
                writer.object { writer in
                    writer.member("detail", warning.detail)
                    writer.member("pointer", warning.pointer)
                }
            }
            if omitted > 0 {
                writer.object { writer in
                    writer.member("detail", "and \(omitted) more")
                    writer.member("pointer", "#")
                }
            }
        }
        warnings = []
        omitted = 0
    }

    private mutating func write(
        _ probabilities: [Float], _ best: [Int], to writer: inout JSONWriter, at pointer: @autoclosure () -> String
    ) {
        if probabilities.contains(where: { !$0.isFinite }) {
            warn(
                pointer() + "/probabilities", "the network answered with numbers that are none, which JSON cannot tell")
        }
        writer.object { writer in
            writer.member("label", best.first.map { names[$0] } ?? "")
            writer.key("probabilities")
            writer.object { writer in
                for (name, probability) in zip(names, probabilities) {
                    writer.key(name)
                    writer.float(probability)
                }
            }
            writer.key("top")
            writer.array { writer in
                for position in best {
                    writer.object { writer in
                        writer.member("label", names[position])
                        writer.key("probability")
                        writer.float(probabilities[position])
                    }
                }
            }
        }
    }

    private mutating func warn(_ pointer: String, _ detail: String) {
        if warnings.count < Self.told { warnings.append((pointer, detail)) } else { omitted += 1 }
    }

    private static func word(_ value: Double) -> String { value.isNaN ? "NaN" : value < 0 ? "-infinity" : "infinity" }
}

extension StepOutput {
    /// The label of the row, where the time column goes on.
    var index: String? { if case .forecast(_, let index) = self { index } else { nil } }
}

extension JSONWriter {
    mutating func served(_ model: ServedModel) {
        object { writer in
            writer.member("name", model.name)
            writer.member("version", model.version)
        }
    }

    /// The whole answer of `POST /predict`. A classifier that was asked for one answer a sequence gives it bare.
    mutating func prediction(
        _ prediction: Prediction, returning: PredictRequest.Returning, _ cancellation: Cancellation = .never
    ) throws {
        var outputs = OutputWriter(prediction.model)
        let isBare = prediction.model.kind == .classify && returning == .last
        try object { writer in
            writer.member("object", "prediction")
            writer.key("model")
            writer.served(prediction.model)
            writer.member("precision", prediction.model.precision.rawValue)
            writer.key("outputs")
            try writer.array { writer in
                for (input, steps) in prediction.steps.enumerated() {
                    try cancellation.check()
                    if isBare, steps == 1 {
                        outputs.write(prediction[input, 0], to: &writer, at: "#/outputs/\(input)")
                        continue
                    }
                    if writer.rows(of: input, in: prediction) { continue }
                    writer.array { writer in
                        for step in 0..<steps {
                            outputs.write(prediction[input, step], to: &writer, at: "#/outputs/\(input)/\(step)")
                        }
                    }
                }
            }
            if prediction.model.kind == .forecast {
                writer.member("targets", prediction.model.outputNames)
                if let index = prediction.index {
                    writer.key("index")
                    writer.array { writer in writer.array { writer in for label in index { writer.string(label) } } }
                }
            }
            outputs.writeWarnings(to: &writer)
        }
    }

    /// The forecasts of one input as rows of numbers, where that is all there is to say: most of a large answer.
    private mutating func rows(of input: Int, in prediction: Prediction) -> Bool {
        let answers = prediction.answers
        guard case .forecasts(let values) = answers.numbers, answers.streams[input].pending == 0 else { return false }
        return values.withUnsafeBufferPointer { values in
            let own = UnsafeBufferPointer(rebasing: values[answers.range(of: input)])
            guard own.allSatisfy(\.isFinite) else { return false }
            rows(own, width: answers.width)
            return true
        }
    }

    /// One slot of the state of every layer; null for a layer that has none.
    mutating func layers(_ name: StateLayout.Name, of state: [Float], _ layout: StateLayout) {
        state.withUnsafeBufferPointer { state in
            array { writer in
                for layer in 0..<layout.layers {
                    if let range = layout.range(name, layer: layer) {
                        writer.floats(UnsafeBufferPointer(rebasing: state[range]))
                    } else {
                        writer.null()
                    }
                }
            }
        }
    }
}
