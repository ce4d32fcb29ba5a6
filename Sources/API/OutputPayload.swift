import Formats
import Models
import Networks
import Resources
import Service

/// Writes single answers, whatever kind of things they are, and remembers where, and why, one of them is null.
struct OutputWriter {
    /// Targets, labels or flags, in the order of the numbers of an answer.
    let names: [String]
    private let manner: AnswerManner
    private(set) var warnings: [(pointer: String, detail: String)] = []
    private var omitted = 0

    /// A network that overflowed answers with a million nulls; the first hundred tell the story.
    static let told = 100

    init(_ model: ServedModel, _ manner: AnswerManner = AnswerManner()) {
        names = model.outputNames
        self.manner = manner
    }

    /// `pointer` is the place of the answer in the document, asked for only where there is something to tell.
    mutating func write(_ answer: Answer, to writer: inout JSONWriter, at pointer: @autoclosure () -> String) {
        switch answer {
        case .numbers(let values):
            writer.doubles(values)
            for (column, value) in values.enumerated() where !value.isFinite {
                warn(pointer() + "/\(column)", "the network answered with \(Self.word(value)), which JSON cannot tell")
            }
        case .labels(let probabilities): write(labels: probabilities, to: &writer, at: pointer())
        case .flags(let probabilities): write(flags: probabilities, to: &writer, at: pointer())
        case .pending(let have, let need):
            writer.null()
            warn(pointer(), "differencing needs \(need) rows before the first answer; \(have) were seen so far")
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
        labels probabilities: [Float], to writer: inout JSONWriter, at pointer: @autoclosure () -> String
    ) {
        warn(notFinite: probabilities, at: pointer())
        let best = probabilities.greatest(manner.topK ?? 1)
        writer.object { writer in
            writer.member("label", best.first.map { names[$0] } ?? "")
            write(probabilities, to: &writer)
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

    private mutating func write(
        flags probabilities: [Float], to writer: inout JSONWriter, at pointer: @autoclosure () -> String
    ) {
        warn(notFinite: probabilities, at: pointer())
        let threshold = manner.threshold ?? AnswerManner.standardThreshold
        writer.object { writer in
            writer.key("flags")
            writer.array { writer in
                for (name, probability) in zip(names, probabilities) where probability > threshold {
                    writer.string(name)
                }
            }
            write(probabilities, to: &writer)
        }
    }

    private func write(_ probabilities: [Float], to writer: inout JSONWriter) {
        writer.key("probabilities")
        writer.object { writer in
            for (name, probability) in zip(names, probabilities) {
                writer.key(name)
                writer.float(probability)
            }
        }
    }

    private mutating func warn(notFinite probabilities: [Float], at pointer: @autoclosure () -> String) {
        guard probabilities.contains(where: { !$0.isFinite }) else { return }
        warn(pointer() + "/probabilities", "the network answered with numbers that are none, which JSON cannot tell")
    }

    private mutating func warn(_ pointer: String, _ detail: String) {
        if warnings.count < Self.told { warnings.append((pointer, detail)) } else { omitted += 1 }
    }

    private static func word(_ value: Double) -> String { value.isNaN ? "NaN" : value < 0 ? "-infinity" : "infinity" }
}

extension JSONWriter {
    mutating func served(_ model: ServedModel) {
        object { writer in
            writer.member("name", model.name)
            writer.member("version", model.version)
        }
    }

    /// The whole answer of `POST /predict`. Labels and flags of which one answer a sequence was asked stand bare.
    mutating func prediction(_ prediction: Prediction, _ cancellation: Cancellation = .never) throws {
        var outputs = OutputWriter(prediction.model, prediction.manner)
        let isBare = prediction.model.answers != .numbers && prediction.returning == .last
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
        guard case .numbers(let values) = answers.values, answers.streams[input].pending == 0 else { return false }
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
