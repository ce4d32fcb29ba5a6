import ArgumentParser
import Formats
import NamedFields
import Testing
import Training

@testable import timestep

@Suite("What train asks for")
struct TrainOptionsTests {
    private func body(_ arguments: [String], over base: String = "{}", model: String? = "m") throws -> JSON {
        let options = try TrainOptions.parse(arguments)
        let object = try #require(try JSON.parse(base).object)
        return .object(try options.body(over: object, model: model))
    }

    @Test("only what was given is asked for; every default is the server's")
    func minimal() throws {
        #expect(try body(["--target", "y"]) == ["model": "m", "task": ["kind": "forecast", "target": "y"]])
    }

    @Test("a seed is said in one way", arguments: [["--seed", "3"], ["--seeds", "3,4"]])
    func oneSeed(flags: [String]) throws {
        let options = try TrainOptions.parse(flags + ["--set", "training.seed=5"])
        #expect(throws: CommandError.self) { try options.seeds() }
        #expect(try TrainOptions.parse(["--set", "training.seed=5"]).seeds() == [nil])
    }

    @Test("a place within the columns to forecast is refused: it would take the place of all of them")
    func oneTarget() throws {
        #expect(throws: CommandError.self) { try body(["--target", "a,b", "--set", "task.target.1=c"]) }
        #expect(
            try body(["--set", "task.target=a,c", "--set", "task.kind=forecast"])["task"]?["target"] == ["a", "c"])
    }

    @Test("every flag of the main job finds its place")
    func full() throws {
        let arguments = """
            --target passengers_thousands --features a,b --time month --lookback 24 --horizon 12 \
            --transform log,seasonal_difference=12 --holdout 24 --season 12 --cell gru --hidden 64,32 --reset before \
            --dropout 0.1 --epochs 100 --batch-size 32 --optimizer adamw --learning-rate 0.005 --weight-decay 0.01 \
            --clip-norm 1 --clip-value 5 --validation 0.1 --patience 20 --threads 2 --precision bfloat16 \
            --missing linear
            """
        let body = try body(arguments.split(separator: " ").map(String.init))
        #expect(
            body["task"] == [
                "kind": "forecast", "target": "passengers_thousands", "features": ["a", "b"], "time": "month",
                "lookback": 24, "horizon": 12, "transform": ["log", ["seasonal_difference": 12]], "holdout": 24,
                "season": 12,
            ])
        #expect(body["network"] == ["cell": "gru", "hidden": [64, 32], "reset": "before", "dropout": 0.1])
        #expect(
            body["training"] == [
                "epochs": 100, "batch_size": 32, "optimizer": ["kind": "adamw", "learning_rate": 0.005],
                "weight_decay": 0.01, "clip": ["norm": 1, "value": 5], "validation": ["fraction": 0.1],
                "early_stopping": ["patience": 20], "threads": 2, "precision": "bfloat16",
            ])
    }

    @Test("flags win over the specification, and leave the rest of it")
    func specification() throws {
        let base = """
            {"model": "old", "task": {"kind": "forecast", "target": "y", "lookback": 6},
             "network": {"layers": [{"cell": "lstm", "hidden": 8}], "dropout": 0.2},
             "training": {"epochs": 5, "optimizer": {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9}}}
            """
        let body = try body(
            ["--lookback", "12", "--hidden", "16", "--learning-rate", "0.01", "--epochs", "9"], over: base, model: nil)
        #expect(body["model"] == "old")
        #expect(body["task"] == ["kind": "forecast", "target": "y", "lookback": 12])
        #expect(body["network"] == ["hidden": 16, "dropout": 0.2])
        #expect(body["training"]?["optimizer"] == ["kind": "sgd", "learning_rate": 0.01, "momentum": 0.9])
        #expect(body["training"]?["epochs"] == 9)
    }

    @Test("a network of layers stays where only its dropout is changed")
    func dropoutOnly() throws {
        let base = #"{"task": {"kind": "classify"}, "network": {"layers": [{"hidden": 8}]}}"#
        #expect(try body(["--dropout", "0.5"], over: base)["network"] == ["layers": [["hidden": 8]], "dropout": 0.5])
    }

    @Test(
        "what to learn is read off the flags, and asked for where they do not say",
        arguments: ["--label", "--sequence", "--pool"])
    func task(flag: String) throws {
        #expect(try body([flag, "last"])["task"]?["kind"] == "classify")
        #expect(throws: CommandError.self) { try body([]) }
        #expect(throws: CommandError.self) { try body(["--target", "y"], model: nil) }
    }

    @Test("tokens and kinds of answers are those of a labeller, beside the columns that it shares with a classifier")
    func labels() throws {
        let task = try body(["--inputs", "tokens", "--label", "tag", "--split", "characters", "--min-count", "2"])[
            "task"]
        #expect(
            task == ["kind": "label", "inputs": "tokens", "label": "tag", "split": "characters", "min_count": 2])
        #expect(try body(["--answers", "flags"])["task"] == ["kind": "label", "answers": "flags"])
    }

    @Test("every field can be set by its path, over flags and specification, typed as it takes it")
    func settings() throws {
        let body = try body([
            "--target", "y", "--hidden", "8,4", "--set", "network.layers.1.cell=gru", "--set",
            "network.layers.2.hidden=3",
            "--set", "task.lookback=12", "--set", "training.optimizer.learning_rate=1e-3", "--set",
            "training.clip=null",
            "--set", "training.shuffle=false", "--set", "task.transform=log,seasonal_difference=12",
            "--set", "task.features=a,b", "--set", "training.validation.fraction=0.25",
        ])
        #expect(
            body["task"] == [
                "kind": "forecast", "target": "y", "lookback": 12, "features": ["a", "b"],
                "transform": ["log", ["seasonal_difference": 12]],
            ])
        #expect(body["network"] == ["layers": [["hidden": 8], ["hidden": 4, "cell": "gru"], ["hidden": 3]]])
        #expect(
            body["training"] == [
                "optimizer": ["learning_rate": 0.001], "clip": nil, "shuffle": false, "validation": ["fraction": 0.25],
            ])
        #expect(try self.body(["--set", "task.kind=classify"])["task"] == ["kind": "classify"])
    }

    @Test(
        "a layer or a task of another kind leaves behind what only the old one has",
        arguments: [
            (["network.layers.0.kind=time_delay"], "time_delay", ["cell", "output_sees_previous"]),
            (["network.layers.0.cell=gru"], "recurrent", ["output_sees_previous"]),
            (["network.layers.0.kind=dense", "network.layers.0.kind=recurrent"], "recurrent", []),
        ])
    func otherKind(settings: [String], kind: String, gone: [String]) throws {
        let body = try body(["--target", "y"] + settings.flatMap { ["--set", $0] })
        let layer = try #require(body["network"]?["layers"]?[0])
        #expect(layer["kind"]?.string == kind)
        for name in gone { #expect(layer[name] == nil, "\(name)") }
        // As the server reads it.
        var findings = FieldFindings()
        var network = NetworkSpec()
        FieldReader.read(FieldValue(try #require(body["network"])), into: &network, &findings)
        #expect(findings.complete().list.isEmpty, "\(findings.complete().list)")
    }

    @Test("what a setting set stays, and so does what no kind has or what the kind at hand never had: the server tells")
    func keptForTheServer() throws {
        let base = """
            {"task": {"kind": "forecast", "target": "y", "lookback": 6, "lokback": 7},
             "network": {"layers": [{"hidden": 8, "output_sees_previous": true}, {"kind": "time_delay", "taps": 3}]}}
            """
        func body(_ settings: String...) throws -> JSON {
            try self.body(settings.flatMap { ["--set", $0] }, over: base)
        }
        #expect(try body("task.kind=classify")["task"] == ["kind": "classify", "lokback": 7])
        #expect(
            try body("task.lookback=9", "task.kind=classify")["task"]
                == ["kind": "classify", "lookback": 9, "lokback": 7])
        #expect(
            try body("network.layers.1.cell=gru")["network"]?["layers"]?[1]
                == ["kind": "time_delay", "taps": 3, "cell": "gru"])
        #expect(
            try body("network.layers.0.cell=lstm")["network"]?["layers"]?[0]
                == ["hidden": 8, "output_sees_previous": true, "cell": "lstm"])
        #expect(
            try body("network.layers.0.cell=gru")["network"]?["layers"]?[0] == ["hidden": 8, "cell": "gru"])
        #expect(
            try body("network.layers.0.output_sees_previous=false", "network.layers.0.cell=gru")["network"]?["layers"]?[
                0]
                == ["hidden": 8, "output_sees_previous": false, "cell": "gru"])
    }

    @Test(
        "a setting that cannot be is told before anything is sent: with the bounds, or with the name that was meant",
        arguments: [
            ("network.layers.0.hiden=64", "did you mean \"hidden\"?"), ("network.layers.0.hidden=0", "1 to 65536"),
            ("network.layers.0.hidden=x", "whole number"), ("network.layers.5.hidden=1", "from 0 to 1"),
            ("network.layers.0.cell=lstn", "did you mean \"lstm\"?"), ("network.layers=3", "one word"),
            ("network=3", "layers, dropout, output_dropout, head, initialization"),
            ("training.weight_decay=-1", "at least 0"),
            ("training.shuffle=yes", "true or false"), ("training.epochs", "such as training.epochs=50"),
            ("training.epochs.x=1", "no fields of its own"), ("taks.lookback=1", "did you mean \"task\"?"),
            ("task.transform=seasonal_difference", "1 to 100000"), ("task.transform=lag", "did you mean \"log\"?"),
            ("=3", "such as"),
        ])
    func wrongSettings(setting: String, part: String) throws {
        do {
            _ = try body(["--target", "y", "--set", setting])
            Issue.record("\(setting) was taken")
        } catch let error as CommandError {
            #expect(error.message.contains(part), "\(error.message)")
        }
    }

    @Test("the listing has a line for every field, with what it takes and its default")
    func listing() {
        let text = FieldListing.lines.joined(separator: "\n")
        for part in [
            "network.layers.N.hidden  (recurrent)\n    The width of the layer's state. Takes a whole number from 1 to 65536; default 32.",
            "network.layers.N.reset  (gru)", "network.layers.N.hidden  (recurrent)",
            "network.layers.N.activation  (elman, time_delay, dense)", "training.optimizer.beta1  (adam, adamw)",
            "task.target  (forecast)",
            "Takes a number above 0 and below 1; default 0.1.",
            "default 0.003 (adam, adamw, rmsprop), 0.1 (sgd).",
        ] { #expect(text.contains(part), "\(part)") }
    }

    @Test("seeds are one, many, or the server's")
    func seeds() throws {
        #expect(try TrainOptions.parse([]).seeds() == [nil])
        #expect(try TrainOptions.parse(["--seed", "7"]).seeds() == [7])
        #expect(try TrainOptions.parse(["--seeds", "1, 2,3"]).seeds() == [1, 2, 3])
        #expect(throws: CommandError.self) { try TrainOptions.parse(["--seeds", "1", "--seed", "2"]).seeds() }
        #expect(throws: CommandError.self) { try TrainOptions.parse(["--seeds", "one"]).seeds() }
        #expect(throws: CommandError.self) { try TrainOptions.parse(["--seeds", ","]).seeds() }
    }

    @Test("the media type follows the name of the file, or what was said")
    func mediaType() throws {
        #expect(try Datasets.mediaType("a.csv", format: nil) == "text/csv")
        #expect(try Datasets.mediaType("a.JSONL", format: nil) == "application/x-ndjson")
        #expect(try Datasets.mediaType("a.json", format: nil) == "application/json")
        #expect(try Datasets.mediaType("-", format: nil) == "text/csv")
        #expect(try Datasets.mediaType("a.csv", format: "ndjson") == "application/x-ndjson")
        #expect(throws: CommandError.self) { try Datasets.mediaType("a", format: "xml") }
    }

    @Test("the mean over seeds is over all of them or not told")
    func mean() {
        #expect(TrainingSummary.mean([1, 2, 6]) == 3)
        #expect(TrainingSummary.mean([1, nil, 6]) == nil)
        #expect(TrainingSummary.mean([]) == nil)
    }

    static let job: JSON = [
        "id": "job_1", "status": "succeeded", "seed": 1, "model": ["name": "air", "version": 2],
        "spec": ["task": ["horizon": 24]],
        "report": [
            "train_loss": 0.5, "epochs_run": 150,
            "holdout": [
                "rows": 24, "horizon": ["rmse": 31.5, "mae": 25, "mase": 1.1, "smape": 6.5], "one_step": ["rmse": 15],
                "baselines": [
                    "naive": ["horizon": ["rmse": 137.25]], "seasonal_naive": ["horizon": ["rmse": 76.99]],
                    "seasonal_drift": nil,
                ],
            ],
        ],
    ]

    @Test("scores stand beside the naive forecasts, and a mean is of all seeds")
    func summary() throws {
        var second = try #require(Self.job.object)
        second["seed"] = 2
        var report = try #require(second["report"]?.object)
        report.set("holdout", "horizon", ["rmse": 33.5])
        second["report"] = .object(report)
        let outcomes = [Self.job, .object(second)].map { JobFollower.Outcome(job: $0, losses: []) }
        let lines = TrainingSummary(outcomes).lines(for: .plain)
        #expect(lines[0] == "air:2, seed 1: 150 epochs, loss 0.5000  (job_1)")
        #expect(lines.contains { $0.contains("mean of 2 seeds") && $0.contains("32.50") })
        #expect(lines.contains { $0.contains("seasonal naive") && $0.contains("76.99") })
        #expect(!lines.contains { $0.contains("drift") })
    }

    @Test("a repeated epoch after a restart replaces what was seen of it")
    func losses() {
        #expect(JobFollower.loss(["epoch": 3, "train_loss": 0.5]) == JobFollower.EpochLoss(epoch: 3, training: 0.5))
        #expect(JobFollower.loss(["train_loss": 0.5]) == nil)
        #expect(JobFollower.plot([]) == nil)
        let plot = JobFollower.plot((1...50).map { JobFollower.EpochLoss(epoch: $0, training: 1 / Double($0 * $0)) })
        #expect(plot?.scale == .logarithmic)
    }
}
