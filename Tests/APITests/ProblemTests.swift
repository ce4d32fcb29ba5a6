import Formats
import HTTPServer
import NamedFields
import Store
import Testing
import Training
import Wire

@testable import API
@testable import Service

/// The one mapping from errors to problem documents.
struct ProblemTests {
    private struct Unforeseen: Error {}

    @Test("every reason of every layer has its code")
    func mapping() {
        let expired = ExpiredSession(id: "s", cause: .evicted, expiredAt: .init(timeIntervalSince1970: 1), lastStep: 3)
        let cases: [(any Error, ProblemKind)] = [
            (ServiceError(.notFound(kind: "session", id: "s"), ""), .sessionNotFound),
            (ServiceError(.alreadyExists(kind: "session", id: "s"), ""), .alreadyExists),
            (ServiceError(.conflict, ""), .conflict), (ServiceError(.invalid, ""), .invalidRequest),
            (ServiceError(.expired(expired), ""), .sessionExpired), (ServiceError(.closing, ""), .sessionClosing),
            (ServiceError(.full(retryAfterSeconds: 3), ""), .full), (ServiceError(.tooLarge, ""), .tooLarge),
            (ServiceError(.stateOfAnotherModel, ""), .stateOfAnotherModel), (ServiceError(.stopping, ""), .stopping),
            (StoreError(.notFound(kind: .job, id: "j"), ""), .jobNotFound),
            (StoreError(.notFound(kind: .dataset, id: "d"), ""), .datasetNotFound),
            (StoreError(.notFound(kind: .model, id: "m"), ""), .modelNotFound),
            (StoreError(.notFound(kind: .version, id: "m:1"), ""), .versionNotFound),
            (StoreError(.notFound(kind: .alias, id: "m@a"), ""), .aliasNotFound),
            (StoreError(.notAllowed(verb: .pause, status: .failed), ""), .jobState),
            (StoreError(.datasetInUse(id: "d", jobs: ["j"]), ""), .datasetInUse),
            (StoreError(.datasetGone(job: "j"), ""), .datasetGone),
            (StoreError(.versionAliased(model: "m", version: 1, aliases: ["a"]), ""), .versionAliased),
            (StoreError(.badName("-"), ""), .invalidRequest), (StoreError(.diskFull(path: "p"), ""), .diskFull),
            (StoreError(.unwritable(path: "p"), ""), .diskUnwritable),
            (StoreError(.fileTorn(path: "p", have: 1, need: 2), ""), .damagedFile), (StoreError(.busy, ""), .storeBusy),
            (StoreError(.database(code: 1), ""), .internalError),
            (HTTPError(.malformed, ""), .malformedRequest), (HTTPError(.notFound, ""), .notFound),
            (HTTPError(.methodNotAllowed(allow: [.get]), ""), .methodNotAllowed),
            (HTTPError(.timeout, ""), .requestTimeout),
            (HTTPError(.contentTooLarge(limit: 1), ""), .contentTooLarge),
            (HTTPError(.targetTooLong(limit: 1), ""), .targetTooLong),
            (HTTPError(.expectationFailed, ""), .expectationFailed), (HTTPError(.headTooLarge, ""), .headTooLarge),
            (HTTPError(.internalFailure, ""), .internalError), (HTTPError(.notImplemented, ""), .notImplemented),
            (HTTPError(.overloaded(retryAfterSeconds: 1), ""), .overloaded), (HTTPError(.stopping, ""), .stopping),
            (HTTPError(.versionNotSupported, ""), .versionNotSupported),
            (Violations([Violation("a", detail: "b")]), .invalidRequest),
            (Violation("a", detail: "b"), .invalidRequest),
            (Unforeseen(), .internalError),
        ]
        for (error, kind) in cases { #expect(Problem(error).kind == kind, "\(error)") }
    }

    @Test("what the protocol layer calls an error is what a client reads")
    func protocolCodesAgree() {
        for reason in [
            HTTPError.Reason.malformed, .notFound, .methodNotAllowed(allow: []), .timeout, .contentTooLarge(limit: 1),
            .targetTooLong(limit: 1), .expectationFailed, .headTooLarge, .internalFailure, .notImplemented,
            .overloaded(retryAfterSeconds: 1), .stopping, .versionNotSupported,
        ] {
            let error = HTTPError(reason, "")
            #expect(Problem(error).kind.code == error.code)
            #expect(Problem(error).kind.status == error.status)
        }
    }

    @Test("what nobody foresaw tells the client nothing of itself")
    func unforeseenErrorsAreKeptBack() throws {
        struct Secret: Error, CustomStringConvertible { var description: String { "/home/someone/secret" } }
        let text = try document(Problem(Secret())).text
        #expect(!text.contains("secret"))
        #expect(Problem.isUnforeseen(Secret()) && !Problem.isUnforeseen(HTTPError(.notFound, "")))
    }

    @Test("a problem document fits the contract, whatever it tells")
    func documentsFit() throws {
        let expired = ExpiredSession(
            id: "s", cause: .idleTimeout, expiredAt: .init(timeIntervalSince1970: 1), lastStep: 3)
        let schema = ContractDocument.shared.schema("Problem")
        for kind in ProblemKind.allCases {
            #expect(SchemaCheck.findings(try document(Problem(kind, "detail")), schema) == [])
        }
        let gone = try document(Problem(ServiceError(.expired(expired), "over")))
        #expect(SchemaCheck.findings(gone, schema) == [])
        #expect(gone["reason"] == "idle_timeout" && gone["last_step"] == 3)
        #expect(gone["expired_at"] == "1970-01-01T00:00:01.000Z")
        let items: [Problem.Item] = [
            .init(place: .pointer("#/a"), detail: "1"), .init(place: .parameter("b"), detail: "2"),
            .init(place: .header("c"), detail: "3"),
        ]
        let invalid = try document(.invalid(items, omitted: 4))
        #expect(SchemaCheck.findings(invalid, schema) == [])
        #expect(invalid["errors"]?.count == 3 && invalid["detail"]?.string?.contains("7 things") == true)
        #expect(invalid["request_id"] == "r1" && invalid["error"] == invalid["detail"])
    }

    @Test("an answer that asks for patience says for how long")
    func retryAfter() {
        #expect(
            Problem(ServiceError(.full(retryAfterSeconds: 3), "")).response(requestID: nil).fields["Retry-After"] == "3"
        )
        for error in [ServiceError(.stopping, "") as any Error, StoreError(.busy, ""), HTTPError(.stopping, "")] {
            #expect(Problem(error).response(requestID: nil).fields["Retry-After"] == "1")
        }
        let response = Problem(HTTPError(.methodNotAllowed(allow: [.get, .put]), "")).response(requestID: nil)
        #expect(response.fields["Allow"] == "GET, PUT" && response.status == 405)
        #expect(response.fields["Content-Type"] == "application/problem+json")
    }

    private func document(_ problem: Problem) throws -> JSON {
        guard case .bytes(let bytes) = problem.response(requestID: "r1").body else { return .null }
        return try JSON.parse(bytes)
    }
}
