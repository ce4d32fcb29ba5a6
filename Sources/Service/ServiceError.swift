import Formats
import NamedFields
import Training

/// Why a use-case could not be carried out, in terms of the product.
///
/// The API maps each reason to one status and one stable code; nothing here knows either.
public struct ServiceError: Error, Sendable {
    public enum Reason: Sendable, Equatable {
        /// No such thing: `kind` is "job", "dataset", "model", "version", "alias" or "session".
        case notFound(kind: String, id: String)
        /// A thing of this id exists already and is another one.
        case alreadyExists(kind: String, id: String)
        /// The thing's present state forbids the wish (a finished job cannot be paused, a used version not deleted).
        case conflict
        /// The wish is well-formed and cannot be met; `violations` name every place.
        case invalid
        /// A session that was, and is no more.
        case expired(ExpiredSession)
        /// A session on its way out: it takes no more steps.
        case closing
        /// A limit on concurrent use is reached; trying again after so many seconds makes sense.
        case full(retryAfterSeconds: Int)
        /// The job, model or request needs more than the configured memory.
        case tooLarge
        /// The state belongs to another model.
        case stateOfAnotherModel
        /// What the model says of a row depends on later ones, so it cannot be stepped.
        case needsWholeSequences
        /// The server is shutting down.
        case stopping
    }

    public var reason: Reason
    /// A sentence for a person: what was expected, what was found, what to do.
    public var detail: String
    /// Every place that is wrong, for `.invalid`.
    public var violations: [Violation]
    /// How many more there are beyond `violations`.
    public var omitted: Int

    public init(_ reason: Reason, _ detail: String, violations: [Violation] = [], omitted: Int = 0) {
        self.reason = reason
        self.detail = detail
        self.violations = violations
        self.omitted = omitted
    }

    /// The request was understood and breaks these rules.
    public static func invalid(_ violations: Violations) -> ServiceError {
        let detail =
            violations.count == 1 && violations.list.count == 1
            ? violations.list[0].detail : "\(violations.count) things are wrong; see errors for each and its place"
        return ServiceError(.invalid, detail, violations: violations.list, omitted: violations.omitted)
    }

    public static func invalid(_ violations: [Violation]) -> ServiceError { invalid(Violations(violations)) }

    public static func invalid(_ path: Violation.PathComponent..., detail: String) -> ServiceError {
        invalid([Violation(path: path, detail: detail)])
    }

    static func notFound(_ kind: String, _ id: String, hint: String = "") -> ServiceError {
        ServiceError(.notFound(kind: kind, id: id), "there is no \(kind) \"\(id)\"" + (hint.isEmpty ? "" : "; \(hint)"))
    }
}

extension ServiceError: CustomStringConvertible {
    public var description: String { detail }
}
