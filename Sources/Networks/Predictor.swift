import Kernels
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
        workspaceOfStep = network.workspaceBytes(sequences: 1, steps: 1)
    }

    /// A stream before its first row.
    public var zeroState: LiveState { LiveState(network: network.zeroState) }

    /// Raw rows a history needs: lookback, and what differencing takes before it. 1 more than the lags for a classifier.
    public var historyRows: Int {
        if case .forecast(let forecast) = model.task { forecast.lookback + model.lag } else { model.lag + 1 }
    }

    /// The end of the training series, as a history.
    public var tail: RawSequences? {
        guard case .forecast(let forecast) = model.task else { return nil }
        let rows = forecast.tail.rows.suffix(historyRows)
        return RawSequences(values: rows.flatMap { $0 }, lengths: [rows.count], width: model.network.inputs)
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
        guard histories.width == model.network.inputs else {
            throw PredictionError(.width(have: histories.width, need: model.network.inputs))
        }
        let future = try futureRows(future, count: histories.count, horizon: horizon)
        var states: [LiveState] = []
        var inputs: [Float] = []
        for (input, range) in histories.ranges.enumerated() {
            guard histories.lengths[input] >= historyRows else {
                throw PredictionError(.tooFewRows(have: histories.lengths[input], need: historyRows), input: input)
            }
            try check(cancellation)
            let skipped = histories.lengths[input] - historyRows
            let window = Array(histories.values[range].dropFirst(skipped * histories.width))
            inputs += try transformed(window, input: input, skipped: skipped)
            states.append(LiveState(network: network.zeroState, lags: lastRows(of: window)))
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

    /// A probability for each label, for whole sequences of raw rows.
    public func classify(
        _ sequences: RawSequences, cancellation: Cancellation? = nil
    ) throws(PredictionError) -> [[Float]] {
        guard case .classify = model.task else { throw PredictionError(.otherTask) }
        guard sequences.width == model.network.inputs else {
            throw PredictionError(.width(have: sequences.width, need: model.network.inputs))
        }
        var inputs: [Float] = []
        for (input, range) in sequences.ranges.enumerated() {
            guard sequences.lengths[input] >= historyRows else {
                throw PredictionError(.tooFewRows(have: sequences.lengths[input], need: historyRows), input: input)
            }
            inputs += try transformed(Array(sequences.values[range]), input: input, skipped: 0)
        }
        let outputs = network.run(
            inputs, lengths: sequences.lengths.map { $0 - model.lag }, cancellation: cancellation)
        try check(cancellation)
        return probabilities(outputs)
    }

    /// What a stream would say after each row of each sequence, from the zero state.
    public func answers(
        _ sequences: RawSequences, cancellation: Cancellation? = nil
    ) throws(PredictionError) -> RowAnswers {
        var states = [LiveState](repeating: zeroState, count: sequences.count)
        return try advance(&states, sequences, cancellation: cancellation)
    }

    // MARK: - Streams

    /// Moves streams on by one or many raw rows each; all of them, or none where one cannot take a row.
    ///
    /// - Returns: for each stream the answer after each of its rows.
    public func advance(
        _ states: inout [LiveState], _ rows: RawSequences, cancellation: Cancellation? = nil
    ) throws(PredictionError) -> RowAnswers {
        guard rows.width == model.network.inputs else {
            throw PredictionError(.width(have: rows.width, need: model.network.inputs))
        }
        precondition(states.count == rows.count, "one sequence a stream")
        var inputs: [Float] = []
        inputs.reserveCapacity(rows.values.count)
        var passages: [InputTransforms.Passage] = []
        var last: [[[Double]]] = []
        for (input, range) in rows.ranges.enumerated() {
            guard states[input].network.fits(network.stateLayout), states[input].lags.count <= model.lag else {
                throw PredictionError(.state, input: input)
            }
            try check(cancellation)
            var lags = states[input].lags
            passages.append(
                try blaming(input, 0) { () throws(TransformError) in
                    try model.inputs.pass(rows.values[range], after: lags, appendingTo: &inputs)
                })
            for row in max(rows.lengths[input] - model.lag, 0)..<rows.lengths[input] {
                let start = range.lowerBound + row * rows.width
                model.inputs.advance(&lags, with: Array(rows.values[start..<start + rows.width]))
            }
            last.append(lags)
        }
        var streams = states.map(\.network)
        let outputs = network.run(
            inputs, lengths: passages.map(\.reaching), states: &streams, answer: .everyStep,
            cancellation: cancellation)
        try check(cancellation)
        var answered = 0
        let places = states.indices.map { input in
            defer { answered += passages[input].reaching }
            return RowAnswers.Stream(
                rows: rows.lengths[input], pending: rows.lengths[input] - passages[input].reaching,
                gathered: states[input].lags.count, first: answered)
        }
        let answers = RowAnswers(
            streams: places, numbers: numbers(outputs, passages), width: model.network.outputs, lag: model.lag)
        for input in states.indices { states[input] = LiveState(network: streams[input], lags: last[input]) }
        return answers
    }

    /// Moves one stream on by one raw row: the bits of `advance`, without its arrays. Where it throws, nothing has moved.
    public func step(
        _ state: inout LiveState, _ row: UnsafeBufferPointer<Double>
    ) throws(PredictionError) -> RowAnswer {
        let (inputs, outputs) = (model.network.inputs, model.network.outputs)
        guard row.count == inputs else { throw PredictionError(.width(have: row.count, need: inputs)) }
        guard state.network.fits(network.stateLayout), state.lags.count <= model.lag else {
            throw PredictionError(.state, input: 0)
        }
        let result = withUnsafeTemporaryAllocation(of: Float.self, capacity: inputs + outputs) {
            buffer -> Result<RowAnswer, PredictionError> in
            guard let base = buffer.baseAddress else { return .failure(PredictionError(.otherTask)) }
            buffer.initialize(repeating: 0)
            do throws(PredictionError) { return .success(try step(&state, row, base, base + inputs)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func step(
        _ state: inout LiveState, _ row: UnsafeBufferPointer<Double>, _ inputs: UnsafeMutablePointer<Float>,
        _ outputs: UnsafeMutablePointer<Float>
    ) throws(PredictionError) -> RowAnswer {
        let lags = state.lags.count
        let reaches: Bool
        do { reaches = try model.inputs.pass(row, after: state.lags, into: inputs) } catch {
            throw PredictionError(.transform(error), input: 0)
        }
        guard reaches else {
            model.inputs.advance(&state.lags, with: row)
            return .pending(have: lags + 1, need: model.lag)
        }
        network.step(&state.network, inputs, outputs)
        defer { model.inputs.advance(&state.lags, with: row) }
        let said = UnsafeBufferPointer(start: outputs, count: model.network.outputs)
        guard case .forecast = model.task else {
            let rows = Rows(outputs, count: 1, width: said.count)
            network.kernels.softmax(rows, into: MutableRows(outputs, count: 1, width: said.count))
            return .classification(Array(said))
        }
        return .forecast(model.inputs.inverse(said, after: row, state.lags))
    }

    /// What the head said after the rows that reached the network, in raw units or as probabilities.
    private func numbers(_ outputs: [Float], _ passages: [InputTransforms.Passage]) -> RowAnswers.Numbers {
        guard case .forecast = model.task else { return .probabilities(softmax(outputs)) }
        let width = model.network.outputs
        var values: [Double] = []
        values.reserveCapacity(outputs.count)
        var start = 0
        for passage in passages {
            let end = start + passage.reaching * width
            model.inputs.inverse(outputs[start..<end], of: passage, appendingTo: &values)
            start = end
        }
        return .forecasts(values)
    }

    /// Forecasts from streams as they stand, which do not move.
    ///
    /// - Parameter future: as for `forecast(from:horizon:future:)`.
    public func lookAhead(
        _ states: [LiveState], horizon: Int, future: RawSequences? = nil, cancellation: Cancellation? = nil
    ) throws(PredictionError) -> [[Double]] {
        guard case .forecast = model.task else { throw PredictionError(.otherTask) }
        for (input, state) in states.enumerated() {
            guard state.network.fits(network.stateLayout) else { throw PredictionError(.state, input: input) }
            guard state.lags.count >= model.lag, state.network.steps > 0 else {
                throw PredictionError(.tooFewRows(have: state.lags.count, need: model.lag + 1), input: input)
            }
        }
        let future = try futureRows(future, count: states.count, horizon: horizon)
        var copies = states
        let outputs = network.output(of: states.map(\.network))
        return try lookAhead(
            &copies, firstOutputs: outputs, horizon: horizon, future: future, cancellation: cancellation)
    }

    // MARK: - Inside

    /// Feeds forecasts back row by row. What the head said goes in as it is; raw units are only for the lags and the
    /// answer.
    private func lookAhead(
        _ states: inout [LiveState], firstOutputs: [Float], horizon: Int, future: [[Float]],
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
    private func futureRows(
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

    private func check(_ cancellation: Cancellation?) throws(PredictionError) {
        if let cancellation, cancellation.isCancelled { throw PredictionError(.cancelled) }
    }

    private func transformed(_ window: [Double], input: Int, skipped: Int) throws(PredictionError) -> [Float] {
        try blaming(input, skipped) { () throws(TransformError) in try model.inputs.forward(window) }
    }

    /// Names the sequence, and the row within it, in an error of the transforms.
    private func blaming<Result>(
        _ input: Int, _ row: Int, _ work: () throws(TransformError) -> Result
    ) throws(PredictionError) -> Result {
        do { return try work() } catch {
            let place = TransformError(error.reason, column: error.column, row: row + (error.row ?? 0))
            throw PredictionError(.transform(place), input: input)
        }
    }

    private func lastRows(of rows: [Double]) -> [[Double]] {
        let width = model.network.inputs
        let count = width == 0 ? 0 : rows.count / width
        return (max(count - model.lag, 0)..<count).map { row in
            Array(rows[row * width..<row * width + model.inputs.laggedColumns])
        }
    }

    private func probabilities(_ logits: [Float]) -> [[Float]] {
        let width = model.network.outputs
        let all = softmax(logits)
        return stride(from: 0, to: all.count, by: width).map { Array(all[$0..<$0 + width]) }
    }

    /// Softmax of rows of logits.
    private func softmax(_ logits: [Float]) -> [Float] {
        let width = model.network.outputs
        return [Float](unsafeUninitializedCapacity: logits.count) { target, count in
            count = logits.count
            logits.withUnsafeBufferPointer { logits in
                guard let source = logits.baseAddress, let base = target.baseAddress else { return }
                let rows = logits.count / width
                network.kernels.softmax(
                    Rows(source, count: rows, width: width), into: MutableRows(base, count: rows, width: width))
            }
        }
    }
}
