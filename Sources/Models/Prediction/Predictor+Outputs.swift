import Kernels
import Networks
import Resources

// What rows are to the network, and what its outputs are to whoever asked.

extension Predictor {
    /// Whether rows are the numbers of symbols, and the network reads a number for each symbol.
    var expands: Bool { model.alphabet != nil && network.description.rowWidth > model.rowWidth }

    /// Runs whole sequences of transformed rows from the zero state.
    func run(
        _ rows: [Float], lengths: [Int], answer: InferenceNetwork.Answer, _ cancellation: Cancellation?
    ) -> [Float] {
        guard expands else {
            return network.run(rows, lengths: lengths, answer: answer, cancellation: cancellation)
        }
        var outputs: [Float] = []
        for group in OneHot.groups(of: lengths, width: network.description.rowWidth) {
            outputs += network.run(
                OneHot.expanded(rows[group.rows], width: network.description.rowWidth),
                lengths: Array(lengths[group.sequences]), answer: answer, cancellation: cancellation)
        }
        return outputs
    }

    /// Runs streams on, each by its rows, with an answer after each.
    func run(
        _ rows: [Float], lengths: [Int], states: inout [NetworkState], _ cancellation: Cancellation?
    ) -> [Float] {
        guard expands else {
            return network.run(
                rows, lengths: lengths, states: &states, answer: .everyStep, cancellation: cancellation)
        }
        var outputs: [Float] = []
        for group in OneHot.groups(of: lengths, width: network.description.rowWidth) {
            var own = Array(states[group.sequences])
            outputs += network.run(
                OneHot.expanded(rows[group.rows], width: network.description.rowWidth),
                lengths: Array(lengths[group.sequences]), states: &own, answer: .everyStep,
                cancellation: cancellation)
            states.replaceSubrange(group.sequences, with: own)
        }
        return outputs
    }

    /// The answers after the rows that reached the network, with those before them pending.
    func answers(_ outputs: [Float], _ passages: [InputTransforms.Passage], gathered: [Int]) -> Answers {
        var answered = 0
        let streams = passages.indices.map { input in
            defer { answered += passages[input].reaching }
            return Answers.Stream(
                rows: passages[input].rows, pending: passages[input].rows - passages[input].reaching,
                gathered: gathered[input], first: answered)
        }
        return Answers(
            streams: streams, values: values(outputs, passages), width: model.network.outputs, lag: model.lag)
    }

    /// What the head said, in raw units or as probabilities.
    ///
    /// - Parameter passages: of the rows it was said after; only numbers need them.
    func values(_ outputs: [Float], _ passages: [InputTransforms.Passage]) -> Answers.Values {
        switch model.answerKind {
        case .labels: return .labels(probabilities(outputs))
        case .flags: return .flags(probabilities(outputs))
        case .numbers: break
        }
        let width = model.network.outputs
        var values: [Double] = []
        values.reserveCapacity(outputs.count)
        var start = 0
        for passage in passages {
            let end = start + passage.reaching * width
            model.inputs.inverse(outputs[start..<end], of: passage, appendingTo: &values)
            start = end
        }
        return .numbers(values)
    }

    private func probabilities(_ outputs: [Float]) -> [Float] {
        let width = model.network.outputs
        var outputs = outputs
        outputs.withUnsafeMutableBufferPointer { outputs in
            guard let base = outputs.baseAddress else { return }
            turnIntoProbabilities(MutableRows(base, count: outputs.count / width, width: width))
        }
        return outputs
    }

    /// Of labels, which exclude each other, by the softmax of a row; of flags one by one by the logistic function.
    func turnIntoProbabilities(_ outputs: MutableRows) {
        if model.answerKind == .flags {
            network.kernels.map(.sigmoid, outputs.rows, into: outputs)
        } else {
            network.kernels.softmax(outputs.rows, into: outputs)
        }
    }
}
