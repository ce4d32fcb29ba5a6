import Formats
import Models
import NamedFields
import Networks
import Training

// What can be wrong with a request to a model, told before anything is computed.

extension Service {
    /// - Returns: the inputs as the model reads them.
    func checked(_ request: PredictRequest, _ loaded: LoadedModel) throws -> SequenceBatch? {
        var findings: [Violation] = []
        let name = loaded.served.name
        let returning = request.returning ?? loaded.returning
        if case .forecast = loaded.model.task {
            check(horizon: request.horizon, &findings)
            if returning == .sequence {
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
        } else {
            let verb = loaded.served.kind == .classify ? "classifies" : "labels"
            for (field, isGiven) in [("future", request.future != nil), ("horizon", request.horizon != nil)]
            where isGiven {
                findings.append(Violation(.key(field), detail: "\(name) \(verb); \(field) is for forecasts"))
            }
        }
        if request.inputs == nil, loaded.served.kind != .forecast || returning == .sequence {
            findings.append(
                Violation(
                    "inputs",
                    detail: "missing; give a batch of sequences, each a list of "
                        + (loaded.model.alphabet == nil ? "rows of numbers" : "tokens")))
        }
        let inputs = request.inputs.flatMap { rows($0, loaded, &findings) }
        if let inputs { check(inputs, returning, loaded, &findings) }
        check(request.manner, loaded, &findings)
        guard findings.isEmpty else { throw ServiceError.invalid(Violations(bounded: findings)) }
        return inputs
    }

    private func check(
        _ inputs: SequenceBatch, _ returning: PredictRequest.Returning, _ loaded: LoadedModel,
        _ findings: inout [Violation]
    ) {
        if inputs.count == 0 { findings.append(Violation("inputs", detail: "empty; expected at least one sequence")) }
        let need = returning == .sequence ? 1 : loaded.predictor.historyRows
        for (index, length) in inputs.lengths.enumerated() where length < need {
            findings.append(
                Violation(
                    "inputs", .index(index),
                    detail: "\(length) rows; \(loaded.served.name) needs at least \(need)"
                        + (loaded.model.lag > 0 && need > 1
                            ? ", of which differencing uses up \(loaded.model.lag)" : "")))
        }
        check(width: inputs, loaded, "inputs", &findings)
    }

    /// Sequences as the model reads them: numbers as they are, tokens by their numbers in its alphabet.
    func rows(_ given: GivenSequences, _ loaded: LoadedModel, _ findings: inout [Violation]) -> SequenceBatch? {
        switch (given, loaded.model.alphabet) {
        case (.numbers(let batch), nil): return batch
        case (.tokens(let sequences), let alphabet?):
            var values: [Double] = []
            let lengths = sequences.map { sequence in
                let symbols =
                    switch sequence {
                    case .symbols(let symbols): symbols
                    case .text(let text): alphabet.split.symbols(of: text)
                    }
                for symbol in symbols { values.append(Double(alphabet.number(of: symbol))) }
                return symbols.count
            }
            return SequenceBatch(values: values, lengths: lengths, width: 1)
        case (.numbers, _):
            findings.append(
                Violation(
                    "inputs",
                    detail: "numbers; \(loaded.served.name) reads tokens: lists of strings, or texts that it cuts"))
        case (.tokens, nil):
            let names = loaded.model.inputNames
            findings.append(
                Violation(
                    "inputs",
                    detail: "strings; \(loaded.served.name) reads rows of \(names.count) numbers: "
                        + names.joined(separator: ", ")))
        }
        return nil
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

    func check(_ manner: AnswerManner, _ loaded: LoadedModel, _ findings: inout [Violation]) {
        let (name, kind) = (loaded.served.name, loaded.served.answers)
        if let topK = manner.topK {
            let count = loaded.model.outputNames.count
            if kind != .labels {
                let says = kind == .flags ? "sets flags" : "forecasts numbers"
                findings.append(Violation("top_k", detail: "\(name) \(says); top_k is for classes"))
            } else if !(1...count).contains(topK) {
                findings.append(
                    Violation("top_k", detail: "\(topK) is outside the range from 1 to \(count), the labels"))
            }
        }
        if manner.threshold != nil, kind != .flags {
            findings.append(Violation("threshold", detail: "\(name) sets no flags; leave it out"))
        }
    }

    /// Rows as wide as the model reads.
    func check(
        width rows: RawSequences, _ loaded: LoadedModel, _ path: Violation.PathComponent,
        _ findings: inout [Violation]
    ) {
        guard rows.width != loaded.model.rowWidth,
            !rows.values.isEmpty || rows.lengths.contains(where: { $0 > 0 })
        else { return }
        let names = loaded.model.inputNames
        findings.append(
            Violation(
                path,
                detail: "rows of \(rows.width) numbers; \(loaded.served.name) reads \(names.count): "
                    + names.joined(separator: ", ")))
    }
}
