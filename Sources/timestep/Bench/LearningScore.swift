import Formats
import Foundation

/// How well a trained model answers sequences that it has not seen, by its answers alone.
enum LearningMeasure {
    /// The share of sequences, or of steps, with the right label.
    case accuracy
    /// The share of sequences whose flags are right at every step.
    case wholeSequences
    /// The negative log-likelihood of a step in nats, added up over its flags.
    case likelihood

    /// Whether more is better.
    var isShare: Bool { if case .likelihood = self { false } else { true } }

    /// Asks for answers to all sequences and adds up how good they are.
    func score(_ data: LearningData, of model: String, _ server: Server) throws -> Double {
        var (sum, count) = (0.0, 0)
        // So that no answer takes more than some megabytes.
        for start in stride(from: 0, to: data.tests.count, by: Self.sequencesAtOnce) {
            let tests = data.tests[start..<min(start + Self.sequencesAtOnce, data.tests.count)]
            var request = JSONObject()
            request["model"] = .string(model)
            request["inputs"] = .array(tests.map(\.inputs))
            if case .label = tests.first?.answer {} else { request["return"] = "sequence" }
            let answers = try server.post("/predict", .object(request)).read("Prediction: outputs")?.array ?? []
            guard answers.count == tests.count else {
                throw CommandError(.refused, "\(answers.count) answers to \(tests.count) sequences")
            }
            for (test, answer) in zip(tests, answers) {
                let (own, steps) = try add(test.answer, answer)
                sum += own
                count += steps
            }
        }
        return sum / Double(max(count, 1))
    }

    private static let sequencesAtOnce = 32

    /// What one answer adds to the figure, and for how many it counts.
    func add(_ right: LearningData.Answer, _ answer: JSON) throws -> (sum: Double, count: Int) {
        switch right {
        case .label(let label): return (answer.read("Classification: label")?.string == label ? 1 : 0, 1)
        case .labels(let labels):
            let found = try Self.steps(answer, labels.count).map { $0.read("Classification: label")?.string }
            return (zip(found, labels).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }, labels.count)
        case .flags(let flags):
            let found = try Self.steps(answer, flags.count)
            guard case .likelihood = self else {
                let sets = found.map { Set(($0.read("Flags: flags")?.array ?? []).compactMap(\.string)) }
                return (sets == flags ? 1 : 0, 1)
            }
            let sum = zip(found, flags).reduce(0) { $0 + Self.loss($1.0, $1.1) }
            return (sum, flags.count)
        }
    }

    private static func steps(_ answer: JSON, _ count: Int) throws -> [JSON] {
        guard let steps = answer.array, steps.count == count else {
            throw CommandError(.refused, "\(answer.count ?? 0) answers to a sequence of \(count) steps")
        }
        return steps
    }

    /// −Σ log of what each flag was given. A flag that training never saw is none of the model's: it counts as given the
    /// least that any is.
    private static func loss(_ answer: JSON, _ right: Set<String>) -> Double {
        var unseen = right
        var sum = 0.0
        for (name, value) in answer.read("Flags: probabilities")?.object?.members ?? JSONObject().members {
            let probability = value.double ?? 0
            sum -= log(max(unseen.remove(name) == nil ? 1 - probability : probability, leastProbability))
        }
        return sum - Double(unseen.count) * log(leastProbability)
    }

    /// About one step of all that there are to learn from: what cannot happen is not given nothing, whoever asks.
    private static let leastProbability = 1e-5
}
