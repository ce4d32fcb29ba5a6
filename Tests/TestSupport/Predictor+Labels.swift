import Models
import Networks

extension Predictor {
    /// The probabilities of the labels of whole sequences.
    public func classify(_ sequences: RawSequences) throws(PredictionError) -> [[Float]] {
        let answers = try answers(sequences, after: .last)
        return (0..<sequences.count).map { if case .labels(let found) = answers[$0, 0] { found } else { [] } }
    }
}
