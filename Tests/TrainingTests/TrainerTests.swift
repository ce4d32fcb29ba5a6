import Kernels
import Models
import Networks
import TestSupport
import Testing

@testable import Training

@Suite("Trainer")
struct TrainerTests {
    private static let everything = OptimizationSpec(
        epochs: 4, batchSize: 16,
        optimizer: OptimizerSpec(.rmsprop, learningRate: 0.01) { ($0.momentum, $0.centered) = (0.5, true) },
        schedule: ScheduleSpec(.reduceOnPlateau, warmupSteps: 3) { $0.patience = 1 }, weightDecay: 1e-3,
        clip: .init(norm: 1, value: 0.5), validation: .init(fraction: 0.2), earlyStopping: .init(patience: 2), seed: 9)

    private static var inBFloat16: OptimizationSpec {
        var training = everything
        training.precision = .bfloat16
        return training
    }

    private func bytes(_ trainer: Trainer) throws -> [UInt8] {
        try trainer.run()
        return ModelFile.encode(try trainer.finish().model)
    }

    @Test(
        "same seed, same bytes: on every machine with fused multiply-add, with any number of threads",
        arguments: Cell.all)
    func deterministic(cell: Cell) throws {
        let spec = forecastSpec(Self.everything, cell: cell, dropout: 0.2, features: ["u"])
        let all = try fusedSets.flatMap { set in
            try [1, 2].map { threads in
                try bytes(
                    Trainer(
                        spec, .series(seasonalSeries()), datasetDigest: "d",
                        kernels: KernelSet(set, threads: threads)))
            }
        }
        #expect(all.allSatisfy { $0 == all[0] })
        var other = spec
        other.training.seed = 10
        #expect(try bytes(Trainer(other, .series(seasonalSeries()), datasetDigest: "d")) != all[0])
    }

    @Test("in bfloat16 too the same seed gives the same bytes, with any number of threads", arguments: Cell.all)
    func deterministicInBFloat16(cell: Cell) throws {
        var spec = forecastSpec(Self.everything, cell: cell, dropout: 0.2, features: ["u"])
        let exact = try bytes(Trainer(spec, .series(seasonalSeries()), datasetDigest: "d"))
        spec.training.precision = .bfloat16
        for set in InstructionSet.available {
            let all = try [1, 2].map { threads in
                try bytes(
                    Trainer(
                        spec, .series(seasonalSeries()), datasetDigest: "d", kernels: KernelSet(set, threads: threads)))
            }
            #expect(all[0] == all[1])
            // Its own bytes, and a model file that says nothing of how it was trained.
            #expect(all[0] != exact && all[0].count == exact.count)
        }
    }

    @Test("a run resumed from a checkpoint after any step gives the bytes of one that was never stopped")
    func resumed() throws {
        let runs: [(TrainingSpec, TrainingData)] = [
            (forecastSpec(Self.everything, dropout: 0.2), .series(seasonalSeries())),
            (forecastSpec(Self.inBFloat16), .series(seasonalSeries())),
            (classifySpec(Self.everything, pool: .mean), .sequences(signSequences())),
        ]
        for (spec, data) in runs {
            let whole = try Trainer(spec, data, datasetDigest: "d")
            var checkpoints = [whole.checkpoint()]
            try whole.run { _ in checkpoints.append(whole.checkpoint()) }
            let expected = try whole.finish()
            for checkpoint in checkpoints {
                let resumed = try Trainer(spec, data, datasetDigest: "d", resuming: checkpoint)
                #expect(resumed.checkpoint() == checkpoint)
                try resumed.run()
                #expect(try resumed.finish() == expected)
                #expect(ModelFile.encode(try resumed.finish().model) == ModelFile.encode(expected.model))
            }
        }
    }

    @Test("a checkpoint that is torn, changed or another's is refused by name, and the trainer stays usable")
    func damaged() throws {
        let spec = classifySpec()
        let trainer = try Trainer(spec, .sequences(signSequences()), datasetDigest: "d")
        _ = try trainer.advance()
        let checkpoint = trainer.checkpoint()
        func reason(_ bytes: [UInt8], _ trainer: Trainer) -> TrainingError.Reason? {
            do { try trainer.resume(from: bytes) } catch { return error.reason }
            return nil
        }
        let half = checkpoint.count / 2
        #expect(
            reason(Array(checkpoint[..<half]), trainer)
                == .damagedCheckpoint(.truncated(have: half, need: checkpoint.count)))
        var changed = checkpoint
        changed[half] ^= 1
        #expect(reason(changed, trainer) == .damagedCheckpoint(.checksum))
        let other = try Trainer(spec, .sequences(signSequences()), datasetDigest: "e")
        #expect(reason(checkpoint, other) == .foreignCheckpoint)
        #expect(trainer.checkpoint() == checkpoint)
        var reduced = spec
        reduced.training.precision = .bfloat16
        let coarser = try Trainer(reduced, .sequences(signSequences()), datasetDigest: "d")
        #expect(reason(checkpoint, coarser) == .foreignCheckpoint)
        // With dot products and without, the same products have other bits.
        for set in InstructionSet.available where set != .baseline {
            let there = try Trainer(
                reduced, .sequences(signSequences()), datasetDigest: "d", kernels: KernelSet(set))
            let isSame = set.hasBFloat16Dots == coarser.kernels.instructionSet.hasBFloat16Dots
            #expect(reason(coarser.checkpoint(), there) == (isSame ? nil : .foreignCheckpoint))
        }
        var threads = spec
        threads.training.threads = 2
        let more = try Trainer(threads, .sequences(signSequences()), datasetDigest: "d")
        #expect(reason(checkpoint, more) == nil)
    }

    @Test("early stopping ends the run and keeps the parameters of the best epoch")
    func earlyStopping() throws {
        var training = Self.everything
        (training.epochs, training.optimizer) = (60, OptimizerSpec(.adam, learningRate: 0.1))
        training.schedule = nil
        let data = TrainingData.sequences(signSequences(40))
        let trainer = try Trainer(classifySpec(training), data, datasetDigest: "d")
        var epochs: [EpochReport] = []
        var snapshots: [[Float]] = []
        try trainer.run { step in
            if let end = step.epochEnd {
                epochs.append(end)
                snapshots.append(trainer.parameters)
            }
        }
        let done = try trainer.finish()
        let losses = epochs.compactMap(\.validationLoss)
        let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
        #expect(done.report.stoppedEarly && epochs.count < 60)
        #expect(epochs.count == best + 1 + 2)
        #expect(done.report.bestEpoch == best + 1 && done.report.validationLoss == losses[best])
        #expect(done.model.parameters.values == snapshots[best])
        #expect(trainer.isFinished)
        #expect(try trainer.advance().isFinished)
    }

    @Test("a loss that is no number stops the run with the step and the last good loss")
    func diverges() throws {
        let training = OptimizationSpec(
            epochs: 500, batchSize: 16, optimizer: OptimizerSpec(.sgd, learningRate: 1e18), clip: nil)
        let trainer = try Trainer(
            forecastSpec(training, cell: .elman(.identity)), .series(seasonalSeries()), datasetDigest: "d")
        var losses: [Double] = []
        do {
            try trainer.run { losses.append($0.loss) }
            Issue.record("it did not diverge")
        } catch let error as TrainingError {
            #expect(error.reason == .diverged(step: losses.count + 1, lastGoodLoss: losses.last))
            #expect(losses.allSatisfy { $0.isFinite })
        }
    }

    @Test("an update that breaks the parameters is divergence even when no loss comes after it")
    func brokenByLastStep() throws {
        let training = OptimizationSpec(
            epochs: 1, batchSize: 1000, optimizer: OptimizerSpec(.sgd, learningRate: 1e300), clip: nil)
        let trainer = try Trainer(forecastSpec(training), .series(seasonalSeries()), datasetDigest: "d")
        #expect(throws: TrainingError.self) { try trainer.run() }
    }

    @Test("every example is seen once an epoch, in an order of its own")
    func epochs() throws {
        let trainer = try Trainer(
            classifySpec(OptimizationSpec(epochs: 2, batchSize: 7)), .sequences(signSequences(60)), datasetDigest: "")
        #expect(trainer.stepsPerEpoch == 9)
        var ends: [Int] = []
        try trainer.run { if let end = $0.epochEnd { ends.append(end.epoch) } }
        #expect(ends == [1, 2] && trainer.progress.fraction == 1 && trainer.progress.step == 18)
    }

    @Test("neither validation nor held-out rows have a say in the transforms")
    func fittedToTraining() throws {
        var training = OptimizationSpec(epochs: 1)
        training.validation = .init(fraction: 0.2)
        var table = seasonalSeries()
        let spec = forecastSpec(training, transform: [.standardize])
        let before = try Trainer(spec, .series(table), datasetDigest: "d").prepared.transforms
        for row in 60..<80 { table.columns[0][row] *= 100 }
        #expect(try Trainer(spec, .series(table), datasetDigest: "d").prepared.transforms == before)
        table.columns[0][20] *= 100
        #expect(try Trainer(spec, .series(table), datasetDigest: "d").prepared.transforms != before)
    }

    @Test("validation takes the last windows of a series, and of sequences a share of every label")
    func split() throws {
        var training = OptimizationSpec(epochs: 1)
        training.validation = .init(fraction: 0.25)
        let windows = try Trainer(forecastSpec(training), .series(seasonalSeries()), datasetDigest: "").examples
        #expect(windows.validation == Array(windows.training.count..<windows.places.count))
        #expect(windows.validation.count == 13 && windows.places.count == 54)
        let sequences = try Trainer(classifySpec(training), .sequences(signSequences(40)), datasetDigest: "").examples
        #expect(sequences.validation.count == 10)
        #expect(sequences.validation.filter { $0 % 2 == 0 }.count == 5)
        #expect(Set(sequences.validation).isDisjoint(with: sequences.training))
        training.seed = 5
        #expect(
            try Trainer(classifySpec(training), .sequences(signSequences(40)), datasetDigest: "").examples.validation
                != sequences.validation)
    }

    @Test(
        "the validation loss is the squared error of the row after each validation window, and the accuracy that of predict"
    )
    func validationLoss() throws {
        var training = OptimizationSpec(epochs: 2, batchSize: 5)
        training.validation = .init(fraction: 0.25)
        let series = try Trainer(forecastSpec(training, dropout: 0.3), .series(seasonalSeries()), datasetDigest: "")
        try series.run()
        let (examples, model) = (series.examples, try series.finish().model)
        let network = InferenceNetwork(model.network, model.parameters, kernels: KernelSet())
        var sum = 0.0
        for index in examples.validation {
            let place = examples.places[index]
            let said = network.run(
                Array(examples.rows[place.start..<place.start + place.length]), lengths: [place.length])
            let error = Double(said[0]) - Double(examples.rows[place.start + place.length])
            sum += error * error
        }
        let loss = try #require(series.progress.validationLoss)
        #expect(abs(loss / (sum / Double(examples.validation.count)) - 1) < 1e-5)

        let set = signSequences(40)
        let sequences = try Trainer(classifySpec(training), .sequences(set), datasetDigest: "")
        try sequences.run()
        let done = try sequences.finish()
        let found = try Predictor(done.model, kernels: KernelSet())
            .classify(RawSequences(values: set.values, lengths: set.lengths, width: 2))
        let validation = sequences.examples.validation
        let right = validation.filter { index in
            done.model.outputNames[found[index][0] >= found[index][1] ? 0 : 1] == set.labels[index]
        }
        #expect(
            done.report.classification?.validationAccuracy == Double(right.count) / Double(validation.count))
    }

    @Test("a model knows where its series ended and how labels go on")
    func tail() throws {
        let table = seasonalSeries()
        let trainer = try Trainer(forecastSpec(), .series(table), datasetDigest: "digest")
        try trainer.run()
        let model = try trainer.finish().model
        guard case .forecast(let forecast) = model.task else { throw PredictionError(.otherTask) }
        #expect(forecast.tail.rows.map { $0[0] } == Array(table.columns[0][54..<68]))
        #expect(forecast.tail.time?.label(after: 1) == "2068")
        #expect(model.datasetDigest == "digest" && forecast.season == 6)
        #expect(try ModelFile.decode(ModelFile.encode(model)) == model)
    }

    @Test("the estimate counts parameters, steps and operations as the trainer does")
    func estimate() throws {
        var training = Self.everything
        training.batchSize = 10
        let spec = forecastSpec(training, features: ["u"])
        let trainer = try Trainer(spec, .series(seasonalSeries()), datasetDigest: "")
        let estimate = try Estimate(TrainingPlan(CheckedSpec(spec), .series(seasonalSeries())))
        #expect(estimate.parameters == trainer.parameters.count)
        #expect(estimate.stepsPerEpoch == trainer.stepsPerEpoch)
        #expect(estimate.steps == trainer.progress.steps)
        #expect(estimate.memoryBytes > 8 * trainer.parameters.count)
        #expect(estimate.floatingPointOperationsPerEpoch > 6 * Double(trainer.parameters.count))
    }
}
