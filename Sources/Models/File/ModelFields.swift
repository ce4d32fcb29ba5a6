import NamedFields
import Networks

/// What a model file says of a model in fields by name. Absent ones take their defaults, so that a file stays readable
/// when a field is added; one that this program does not know is refused, since the model would be another without it.
struct ModelFields: HasFields {
    var task = ModelTaskFields()
    var transform: [TransformSpec] = []
    var network = NetworkDescription()

    init() {}

    init(_ model: Model) {
        task = ModelTaskFields(model.task)
        transform = model.transform
        network = model.network
    }

    mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("task", &task, .object(), isRequired: true, "What it answers, and what it reads.")
        visitor.field(
            "transform", &transform, .list(of: .word(), "transforms", 0...ModelLimit.transforms),
            "What the columns go through, as asked for.")
        visitor.field("network", &network, .object(), isRequired: true, "Its shape.")
    }
}

/// The fields of a task that was learnt.
struct ModelTaskFields: HasFields {
    enum Kind: String, CaseIterable {
        case forecast, classify, label
    }

    /// What a row of a labeller is.
    enum Inputs: String, CaseIterable {
        case numbers, tokens
    }

    var kind = Kind.forecast
    var targets: [String] = []
    var features: [String] = []
    var time: String?
    var lookback = 1
    var horizon = 1
    var season: Int?
    var labels: [String] = []
    var answers = LabelModel.Answers.labels
    var inputs = Inputs.numbers
    var split = Alphabet.Split.words
    var symbols: [String] = []

    init() {}

    init(_ task: ModelTask) {
        switch task {
        case .forecast(let forecast):
            (targets, features, time) = (forecast.targets, forecast.features, forecast.time)
            (lookback, horizon, season) = (forecast.lookback, forecast.horizon, forecast.season)
        case .classify(let classify):
            kind = .classify
            (features, labels) = (classify.features, classify.labels)
        case .label(let label):
            kind = .label
            (labels, answers) = (label.labels, label.answers)
            switch label.inputs {
            case .numbers(let names): features = names
            case .tokens(let alphabet): (inputs, split, symbols) = (.tokens, alphabet.split, alphabet.symbols)
            }
        }
    }

    mutating func visit(_ visitor: inout some FieldVisitor) {
        _ = visitor.kind("kind", &kind, isRequired: true, "What it answers.")
        if kind == .forecast {
            visitor.field(
                "targets", &targets, .list(of: .known, "targets", 1...ModelLimit.columns), isRequired: true,
                "The columns that it forecasts.")
        }
        visitor.field(
            "features", &features, .list(of: .known, "features", 0...ModelLimit.columns),
            "The columns that it reads beside.")
        switch kind {
        case .forecast:
            visitor.field("time", &time, .optional(.known), "The column that names the rows.")
            visitor.field(
                "lookback", &lookback, .whole(1...ModelLimit.lookback), isRequired: true, "Rows that it reads.")
            visitor.field(
                "horizon", &horizon, .whole(1...ModelLimit.horizon), isRequired: true,
                "Rows ahead unless asked for others.")
            visitor.field(
                "season", &season, .optional(.whole(1...ModelLimit.period)), "Rows of one season, where known.")
        case .classify, .label:
            visitor.field(
                "labels", &labels, .list(of: .known, "labels", 1...ModelLimit.labels), isRequired: true,
                "What it tells apart, in the order of its outputs.")
            if kind == .label { visitLabel(&visitor) }
        }
    }

    private mutating func visitLabel(_ visitor: inout some FieldVisitor) {
        visitor.field("answers", &answers, .choice(), "Whether a step has one label or any of several flags.")
        _ = visitor.kind("inputs", &inputs, "What a row is.")
        guard inputs == .tokens else { return }
        visitor.field("split", &split, .choice(), isRequired: true, "How a text is cut into tokens.")
        visitor.field(
            "symbols", &symbols, .list(of: .known, "symbols", 1...ModelLimit.alphabet), isRequired: true,
            "The tokens that it tells apart, in the order of their numbers.")
    }

    /// - Parameter tail: of a forecast; the file has it beside the fields, since it is data.
    func task(_ tail: SeriesTail) -> ModelTask {
        switch kind {
        case .forecast:
            .forecast(
                ForecastModel(
                    targets: targets, features: features, time: time, lookback: lookback, horizon: horizon,
                    season: season, tail: tail))
        case .classify: .classify(ClassifyModel(features: features, labels: labels))
        case .label:
            .label(
                LabelModel(
                    inputs: inputs == .numbers ? .numbers(features) : .tokens(Alphabet(symbols, split: split)),
                    labels: labels, answers: answers))
        }
    }
}

extension FieldForm where Self == TextForm {
    /// The name of a column or a label of a model that is there: of columns of arrays it may be anything.
    fileprivate static var known: TextForm { .text("a name", 0...ModelLimit.nameBytes) }
}
