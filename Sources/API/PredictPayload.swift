import Formats
import Kernels
import Service
import Store
import Training

/// The body of `POST /predict`.
extension PredictRequest {
    static let fields = ["model", "inputs", "horizon", "future", "return", "top_k", "threshold", "precision"]
    static var plan: JSONPlan { JSONPlan(numbers: ["inputs": 3, "future": 3], texts: ["inputs"]) }

    init?(reading body: JSONReader) {
        guard body.fields(Self.fields) else { return nil }
        let model = body.required("model")?.modelReference()
        let inputs = body.optional("inputs")?.givenSequences()
        let horizon = body.optional("horizon")?.int(in: 1...TrainingSpec.Limit.horizon)
        let future = body.optional("future")?.sequenceBatch()
        let returning = body.optional("return")?.choice(Returning.self)
        let manner = body.manner()
        let precision = body.precision()
        guard let model else { return nil }
        self.init(
            model: model, inputs: inputs, horizon: horizon, future: future, returning: returning, manner: manner,
            precision: precision)
    }
}

extension JSONReader {
    func modelReference() -> ModelReference? {
        guard let text = string() else { return nil }
        do { return try ModelReference(parsing: text) } catch {
            fail(error.description)
            return nil
        }
    }

    /// Sequences of tokens or of rows of numbers.
    func givenSequences() -> GivenSequences? {
        guard value.holdsTexts, let elements = elements() else { return sequenceBatch().map { .numbers($0) } }
        let sequences = elements.map { element -> GivenTokens? in
            guard let text = element.value.string else { return element.symbols().map { .symbols($0) } }
            if text.isEmpty { element.fail("expected a text to be cut into tokens, found an empty one") }
            return .text(text)
        }
        return sequences.contains { $0 == nil } ? nil : .tokens(sequences.compactMap { $0 })
    }

    /// The rows of one sequence, or its tokens.
    func givenRows() -> GivenSequences? {
        guard value.holdsTexts else { return rowBatch().map { .numbers($0) } }
        return symbols().map { .tokens([.symbols($0)]) }
    }

    private func symbols() -> [String]? {
        guard let elements = elements() else { return nil }
        if elements.isEmpty { fail("a sequence needs one token at least, this one is empty") }
        let symbols = elements.map { element -> String? in
            guard let symbol = element.string() else { return nil }
            if symbol.isEmpty { element.fail("expected a token, found an empty text") }
            return symbol
        }
        return symbols.contains { $0 == nil } ? nil : symbols.compactMap { $0 }
    }

    /// How answers are told: `top_k` and `threshold`.
    func manner() -> AnswerManner {
        let topK = optional("top_k")?.topK()
        var threshold: Float?
        if let reader = optional("threshold"), let number = reader.double() {
            if number >= 0, number < 1 {
                threshold = Float(number)
            } else {
                reader.fail("expected a probability of at least 0 and below 1, found \(number)")
            }
        }
        return AnswerManner(topK: topK, threshold: threshold)
    }

    /// Sequences of rows of one width, one at least, of one row at least each.
    func sequenceBatch() -> SequenceBatch? {
        guard value.count != 0 else {
            fail("expected at least one sequence, found an empty list")
            return nil
        }
        guard let array = sequences(), let width = array.rowWidth else { return nil }
        return SequenceBatch(values: array.values, lengths: array.sequenceLengths.all, features: width)
    }

    /// The rows of one sequence, one at least.
    func rowBatch() -> SequenceBatch? {
        guard value.count != 0 else {
            fail("expected at least one row, found an empty list")
            return nil
        }
        guard let array = rows(), let width = array.rowWidth else { return nil }
        return SequenceBatch(values: array.values, lengths: [array.rowWidths.count], features: width)
    }

    func topK() -> Int? { int(in: 1...Int(Int32.max)) }

    /// The member `precision`: every model offers all of them.
    func precision() -> Precision? { optional("precision")?.choice() }
}

extension JSON {
    /// Whether it is an array with a text in it, or in one of its arrays, and no number: tokens, though some may be wrong.
    fileprivate var holdsTexts: Bool {
        guard case .array(let elements) = self else { return false }
        let leaves = elements.lazy.flatMap { element in
            if case .array(let inner) = element { inner } else { [element] }
        }
        var hasText = false
        for leaf in leaves {
            switch leaf {
            case .string: hasText = true
            case .number: return false
            case .numbers(let numbers): if !numbers.values.isEmpty { return false }
            default: break
            }
        }
        return hasText
    }
}
