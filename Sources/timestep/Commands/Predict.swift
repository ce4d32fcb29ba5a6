import ArgumentParser
import Formats
import Glibc

/// `timestep predict`: answers of a published model.
struct Predict: Command {
    static let configuration = CommandConfiguration(
        abstract: "Forecast, or label sequences, with a trained model.",
        discussion: """
            MODEL is a name (its newest version, or the alias "default"), name:3 or name@alias.

            The next six rows after the series that the model was trained on:
              timestep predict sales --horizon 6

            After a history of your own, from a CSV with the model's columns:
              timestep predict sales --input recent.csv --horizon 6

            Label sequences, one JSON object {"x": [[…], …]} a line; the three most probable labels of each:
              timestep predict vowels --input unknown.jsonl --top-k 3

            Label every word, one JSON object {"x": "The dog barks"} or {"x": ["The", …]} a line, or a CSV with one column
            of tokens below its name, which is one sequence:
              timestep predict tags --input sentences.jsonl

            Beside what really happened, in the rows of the file that have the dates of the forecast:
              timestep predict air --horizon 24 --against airpassengers.csv

            Any other request, as JSON on the standard input:
              echo '{"inputs": [[[112],[118],[132]]]}' | timestep predict air --input -
            """)

    @Argument(help: "Model: name, name:version or name@alias.")
    var model: String

    @Option(help: "Rows to forecast. (default: the model's own horizon)")
    var horizon: Int?

    @Option(
        help: ArgumentHelp(
            "Sequences to answer: CSV (one sequence), JSON lines, or JSON; - reads the standard input.",
            valueName: "file"))
    var input: String?

    @Option(
        name: .customLong("return"),
        help: "One answer a sequence or one a step: last, sequence. (default: as the model was trained)")
    var returning: String?

    @Option(help: "Labels to list, most probable first.")
    var topK: Int?

    @Option(help: "Probability above which a flag is set. (default: 0.5)")
    var threshold: Double?

    @Option(help: "What the network computes in: float32, bfloat16, int8. (default: the model's own)")
    var precision: String?

    @Option(
        help: ArgumentHelp(
            "CSV with what really happened, to draw and score the forecast beside it.", valueName: "file"))
    var against: String?

    @OptionGroup(title: "The server") var client: ClientOptions

    func perform() throws(CommandError) {
        let server = try client.connect()
        var body = JSONObject()
        if let input { body = try PredictInput(path: input).body { () throws(CommandError) in try row(server) } }
        body["model"] = .string(model)
        if let horizon { body["horizon"] = .number(Double(horizon)) }
        if let returning { body["return"] = .string(returning) }
        if let topK { body["top_k"] = .number(Double(topK)) }
        if let threshold { body["threshold"] = .number(threshold) }
        if let precision { body["precision"] = .string(precision) }
        let answer = try server.post("/predict", .object(body))
        guard !client.printed(answer) else { return }
        if answer.read("Prediction: targets") != nil {
            try show(forecast: answer)
        } else {
            show(labels: answer)
        }
    }

    /// What a row is, as the model tells it.
    private func row(_ server: Server) throws(CommandError) -> PredictInput.Row {
        let version = try Models.version(model, on: server)
        // Only a model that reads tokens cuts a text.
        if version.read("Version: task.split")?.string != nil { return .token }
        return .numbers(version.read("Version: task.inputs")?.array?.compactMap(\.string) ?? [])
    }

    private func show(forecast answer: JSON) throws(CommandError) {
        let targets = answer.read("Prediction: targets")?.array?.compactMap(\.string) ?? []
        let name = answer.read("Prediction: model.name")?.string ?? model
        let version = answer.read("Prediction: model.version")?.int ?? 0
        if let against {
            let series = try Series(csv: try Files.text(against))
            let plot = try ForecastPlot(answer: answer, truth: series, target: targets.first ?? "")
            show(plot, "\(name):\(version)")
            if let doubt = plot.doubt { Output.error("note: \(against): \(doubt)") }
            return
        }
        for (number, output) in (answer.read("Prediction: outputs")?.array ?? []).enumerated() {
            let rows = output.array ?? []
            let labels = answer.read("Prediction: index")?[number]?.array?.map(\.string)
            var table = TextTable([(labels == nil ? "step" : "", .left)] + targets.map { ($0, .right) })
            for (step, row) in rows.enumerated() {
                let label = labels?[step] ?? "\(step + 1)"
                table.add([label] + targets.indices.map { Numerals.short(row[$0]?.double) })
            }
            Output.line(
                "\(name):\(version)"
                    + ((answer.read("Prediction: outputs")?.count ?? 0) > 1 ? ", input \(number + 1)" : ""))
            for line in table.lines(for: client.terminal, indent: 2) { Output.line(line) }
            if rows.count > 2, client.terminal.isInteractive {
                let plot = ForecastPlot(
                    forecast: rows.map { $0[0]?.double }, labels: labels ?? [], name: targets.first ?? "")
                for line in plot.lines(for: client.terminal) { Output.line(line) }
            }
        }
        show(warnings: answer)
    }

    private func show(_ plot: ForecastPlot, _ title: String) {
        var table = TextTable([("", .left), ("forecast", .right), ("happened", .right), ("error", .right)])
        for (step, forecast) in plot.forecast.enumerated() {
            let truth = step < plot.truth.count ? plot.truth[step] : nil
            let error = forecast.flatMap { forecast in truth.map { forecast - $0 } }
            table.add([
                plot.labels[step] ?? "\(step + 1)", Numerals.short(forecast), Numerals.short(truth),
                Numerals.short(error),
            ])
        }
        Output.line(title)
        for line in table.lines(for: client.terminal, indent: 2) { Output.line(line) }
        Output.line("  RMSE \(Numerals.fixed(plot.rootMeanSquaredError, 2))")
        for line in plot.lines(for: client.terminal) { Output.line(line) }
    }

    private func show(labels answer: JSON) {
        let answers = (answer.read("Prediction: outputs")?.array ?? []).map { $0.array ?? [$0] }
        // An answer that is null does not tell what the others are.
        let isFlags = answers.joined().first { !$0.isNull }?.read("Flags: flags") != nil
        var table = TextTable([
            ("input", .right), ("step", .right), (isFlags ? "flags" : "label", .left),
            (isFlags ? "" : "probability", .right), (isFlags ? "probabilities" : "then", .left),
        ])
        for (number, steps) in answers.enumerated() {
            for (step, one) in steps.enumerated() {
                let text = AnswerText(one)
                table.add([
                    "\(number + 1)", steps.count > 1 ? "\(step + 1)" : "", text.said,
                    isFlags ? "" : Numerals.fixed(text.probability, 3), text.others.joined(separator: ", "),
                ])
            }
        }
        for line in table.lines(for: client.terminal) { Output.line(line) }
        show(warnings: answer)
    }

    private func show(warnings answer: JSON) {
        for warning in answer.read("Prediction: warnings")?.array ?? [] {
            Output.error(
                "note: \(warning.read("Warnings[]: pointer")?.string ?? ""): \(warning.read("Warnings[]: detail")?.string ?? "")"
            )
        }
    }
}
