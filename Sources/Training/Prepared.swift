import NamedFields
import Networks

extension Trainer.Prepared {
    init(_ spec: TrainingSpec, _ data: TrainingData) throws(Violations) {
        let validation = spec.training.validation?.fraction
        switch (spec.task, data) {
        case (.forecast(let task), .series(let table)):
            self = .series(try PreparedSeries(task, table, validation: validation))
        case (.classify(let task), .sequences(let set)):
            self = .sequences(
                try PreparedSequences(task, set, validation: validation, seed: spec.training.seed))
        case (.forecast, .sequences):
            throw Violations([Violation("data", detail: "a forecast learns from a table of rows, not from sequences")])
        case (.classify, .series):
            throw Violations([
                Violation("data", detail: "a classifier learns from labelled sequences, not from a series")
            ])
        }
        // How many numbers the network reads and answers is known only now.
        var findings = FieldFindings(at: ["network"])
        network(spec.network).noteConflicts(&findings)
        guard findings.all.isEmpty else { throw findings.all }
    }

    var examples: Examples {
        switch self {
        case .series(let series): series.examples
        case .sequences(let sequences): sequences.examples
        }
    }

    var transforms: InputTransforms {
        switch self {
        case .series(let series): series.transforms
        case .sequences(let sequences): sequences.transforms
        }
    }

    /// The network as the model has it.
    func network(_ spec: NetworkSpec) -> NetworkDescription {
        let (inputs, outputs, readout): (Int, Int, Readout) =
            switch self {
            case .series(let series): (series.width, series.task.target.count, .last)
            case .sequences(let sequences):
                (sequences.features.count, sequences.labels.count, sequences.pool == .mean ? .mean : .last)
            }
        return NetworkDescription(
            inputs: inputs, layers: spec.layers, dropout: spec.dropout, outputDropout: spec.outputDropout,
            outputs: outputs, readout: readout, head: spec.head)
    }

    /// The network as it is trained: the same parameters, read where the examples have answers.
    func trainingNetwork(_ spec: NetworkSpec) -> NetworkDescription {
        var description = network(spec)
        if case .nextRow(_, everyRow: true) = examples.answers { description.readout = .everyStep }
        return description
    }
}
