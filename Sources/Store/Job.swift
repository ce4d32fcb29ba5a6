import Foundation

/// Where a job stands.
///
///     queued ─claim→ running ─publish→ succeeded
///       ↑ ↓pause       │ ↓pause, then the worker lets go
///       │ paused ←─────┼─┘
///       ├──resume─┘    ├─fail→ failed ──┐
///       │              └─cancel, then the worker lets go→ cancelled
///       └──────────────────────retry────┴──────────────────────┘
///
/// A running job whose lease ends goes back to `queued` (or where a pending cancel or pause sends it).
public enum JobStatus: String, Sendable, Codable, CaseIterable {
    case queued, running, paused, succeeded, failed, cancelled

    /// Nothing happens to the job any more unless a person retries it.
    public var isTerminal: Bool {
        switch self {
        case .queued, .running, .paused: false
        case .succeeded, .failed, .cancelled: true
        }
    }
}

/// What a person may ask of a job.
public enum JobVerb: String, Sendable, Codable, CaseIterable {
    case cancel, pause, resume, retry
}

/// What a person asked of a running job and its worker has not answered yet.
public enum JobWish: String, Sendable, Codable, CaseIterable {
    case cancel, pause
}

/// How far training is. Everything that is not known yet is nil.
public struct JobProgress: Sendable, Codable, Equatable {
    /// 0…1.
    public var fraction: Double
    public var epoch: Int?
    public var epochs: Int?
    public var step: Int?
    public var steps: Int?
    public var etaSeconds: Double?

    private enum CodingKeys: String, CodingKey {
        case fraction, epoch, epochs, step, steps
        case etaSeconds = "eta_seconds"
    }

    public init(
        fraction: Double, epoch: Int? = nil, epochs: Int? = nil, step: Int? = nil, steps: Int? = nil,
        etaSeconds: Double? = nil
    ) {
        self.fraction = fraction
        self.epoch = epoch
        self.epochs = epochs
        self.step = step
        self.steps = steps
        self.etaSeconds = etaSeconds
    }
}

/// Why a job failed: a stable code and a sentence a person can act on.
public struct JobFailure: Sendable, Codable, Equatable {
    /// The code of a job whose workers died again and again without reaching a checkpoint.
    public static let workerLost = "worker_lost"
    /// The code of a job for which the data folder failed again and again, such as one whose dataset cannot be read.
    public static let storageFailed = "storage_failed"

    public var code: String
    public var detail: String

    public init(code: String, detail: String) {
        self.code = code
        self.detail = detail
    }
}

/// One request to train, from submission to its last state.
public struct Job: Sendable, Equatable, Identifiable {
    public let id: String
    /// The name under which the result is published.
    public let model: String
    /// The version it published; nil until then.
    public let version: Int?
    public let status: JobStatus
    /// What was asked of the worker and not answered yet; nil unless `running`.
    public let wish: JobWish?
    /// Counts the times the job was in a worker's hands, the present or coming one included: 1 from the start.
    /// Every write of a worker is conditional on it.
    public let attempt: Int
    /// The specification with all defaults resolved; opaque text.
    public let spec: String
    public let seed: UInt64
    /// The dataset it trains on; nil once that was deleted.
    public let datasetID: String?
    /// SHA-256 of the dataset's file; stays when the dataset is deleted.
    public let datasetDigest: String
    public let progress: JobProgress?
    /// The newest value of each metric. A value that was NaN when written is NaN here.
    public let metrics: [String: Double]
    public let error: JobFailure?
    /// The training report of a job that succeeded; opaque text.
    public let report: String?
    /// Who holds it, or held it last.
    public let worker: String?
    /// Until when the worker's hold is believed; nil unless `running`.
    public let leaseUntil: Date?
    public let createdAt: Date
    /// When a worker first took it since it was submitted or retried.
    public let startedAt: Date?
    public let finishedAt: Date?
}

/// What `Store.submit` needs to know.
public struct NewJob: Sendable, Equatable {
    public var model: String
    public var spec: String
    public var seed: UInt64
    public var datasetID: String

    public init(model: String, spec: String, seed: UInt64, datasetID: String) {
        self.model = model
        self.spec = spec
        self.seed = seed
        self.datasetID = datasetID
    }
}

/// What a worker learns from each of its writes.
public enum LeaseVerdict: String, Sendable, Codable, CaseIterable {
    /// Written; go on.
    case keep
    /// Written; a person cancelled the job: stop, then `release`.
    case cancel
    /// Written; a person paused the job: write a checkpoint, then `release`.
    case pause
    /// Not written: the job is another's by now, or over. Stop, write nothing more.
    case lost
}

/// Where a retried job starts.
public enum RetryStart: String, Sendable, Codable, CaseIterable {
    case newestCheckpoint, start
}

/// Something that happened to a job. Rows are never changed; numbers grow and are never given twice.
public struct JobEvent: Sendable, Equatable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// The job's status became `status`.
        case status
        /// Steps were made; `payload` is the worker's text.
        case progress
        /// An epoch ended; `payload` is the worker's text.
        case epoch
        /// A checkpoint was written; `payload` is the worker's text.
        case checkpoint
        /// The attempt failed or was lost; `payload` is a sentence.
        case error
        /// The job reached the terminal `status`.
        case done
    }

    public let sequence: Int64
    public let job: String
    public let attempt: Int
    public let kind: Kind
    public let status: JobStatus?
    /// Opaque text of the worker, or a sentence of the store.
    public let payload: String?
    public let at: Date
}

/// A saved state of training that a worker can go on from. The file is opaque bytes.
public struct Checkpoint: Sendable, Equatable {
    public let job: String
    public let attempt: Int
    /// Grows with every checkpoint of a job.
    public let number: Int
    /// The optimizer step it was taken after.
    public let step: Int
    public let bytes: Int
    public let digest: String
    public let createdAt: Date
}
