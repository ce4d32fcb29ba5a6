import Formats
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
        try check(request, loaded)
        let work = work(loaded, request)
        guard work.steps <= configuration.maximumPredictionSteps else {
            throw ServiceError(
                .tooLarge,
                "\(work.steps) steps in one request; at most \(configuration.maximumPredictionSteps) are allowed; send "
                    + "several smaller ones")
        }
        try limit(operationsOf: work.steps, loaded)
        return PreparedPrediction(loaded: loaded, request: request, work: work)
    }

    /// - Parameter answerBytes: what the answer takes beside the numbers, for so many rows.
    public func predict(
        _ prepared: PreparedPrediction, within allowance: Allowance = .unlimited,
        answerBytes: (ServedModel, Int) -> Int = { _, _ in 0 }
    ) throws -> Prediction {
        let (loaded, request) = (prepared.loaded, prepared.request)
        try allowance.memory.take(
            loaded.predictor.bytes(for: prepared.work), for: "the work on \(prepared.work.steps) steps")
        try allowance.memory.take(
            answerBytes(loaded.served, prepared.work.answers), for: "the answer of \(prepared.work.answers) rows")
        var prediction = Prediction(
            model: loaded.served, answers: try answers(loaded, request, allowance.cancellation), topK: request.topK)
        if request.inputs == nil {
            prediction.index = loaded.predictor.labels(count: prediction.answers.streams[0].rows)
        }
        return prediction
    }

    private func work(_ loaded: LoadedModel, _ request: PredictRequest) -> PredictionWork {
        let rows = request.inputs?.rowCount ?? loaded.predictor.historyRows
        guard request.returning == .last else {
            return PredictionWork(sequences: request.inputs?.count ?? 1, rows: rows, steps: rows, answers: rows)
        }
        let count = request.inputs?.count ?? 1
        guard case .forecast(let forecast) = loaded.model.task else {
            return PredictionWork(sequences: count, rows: rows, steps: rows, answers: count)
        }
        // Counts of sequences are those of a body, a horizon has its limit: their product is far from the end of Int.
        let horizon = request.horizon ?? forecast.horizon
        return PredictionWork(
            sequences: count, rows: count * loaded.predictor.historyRows + (request.future?.rowCount ?? 0),
            steps: count * (forecast.lookback + horizon), answers: count * horizon)
    }

    private func answers(
        _ loaded: LoadedModel, _ request: PredictRequest, _ cancellation: Cancellation
    ) throws -> RowAnswers {
        switch (request.returning, loaded.model.task) {
        case (.last, .forecast(let forecast)): return try forecasts(loaded, forecast, request, cancellation)
        case (.last, .classify):
            guard let inputs = request.inputs else { preconditionFailure("checked before") }
            let found = try blaming(loaded) { try loaded.predictor.classify(inputs, cancellation: cancellation) }
            return RowAnswers(
                streams: found.indices.map { RowAnswers.Stream(rows: 1, first: $0) },
                numbers: .probabilities(Array(found.joined())), width: loaded.model.network.outputs)
        case (.sequence, _):
            // One answer for every row of every sequence: what a session gives that takes them from the zero state.
            guard let inputs = request.inputs else { preconditionFailure("checked before") }
            return try blaming(loaded) { try loaded.predictor.answers(inputs, cancellation: cancellation) }
        }
    }

    private func forecasts(
        _ loaded: LoadedModel, _ forecast: ForecastModel, _ request: PredictRequest, _ cancellation: Cancellation
    ) throws -> RowAnswers {
        guard let histories = request.inputs ?? loaded.predictor.tail else {
            preconditionFailure("a forecaster has the end of its training series")
        }
        let horizon = request.horizon ?? forecast.horizon
        let found = try blaming(loaded) {
            try loaded.predictor.forecast(
                from: histories, horizon: horizon, future: request.future, cancellation: cancellation)
        }
        return RowAnswers(
            streams: found.indices.map { RowAnswers.Stream(rows: horizon, first: $0 * horizon) },
            numbers: .forecasts(Array(found.joined())), width: forecast.targets.count)
    }

    // MARK: - Checks

    private func check(_ request: PredictRequest, _ loaded: LoadedModel) throws {
        var findings: [Violation] = []
        let name = loaded.served.name
        switch loaded.model.task {
        case .forecast:
            check(horizon: request.horizon, &findings)
            if request.returning == .sequence {
                for (field, isGiven) in [("future", request.future != nil), ("horizon", request.horizon != nil)]
                where isGiven {
                    findings.append(
                        Violation(
                            .key(field),
                            detail: "return \"sequence\" answers one step ahead of every row; leave out \(field)"))
                }
            } else {
                check(future: request.future, count: request.inputs?.count ?? 1, loaded, &findings)
            }
        case .classify:
            for (field, isGiven) in [("future", request.future != nil), ("horizon", request.horizon != nil)]
            where isGiven {
                findings.append(Violation(.key(field), detail: "\(name) classifies; \(field) is for forecasts"))
            }
        }
        if request.inputs == nil, loaded.served.kind == .classify || request.returning == .sequence {
            findings.append(
                Violation("inputs", detail: "missing; give a batch of sequences, each a list of rows of numbers"))
        }
        if let inputs = request.inputs {
            if inputs.count == 0 {
                findings.append(Violation("inputs", detail: "empty; expected at least one sequence"))
            }
            let need = request.returning == .sequence ? 1 : loaded.predictor.historyRows
            for (index, length) in inputs.lengths.enumerated() where length < need {
                findings.append(
                    Violation(
                        "inputs", .index(index),
                        detail: "\(length) rows; \(name) needs at least \(need)"
                            + (loaded.model.lag > 0 && need > 1
                                ? ", of which differencing uses up \(loaded.model.lag)" : "")))
            }
            check(width: inputs, loaded, "inputs", &findings)
        }
        check(topK: request.topK, loaded, &findings)
        guard findings.isEmpty else { throw ServiceError.invalid(Violations(bounded: findings)) }
    }

    func check(horizon: Int?, _ findings: inout [Violation]) {
        if let horizon, !(1...TrainingSpec.Limit.horizon).contains(horizon) {
            findings.append(
                Violation("horizon", detail: "\(horizon) is outside the range from 1 to \(TrainingSpec.Limit.horizon)"))
        }
    }

    /// One sequence for each input, as wide as the features, where the model has any. How many rows there must be is for
    /// the horizon to say.
    func check(future: SequenceBatch?, count: Int, _ loaded: LoadedModel, _ findings: inout [Violation]) {
        guard let future else { return }
        let (name, features) = (loaded.served.name, loaded.model.featureNames)
        guard !features.isEmpty else {
            findings.append(
                Violation("future", detail: "\(name) reads no features, so it needs no future ones; leave it out"))
            return
        }
        if future.width != features.count {
            findings.append(
                Violation(
                    "future",
                    detail: "rows of \(future.width) numbers; \(name) reads \(features.count) features: "
                        + features.joined(separator: ", ")))
        }
        if future.count != count {
            findings.append(
                Violation("future", detail: "\(future.count) sequences for \(count) inputs; expected one for each"))
        }
    }

    func check(topK: Int?, _ loaded: LoadedModel, _ findings: inout [Violation]) {
        guard let topK else { return }
        switch loaded.model.task {
        case .forecast:
            findings.append(
                Violation("top_k", detail: "\(loaded.served.name) forecasts numbers; top_k is for classes"))
        case .classify(let classify):
            guard !(1...classify.labels.count).contains(topK) else { return }
            findings.append(
                Violation(
                    "top_k", detail: "\(topK) is outside the range from 1 to \(classify.labels.count), the labels"))
        }
    }

    /// Rows as wide as the model reads.
    func check(
        width rows: RawSequences, _ loaded: LoadedModel, _ path: Violation.PathComponent,
        _ findings: inout [Violation]
    ) {
        guard rows.width != loaded.model.network.inputs,
            !rows.values.isEmpty || rows.lengths.contains(where: { $0 > 0 })
        else { return }
        let names = loaded.model.inputNames
        findings.append(
            Violation(
                path,
                detail: "rows of \(rows.width) numbers; \(loaded.served.name) reads \(names.count): "
                    + names.joined(separator: ", ")))
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
    public let request: PredictRequest
    public let work: PredictionWork
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

extension StepOutput {
    init(_ answer: RowAnswer, topK: Int?, index: String? = nil) {
        switch answer {
        case .pending(let have, let need):
            self = .pending(
                reason: "differencing needs \(need) rows before the first answer; \(have) were seen so far")
        case .forecast(let values): self = .forecast(values: values, index: index)
        case .classification(let probabilities): self = .classification(probabilities, topK: topK)
        }
    }

    /// The labels' positions by falling probability, equal ones in the order of the labels; the first alone unless more
    /// are asked for.
    static func classification(_ probabilities: [Float], topK: Int?) -> StepOutput {
        let order = probabilities.indices.sorted { left, right in
            let (p, q) = (probabilities[left], probabilities[right])
            return p == q ? left < right : p > q
        }
        return .classification(probabilities: probabilities, best: Array(order.prefix(topK ?? 1)))
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
