import Formats
import HTTPServer
import NamedFields
import Networks
import Resources
import Service
import Store
import Training
import Wire

/// The one place where an error becomes a problem document. A new reason of any layer fails to compile here until it
/// has its row.
extension Problem {
    init(_ error: any Error) {
        self =
            switch error {
            case let error as Problem: error
            case let error as ServiceError: Problem(service: error)
            case let error as StoreError: Problem(store: error)
            case let error as HTTPError: Problem(http: error)
            case let error as Violations: .invalid(error.list.map(Item.init), omitted: error.omitted)
            case let error as Violation: .invalid([Item(error)])
            // Deleted between the look at the registry and the opening of the file.
            case let error as FileError where error.isMissing:
                Problem(.versionNotFound, "the version was deleted just now")
            case let error as MemoryRefusal: Problem(memory: error)
            // Never sent: its client is gone.
            case let error as CancelledWork: Problem(.malformedRequest, error.description)
            case let error as JSONSyntaxError: Problem(json: error)
            // What nobody foresaw: its text goes to the log and not to the client, who can do nothing with it.
            default:
                Problem(.internalError, "the request could not be answered; the log has the cause under the request id")
            }
    }

    /// Whether the log should tell what lies behind the answer.
    static func isUnforeseen(_ error: any Error) -> Bool {
        switch Problem(error).kind.status {
        case 500, 507: true
        default: false
        }
    }

    private init(json error: JSONSyntaxError) {
        switch error.reason {
        case .misplaced(let path, let detail): self = .invalid([Item(Violation(path: path, detail: detail))])
        case .memory(let refusal): self.init(memory: refusal)
        default: self.init(.invalidJSON, error.description)
        }
    }

    private init(service error: ServiceError) {
        switch error.reason {
        case .notFound(let kind, _): self.init(Self.missing(kind), error.detail)
        case .alreadyExists: self.init(.alreadyExists, error.detail)
        case .conflict: self.init(.conflict, error.detail)
        case .invalid:
            self = .invalid(error.violations.map(Item.init), omitted: error.omitted)
            detail = error.detail
        case .expired(let session):
            self.init(.sessionExpired, error.detail)
            expiry = Expiry(
                reason: session.cause.rawValue, expiredAt: Timestamp.text(session.expiredAt), lastStep: session.lastStep
            )
        case .closing: self.init(.sessionClosing, error.detail)
        case .full(let seconds): self.init(.full, error.detail, fields: ["Retry-After": String(seconds)])
        case .tooLarge: self.init(.tooLarge, error.detail)
        case .stateOfAnotherModel: self.init(.stateOfAnotherModel, error.detail)
        case .needsWholeSequences: self.init(.modelNeedsWholeSequences, error.detail)
        case .stopping: self.init(.stopping, error.detail, fields: Self.soon)
        }
    }

    private init(store error: StoreError) {
        let kind: ProblemKind =
            switch error.reason {
            case .notFound(let kind, _): Self.missing(kind.rawValue)
            case .notAllowed: .jobState
            case .datasetInUse: .datasetInUse
            case .datasetGone: .datasetGone
            case .versionAliased: .versionAliased
            case .badName: .invalidRequest
            case .diskFull: .diskFull
            case .unwritable: .diskUnwritable
            case .fileMissing, .fileTorn, .fileDamaged, .damagedDatabase, .transactionsLost: .damagedFile
            case .busy: .storeBusy
            case .writerClosed, .inputOutput, .serverRunning, .newerDatabase, .database: .internalError
            }
        self.init(kind, error.description, fields: kind == .storeBusy ? Self.soon : [:])
    }

    private init(memory refusal: MemoryRefusal) {
        self.init(
            refusal.isTemporary ? .overloaded : .contentTooLarge, refusal.description,
            fields: refusal.isTemporary ? Self.soon : [:])
    }

    private init(http error: HTTPError) {
        let kind: ProblemKind =
            switch error.reason {
            case .malformed, .peerGone: .malformedRequest
            case .notFound: .notFound
            case .methodNotAllowed: .methodNotAllowed
            case .timeout: .requestTimeout
            case .contentTooLarge: .contentTooLarge
            case .targetTooLong: .targetTooLong
            case .unsupportedCoding: .unsupportedMediaType
            case .expectationFailed: .expectationFailed
            case .headTooLarge: .headTooLarge
            case .internalFailure: .internalError
            case .notImplemented: .notImplemented
            case .overloaded: .overloaded
            case .stopping: .stopping
            case .versionNotSupported: .versionNotSupported
            }
        let hint = kind == .notFound ? "; /openapi.yaml lists the paths" : ""
        self.init(kind, error.detail + hint, fields: error.fields)
        if kind == .stopping { fields.fill(from: Self.soon) }
    }

    /// A restart takes about a second, a busy database less.
    private static let soon: Fields = ["Retry-After": "1"]

    private static func missing(_ kind: String) -> ProblemKind {
        switch kind {
        case "job", "checkpoint": .jobNotFound
        case "dataset": .datasetNotFound
        case "model": .modelNotFound
        case "version": .versionNotFound
        case "alias": .aliasNotFound
        case "session": .sessionNotFound
        default: .notFound
        }
    }
}
