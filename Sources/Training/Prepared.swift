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
        switch self {
        case .series(let series):
            NetworkDescription(
                inputs: series.width, layers: spec.layers, dropout: spec.dropout, outputs: series.task.target.count,
                readout: .last)
        case .sequences(let sequences):
            NetworkDescription(
                inputs: sequences.features.count, layers: spec.layers, dropout: spec.dropout,
                outputs: sequences.labels.count, readout: sequences.pool == .mean ? .mean : .last)
        }
    }

    /// The network as it is trained: the same parameters, read where the examples have answers.
    func trainingNetwork(_ spec: NetworkSpec) -> NetworkDescription {
        var description = network(spec)
        if case .nextRow(_, everyRow: true) = examples.answers { description.readout = .everyStep }
        return description
    }
}
