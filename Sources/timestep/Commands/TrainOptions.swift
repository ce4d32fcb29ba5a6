import ArgumentParser
import Formats
import Foundation

/// What the flags of `train` ask for, as the body of `POST /train`.
///
/// Only what was given is written: every default is the server's, and comes back in the job. Flags win over the
/// members of a `--spec` file.
struct TrainOptions: ParsableArguments {
    struct Task: ParsableArguments {
        @Option(help: "What to learn: forecast, classify or label. (default: forecast where there is a --target)")
        var task: String?

        @Option(help: ArgumentHelp("Column to forecast; several are separated by commas.", valueName: "columns"))
        var target: String?

        @Option(help: ArgumentHelp("Further columns that the network sees, separated by commas.", valueName: "columns"))
        var features: String?

        @Option(help: ArgumentHelp("Column that names the rows: months, dates, years, integers.", valueName: "column"))
        var time: String?

        @Option(help: "Rows that the network sees, after the transforms.")
        var lookback: Int?

        @Option(help: "Rows to forecast.")
        var horizon: Int?

        @Option(
            help: ArgumentHelp(
                "Transforms in order, separated by commas: log, difference, seasonal_difference=12, standardize, min_max.",
                valueName: "list"))
        var transform: String?

        @Option(help: "Rows at the end that are kept from training and forecast for comparison.")
        var holdout: Int?

        @Option(help: "Rows in a season; read off the time column where it is not given.")
        var season: Int?

        @Option(
            help: ArgumentHelp("Column of the label, for classify and label. (default: label)", valueName: "column"))
        var label: String?

        @Option(
            help: ArgumentHelp(
                "Column that tells which sequence a row belongs to, for classify and label.", valueName: "column"))
        var sequence: String?

        @Option(help: "What a classifier reads: the last state or the mean of all: last, mean.")
        var pool: String?

        @Option(help: "For label, what a step is: numbers or tokens.")
        var inputs: String?

        @Option(help: "For tokens, how a text is cut: words or characters.")
        var split: String?

        @Option(help: "For tokens, how often one must occur to be known.")
        var minCount: Int?

        @Option(help: "For label, what a step has: labels (one) or flags (any number).")
        var answers: String?
    }

    struct Network: ParsableArguments {
        @Option(help: "Cell: elman, lstm, gru or mgu.")
        var cell: String?

        @Option(help: ArgumentHelp("Width of the layers, one number a layer: 32 or 64,32.", valueName: "widths"))
        var hidden: String?

        @Option(help: "For gru, where the reset gate acts: after or before the product.")
        var reset: String?

        @Option(help: "For elman: tanh, sigmoid, relu, identity.")
        var activation: String?

        @Option(help: "Fraction dropped between layers while training.")
        var dropout: Double?
    }

    struct Training: ParsableArguments {
        @Option(help: "Passes over the data.")
        var epochs: Int?

        @Option(help: "Sequences in one step of the optimizer.")
        var batchSize: Int?

        @Option(help: "Optimizer: adam, adamw, sgd or rmsprop.")
        var optimizer: String?

        @Option(help: "Learning rate.")
        var learningRate: Double?

        @Option(help: "Weight decay.")
        var weightDecay: Double?

        @Option(help: "Longest gradient: longer ones are shortened to this norm.")
        var clipNorm: Double?

        @Option(help: "Largest entry of a gradient.")
        var clipValue: Double?

        @Option(help: "Fraction of the training part to validate on.")
        var validation: Double?

        @Option(help: "Stop after so many epochs without a better validation loss.")
        var patience: Int?

        @Option(help: "Where the random numbers start: the same seed gives the same model, to the byte.")
        var seed: Int?

        @Option(
            help: ArgumentHelp(
                "Train once for each of these seeds, separated by commas, and report the mean.", valueName: "list"))
        var seeds: String?

        @Option(help: "Threads of the training.")
        var threads: Int?

        @Option(help: "What products compute in: float32, or bfloat16 where the processor has its dot products.")
        var precision: String?
    }

    @OptionGroup(title: "What to learn") var task: Task
    @OptionGroup(title: "The network") var network: Network
    @OptionGroup(title: "The training") var training: Training

    @Option(
        help: "What to do with missing values: error, previous, linear, zero, mean.")
    var missing: String?

    @Option(
        help: ArgumentHelp(
            "Set any field by its path, as network.layers.0.hidden=64; may be given several times and wins over the flags.",
            valueName: "field=value"))
    var set: [String] = []

    @Flag(help: "List the fields that --set knows, with what they take and their defaults.")
    var fields = false

    /// The body without its data: `base` (a specification file, or nothing) with what the flags say.
    func body(over base: JSONObject, model: String?) throws(CommandError) -> JSONObject {
        var body = base
        if let model { body["model"] = .string(model) }
        guard body["model"] != nil else {
            throw CommandError(.usage, "say what the model is to be called: --model NAME")
        }
        try setTask(&body)
        setNetwork(&body)
        try setTraining(&body)
        var settings: [FieldSetting] = []
        for text in set {
            let setting = try FieldSetting(text)
            try setting.apply(to: &body, after: settings)
            settings.append(setting)
        }
        guard body["task"]?["kind"] != nil else {
            throw CommandError(.usage, "say what to learn: --target COLUMN to forecast it, or --task classify or label")
        }
        return body
    }

    /// The seeds to train with; one nil where the specification or the server decides.
    func seeds() throws(CommandError) -> [Int?] {
        // A seed of its own is written for each run, after everything else.
        if training.seed != nil || training.seeds != nil, set.contains(where: { $0.hasPrefix("training.seed=") }) {
            throw CommandError(.usage, "give --seed, --seeds or --set training.seed, not two of them")
        }
        guard let list = training.seeds else { return [training.seed] }
        guard training.seed == nil else { throw CommandError(.usage, "give --seed or --seeds, not both") }
        return try Self.integers(list, of: "--seeds").map { $0 }
    }

    private func setTask(_ body: inout JSONObject) throws(CommandError) {
        if let kind = task.task ?? impliedTask { body.set("task", "kind", .string(kind)) }
        if let target = task.target {
            let names = Self.list(target)
            body.set("task", "target", names.count == 1 ? .string(names[0]) : .array(names.map { .string($0) }))
        }
        if let features = task.features {
            body.set("task", "features", .array(Self.list(features).map { .string($0) }))
        }
        body.set("task", "time", task.time.map { .string($0) })
        body.set("task", "lookback", task.lookback.map { .number(Double($0)) })
        body.set("task", "horizon", task.horizon.map { .number(Double($0)) })
        if let transform = task.transform { body.set("task", "transform", try Self.transforms(transform)) }
        body.set("task", "holdout", task.holdout.map { .number(Double($0)) })
        body.set("task", "season", task.season.map { .number(Double($0)) })
        body.set("task", "label", task.label.map { .string($0) })
        body.set("task", "sequence", task.sequence.map { .string($0) })
        body.set("task", "pool", task.pool.map { .string($0) })
        body.set("task", "inputs", task.inputs.map { .string($0) })
        body.set("task", "split", task.split.map { .string($0) })
        body.set("task", "min_count", task.minCount.map { .number(Double($0)) })
        body.set("task", "answers", task.answers.map { .string($0) })
    }

    private var impliedTask: String? {
        if task.target != nil { return "forecast" }
        if task.inputs != nil || task.answers != nil || task.split != nil { return "label" }
        return task.label != nil || task.sequence != nil || task.pool != nil ? "classify" : nil
    }

    /// The short form of a network takes the place of a list of layers in the specification.
    private func setNetwork(_ body: inout JSONObject) {
        guard network.cell != nil || network.hidden != nil || network.reset != nil || network.activation != nil else {
            body.set("network", "dropout", network.dropout.map { .number($0) })
            return
        }
        var short = body["network"]?.object ?? JSONObject()
        short["layers"] = nil
        if let cell = network.cell { short["cell"] = .string(cell) }
        if let hidden = network.hidden {
            // Words that are no numbers go to the server as they are: it says best what is expected.
            let widths = Self.list(hidden).map { text in Int(text).map { JSON.number(Double($0)) } ?? .string(text) }
            short["hidden"] = widths.count == 1 ? widths[0] : .array(widths)
        }
        if let reset = network.reset { short["reset"] = .string(reset) }
        if let activation = network.activation { short["activation"] = .string(activation) }
        if let dropout = network.dropout { short["dropout"] = .number(dropout) }
        body["network"] = .object(short)
    }

    private func setTraining(_ body: inout JSONObject) throws(CommandError) {
        body.set("training", "epochs", training.epochs.map { .number(Double($0)) })
        body.set("training", "batch_size", training.batchSize.map { .number(Double($0)) })
        if training.optimizer != nil || training.learningRate != nil {
            var optimizer = body["training"]?["optimizer"]?.object ?? JSONObject()
            if let kind = training.optimizer { optimizer["kind"] = .string(kind) }
            if optimizer["kind"] == nil { optimizer["kind"] = "adam" }
            if let rate = training.learningRate { optimizer["learning_rate"] = .number(rate) }
            body.set("training", "optimizer", .object(optimizer))
        }
        body.set("training", "weight_decay", training.weightDecay.map { .number($0) })
        if training.clipNorm != nil || training.clipValue != nil {
            var clip = body["training"]?["clip"]?.object ?? JSONObject()
            if let norm = training.clipNorm { clip["norm"] = .number(norm) }
            if let value = training.clipValue { clip["value"] = .number(value) }
            body.set("training", "clip", .object(clip))
        }
        body.set("training", "validation", training.validation.map { ["fraction": .number($0)] })
        body.set("training", "early_stopping", training.patience.map { ["patience": .number(Double($0))] })
        body.set("training", "threads", training.threads.map { .number(Double($0)) })
        body.set("training", "precision", training.precision.map { .string($0) })
    }

    // MARK: Lists in one word

    static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    static func integers(_ text: String, of flag: String) throws(CommandError) -> [Int] {
        var numbers: [Int] = []
        for word in list(text) {
            guard let number = Int(word) else {
                throw CommandError(.usage, "\(flag): expected whole numbers separated by commas, found \"\(word)\"")
            }
            numbers.append(number)
        }
        guard !numbers.isEmpty else {
            throw CommandError(.usage, "\(flag): expected whole numbers separated by commas")
        }
        return numbers
    }

    /// "log,seasonal_difference=12" → ["log", {"seasonal_difference": 12}]
    static func transforms(_ text: String) throws(CommandError) -> JSON {
        var transforms: [JSON] = []
        for word in list(text) {
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else {
                transforms.append(.string(word))
                continue
            }
            guard let number = Int(parts[1]) else {
                throw CommandError(
                    .usage, "--transform: expected a whole number after \"\(parts[0])=\", found \"\(parts[1])\"")
            }
            var object = JSONObject()
            object[String(parts[0])] = .number(Double(number))
            transforms.append(.object(object))
        }
        return .array(transforms)
    }
}

extension JSONObject {
    /// Sets a member of a member; nil leaves everything as it is.
    mutating func set(_ section: String, _ key: String, _ value: JSON?) {
        guard let value else { return }
        var inner = self[section]?.object ?? JSONObject()
        inner[key] = value
        self[section] = .object(inner)
    }
}
