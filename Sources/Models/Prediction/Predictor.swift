import Kernels
import Networks
import Resources

/// A model ready to answer in raw units: transforms, network and what undoes them, for batches and for live streams.
///
/// A forecast from a history is what a live stream would say that was shown the history's last rows: both run the same
/// steps, and give the same bits.
public final class Predictor: Sendable {
    public let model: Model
    public let network: InferenceNetwork
    /// Bytes of the workspace of one step of one stream.
    let workspaceOfStep: Int

    public init(_ model: Model, precision: Precision = .float32, kernels: KernelSet) {
        self.model = model
        network = InferenceNetwork(model.network, model.parameters, precision: precision, kernels: kernels)
        workspaceOfStep = network.workspaceBytes(sequences: 1, steps: 1, longest: 1)
    }

    /// A stream before its first row.
    public var zeroState: ModelState { ModelState(network: network.zeroState) }

    /// Raw rows a history needs: lookback, and what differencing takes before it. 1 more than the lags for labels.
    public var historyRows: Int {
        if case .forecast(let forecast) = model.task { forecast.lookback + model.lag } else { model.lag + 1 }
    }

    /// The end of the training series, as a history.
    public var tail: RawSequences? {
        guard case .forecast(let forecast) = model.task else { return nil }
        let rows = forecast.tail.rows.suffix(historyRows)
        return RawSequences(values: rows.flatMap { $0 }, lengths: [rows.count], width: model.rowWidth)
    }

    /// Labels of the rows that follow the training series, where its time column has a rule and can be counted on so far.
    public func labels(count: Int) -> [String]? {
        guard case .forecast(let forecast) = model.task, let time = forecast.tail.time else { return nil }
        let labels = (0..<count).compactMap { time.label(after: $0 + 1) }
        return labels.count == count ? labels : nil
    }

    // MARK: - Whole sequences

    /// Forecasts from histories, `horizon` rows ahead each.
    ///
    /// - Parameters:
    ///   - histories: raw rows [targets…, features…]; of each, the last `historyRows` are read.
    ///   - future: rows of the features alone for the rows forecast; `horizon` − 1 at least, where there are features.
    /// - Returns: for each history `horizon` rows of targets, row after row.
    public func forecast(
        from histories: RawSequences, horizon: Int, future: RawSequences? = nil, cancellation: Cancellation? = nil
    ) throws(PredictionError) -> [[Double]] {
        guard case .forecast(let forecast) = model.task else { throw PredictionError(.otherTask) }
        guard histories.width == model.rowWidth else {
            throw PredictionError(.width(have: histories.width, need: model.rowWidth))
        }
        let future = try futureRows(future, count: histories.count, horizon: horizon)
        var states: [ModelState] = []
        var inputs: [Float] = []
        for (input, range) in histories.ranges.enumerated() {
            guard histories.lengths[input] >= historyRows else {
                throw PredictionError(.tooFewRows(have: histories.lengths[input], need: historyRows), input: input)
            }
            try check(cancellation)
            let skipped = histories.lengths[input] - historyRows
            let window = Array(histories.values[range].dropFirst(skipped * histories.width))
            inputs += try transformed(window, input: input, skipped: skipped)
            states.append(ModelState(network: network.zeroState, lags: lastRows(of: window)))
        }
        var streams = states.map(\.network)
        let outputs = network.run(
            inputs, lengths: [Int](repeating: forecast.lookback, count: states.count), states: &streams,
            cancellation: cancellation)
        try check(cancellation)
        for index in states.indices { states[index].network = streams[index] }
        return try lookAhead(
            &states, firstOutputs: outputs, horizon: horizon, future: future, cancellation: cancellation)
    }

    /// What the model says of whole sequences of raw rows: after the last row of each alone, or after every row.
    public func answers(
        _ sequences: RawSequences, after place: InferenceNetwork.Answer = .everyStep, cancellation: Cancellation? = nil
    ) throws(PredictionError) -> Answers {
        if place == .last, model.answerKind == .numbers { throw PredictionError(.otherTask) }
        guard sequences.width == model.rowWidth else {
            throw PredictionError(.width(have: sequences.width, need: model.rowWidth))
        }
        var inputs: [Float] = []
        inputs.reserveCapacity(sequences.values.count)
        var passages: [InputTransforms.Passage] = []
        for (input, range) in sequences.ranges.enumerated() {
            guard place == .everyStep || sequences.lengths[input] >= historyRows else {
                throw PredictionError(.tooFewRows(have: sequences.lengths[input], need: historyRows), input: input)
            }
            try check(cancellation)
            passages.append(
                try blaming(input, 0) { () throws(TransformError) in
                    try model.inputs.pass(sequences.values[range], after: [], appendingTo: &inputs)
                })
        }
        let outputs = run(inputs, lengths: passages.map(\.reaching), answer: place, cancellation)
        try check(cancellation)
        guard place == .everyStep else {
            return Answers(values(outputs, []), width: model.network.outputs, each: 1, of: sequences.count)
        }
        return answers(outputs, passages, gathered: [Int](repeating: 0, count: sequences.count))
    }

    // MARK: - Inside

    /// Feeds forecasts back row by row. What the head said goes in as it is; raw units are only for the lags and the
    /// answer.
    func lookAhead(
        _ states: inout [ModelState], firstOutputs: [Float], horizon: Int, future: [[Float]],
        cancellation: Cancellation?
    ) throws(PredictionError) -> [[Double]] {
        let (targets, inputs) = (model.network.outputs, model.network.inputs)
        var streams = states.map(\.network)
        var outputs = firstOutputs
        var results = [[Double]](repeating: [], count: states.count)
        for input in results.indices { results[input].reserveCapacity(horizon * targets) }
        for step in 0..<horizon {
            try check(cancellation)
            var rows: [Float] = []
            for input in states.indices {
                let output = outputs[input * targets..<(input + 1) * targets]
                let lags = states[input].lags
                let (values, told) = try blaming(input, step) { () throws(TransformError) in
                    try model.inputs.inverse(output, after: lags)
                }
                model.inputs.advance(&states[input].lags, with: values)
                results[input] += told
                rows += output
                if inputs > targets, step + 1 < horizon {
                    rows += future[input][step * (inputs - targets)..<(step + 1) * (inputs - targets)]
                }
            }
            if step + 1 < horizon { outputs = network.step(&streams, rows) }
        }
        return results
    }

    /// Future rows of the features, transformed, for each input.
    func futureRows(
        _ future: RawSequences?, count: Int, horizon: Int
    ) throws(PredictionError) -> [[Float]] {
        let targets = model.network.outputs
        let columns = Array(model.inputs.columns[targets...])
        guard !columns.isEmpty else { return [[Float]](repeating: [], count: count) }
        guard let future else {
            guard horizon > 1 else { return [[Float]](repeating: [], count: count) }
            throw PredictionError(.tooFewFutureRows(have: 0, need: horizon - 1))
        }
        guard future.width == columns.count else {
            throw PredictionError(.width(have: future.width, need: columns.count))
        }
        guard future.count == count else { throw PredictionError(.futures(have: future.count, need: count)) }
        let transforms = InputTransforms(columns: columns, laggedColumns: 0)
        var result: [[Float]] = []
        for (input, range) in future.ranges.enumerated() {
            guard future.lengths[input] >= horizon - 1 else {
                throw PredictionError(
                    .tooFewFutureRows(have: future.lengths[input], need: horizon - 1), input: input)
            }
            do { result.append(try transforms.forward(Array(future.values[range]))) } catch {
                throw PredictionError(.futureTransform(error), input: input)
            }
        }
        return result
    }

    func check(_ cancellation: Cancellation?) throws(PredictionError) {
        if let cancellation, cancellation.isCancelled { throw PredictionError(.cancelled) }
    }

    private func transformed(_ window: [Double], input: Int, skipped: Int) throws(PredictionError) -> [Float] {
        try blaming(input, skipped) { () throws(TransformError) in try model.inputs.forward(window) }
    }

    /// Names the sequence, and the row within it, in an error of the transforms.
    func blaming<Result>(
        _ input: Int, _ row: Int, _ work: () throws(TransformError) -> Result
    ) throws(PredictionError) -> Result {
        do { return try work() } catch {
            let place = TransformError(error.reason, column: error.column, row: row + (error.row ?? 0))
            throw PredictionError(.transform(place), input: input)
        }
    }

    private func lastRows(of rows: [Double]) -> [[Double]] {
        let width = model.rowWidth
        let count = width == 0 ? 0 : rows.count / width
        return (max(count - model.lag, 0)..<count).map { row in
            Array(rows[row * width..<row * width + model.inputs.laggedColumns])
        }
    }
}
