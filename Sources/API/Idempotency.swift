import Formats
import HTTPServer
import Resources
import Service
import Store
import Wire

/// `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a request that is sent again gets the answer of the
/// first one, and acts once.
///
/// Only answers of success are kept. A request that failed has not acted, so its key is free again.
struct Idempotency {
    /// A UUID has 36; whoever needs more than this names something else than a request.
    static let longestKey = 255

    let key: IdempotencyKey
    private let call: Call
    private let digest: String

    /// Nil where the request carries no key. `scope` is what the key is for; the same key elsewhere is another.
    init?(_ call: Call, scope: String) throws(Problem) {
        let values = call.request.fields.values("Idempotency-Key")
        guard let value = values.first else { return nil }
        guard values.count == 1, let name = Self.name(value) else {
            throw .invalid([
                Problem.Item(
                    place: .header("Idempotency-Key"),
                    detail: "expected one string of 1 to \(Self.longestKey) printable characters, best in quotes")
            ])
        }
        self.call = call
        key = IdempotencyKey(scope: scope, key: name)
        // The query and the wish for a format are part of what was asked.
        let format = EventFormat(accepted: call.request.fields).map { $0.type.rawValue } ?? ""
        // Once more, to take its digest.
        do { try call.request.memory.take(call.request.body.count, for: "the digest of the request") } catch {
            throw Problem(error)
        }
        digest = SHA256.hex(of: Array("\(call.request.head.rawTarget)\n\(format)\n".utf8) + call.request.body)
    }

    /// Acts, or gives the stored answer again. `resume` makes the answer of a request whose server ended after it had
    /// made something and before it had answered, or whose answer was too large to be kept. `recheck` throws where a
    /// stored answer would not be true any more.
    func answer(
        resume: ((String) throws -> Response)? = nil, recheck: ((Response) throws -> Void)? = nil,
        _ act: (IdempotencyKey) throws -> Response
    ) throws -> Response {
        let store = call.service.store
        switch try store.beginIdempotent(key, digest: digest, at: call.service.currentTime) {
        case .fresh:
            let response: Response
            do { response = try act(key) } catch {
                // What cannot be forgotten now ends with the server's next start.
                try? store.forgetIdempotent(key)
                throw error
            }
            keep(response)
            return response
        case .interrupted(let resource):
            guard let resume else { throw Self.inProgress }
            let response = try resume(resource)
            keep(response)
            return response.asReplay
        case .replay(let stored):
            let response = Response(stored).asReplay
            try recheck?(response)
            return response
        case .notKept:
            throw Problem(
                .answerNotKept,
                "the request was carried out, and its answer had more than the \(Store.largestAnswer) bytes that are kept "
                    + "for a repetition; what it changed can be looked at, and it was not carried out again")
        case .mismatch:
            throw Problem(.idempotencyKeyReused, "this Idempotency-Key was used for a request with another body")
        case .inProgress:
            throw Self.inProgress
        }
    }

    private static var inProgress: Problem {
        Problem(
            .idempotencyInProgress,
            "a request with this Idempotency-Key is still running; ask again when it has been answered")
    }

    /// An answer that cannot be kept is given all the same: what was asked has been done.
    private func keep(_ response: Response) {
        do { try call.service.store.finishIdempotent(key, StoredAnswer(response)) } catch {
            call.api.logger.error(
                "the answer to an idempotency key was not kept",
                metadata: ["request_id": "\(call.request.id)", "error": "\(error)"])
        }
    }

    /// The key without its quotes, if it has them (RFC 8941, 3.3.3); nil where it is none.
    static func name(_ value: String) -> String? {
        var text: [UInt8] = []
        if value.hasPrefix("\"") {
            guard value.utf8.count >= 2, value.hasSuffix("\"") else { return nil }
            var isEscaped = false
            for byte in value.utf8.dropFirst().dropLast() {
                if isEscaped {
                    guard byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { return nil }
                    text.append(byte)
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else {
                    guard byte != UInt8(ascii: "\"") else { return nil }
                    text.append(byte)
                }
            }
            if isEscaped { return nil }
        } else {
            text = Array(value.utf8)
        }
        guard (1...longestKey).contains(text.count), text.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
        return String(decoding: text, as: UTF8.self)
    }
}

extension StoredAnswer {
    /// Fields are kept one a line; a field's value holds no line end.
    fileprivate init(_ response: Response) {
        let body: [UInt8] = if case .bytes(let bytes) = response.body { bytes } else { [] }
        let headers = response.fields.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
        self.init(status: response.status, headers: headers, body: body)
    }
}

extension Response {
    fileprivate init(_ stored: StoredAnswer) {
        var fields: Fields = [:]
        for line in stored.headers.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields.append(String(line[..<colon]), line[line.index(after: colon)...].trimmingBlanks())
        }
        self.init(status: stored.status, fields: fields, body: stored.body.isEmpty ? .none : .bytes(stored.body))
    }

    fileprivate var asReplay: Response {
        var response = self
        response.fields["Idempotent-Replayed"] = "true"
        return response
    }
}
