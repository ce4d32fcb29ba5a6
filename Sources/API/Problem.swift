import Formats
import HTTPServer
import NamedFields
import Training
import Wire

/// What can go wrong, as a client may switch on it: a stable code, its HTTP status and its title. The whole list of
/// `code` in `openapi.yaml`.
enum ProblemKind: String, CaseIterable, Sendable {
    case invalidJSON = "invalid_json"
    case malformedRequest = "malformed_request"
    case unauthorized
    case foreignOrigin = "foreign_origin"
    case hostNotAllowed = "host_not_allowed"
    case notFound = "not_found"
    case jobNotFound = "job_not_found"
    case datasetNotFound = "dataset_not_found"
    case modelNotFound = "model_not_found"
    case versionNotFound = "version_not_found"
    case aliasNotFound = "alias_not_found"
    case sessionNotFound = "session_not_found"
    case methodNotAllowed = "method_not_allowed"
    case requestTimeout = "request_timeout"
    case conflict
    case alreadyExists = "already_exists"
    case jobState = "job_state"
    case datasetInUse = "dataset_in_use"
    case datasetGone = "dataset_gone"
    case versionAliased = "version_aliased"
    case stateOfAnotherModel = "state_of_another_model"
    case modelNeedsWholeSequences = "model_needs_whole_sequences"
    case idempotencyInProgress = "idempotency_in_progress"
    case sessionExpired = "session_expired"
    case sessionClosed = "session_closed"
    case answerNotKept = "answer_not_kept"
    case sessionClosing = "session_closing"
    case contentTooLarge = "content_too_large"
    case targetTooLong = "target_too_long"
    case unsupportedMediaType = "unsupported_media_type"
    case expectationFailed = "expectation_failed"
    case invalidRequest = "invalid_request"
    case invalidFile = "invalid_file"
    case tooLarge = "too_large"
    case idempotencyKeyReused = "idempotency_key_reused"
    case headTooLarge = "head_too_large"
    case internalError = "internal_error"
    case damagedFile = "damaged_file"
    case notImplemented = "not_implemented"
    case overloaded
    case full
    case stopping
    case storeBusy = "store_busy"
    case versionNotSupported = "version_not_supported"
    case diskFull = "disk_full"
    case diskUnwritable = "disk_unwritable"

    var code: String { rawValue }
    var uri: String { "urn:timestep:problem:" + rawValue }
    var status: Int { row.status }
    var title: String { row.title }

    private var row: (status: Int, title: String) {
        switch self {
        case .invalidJSON: (400, "The body is not JSON")
        case .malformedRequest: (400, "The request breaks the rules of HTTP")
        case .unauthorized: (401, "An API key is needed")
        case .foreignOrigin: (403, "A page of another origin may not do this")
        case .hostNotAllowed: (421, "The host is not served here")
        case .notFound: (404, "No such path")
        case .jobNotFound: (404, "No such job")
        case .datasetNotFound: (404, "No such dataset")
        case .modelNotFound: (404, "No such model")
        case .versionNotFound: (404, "No such version")
        case .aliasNotFound: (404, "No such alias")
        case .sessionNotFound: (404, "No such session")
        case .methodNotAllowed: (405, "The path does not take this method")
        case .requestTimeout: (408, "The request came too slowly")
        case .conflict: (409, "It is in use")
        case .alreadyExists: (409, "It exists already")
        case .jobState: (409, "The job's state does not allow it")
        case .datasetInUse: (409, "A job needs the dataset")
        case .datasetGone: (409, "The job's dataset was deleted")
        case .versionAliased: (409, "An alias names the version")
        case .stateOfAnotherModel: (409, "The state belongs to another model")
        case .modelNeedsWholeSequences: (409, "The model cannot be stepped")
        case .idempotencyInProgress: (409, "The request is still running")
        case .sessionExpired: (410, "The session has expired")
        case .sessionClosed: (410, "The session was closed")
        case .answerNotKept: (410, "The answer was not kept")
        case .sessionClosing: (412, "The session is being closed")
        case .contentTooLarge: (413, "The body is too large")
        case .targetTooLong: (414, "The address is too long")
        case .unsupportedMediaType: (415, "The media type is not taken here")
        case .expectationFailed: (417, "The expectation cannot be met")
        case .invalidRequest: (422, "The request breaks rules")
        case .invalidFile: (422, "The file cannot be used")
        case .tooLarge: (422, "It needs more than the server may give")
        case .idempotencyKeyReused: (422, "The Idempotency-Key belongs to another request")
        case .headTooLarge: (431, "The header fields are too large")
        case .internalError: (500, "The server failed")
        case .damagedFile: (500, "A stored file is damaged")
        case .notImplemented: (501, "Not implemented")
        case .overloaded: (503, "The server is busy")
        case .full: (503, "No room")
        case .stopping: (503, "The server is stopping")
        case .storeBusy: (503, "The database is busy")
        case .versionNotSupported: (505, "The version of HTTP is not spoken here")
        case .diskFull: (507, "The disk is full")
        case .diskUnwritable: (507, "The data folder cannot be written")
        }
    }
}

/// A problem document (RFC 9457): the answer to everything that fails.
struct Problem: Error, Sendable {
    /// One violation and its place.
    struct Item: Sendable, Equatable {
        enum Place: Sendable, Equatable {
            /// A JSON pointer into the body.
            case pointer(String)
            /// The name of a query or path parameter.
            case parameter(String)
            case header(String)
        }

        var place: Place
        var detail: String
    }

    /// What is remembered of a session that expired.
    struct Expiry: Sendable, Equatable {
        var reason: String
        var expiredAt: String
        var lastStep: Int
    }

    var kind: ProblemKind
    /// A sentence for a person: what was expected, what was found, what to do.
    var detail: String
    var items: [Item] = []
    var expiry: Expiry?
    /// Header fields that the answer carries: `Allow`, `Retry-After`, `WWW-Authenticate`.
    var fields: Fields = [:]

    init(_ kind: ProblemKind, _ detail: String, items: [Item] = [], fields: Fields = [:]) {
        self.kind = kind
        self.detail = detail
        self.items = items
        self.fields = fields
    }

    /// The request breaks these rules; nothing else is wrong with it.
    static func invalid(_ items: [Item], omitted: Int = 0) -> Problem {
        let count = items.count + omitted
        let detail = count == 1 ? items.first?.detail ?? "" : "\(count) things are wrong; each is listed with its place"
        let listed = omitted > 0 ? "\(count) things are wrong; the first \(items.count) are listed" : detail
        return Problem(.invalidRequest, listed, items: items)
    }

    func write(to writer: inout JSONWriter, requestID: String?, asEvent: Bool = false) {
        // Whatever was sent, its beginning is told and not the whole of it.
        let detail = detail.excerpt(Violation.longestDetail)
        writer.object { writer in
            if asEvent { writer.member("event", "error") }
            writer.member("type", kind.uri)
            writer.member("title", kind.title)
            writer.member("status", kind.status)
            writer.member("detail", detail)
            if !items.isEmpty {
                writer.key("errors")
                writer.array { writer in for item in items { item.write(to: &writer) } }
            }
            writer.member("code", kind.code)
            writer.member("error", detail)
            if let requestID { writer.member("request_id", requestID) }
            if let expiry {
                writer.member("reason", expiry.reason)
                writer.member("expired_at", expiry.expiredAt)
                writer.member("last_step", expiry.lastStep)
            }
        }
    }

    func response(requestID: String?) -> Response {
        var writer = JSONWriter()
        write(to: &writer, requestID: requestID)
        return Response(status: kind.status, type: MediaType.problem.field, bytes: writer.take(), fields: fields)
    }
}

extension Problem.Item {
    init(_ violation: Violation) { self.init(place: .pointer(violation.path.pointer), detail: violation.detail) }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("detail", detail)
            switch place {
            case .pointer(let pointer): writer.member("pointer", pointer)
            case .parameter(let name): writer.member("parameter", name)
            case .header(let name): writer.member("header", name)
            }
        }
    }
}
