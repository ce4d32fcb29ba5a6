import Foundation
import Kernels
import Models
import Networks
import Store

/// A wish to open a live session.
public struct OpenSessionRequest: Sendable {
    public enum Start: Sendable {
        /// Every number zero, and no rows seen.
        case zero
        case state(GivenState, of: StateOrigin = StateOrigin())
        /// What `stateBlob` gave.
        case blob([UInt8])
    }

    public var model: ModelReference
    /// The client's own name for it; nil makes one.
    public var id: String?
    /// Idle time after which it expires; nil takes the server's.
    public var timeToLive: Duration?
    public var start: Start
    /// Kept for its life; nil takes that of the state it starts from, or else the model's.
    public var precision: Precision?

    public init(
        model: ModelReference, id: String? = nil, timeToLive: Duration? = nil, start: Start = .zero,
        precision: Precision? = nil
    ) {
        self.model = model
        self.id = id
        self.timeToLive = timeToLive
        self.start = start
        self.precision = precision
    }
}

/// What a state says of where it came from; nil is not said, and fits anything of its shape.
///
/// The numbers of a state are float32 in every precision, but going on from them gives the bits of an uninterrupted
/// session only in the precision that made them.
public struct StateOrigin: Sendable, Equatable {
    /// SHA-256 of the model file.
    public var digest: String?
    public var precision: Precision?

    public init(digest: String? = nil, precision: Precision? = nil) {
        self.digest = digest
        self.precision = precision
    }
}

public struct SessionInfo: Sendable {
    public var id: String
    public var model: ServedModel
    /// Steps taken since the start or the last reset.
    public var step: Int
    public var timeToLive: Duration
    public var createdAt: Date
    public var lastUsedAt: Date
    public var expiresAt: Date
}

/// Everything a session carries from one step to the next.
public struct SessionState: Sendable, Equatable {
    /// Raw rows taken.
    public var step: Int
    /// The network's state, and the raw rows that differencing looks back on.
    public var live: ModelState

    public init(step: Int, live: ModelState) {
        self.step = step
        self.live = live
    }

    public var network: NetworkState { live.network }
    public var lags: [[Double]] { live.lags }
}

/// A state as somebody wrote it, which may be that of another model.
public struct GivenState: Sendable, Equatable {
    /// Raw rows taken.
    public var step: Int
    /// Rows that reached the network.
    public var networkStep: Int
    public var parts: StateParts
    public var lags: [[Double]]

    public init(step: Int, networkStep: Int, parts: StateParts, lags: [[Double]] = []) {
        self.step = step
        self.networkStep = networkStep
        self.parts = parts
        self.lags = lags
    }
}

/// What a session answers to one step.
public struct SessionStep: Sendable {
    public var step: Int
    public var output: Answer
    /// The network's state after it, when asked for, in the places of the model's `stateLayout`.
    public var state: [Float]?
}

public struct StepRequest: Sendable {
    /// One or many rows, of one sequence.
    public var rows: GivenSequences
    public var wantsHidden: Bool
    public var wantsCell: Bool
    public var manner: AnswerManner

    public init(
        rows: GivenSequences, wantsHidden: Bool = false, wantsCell: Bool = false,
        manner: AnswerManner = AnswerManner()
    ) {
        self.rows = rows
        self.wantsHidden = wantsHidden
        self.wantsCell = wantsCell
        self.manner = manner
    }
}

/// What is remembered of a session that ended by itself, so that a client can tell 410 from 404.
public struct ExpiredSession: Sendable, Equatable {
    public enum Cause: String, Sendable {
        case idleTimeout = "idle_timeout"
        case evicted
        case modelUnloaded = "model_unloaded"
    }

    public var id: String
    public var cause: Cause
    public var expiredAt: Date
    public var lastStep: Int
}
