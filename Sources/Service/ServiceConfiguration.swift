import Foundation
import Kernels
import Store

/// What the service is told at start; every number has a default with its reason.
public struct ServiceConfiguration: Sendable {
    /// What to do with one session more than fits.
    public enum SessionsWhenFull: String, Sendable, CaseIterable {
        /// Answer "full"; the sessions that are open keep their state.
        case refuse
        /// Expire the session that has been idle longest.
        case evictOldest = "evict_oldest"
    }

    /// How long things that nobody refers to are kept.
    public struct Retention: Sendable {
        /// Events of finished jobs. A month covers "what happened last week".
        public var events: Duration = .seconds(30 * 86_400)
        /// Datasets that no job uses and nobody touched.
        public var unusedDatasets: Duration = .seconds(30 * 86_400)
        /// Datasets that came inside a request, once no job needs them: `retry` needs its data for a while.
        public var inlineDatasets: Duration = .seconds(7 * 86_400)
        /// Stored answers to idempotency keys: a day outlives every retry loop.
        public var idempotencyKeys: Duration = .seconds(86_400)
        /// Checkpoints of a job that is not finished: the newest, and one before it should the newest be torn.
        public var checkpoints = 2
        /// Checkpoints of jobs that failed or were cancelled, kept so that `retry` can go on from them.
        public var retryCheckpoints: Duration = .seconds(7 * 86_400)
        /// Files that no row names: long enough to notice a lost model, and a week of what crashes leave is little.
        public var trash: Duration = .seconds(7 * 86_400)
        /// Progress of jobs, from when it was written: ten rows a second while one runs. An hour is more than a follower
        /// that lost its connection comes back for.
        public var progressEvents: Duration = .seconds(3_600)

        public init() {}

        var policy: RetentionPolicy {
            RetentionPolicy(
                events: events, progressEvents: progressEvents, checkpoints: retryCheckpoints,
                uploadedDatasets: unusedDatasets, inlineDatasets: inlineDatasets, idempotencyKeys: idempotencyKeys,
                trash: trash)
        }
    }

    public var dataDirectory: String
    /// Processes that train. One leaves the other core of a small machine to the answers.
    public var workers = 1
    /// The program and arguments that start a worker on this data folder.
    public var workerCommand: [String]
    /// Threads that run networks for predictions and sessions.
    public var inferenceThreads = max(1, ProcessInfo.processInfo.activeProcessorCount)
    public var maximumSessions = 10_000
    /// Bytes of the states of all live sessions.
    public var sessionMemory = 256 << 20
    public var sessionTimeToLive: Duration = .seconds(3_600)
    /// A session with a longer wish is refused rather than silently shortened.
    public var maximumTimeToLive: Duration = .seconds(7 * 86_400)
    public var sessionsWhenFull = SessionsWhenFull.refuse
    /// Bytes of loaded models (parameters and their packed copies).
    public var modelMemory = 512 << 20
    /// Bytes that one training job may need by its estimate.
    public var jobMemory = 4 << 30
    /// Data up to so many bytes is read whole before a job is accepted, so that what is wrong with it is answered at once
    /// (a second of reading at most). Larger data is checked by what its scan found, and row by row by the worker.
    public var checkedAtOnce = 32 << 20
    /// Steps that one prediction may take in all its sequences together, horizon included.
    public var maximumPredictionSteps = 20_000_000
    /// Multiply-adds of one prediction, or of the rows that a session takes at once: about half a minute of one core
    /// with fused multiply-add, five minutes of one without.
    public var maximumPredictionOperations = 1_000_000_000_000
    /// nil: the best this processor has.
    public var instructionSet: InstructionSet?
    /// How long a worker may be silent before its job is given to another.
    public var lease: Duration = .seconds(30)
    /// The most work that a killed worker loses.
    public var checkpointInterval: Duration = .seconds(10)
    public var retention = Retention()
    /// Written into the lineage of every version.
    public var codeVersion: String

    public init(dataDirectory: String, codeVersion: String = Service.codeVersion) {
        self.dataDirectory = dataDirectory
        self.codeVersion = codeVersion
        workerCommand = ["/proc/self/exe", "worker", "--supervised", "--data", dataDirectory]
    }

    public var kernelInstructionSet: InstructionSet { instructionSet ?? .best }
}
