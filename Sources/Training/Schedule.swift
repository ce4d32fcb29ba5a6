import Kernels
import Models
import Networks

/// A schedule at work: the learning rate of each step, and what it remembers of the losses so far.
struct Schedule {
    let spec: ScheduleSpec?
    let learningRate: Double
    let stepsPerEpoch: Int
    let steps: Int
    /// For `reduceOnPlateau`: the factor reached, the least loss, and epochs since.
    private(set) var factor = 1.0
    private(set) var best = Double.infinity
    private(set) var waited = 0

    init(_ spec: ScheduleSpec?, learningRate: Double, stepsPerEpoch: Int, epochs: Int) {
        self.spec = spec
        self.learningRate = learningRate
        self.stepsPerEpoch = stepsPerEpoch
        steps = stepsPerEpoch * epochs
    }

    /// The learning rate of a step, counted from 0.
    func rate(atStep step: Int) -> Double {
        guard let spec else { return learningRate }
        let warmth = step < spec.warmupSteps ? Double(step + 1) / Double(spec.warmupSteps + 1) : 1
        let epoch = step / max(stepsPerEpoch, 1)
        // From 0 at the first step after warming up to 1 after the last.
        let way = Double(max(step - spec.warmupSteps, 0)) / Double(max(steps - spec.warmupSteps, 1))
        switch spec.kind {
        case .constant: return warmth * learningRate
        case .step: return warmth * learningRate * power(spec.factor, epoch / spec.period)
        case .exponential: return warmth * learningRate * power(spec.factor, epoch)
        case .linear: return warmth * (spec.minimum + (learningRate - spec.minimum) * (1 - way))
        case .cosine:
            return warmth
                * (spec.minimum + (learningRate - spec.minimum) * (1 + DoubleFunctions.cos(Double.pi * way)) / 2)
        case .reduceOnPlateau: return warmth * max(learningRate * factor, spec.minimum)
        }
    }

    /// Takes note of an epoch's loss. An epoch is better when its loss is below the least by a ten-thousandth of it, as
    /// in PyTorch.
    mutating func epochEnded(loss: Double) {
        guard let spec, spec.kind == .reduceOnPlateau else { return }
        if loss < best * (1 - 1e-4) {
            best = loss
            waited = 0
        } else {
            waited += 1
            if waited > spec.patience {
                factor *= spec.factor
                waited = 0
            }
        }
    }

    func write(to writer: inout BinaryWriter) {
        writer.write(factor)
        writer.write(best)
        writer.write(waited)
    }

    mutating func read(from reader: inout BinaryReader) throws(BinaryReader.Malformed) {
        factor = try reader.readDouble()
        // Infinite before the first epoch's end.
        best = try reader.readAnyDouble()
        waited = try reader.readInt(in: 0...TrainingSpec.Limit.epochs, "a number of epochs")
    }
}
