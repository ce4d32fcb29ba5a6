import Formats
import Foundation
import Kernels
import Models
import Networks
import Store
import Synchronization
import Training

/// One attempt at one job: load, train, checkpoint, publish.
///
/// The clock decides only when something is written, never what: a run that was killed and gone on with from any
/// checkpoint publishes the bytes of one that was not.
struct JobRun {
    /// How a run left the worker.
    enum End: String {
        case published, cancelled, released, lost
    }

    /// At most ten writes a second: live enough for a curve, and nothing for the database. Epochs that end in between
    /// are told together; on small data a transaction takes longer than an epoch.
    static let progressInterval: Duration = .milliseconds(100)

    let job: Job
    let worker: WorkerLoop
    private var store: Store { worker.store }
    private var now: Date { worker.now() }

    /// Throws `JobFailure` for what trying again would not mend, and `StoreError` for what it may.
    func run() throws -> End {
        let keeper = LeaseKeeper(job: job, worker: worker)
        defer { keeper.end() }
        let spec: JobSpec = try failing("bad_spec") { try Formats.decode(job.spec) }
        let trainer = try trainer(plan(spec))
        _ = try write(trainer, [])
        let clock = ContinuousClock()
        let started = clock.now
        let firstStep = trainer.progress.step
        var epochs: [String] = []
        var nextReport = clock.now
        var nextCheckpoint = clock.now + worker.configuration.checkpointInterval
        while !trainer.isFinished {
            switch keeper.verdict {
            case .keep: break
            case .lost: return .lost
            case .cancel:
                _ = try write(trainer, epochs)
                _ = try store.release(job.id, attempt: job.attempt, at: now)
                return .cancelled
            case .pause: return try giveBack(trainer, epochs)
            }
            if worker.isStopping { return try giveBack(trainer, epochs) }
            let report = try advance(trainer, epochs)
            if let epoch = report.epochEnd { epochs.append(try Formats.encode(epoch)) }
            let time = clock.now
            // Before a checkpoint in any case: a run that goes on from it must not tell these epochs again, or never.
            if time >= min(nextReport, nextCheckpoint) {
                keeper.note(try write(trainer, epochs, from: firstStep, took: time - started))
                epochs = []
                // From the end of writing, as below.
                nextReport = clock.now + Self.progressInterval
            }
            if time >= nextCheckpoint {
                keeper.note(try checkpoint(trainer))
                // From the end of writing: a slow disk makes checkpoints rarer, never training slower and slower.
                nextCheckpoint = clock.now + worker.configuration.checkpointInterval
            }
        }
        return try publish(trainer, spec, epochs)
    }

    // MARK: - Beginning

    private func plan(_ spec: JobSpec) throws -> TrainingPlan {
        guard let id = job.datasetID else {
            throw JobFailure(
                code: "dataset_gone", detail: "the dataset was deleted; upload it again and send a new job")
        }
        let dataset = try store.dataset(id)
        try verify(dataset)
        return try failing("invalid_data") {
            let checked = try CheckedSpec(spec.training)
            let data = try dataset.load(for: spec.training.task, missing: spec.missing, from: store)
            let plan = try TrainingPlan(checked, data)
            let need = Estimate(plan).memoryBytes
            guard need <= worker.configuration.jobMemory else {
                throw JobFailure(
                    code: "too_large",
                    detail:
                        "this training needs about \(need) bytes, and \(worker.configuration.jobMemory) are allowed "
                        + "for one job; use a smaller batch, network or lookback, or more job memory")
            }
            return plan
        }
    }

    /// A dataset whose file was changed or cut would train a model that tells the digest of another.
    private func verify(_ dataset: Dataset) throws {
        do {
            try store.verifyDataset(dataset)
        } catch {
            switch error.reason {
            case .fileTorn, .fileDamaged, .fileMissing:
                throw JobFailure(
                    code: "damaged_dataset",
                    detail: "\(error); restore the file, or upload the data again and send a new job")
            default: throw error
            }
        }
    }

    private func trainer(_ plan: TrainingPlan) throws -> Trainer {
        let kernels = KernelSet(worker.configuration.instructionSet ?? .best, threads: plan.spec.training.threads)
        let trainer = Trainer(plan, datasetDigest: job.datasetDigest, kernels: kernels)
        guard let found = try store.newestCheckpoint(of: job.id) else { return trainer }
        for skipped in found.skipped {
            worker.logger.warning(
                "a checkpoint could not be used; going on from the one before",
                metadata: ["job": "\(job.id)", "error": "\(skipped)"])
        }
        // Another version of this program may have written it, or a processor that computes otherwise: the training
        // begins anew and comes to its end, which a job that fails for it would not.
        do { try trainer.resume(from: found.bytes) } catch {
            worker.logger.warning(
                "the newest checkpoint is not one of this training; the job begins anew",
                metadata: [
                    "job": "\(job.id)", "checkpoint": "\(found.checkpoint.number)", "step": "\(found.checkpoint.step)",
                    "error": "\(error)",
                ])
        }
        return trainer
    }

    // MARK: - On the way

    private func advance(_ trainer: Trainer, _ epochs: [String]) throws -> StepReport {
        do {
            return try trainer.advance()
        } catch {
            _ = try write(trainer, epochs)
            throw JobFailure(code: error.code, detail: error.description)
        }
    }

    /// Progress, the newest losses, and the epochs that ended since they were last written. The time left is reckoned
    /// from this run's own pace, where it has one.
    private func write(
        _ trainer: Trainer, _ epochs: [String], from firstStep: Int? = nil, took: Duration = .zero,
        metrics final: [String: Double]? = nil
    ) throws -> LeaseVerdict {
        let progress = trainer.progress
        let done = progress.step - (firstStep ?? progress.step)
        let left = done > 0 ? took.timeInterval / Double(done) * Double(progress.steps - progress.step) : nil
        let row = JobProgress(
            fraction: progress.fraction, epoch: progress.epoch, epochs: progress.epochs, step: progress.step,
            steps: progress.steps, etaSeconds: left)
        let metrics = final ?? progress.metrics
        return try store.report(
            row, metrics: metrics, epochs: epochs,
            event: Formats.encode(ProgressEvent(progress: row, metrics: metrics)), job: job.id, attempt: job.attempt,
            at: now)
    }

    private func checkpoint(_ trainer: Trainer) throws -> LeaseVerdict {
        let step = trainer.progress.step
        return try store.recordCheckpoint(
            trainer.checkpoint(), step: step, event: Formats.encode(CheckpointEvent(step: step)), job: job.id,
            attempt: job.attempt, at: now)
    }

    private func giveBack(_ trainer: Trainer, _ epochs: [String]) throws -> End {
        _ = try write(trainer, epochs)
        _ = try checkpoint(trainer)
        return try store.release(job.id, attempt: job.attempt, at: now) == nil ? .lost : .released
    }

    // MARK: - End

    private func publish(_ trainer: Trainer, _ spec: JobSpec, _ epochs: [String]) throws -> End {
        _ = try write(trainer, epochs)
        let trained = try failing("invalid_data") { try trainer.finish() }
        // Unlimited: what people read of a finished job is its end, not the last row that the pace let through.
        guard try write(trainer, [], metrics: trained.report.losses) != .lost else { return .lost }
        let verdict = try store.publish(
            ModelFile.encode(trained.model),
            NewVersion(
                description: Formats.encode(VersionSummary(trained.model)), metrics: trained.report.metrics,
                report: Formats.encode(trained.report), codeVersion: worker.configuration.codeVersion,
                tags: spec.tags.isEmpty ? nil : spec.tags, summary: spec.summary),
            job: job.id, attempt: job.attempt, at: now)
        switch verdict {
        case .cancelled: return .cancelled
        case .lost: return .lost
        case .published: return .published
        }
    }

    /// Errors of the data and the specification end the job; errors of the store do not.
    private func failing<Result>(_ code: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as StoreError {
            throw error
        } catch let failure as JobFailure {
            throw failure
        } catch {
            throw JobFailure(code: code, detail: "\(error)")
        }
    }
}

/// The payload of a checkpoint event.
struct CheckpointEvent: Codable {
    /// Optimizer steps taken when it was written.
    var step: Int
}

extension TrainingError {
    /// Stable and machine-readable.
    var code: String {
        switch reason {
        case .diverged: "diverged"
        case .damagedCheckpoint, .foreignCheckpoint, .malformedCheckpoint: "bad_checkpoint"
        }
    }
}

extension TrainingProgress {
    /// The losses that are known so far.
    var metrics: [String: Double] {
        var metrics: [String: Double] = [:]
        metrics["train_loss"] = trainLoss
        metrics["validation_loss"] = validationLoss
        return metrics.mapValues(KnownDigits.ofSingles)
    }
}

extension TrainingReport {
    /// The losses of the parameters that were kept.
    var losses: [String: Double] {
        var losses = ["train_loss": trainLoss]
        losses["validation_loss"] = validationLoss
        return losses
    }

    /// What a version's row carries to be compared by, as the report tells it.
    var metrics: [String: Double] {
        var metrics = losses
        metrics["train_accuracy"] = classification?.trainAccuracy
        metrics["validation_accuracy"] = classification?.validationAccuracy
        metrics["holdout_rmse"] = (holdout?.horizon.rmse).map(KnownDigits.ofSingles)
        metrics["holdout_mae"] = (holdout?.horizon.mae).map(KnownDigits.ofSingles)
        metrics["holdout_mase"] = (holdout?.horizon.mase).map(KnownDigits.ofSingles)
        metrics["holdout_smape"] = (holdout?.horizon.smape).map(KnownDigits.ofSingles)
        metrics["holdout_one_step_rmse"] = (holdout?.oneStep.rmse).map(KnownDigits.ofSingles)
        return metrics
    }
}

/// The payload of a progress event.
struct ProgressEvent: Codable {
    var progress: JobProgress
    var metrics: [String: Double]
}
