import Networks

/// Why a model gives no answer to rows it was shown.
public struct PredictionError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// A history or sequence is shorter than the lookback and the lags of differencing together.
        case tooFewRows(have: Int, need: Int)
        /// A forecast over several rows needs the features of those rows, and got too few.
        case tooFewFutureRows(have: Int, need: Int)
        /// Rows of another width.
        case width(have: Int, need: Int)
        /// Not one future a history.
        case futures(have: Int, need: Int)
        /// A value the transforms cannot take; its row counts within the sequence.
        case transform(TransformError)
        /// The same of a future row; its column counts among the features.
        case futureTransform(TransformError)
        /// A classifier was asked for a forecast, or the other way round.
        case otherTask
        /// A state of another network.
        case state
        /// Nobody waits for the answer any more.
        case cancelled
    }

    public var reason: Reason
    /// The sequence to blame, by its place in the request.
    public var input: Int

    public init(_ reason: Reason, input: Int = 0) {
        self.reason = reason
        self.input = input
    }

    public var description: String {
        switch reason {
        case .tooFewRows(let have, let need): "input \(input) has \(have) rows; the model needs at least \(need)"
        case .tooFewFutureRows(let have, let need):
            "input \(input) has \(have) future rows of the features; this horizon needs \(need)"
        case .width(let have, let need): "a row has \(have) numbers; the model reads \(need)"
        case .futures(let have, let need): "\(have) sequences of future rows for \(need) inputs"
        case .transform(let error): "input \(input), \(error)"
        case .futureTransform(let error): "future rows of input \(input), \(error)"
        case .otherTask: "the model was trained for another task"
        case .cancelled: "nobody waits for the answer any more"
        case .state: "the state is not one of this model"
        }
    }
}
