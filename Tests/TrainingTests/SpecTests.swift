import Formats
import Kernels
import Models
import NamedFields
import Networks
import TestSupport
import Testing

@testable import Training

@Suite("Specification")
struct SpecTests {
    private func decode(_ text: String) throws -> TrainingSpec { try Formats.decode(text) }

    private func encode(_ spec: TrainingSpec) -> String { Formats.encode(spec) }

    @Test("the least that is enough takes every default, and echoes it")
    func defaults() throws {
        let spec = try decode(#"{"task": {"kind": "forecast", "target": "y"}}"#)
        #expect(spec == TrainingSpec(task: .forecast(ForecastTask(target: ["y"]))))
        #expect(spec.violations().isEmpty)
        #expect(try decode(encode(spec)) == spec)
        let echo = encode(spec)
        for part in [
            #""lookback":24"#, #""horizon":12"#, #""transform":["standardize"]"#, #""schedule":null"#, #""epochs":100"#,
        ] {
            #expect(echo.contains(part), "\(part)")
        }
    }

    @Test("the request of the interface's own example is understood")
    func example() throws {
        let spec = try decode(
            """
            {"task": {"kind": "forecast", "target": "passengers_thousands", "features": [], "time": "month",
              "lookback": 24, "horizon": 12, "transform": ["log", {"seasonal_difference": 12}], "holdout": 24},
             "network": {"layers": [{"cell": "lstm", "hidden": 32}], "dropout": 0},
             "training": {"epochs": 100, "batch_size": 32, "optimizer": {"kind": "adam", "learning_rate": 0.005},
              "schedule": null, "weight_decay": 0, "clip": {"norm": 1}, "validation": {"fraction": 0.1},
              "early_stopping": {"patience": 20}, "seed": 7, "threads": 1}}
            """)
        guard case .forecast(let task) = spec.task else { throw PredictionError(.otherTask) }
        #expect(task.transform == [.log, .seasonalDifference(12)] && task.transform.lag == 12)
        #expect(spec.training.optimizer == OptimizerSpec(.adam, learningRate: 0.005))
        #expect(spec.training.earlyStopping?.patience == 20 && spec.training.seed == 7)
        #expect(spec.violations().isEmpty)
        #expect(try decode(encode(spec)) == spec)
    }

    @Test("everything that can be said survives encoding and decoding")
    func roundTrip() throws {
        let optimizers = [
            OptimizerSpec(.adam, learningRate: 0.25) { $0.beta1 = 0.1 }, OptimizerSpec(.adamw) { $0.epsilon = 1e-3 },
            OptimizerSpec(.sgd) { ($0.momentum, $0.nesterov) = (0.5, true) },
            OptimizerSpec(.rmsprop) { $0.centered = true },
        ]
        let schedules = [
            ScheduleSpec(.constant, warmupSteps: 5), ScheduleSpec(.step) { ($0.period, $0.factor) = (2, 0.5) },
            ScheduleSpec(.exponential) { $0.factor = 0.9 }, ScheduleSpec(.linear) { $0.minimum = 0.1 },
            ScheduleSpec(.cosine) { $0.minimum = 0.2 },
            ScheduleSpec(.reduceOnPlateau) { ($0.factor, $0.patience, $0.minimum) = (0.3, 4, 0.5) },
        ]
        for optimizer in optimizers {
            for schedule in schedules {
                let spec = TrainingSpec(
                    task: .classify(ClassifyTask(pool: .mean, sequence: "s", label: "l", features: ["a", "b"])),
                    network: NetworkSpec(
                        layers: [
                            LayerSpec(cell: .gru(.before), hidden: 3), LayerSpec(cell: .elman(.relu), hidden: 4),
                            LayerSpec(cell: .lstm(), hidden: 5),
                        ], dropout: 0.5,
                        initialization: Initialization(input: .glorot, recurrent: .identity, forgetBias: 2)),
                    training: OptimizationSpec(
                        optimizer: optimizer, schedule: schedule, clip: nil, shuffle: false))
                #expect(try decode(encode(spec)) == spec)
            }
        }
    }

    @Test("the short form of many widths, with many members that are no fields, stays as small as what was written")
    func manyWidths() throws {
        let unknown = (0..<1_000).map { FieldMember("x\($0)", FieldValue.integer($0)) }
        let widths = FieldValue.list((0..<20_000).map { _ in .integer(8) })
        let spelledOut = try #require(
            NetworkSpec.spelledOut(
                unknown + [FieldMember("cell", FieldValue.text("gru")), FieldMember("hidden", widths)]))
        var layers: [FieldValue] = []
        if case .list(let found)? = spelledOut.members["layers"] { layers = found }
        let members = layers.reduce(0) { sum, layer in
            if case .members(let members) = layer { sum + members.count } else { sum }
        }
        #expect(layers.count == 20_000 && members < 2_000)
        var findings = FieldFindings()
        var network = NetworkSpec()
        FieldReader.read(.members([FieldMember("hidden", widths)]), into: &network, &findings)
        FieldChecker.check(network, &findings)
        #expect(findings.all.list.contains { $0.detail.contains("20000") })
    }

    @Test("all that is wrong is said at once, each with its place")
    func violations() {
        var spec = TrainingSpec(
            task: .forecast(
                ForecastTask(
                    target: ["y", "y"], features: ["", "t"], time: "t", lookback: 0, horizon: -1,
                    transform: [.difference, .log, .seasonalDifference(0)], holdout: -1, season: 0)))
        spec.network.layers = [LayerSpec(cell: .lstm(), hidden: 0)]
        spec.network.dropout = 1
        spec.training = OptimizationSpec(
            epochs: 0, batchSize: 0,
            optimizer: OptimizerSpec(.adam, learningRate: -1) { ($0.beta1, $0.epsilon) = (1, 0) },
            schedule: ScheduleSpec(.step) { ($0.period, $0.factor) = (0, 2) }, weightDecay: .nan,
            clip: .init(norm: 0, value: -1),
            validation: nil, earlyStopping: .init(patience: 0), threads: 0)
        let found = Set(spec.violations().list.map { violation in String(describing: violation).prefix { $0 != ":" } })
        let expected: Set<Substring> = [
            "task.target[1]", "task.features[0]", "task.time", "task.lookback", "task.horizon", "task.transform[1]",
            "task.transform[2].seasonal_difference", "task.holdout", "task.season", "network.layers[0].hidden",
            "network.dropout", "training.epochs", "training.batch_size", "training.optimizer.learning_rate",
            "training.optimizer.beta1", "training.optimizer.epsilon", "training.schedule.period",
            "training.schedule.factor", "training.weight_decay", "training.clip.norm", "training.clip.value",
            "training.early_stopping.patience", "training.early_stopping", "training.threads",
        ]
        #expect(found == expected)
    }
}
