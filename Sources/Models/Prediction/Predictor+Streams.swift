import Kernels
import Networks
import Resources

extension Predictor {
    /// Moves streams on by one or many raw rows each; all of them, or none where one cannot take a row.
    ///
    /// - Returns: for each stream the answer after each of its rows.
    public func advance(
        _ states: inout [ModelState], _ rows: RawSequences, cancellation: Cancellation? = nil
    ) throws(PredictionError) -> Answers {
        guard rows.width == model.rowWidth else {
            throw PredictionError(.width(have: rows.width, need: model.rowWidth))
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
        let outputs = run(inputs, lengths: passages.map(\.reaching), states: &streams, cancellation)
        try check(cancellation)
        let answers = answers(outputs, passages, gathered: states.map(\.lags.count))
        for input in states.indices { states[input] = ModelState(network: streams[input], lags: last[input]) }
        return answers
    }

    /// Moves one stream on by one raw row: the bits of `advance`, without its arrays. Where it throws, nothing has moved.
    public func step(_ state: inout ModelState, _ row: UnsafeBufferPointer<Double>) throws(PredictionError) -> Answer {
        guard row.count == model.rowWidth else {
            throw PredictionError(.width(have: row.count, need: model.rowWidth))
        }
        guard state.network.fits(network.stateLayout), state.lags.count <= model.lag else {
            throw PredictionError(.state, input: 0)
        }
        let widest = max(model.rowWidth, network.description.rowWidth)
        let result = withUnsafeTemporaryAllocation(of: Float.self, capacity: widest + model.network.outputs) {
            buffer -> Result<Answer, PredictionError> in
            guard let base = buffer.baseAddress else { return .failure(PredictionError(.otherTask)) }
            buffer.initialize(repeating: 0)
            do throws(PredictionError) { return .success(try step(&state, row, base, base + widest)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func step(
        _ state: inout ModelState, _ row: UnsafeBufferPointer<Double>, _ inputs: UnsafeMutablePointer<Float>,
        _ outputs: UnsafeMutablePointer<Float>
    ) throws(PredictionError) -> Answer {
        let lags = state.lags.count
        let reaches: Bool
        do { reaches = try model.inputs.pass(row, after: state.lags, into: inputs) } catch {
            throw PredictionError(.transform(error), input: 0)
        }
        guard reaches else {
            model.inputs.advance(&state.lags, with: row)
            return .pending(have: lags + 1, need: model.lag)
        }
        if expands { OneHot.expand(inputs, width: network.description.rowWidth) }
        network.step(&state.network, inputs, outputs)
        defer { model.inputs.advance(&state.lags, with: row) }
        let said = UnsafeMutableBufferPointer(start: outputs, count: model.network.outputs)
        if model.answerKind == .numbers {
            return .numbers(model.inputs.inverse(UnsafeBufferPointer(said), after: row, state.lags))
        }
        let rows = MutableRows(outputs, count: 1, width: said.count)
        turnIntoProbabilities(rows)
        return model.answerKind == .flags ? .flags(Array(said)) : .labels(Array(said))
    }

    /// Forecasts from streams as they stand, which do not move.
    ///
    /// - Parameter future: as for `forecast(from:horizon:future:)`.
    public func lookAhead(
        _ states: [ModelState], horizon: Int, future: RawSequences? = nil, cancellation: Cancellation? = nil
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
}
