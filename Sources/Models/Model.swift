import Kernels
import Networks

/// A trained network and all that is needed to use it in raw units: a value, and what a model file holds.
public struct Model: Sendable, Equatable {
    public var task: ModelTask
    /// The transforms as they were asked for; `inputs` holds them fitted.
    public var transform: [TransformSpec]
    public var inputs: InputTransforms
    public var network: NetworkDescription
    public var parameters: Parameters
    public var seed: UInt64
    /// SHA-256 of the dataset it was trained on.
    public var datasetDigest: String

    public init(
        task: ModelTask, transform: [TransformSpec], inputs: InputTransforms, network: NetworkDescription,
        parameters: Parameters, seed: UInt64, datasetDigest: String
    ) {
        self.task = task
        self.transform = transform
        self.inputs = inputs
        self.network = network
        self.parameters = parameters
        self.seed = seed
        self.datasetDigest = datasetDigest
    }

    /// What the numbers of an input row are, in order.
    public var inputNames: [String] {
        switch task {
        case .forecast(let forecast): forecast.targets + forecast.features
        case .classify(let classify): classify.features
        case .label(let label): label.rowNames
        }
    }

    /// What a forecaster reads beside its targets.
    public var featureNames: [String] {
        if case .forecast(let forecast) = task { forecast.features } else { [] }
    }

    /// What the numbers of an output row are, in order: targets, or labels.
    public var outputNames: [String] {
        switch task {
        case .forecast(let forecast): forecast.targets
        case .classify(let classify): classify.labels
        case .label(let label): label.labels
        }
    }

    public var answerKind: AnswerKind {
        switch task {
        case .forecast: .numbers
        case .classify: .labels
        case .label(let label): label.answers == .flags ? .flags : .labels
        }
    }

    /// The symbols that it reads; nil where it reads numbers.
    public var alphabet: Alphabet? {
        if case .label(let label) = task, case .tokens(let alphabet) = label.inputs { alphabet } else { nil }
    }

    /// Numbers of a raw row: of a row of tokens one, the number of a symbol.
    public var rowWidth: Int { inputs.columns.count }

    /// Raw rows before the first one the network sees.
    public var lag: Int { inputs.lag }
}

public enum ModelTask: Sendable, Equatable {
    case forecast(ForecastModel)
    case classify(ClassifyModel)
    case label(LabelModel)
}

/// A forecaster: reads rows [targets…, features…], and its head says the targets of the next row.
public struct ForecastModel: Sendable, Equatable {
    public var targets: [String]
    public var features: [String]
    /// The column that names the rows.
    public var time: String?
    /// Transformed rows the network reads before it forecasts.
    public var lookback: Int
    /// Rows ahead unless a request says otherwise.
    public var horizon: Int
    /// Rows of one season, where known.
    public var season: Int?
    public var tail: SeriesTail

    public init(
        targets: [String], features: [String], time: String?, lookback: Int, horizon: Int, season: Int?,
        tail: SeriesTail
    ) {
        self.targets = targets
        self.features = features
        self.time = time
        self.lookback = lookback
        self.horizon = horizon
        self.season = season
        self.tail = tail
    }
}

/// The end of the training part: where a forecast without a history of its own goes on from.
public struct SeriesTail: Sendable, Equatable {
    /// Raw rows, oldest first: lookback and lag of them.
    public var rows: [[Double]]
    /// The label of the last row, and how labels go on; nil where there is no time column or no rule to be seen in it.
    public var time: TimeIndex?

    public init(rows: [[Double]], time: TimeIndex?) {
        self.rows = rows
        self.time = time
    }
}

/// A classifier: reads rows of features, says one label for the sequence.
public struct ClassifyModel: Sendable, Equatable {
    public var features: [String]
    /// In the order of the network's outputs: sorted.
    public var labels: [String]

    public init(features: [String], labels: [String]) {
        self.features = features
        self.labels = labels
    }
}

/// A labeller: reads rows of features, or tokens, and says after each of them which label it has, or which flags.
public struct LabelModel: Sendable, Equatable {
    public enum Inputs: Sendable, Equatable {
        case numbers([String])
        case tokens(Alphabet)
    }

    public enum Answers: String, Hashable, Sendable, CaseIterable {
        case labels
        case flags
    }

    public var inputs: Inputs
    /// Labels or flags, in the order of the network's outputs: sorted.
    public var labels: [String]
    public var answers: Answers

    public init(inputs: Inputs, labels: [String], answers: Answers) {
        self.inputs = inputs
        self.labels = labels
        self.answers = answers
    }

    var rowNames: [String] {
        switch inputs {
        case .numbers(let features): features
        case .tokens: ["token"]
        }
    }
}
