import Formats
import Kernels
import Models
import NamedFields
import Networks
import TestSupport
import Testing

@testable import Training

/// Truncated backpropagation through streams whose states are carried on.
@Suite("Streams")
struct StreamTests {
    static func training(
        steps: Int = 3, back: Int? = nil, streams: Int = 4, _ change: (inout OptimizationSpec) -> Void = { _ in }
    ) -> OptimizationSpec {
        OptimizationSpec {
            $0.epochs = 3
            $0.seed = 5
            $0.bptt = BackpropagationSpec {
                ($0.steps, $0.back, $0.streams) = (steps, back, streams)
            }
            change(&$0)
        }
    }

    static let all: [(TrainingSpec, TrainingData)] = {
        let validated = training(back: 5) { $0.validation = .init(fraction: 0.2) }
        let label = LabelTests.spec(validated)
        var flags = LabelTests.spec(training(streams: 7)) {
            $0.inputs = .tokens(TokenInputs())
            $0.answers = .flags
        }
        flags.network.layers.insert(.timeDelay(4, taps: 3), at: 0)
        return [
            (label, .labelled(LabelTests.parity(seed: 3))),
            (flags, .labelled(LabelTests.flags(seed: 3))),
            (forecastSpec(validated, dropout: 0.2), .series(seasonalSeries())),
            (inRealTime, .labelled(LabelTests.parity(20, seed: 3))),
        ]
    }()

    /// Gradients carried forward, two rows of three streams a step.
    static let inRealTime: TrainingSpec = {
        var spec = LabelTests.spec(
            training {
                ($0.bptt, $0.epochs) = (nil, 2)
                $0.rtrl = RealTimeSpec { ($0.steps, $0.streams) = (2, 3) }
            })
        spec.network.layers = [LayerSpec(cell: .gru(.before), hidden: 3)]
        return spec
    }()

    @Test("a run resumed from a checkpoint after any step gives the bytes of one that was never stopped")
    func resumed() throws {
        for (spec, data) in Self.all {
            let whole = try Trainer(spec, data, datasetDigest: "d")
            var checkpoints = [whole.checkpoint()]
            try whole.run { _ in checkpoints.append(whole.checkpoint()) }
            let expected = ModelFile.encode(try whole.finish().model)
            for checkpoint in checkpoints {
                let resumed = try Trainer(spec, data, datasetDigest: "d", resuming: checkpoint)
                #expect(resumed.checkpoint() == checkpoint)
                try resumed.run()
                #expect(ModelFile.encode(try resumed.finish().model) == expected)
            }
        }
    }

    @Test("what was carried decides what comes: a checkpoint without it would give another model")
    func carriedMatters() throws {
        let (spec, data) = Self.all[2]
        let trainer = try Trainer(spec, data, datasetDigest: "d")
        for _ in 0..<3 { _ = try trainer.advance() }
        let other = try Trainer(spec, data, datasetDigest: "d", resuming: trainer.checkpoint())
        let streams = try #require(other.streams)
        #expect(streams.carried.map(\.values) == trainer.streams?.carried.map(\.values))
        #expect(streams.carried.contains { $0.values.contains { $0 != 0 } })
        streams.restore(
            StreamTraining.Carried(states: streams.carried.map { NetworkState(values: $0.values.map { _ in 0 }) }))
        for trainer in [trainer, other] { _ = try trainer.advance() }
        #expect(trainer.parameters != other.parameters)
    }

    @Test("same seed, same bytes, on every machine with fused multiply-add, with any number of threads")
    func deterministic() throws {
        for (spec, data) in Self.all {
            let all = try fusedSets.flatMap { set in
                try [1, 2].map { threads in
                    let trainer = try Trainer(
                        spec, data, datasetDigest: "d", kernels: KernelSet(set, threads: threads))
                    try trainer.run()
                    return trainer.checkpoint()
                }
            }
            #expect(all.allSatisfy { $0 == all[0] })
        }
    }

    @Test("windows as long as the sequences take the steps of whole sequences, to the bit")
    func wholeSequences() throws {
        let bits = draws(48, seed: 3).map { $0 > 0 }
        // The label of a row is the bit before it.
        let labels = bits.indices.map { $0 % 6 > 0 && bits[$0 - 1] ? "set" : "not" }
        let data = TrainingData.labelled(
            LabelledSequences(
                rows: .numbers(bits.map { $0 ? 1 : 0 }, features: ["bit"]), lengths: [Int](repeating: 6, count: 8),
                labels: TextColumn(labels)))
        var whole = Self.training { $0.shuffle = false }
        (whole.bptt, whole.batchSize) = (nil, 8)
        let streams = Self.training(steps: 7, streams: 8) { $0.shuffle = false }
        let trainers = try [whole, streams].map { try Trainer(LabelTests.spec($0), data, datasetDigest: "") }
        for trainer in trainers { try trainer.run() }
        #expect(trainers[0].parameters == trainers[1].parameters && trainers[1].progress.step == 3)
    }

    @Test("an epoch's windows count every answer of the training part once")
    func counted() throws {
        for (spec, data) in Self.all {
            let trainer = try Trainer(spec, data, datasetDigest: "")
            let plan = try #require(trainer.streams?.plan)
            for _ in 1..<trainer.stepsPerEpoch { _ = try trainer.advance() }
            let before = trainer.progressState.lossCount
            #expect(before < plan.rows && before > plan.rows / 2)
            let end = try #require(try trainer.advance().epochEnd)
            #expect(end.epoch == 1)
            let estimate = try Estimate(TrainingPlan(CheckedSpec(spec), data))
            #expect(estimate.stepsPerEpoch == trainer.stepsPerEpoch && estimate.steps == trainer.progress.steps)
        }
    }

    @Test("validation window by window has the loss and the accuracy of whole sequences")
    func validated() throws {
        let (spec, data) = Self.all[0]
        let trainer = try Trainer(spec, data, datasetDigest: "")
        try trainer.run()
        let found = trainer.evaluate(trainer.examples.validation)
        var whole = spec
        whole.training.bptt = nil
        let other = try Trainer(whole, data, datasetDigest: "")
        other.network.load(trainer.parameters)
        let expected = other.evaluate(other.examples.validation)
        #expect(abs(found.loss - expected.loss) < 1e-6 && found.accuracy == expected.accuracy)
        #expect(found.loss == trainer.progress.validationLoss)
    }

    @Test("a step in real time has the loss and the gradient of backpropagation where nothing lies before its window")
    func realTime() throws {
        let data = TrainingData.labelled(LabelTests.parity(20, seed: 3))
        var back = Self.inRealTime
        (back.training.rtrl, back.training.bptt) = (nil, BackpropagationSpec { ($0.steps, $0.streams) = (2, 3) })
        let trainers = try [Self.inRealTime, back].map { spec in
            var spec = spec
            // A step along the gradient as it is: other rules make much of what is nearly nothing.
            spec.training.optimizer = OptimizerSpec(.sgd, learningRate: 0.5)
            return try Trainer(spec, data, datasetDigest: "")
        }
        let losses = try trainers.map { try $0.advance().loss }
        #expect(abs(losses[0] - losses[1]) < 1e-6)
        #expect(zip(trainers[0].parameters, trainers[1].parameters).allSatisfy { abs($0 - $1) < 1e-5 })
        // From the second window on, what came before has a gradient too.
        for trainer in trainers { _ = try trainer.advance() }
        #expect(trainers[0].parameters != trainers[1].parameters)
    }

    @Test("what real-time learning keeps has a part in the memory that is told")
    func realTimeMemory() throws {
        let data = TrainingData.labelled(LabelTests.parity(20, seed: 3))
        func bytes(_ streams: Int, hidden: Int) throws -> Int {
            var spec = Self.inRealTime
            spec.training.rtrl?.streams = streams
            spec.network.layers = [LayerSpec(cell: .gru(.before), hidden: hidden)]
            return try Estimate(TrainingPlan(CheckedSpec(spec), data)).memoryBytes
        }
        // Three streams more, each with states · parameters numbers.
        let parameters = 3 * 64 * (1 + 64 + 2)
        #expect(try bytes(4, hidden: 64) - bytes(1, hidden: 64) >= 3 * 64 * parameters * 4)
        #expect(try bytes(4, hidden: 65_536) > 1 << 50)
    }

    @Test("sequences that are asked for in a batch and are not there take no memory")
    func batchMemory() throws {
        func bytes(_ batchSize: Int) throws -> Int {
            let spec = forecastSpec(Self.training { $0.batchSize = batchSize })
            return try Estimate(TrainingPlan(CheckedSpec(spec), .series(seasonalSeries()))).memoryBytes
        }
        #expect(try bytes(TrainingSpec.Limit.batchSize) == bytes(10_000))
    }

    @Test("a parity is learnt from streams, and said by the model")
    func learns() throws {
        let training = Self.training(steps: 8, streams: 16) {
            ($0.epochs, $0.optimizer) = (120, OptimizerSpec(.adam, learningRate: 0.02))
        }
        let trainer = try Trainer(
            LabelTests.spec(training), .labelled(LabelTests.parity(seed: 3)), datasetDigest: "")
        try trainer.run()
        #expect(try #require(trainer.finish().report.classification).trainAccuracy > 0.98)
    }

    // MARK: - What is refused

    @Test("what cannot be a stream is refused with its place")
    func refused() {
        func places(_ spec: TrainingSpec) -> [String] { spec.violations().list.map(\.path.pointer) }
        #expect(places(classifySpec(Self.training())) == ["#/training/bptt"])
        #expect(places(LabelTests.spec(Self.training(steps: 4, back: 3))) == ["#/training/bptt/back"])
        var both = LabelTests.spec(Self.training())
        both.network.layers[0].bidirectional = true
        #expect(places(both) == ["#/network/layers/0/bidirectional"])
        #expect(places(LabelTests.spec(Self.training(steps: 0))).contains("#/training/bptt/steps"))
        #expect(places(LabelTests.spec(Self.training(streams: 0))).contains("#/training/bptt/streams"))
        #expect(places(forecastSpec(Self.training())).isEmpty)
        #expect(places(Self.inRealTime).isEmpty)
        var twice = Self.inRealTime
        twice.training.bptt = BackpropagationSpec()
        #expect(places(twice) == ["#/training/rtrl"])
        var deep = Self.inRealTime
        deep.network.layers.append(LayerSpec(cell: .lstm(), hidden: 2))
        #expect(places(deep) == ["#/training/rtrl"])
    }

    @Test("the fingerprint of a training without streams is what it was before there were any")
    func fingerprint() {
        #expect(!classifySpec().canonicalText.contains("bptt"))
        #expect(LabelTests.spec(Self.training()).canonicalText.contains("bptt={steps=3,streams=4}"))
    }
}
