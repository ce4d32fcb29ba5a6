import Formats
import Models
import NamedFields
import Networks
import Resources
import Store
import Training

/// Answers without a memory: a batch of histories or sequences in, forecasts or labels out.
///
/// The lengths in a batch may differ freely. What one input is answered does not depend on what stands beside it, to
/// the bit; and it is what a live session answers that takes the same rows.
extension Service {
    /// Everything about the request is checked before the first answer is computed.
    public func predict(_ request: PredictRequest) throws -> Prediction {
        try predict(prepare(request))
    }

    /// Checks everything about a request, and says what it costs; computes nothing.
    public func prepare(
        _ request: PredictRequest, within allowance: Allowance = .unlimited
    ) throws -> PreparedPrediction {
        try requireRunning()
        let loaded = try models.model(request.model, precision: request.precision, memory: allowance.memory)
        let inputs = try checked(request, loaded)
        let wish = PredictionWish(
            inputs: inputs, horizon: request.horizon, future: request.future,
            returning: request.returning ?? loaded.returning, manner: request.manner)
        let work = work(loaded, wish)
        guard work.steps <= configuration.maximumPredictionSteps else {
            throw ServiceError(
                .tooLarge,
                "\(work.steps) steps in one request; at most \(configuration.maximumPredictionSteps) are allowed; send "
                    + "several smaller ones")
        }
        try limit(operationsOf: work.steps, loaded)
        return PreparedPrediction(loaded: loaded, wish: wish, work: work)
    }

    /// - Parameter answerBytes: what the answer takes beside the numbers, for so many rows.
    public func predict(
        _ prepared: PreparedPrediction, within allowance: Allowance = .unlimited,
        answerBytes: (ServedModel, Int) -> Int = { _, _ in 0 }
    ) throws -> Prediction {
        let (loaded, wish) = (prepared.loaded, prepared.wish)
        try allowance.memory.take(
            loaded.predictor.bytes(for: prepared.work), for: "the work on \(prepared.work.steps) steps")
        try allowance.memory.take(
            answerBytes(loaded.served, prepared.work.answers), for: "the answer of \(prepared.work.answers) rows")
        var prediction = Prediction(
            model: loaded.served, answers: try answers(loaded, wish, allowance.cancellation), returning: wish.returning,
            manner: wish.manner)
        if wish.inputs == nil {
            prediction.index = loaded.predictor.labels(count: prediction.answers.streams[0].rows)
        }
        return prediction
    }

    private func work(_ loaded: LoadedModel, _ wish: PredictionWish) -> PredictionWork {
        let rows = wish.inputs?.rowCount ?? loaded.predictor.historyRows
        let count = wish.inputs?.count ?? 1
        let longest = wish.inputs?.lengths.max()
        guard wish.returning == .last else {
            return PredictionWork(sequences: count, rows: rows, steps: rows, answers: rows, longest: longest)
        }
        guard case .forecast(let forecast) = loaded.model.task else {
            return PredictionWork(sequences: count, rows: rows, steps: rows, answers: count, longest: longest)
        }
        // Counts of sequences are those of a body, a horizon has its limit: their product is far from the end of Int.
        let horizon = wish.horizon ?? forecast.horizon
        return PredictionWork(
            sequences: count, rows: count * loaded.predictor.historyRows + (wish.future?.rowCount ?? 0),
            steps: count * (forecast.lookback + horizon), answers: count * horizon)
    }

    private func answers(
        _ loaded: LoadedModel, _ wish: PredictionWish, _ cancellation: Cancellation
    ) throws -> Answers {
        if wish.returning == .last, case .forecast(let forecast) = loaded.model.task {
            return try forecasts(loaded, forecast, wish, cancellation)
        }
        // One answer for every row of every sequence is what a session gives that takes them from the zero state.
        guard let inputs = wish.inputs else { preconditionFailure("checked before") }
        return try blaming(loaded) {
            try loaded.predictor.answers(
                inputs, after: wish.returning == .last ? .last : .everyStep, cancellation: cancellation)
        }
    }

    private func forecasts(
        _ loaded: LoadedModel, _ forecast: ForecastModel, _ wish: PredictionWish, _ cancellation: Cancellation
    ) throws -> Answers {
        guard let histories = wish.inputs ?? loaded.predictor.tail else {
            preconditionFailure("a forecaster has the end of its training series")
        }
        let horizon = wish.horizon ?? forecast.horizon
        let found = try blaming(loaded) {
            try loaded.predictor.forecast(
                from: histories, horizon: horizon, future: wish.future, cancellation: cancellation)
        }
        return Answers(
            .numbers(Array(found.joined())), width: forecast.targets.count, each: horizon, of: found.count)
    }

    /// Refuses what would keep a core for longer than a request may.
    func limit(operationsOf steps: Int, _ loaded: LoadedModel) throws {
        let most = configuration.maximumPredictionOperations
        guard loaded.predictor.operations(steps: steps) <= most else {
            throw ServiceError(
                .tooLarge,
                "\(steps) steps of \(loaded.served.name) are more than the \(most) multiply-adds that one request may "
                    + "take; it may ask for \(loaded.predictor.steps(operations: most)) steps at once")
        }
    }

    /// Whether so many steps take longer than a live session should wait for a thread.
    func isLong(_ steps: Int, _ loaded: LoadedModel) -> Bool {
        loaded.predictor.operations(steps: steps) > Self.longOperations
    }

    /// Multiply-adds of a tenth of a second of one core that is slow and has nothing in its cache.
    private static let longOperations = 200_000_000

    /// Gives the errors of the model their place in the request.
    func blaming<Result>(
        _ loaded: LoadedModel, rowsAt path: (Int) -> [Violation.PathComponent] = { ["inputs", .index($0)] },
        futureAt: (Int) -> [Violation.PathComponent] = { ["future", .index($0)] }, firstRow: Int = 0,
        _ body: () throws -> Result
    ) throws -> Result {
        do {
            return try body()
        } catch let error as PredictionError {
            if error.reason == .cancelled { throw CancelledWork() }
            throw ServiceError.invalid([error.violation(loaded, rowsAt: path, futureAt: futureAt, firstRow: firstRow)])
        }
    }
}

/// A prediction that may begin: its model is there, its request is sound, its cost is known.
public struct PreparedPrediction: Sendable {
    let loaded: LoadedModel
    let wish: PredictionWish
    public let work: PredictionWork

    public var manner: AnswerManner { wish.manner }
}

/// What is asked of a model, in its own terms.
struct PredictionWish {
    /// Nil continues a forecast from the end of the training series.
    var inputs: SequenceBatch?
    var horizon: Int?
    var future: SequenceBatch?
    var returning: PredictRequest.Returning
    var manner: AnswerManner
}

extension LoadedModel {
    /// What it answers with unless it is asked otherwise.
    var returning: PredictRequest.Returning {
        if case .label = model.task { .sequence } else { .last }
    }
}

extension GivenSequences {
    /// How many sequences.
    var count: Int {
        switch self {
        case .numbers(let batch): batch.count
        case .tokens(let sequences): sequences.count
        }
    }
}

extension Service {
    /// Whether it takes longer than others should wait behind it.
    public func isLong(_ prepared: PreparedPrediction) -> Bool { isLong(prepared.work.steps, prepared.loaded) }
}

extension PredictionError {
    fileprivate func violation(
        _ loaded: LoadedModel, rowsAt path: (Int) -> [Violation.PathComponent],
        futureAt: (Int) -> [Violation.PathComponent], firstRow: Int
    ) -> Violation {
        switch reason {
        case .tooFewRows, .width, .otherTask, .state, .cancelled:
            return Violation(path: path(input), detail: description)
        case .tooFewFutureRows(let have, let need):
            return Violation(
                "future",
                detail: "\(have) rows; \(loaded.served.name) reads the features "
                    + "\(loaded.model.featureNames.joined(separator: ", ")), and this horizon needs their values in the "
                    + "next \(need) rows, one sequence for each input")
        case .futures(let have, let need):
            return Violation("future", detail: "\(have) sequences for \(need) inputs; expected one for each")
        case .futureTransform(let error):
            return Violation(
                path: futureAt(input) + (error.row.map { [.index($0), .index(error.column)] } ?? []),
                detail: "\(loaded.model.featureNames[error.column]): \(error.reason.sentence)")
        case .transform(let error):
            let name = loaded.model.inputNames[error.column]
            guard let row = error.row else {
                return Violation(path: path(input), detail: "\(name): \(error.reason.sentence)")
            }
            return Violation(
                path: path(input) + [.index(firstRow + row), .index(error.column)],
                detail: "\(name): \(error.reason.sentence)")
        }
    }
}

extension Violations {
    /// The first ones in full, the rest counted.
    init(bounded all: [Violation]) {
        self.init(
            Array(all.prefix(ViolationCollector.told)), omitted: max(0, all.count - ViolationCollector.told))
    }
}

extension TransformError.Reason {
    /// The trouble without its place.
    var sentence: String {
        switch self {
        case .notPositive(let value): "\(value) has no logarithm; the transform log needs values above 0"
        case .notFinite(let value): "\(value) is not a finite number"
        case .tooFewRows(let have, let need): "differencing needs more than \(need) rows, there are \(have)"
        case .overflow: "the value is too large"
        case .outOfRange(let value): "\(value) lies too far from the values the model was trained on"
        }
    }
}
