import ArgumentParser
import Formats
import Glibc

/// `timestep train`: data and wishes to a server, progress and scores back.
struct Train: Command {
    static let configuration = CommandConfiguration(
        abstract: "Train a model and watch it.",
        discussion: """
            The data is a CSV with a header row, or JSON lines: flat objects, or \
            {"x": [[…], …], "label": …}, one sequence a line.

            Forecast a monthly series, keep the last year to compare with:
              timestep train sales.csv --model sales --target units \\
                --time month --horizon 12 --holdout 12

            Logarithm and yearly differences, an LSTM of 32, three seeds:
              timestep train air.csv --model air --target passengers --time month \\
                --transform log,seasonal_difference=12 --hidden 32 --epochs 150 \\
                --holdout 24 --seeds 1,2,3

            Label sequences:
              timestep train vowels.jsonl --model vowels --task classify \\
                --hidden 64 --epochs 40 --batch-size 16

            From a file that holds the body of POST /train, with another seed:
              timestep train --spec train-airline.json --seed 2

            Any field of the specification by its path; --fields lists them:
              timestep train air.csv --model air --target passengers \\
                --set network.layers.0.hidden=64 --set training.optimizer.beta2=0.99

            From another program:
              produce | timestep train - --format csv --model live --target value

            What it would cost, without training:
              timestep train air.csv --model air --target passengers --validate

            Ctrl-C stops the watching, not the job; see `timestep jobs --help`.
            """)

    @Argument(help: ArgumentHelp("File to train on; - reads the standard input.", valueName: "file"))
    var data: String?

    @Option(help: ArgumentHelp("Name of the model; each training adds a version to it.", valueName: "name"))
    var model: String?

    @Option(help: ArgumentHelp("Id of a dataset that was uploaded before, instead of a file.", valueName: "id"))
    var dataset: String?

    @Option(help: "Format of the data: csv, ndjson or json. (default: by the file's name)")
    var format: String?

    @Option(help: ArgumentHelp("JSON file with the body of POST /train; flags win over it.", valueName: "file"))
    var spec: String?

    @OptionGroup var options: TrainOptions

    @Flag(help: "Check and estimate, train nothing.")
    var validate = false

    @Flag(help: "Submit and return at once.")
    var detach = false

    @Option(
        help: ArgumentHelp(
            "Exit with status 1 unless the mean holdout RMSE over the horizon is at most this.", valueName: "number"))
    var requireRmse: Double?

    @OptionGroup(title: "The server") var client: ClientOptions

    func perform() throws(CommandError) {
        guard !options.fields else { return FieldListing.lines.forEach { Output.line($0) } }
        let server = try client.connect()
        var body = try options.body(over: specification(), model: model)
        try setData(&body, server)
        if validate {
            return show(estimate: try server.post("/train?validate=only", .object(body)))
        }
        var jobs: [JSON] = []
        for seed in try options.seeds() {
            body.set("training", "seed", seed.map { .number(Double($0)) })
            jobs.append(try server.post("/train", .object(body)))
        }
        if detach { return show(submitted: jobs) }
        try watch(jobs, on: server)
    }

    private func specification() throws(CommandError) -> JSONObject {
        guard let spec else { return JSONObject() }
        let document: JSON
        do {
            document = try JSON.parse(try Files.read(spec))
        } catch let error as CommandError {
            throw error
        } catch {
            throw CommandError(.file, "\(spec) is not JSON: \(error)")
        }
        guard let object = document.object else {
            throw CommandError(.file, "\(spec): expected an object, the body of POST /train")
        }
        return object
    }

    /// The data goes up first, so that several seeds train on one dataset and the request stays small.
    private func setData(_ body: inout JSONObject, _ server: Server) throws(CommandError) {
        switch (data, dataset) {
        case (_?, _?): throw CommandError(.usage, "give a file or --dataset, not both")
        case (let path?, nil):
            let uploaded = try Datasets.upload(path, format: format, to: server)
            body["data"] = ["dataset": uploaded.read("Dataset: id") ?? .null]
        case (nil, let id?): body["data"] = ["dataset": .string(id)]
        case (nil, nil):
            guard body["data"] != nil else {
                throw CommandError(.usage, "say what to train on: a file, - for the standard input, or --dataset ID")
            }
        }
        body.set("data", "missing", options.missing.map { .string($0) })
    }

    // MARK: Watching

    private func watch(_ jobs: [JSON], on server: Server) throws(CommandError) {
        let ids = jobs.compactMap { $0.read("Job: id")?.string }
        Signals.follow([SIGINT]) { _ in
            Output.error(
                "\ntimestep: stopped watching; the training goes on. Watch again: timestep jobs watch \(ids.last ?? "ID")"
                    + "; stop it: timestep jobs cancel \(ids.last ?? "ID")")
            _exit(ExitStatus.interrupted.rawValue)
        }
        let follower = JobFollower(server: server, terminal: client.progressTerminal, descriptor: STDERR_FILENO)
        var outcomes: [JobFollower.Outcome] = []
        for (job, id) in zip(jobs, ids) {
            let name = job.read("Job: model.name")?.string ?? "model"
            let seed = jobs.count > 1 ? job.read("Job: seed")?.int.map { ", seed \($0)" } ?? "" : ""
            outcomes.append(try follower.follow(id, label: name + seed))
        }
        if !client.printed(document(outcomes.map(\.job))) {
            for line in TrainingSummary(outcomes).lines(for: client.terminal) { Output.line(line) }
            if let plot = try holdoutPlot(outcomes, server) {
                for line in plot.lines(for: client.terminal) { Output.line(line) }
            }
        }
        try judge(outcomes.map(\.job))
    }

    /// One job as it is, several as a list.
    private func document(_ jobs: [JSON]) -> JSON {
        jobs.count == 1 ? jobs[0] : ["object": "list", "data": .array(jobs), "has_more": false]
    }

    /// The forecast of the rows that were held back, beside what really happened, where the file is at hand. Of several
    /// seeds none is shown: one of them would be picked.
    private func holdoutPlot(_ outcomes: [JobFollower.Outcome], _ server: Server) throws(CommandError) -> ForecastPlot?
    {
        guard let data, data != "-", outcomes.count == 1, let job = outcomes.first?.job,
            job.read("Job: status")?.string == "succeeded",
            let task = job.read("Job: spec.task"), let holdout = task.read("ForecastTask: holdout")?.int, holdout > 1,
            let name = job.read("Job: model.name")?.string, let version = job.read("Job: model.version")?.int,
            let target = task.read("ForecastTask: target")?.string ?? task.read("ForecastTask: target")?[0]?.string,
            (task.read("ForecastTask: features")?.count ?? 0) == 0,
            let text = try? Files.text(data), let series = try? Series(csv: text)
        else { return nil }
        let answer = try server.post(
            "/predict", ["model": .string("\(name):\(version)"), "horizon": .number(Double(holdout))])
        return try ForecastPlot(answer: answer, truth: series, target: target)
    }

    private func judge(_ jobs: [JSON]) throws(CommandError) {
        let failures = jobs.filter { $0.read("Job: status")?.string != "succeeded" }
        if let first = failures.first {
            let id = first.read("Job: id")?.string ?? "?"
            let status = first.read("Job: status")?.string ?? "?"
            let detail = first.read("Job: error.detail")?.string.map { ": " + $0 } ?? ""
            throw CommandError(.jobFailed, "job \(id) \(status)\(detail)")
        }
        guard let requireRmse else { return }
        guard let mean = TrainingSummary.mean(jobs.map { JobScores($0)?.network?.rmse }) else {
            throw CommandError(.refused, "--require-rmse: there is no score; give --holdout")
        }
        guard mean <= requireRmse else {
            throw CommandError(
                .refused,
                "the mean RMSE is \(Numerals.fixed(mean, 2)), and \(Numerals.fixed(requireRmse, 2)) was asked for")
        }
    }

    // MARK: Without watching

    private func show(submitted jobs: [JSON]) {
        guard !client.printed(document(jobs)) else { return }
        for job in jobs {
            let id = job.read("Job: id")?.string ?? "?"
            Output.line("\(id) is \(job.read("Job: status")?.string ?? "?"); watch it: timestep jobs watch \(id)")
        }
    }

    private func show(estimate: JSON) {
        guard !client.printed(estimate) else { return }
        let flops = estimate.read("Estimate: floating_point_operations_per_epoch")?.double
        Output.line("parameters             \(estimate.read("Estimate: parameters")?.int ?? 0)")
        Output.line("memory                 \(Numerals.bytes(estimate.read("Estimate: memory_bytes")?.int ?? 0))")
        Output.line("operations an epoch    \(Numerals.short(flops.map { $0 / 1e9 })) Gflop")
        Output.line(
            "steps                  \(estimate.read("Estimate: steps")?.int ?? 0) (\(estimate.read("Estimate: steps_per_epoch")?.int ?? 0) an epoch)"
        )
        if let seconds = estimate.read("Estimate: seconds")?.double {
            Output.line("time, roughly          \(Numerals.time(seconds: seconds))")
        }
    }
}
