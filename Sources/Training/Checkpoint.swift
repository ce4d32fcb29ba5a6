import Kernels
import Models
import NamedFields
import Networks
import Resources

// A run on ice: parameters, moments, random counter (the step), place in the batch order (again the step), schedule and
// early-stop state, the best parameters. Resumed, it gives the bytes of a run that never stopped.

extension Trainer {
    private static let file = SealedFile(kind: "CKPT", version: 1)

    /// Everything that changes, sealed.
    public func checkpoint() -> [UInt8] {
        var writer = BinaryWriter()
        writer.write(fingerprint)
        writer.write(progressState.step)
        writer.write(progressState.lossSum)
        writer.write(progressState.lossCount)
        writer.write(progressState.lastGoodLoss) { $0.write($1) }
        writer.write(progressState.trainLoss) { $0.write($1) }
        writer.write(progressState.validationLoss) { $0.write($1) }
        writer.write(progressState.waited)
        writer.write(progressState.stoppedEarly)
        writer.write(parameters)
        optimizer.write(to: &writer)
        schedule.write(to: &writer)
        writer.write(best) { writer, best in
            writer.write(best.parameters)
            writer.write(best.epoch)
            writer.write(best.trainLoss)
            writer.write(best.validationLoss)
        }
        streams?.write(to: &writer)
        return Self.file.seal(writer.bytes)
    }

    /// Puts the run where the checkpoint left it; unchanged where that cannot be.
    public func resume(from checkpoint: [UInt8]) throws(TrainingError) {
        let payload: [UInt8]
        do { payload = try Self.file.open(checkpoint).payload } catch {
            throw TrainingError(.damagedCheckpoint(error))
        }
        var reader = BinaryReader(payload)
        do {
            guard try reader.readBytes() == fingerprint else { throw TrainingError(.foreignCheckpoint) }
            try restore(from: &reader)
        } catch let error as BinaryReader.Malformed {
            throw TrainingError(.malformedCheckpoint(error))
        } catch let error as TrainingError {
            throw error
        } catch {
            throw TrainingError(.foreignCheckpoint)
        }
    }

    /// A trainer that goes on from a checkpoint of the same specification and data.
    public convenience init(
        _ spec: TrainingSpec, _ data: TrainingData, datasetDigest: String, resuming checkpoint: [UInt8],
        kernels: KernelSet? = nil
    ) throws {
        try self.init(spec, data, datasetDigest: datasetDigest, kernels: kernels)
        try resume(from: checkpoint)
    }

    private func restore(from reader: inout BinaryReader) throws(BinaryReader.Malformed) {
        var state = ProgressState()
        // Limits of what any run can reach, so that going on from it cannot leave the numbers.
        let steps = 0...stepsPerEpoch * spec.training.epochs
        state.step = try reader.readInt(in: steps, "a number of steps")
        state.lossSum = try reader.readDouble()
        state.lossCount = try reader.readInt(in: 0...examples.answersPerEpoch(streams?.plan), "a number of answers")
        state.lastGoodLoss = try reader.readOptional { reader throws(BinaryReader.Malformed) in
            try reader.readDouble()
        }
        state.trainLoss = try reader.readOptional { reader throws(BinaryReader.Malformed) in try reader.readDouble() }
        state.validationLoss = try reader.readOptional { reader throws(BinaryReader.Malformed) in
            try reader.readDouble()
        }
        state.waited = try reader.readInt(in: 0...TrainingSpec.Limit.epochs, "a number of epochs")
        state.stoppedEarly = try reader.readBool()
        let count = self.parameters.count
        let parameters = try reader.readAnyFloats(count)
        var optimizer = self.optimizer
        try optimizer.read(from: &reader)
        var schedule = self.schedule
        try schedule.read(from: &reader)
        let best = try reader.readOptional { reader throws(BinaryReader.Malformed) in
            Best(
                parameters: try reader.readFloats(count),
                epoch: try reader.readInt(in: 1...TrainingSpec.Limit.epochs, "an epoch"),
                trainLoss: try reader.readDouble(), validationLoss: try reader.readDouble())
        }
        let carried = try streams?.read(from: &reader)
        guard reader.isAtEnd else { throw reader.malformed("the end") }
        progressState = state
        self.parameters = parameters
        self.optimizer = optimizer
        self.schedule = schedule
        self.best = best
        if let carried { streams?.restore(carried) }
        network.load(parameters)
    }

    /// What a checkpoint must have in common with the run it is to go on: the specification, but for the threads, the
    /// data, and how this processor computes: whether multiplications and additions are fused, and, where products are in
    /// bfloat16, whether it has dot products for them.
    ///
    /// Of a text that says what the specification says, not how this program holds it: a later version finds the same.
    private var fingerprint: [UInt8] {
        var spec = spec
        spec.training.threads = OptimizationSpec().threads
        let fused = kernels.instructionSet == .baseline ? "separate" : "fused"
        let hasDots = spec.training.precision == .bfloat16 && kernels.instructionSet.hasBFloat16Dots
        return SHA256.digest("\(spec.canonicalText) \(datasetDigest) \(fused)\(hasDots ? " dots" : "")".utf8)
    }
}
