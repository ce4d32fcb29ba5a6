import Models
import NamedFields
import Networks

/// A task on its data, made ready: what a trainer asks of it. What it is to learn, a trainer does not know.
protocol PreparedTask {
    var examples: Examples { get }
    var transforms: InputTransforms { get }
    /// As it was asked for.
    var transform: [TransformSpec] { get }
    /// Numbers of a row, or symbols.
    var inputs: Int { get }
    /// Numbers of an answer.
    var outputs: Int { get }
    /// Where the model's head reads.
    var readout: Readout { get }
    var modelTask: ModelTask { get }

    /// The most that scoring has the model answer at once.
    func scoredGroup(_ network: NetworkDescription) -> ScoredGroup

    /// Scores the model, in float32 as it answers unless it is asked otherwise.
    func judge(_ report: inout TrainingReport, _ predictor: Predictor, _ trainer: Trainer) throws(PredictionError)
}

extension PreparedTask {
    /// The network as the model has it.
    func network(_ spec: NetworkSpec) -> NetworkDescription {
        NetworkDescription(
            inputs: inputs, layers: spec.layers, dropout: spec.dropout, outputDropout: spec.outputDropout,
            outputs: outputs, readout: readout, head: spec.head)
    }

    /// The network as it is trained: the same parameters, read where the examples have answers.
    func trainingNetwork(_ spec: NetworkSpec) -> NetworkDescription {
        var description = network(spec)
        if examples.place == .everyRow { description.readout = .everyStep }
        return description
    }
}

extension TrainingSpec {
    /// - Throws: all that keeps the data from being learnt from.
    func prepared(_ data: TrainingData) throws(Violations) -> any PreparedTask {
        let prepared = try taskPrepared(data)
        // How many numbers the network reads and answers is known only now.
        var findings = FieldFindings(at: ["network"])
        prepared.network(network).noteConflicts(&findings)
        guard findings.all.isEmpty else { throw findings.all }
        return prepared
    }

    private func taskPrepared(_ data: TrainingData) throws(Violations) -> any PreparedTask {
        let validation = training.validation?.fraction
        switch (task, data) {
        case (.forecast(let task), .series(let table)):
            return try PreparedSeries(task, table, validation: validation)
        case (.classify(let task), .sequences(let set)):
            return try PreparedSequences(task, set, validation: validation, seed: training.seed)
        case (.label(let task), .labelled(let set)):
            return try PreparedLabels(task, set, validation: validation, seed: training.seed)
        case (.forecast, _):
            throw Violations([Violation("data", detail: "a forecast learns from a table of rows, not from sequences")])
        case (.classify, _):
            throw Violations([
                Violation("data", detail: "a classifier learns from sequences with one label each")
            ])
        case (.label, _):
            throw Violations([
                Violation("data", detail: "a labeller learns from sequences with a label at every step")
            ])
        }
    }
}
