import Models
import Networks

/// Why a training run cannot go on.
public struct TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// The loss was no finite number.
        case diverged(step: Int, lastGoodLoss: Double?)
        /// A checkpoint's envelope: foreign, cut off, changed.
        case damagedCheckpoint(SealedFile.Damage)
        /// A checkpoint of another specification or dataset.
        case foreignCheckpoint
        /// A checkpoint whose content is none of this trainer's.
        case malformedCheckpoint(BinaryReader.Malformed)
    }

    public var reason: Reason

    public init(_ reason: Reason) {
        self.reason = reason
    }

    public var description: String {
        switch reason {
        case .diverged(let step, let lastGoodLoss):
            "training diverged: the loss of step \(step) is no finite number"
                + (lastGoodLoss.map { "; the last good loss was \($0)" } ?? "")
                + ". A smaller learning rate or clip.norm usually helps"
        case .damagedCheckpoint(let damage): "the checkpoint cannot be used: \(damage)"
        case .foreignCheckpoint: "the checkpoint belongs to another specification or dataset"
        case .malformedCheckpoint(let error):
            "the checkpoint cannot be used: \(error.expectation) expected at byte \(error.offset)"
        }
    }
}
