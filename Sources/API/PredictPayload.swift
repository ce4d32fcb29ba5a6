import Formats
import Kernels
import Service
import Store
import Training

/// The body of `POST /predict`.
extension PredictRequest {
    static let fields = ["model", "inputs", "horizon", "future", "return", "top_k", "precision"]
    static var plan: JSONPlan { JSONPlan(numbers: ["inputs": 3, "future": 3]) }

    init?(reading body: JSONReader) {
        guard body.fields(Self.fields) else { return nil }
        let model = body.required("model")?.modelReference()
        let inputs = body.optional("inputs")?.sequenceBatch()
        let horizon = body.optional("horizon")?.int(in: 1...TrainingSpec.Limit.horizon)
        let future = body.optional("future")?.sequenceBatch()
        let returning = body.optional("return")?.choice(Returning.self) ?? .last
        let topK = body.optional("top_k")?.topK()
        let precision = body.precision()
        guard let model else { return nil }
        self.init(
            model: model, inputs: inputs, horizon: horizon, future: future, returning: returning, topK: topK,
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
