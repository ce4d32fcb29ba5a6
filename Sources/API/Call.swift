import Formats
import HTTPServer
import Resources
import Service
import Wire

/// One request in the hands of its handler, and the ways to read and answer it.
struct Call: Sendable {
    let api: TimestepAPI
    var request: Request
    let responder: any Responder

    var service: Service { api.service }

    // MARK: Reading

    /// What the route's `{name}` matched.
    func capture(_ name: String) -> String { request.parameters[name] ?? "" }

    /// A captured number.
    func number(_ name: String) throws(Problem) -> Int {
        let text = capture(name)
        if let number = Int(text), number > 0, text.first != "+" { return number }
        throw .invalid([
            Problem.Item(place: .parameter(name), detail: "expected a number of at least 1, found \"\(text)\"")
        ])
    }

    /// What the request may take, and whether its client is there.
    var allowance: Allowance { Allowance(memory: request.memory, cancellation: request.cancellation) }

    /// Reading the body takes longer than others should wait for a thread.
    var hasLongBody: Bool { request.body.count > Self.longBody }

    /// Bytes of a body that are read in a few milliseconds.
    private static let longBody = 1 << 20

    /// Reads the body, notes every violation in it, and throws all of them together.
    func decode<T>(plan: JSONPlan = JSONPlan(), _ read: (JSONReader) throws -> T?) throws -> T {
        try requireJSON()
        return try Self.decode(request.body, plan: plan, within: allowance, read)
    }

    /// As `decode`, for a body that may be left out.
    func decodeOptional<T>(plan: JSONPlan = JSONPlan(), _ read: (JSONReader) throws -> T?) throws -> T {
        request.body.isEmpty ? try Self.decode(Array("{}".utf8), read) : try decode(plan: plan, read)
    }

    /// The body must be empty, or an object without fields: whoever sends one expects it to do something.
    func noBody() throws {
        if request.body.isEmpty { return }
        _ = try decode { body in
            for field in body.value.object?.keys.map({ $0 }) ?? [] {
                body.fail(field, "unknown field \"\(field)\"; this request takes none, its address says it all")
            }
            if body.value.object == nil { body.fail("expected no body, found \(body.value.kindName)") }
            return true
        }
    }

    /// A body is an object of settings beside arrays of numbers: no task has a hundred thousand of the former, and every
    /// one of them costs a hundred times its bytes.
    static let limits = JSONLimits(values: 1 << 17)

    static func decode<T>(
        _ bytes: [UInt8], plan: JSONPlan = JSONPlan(), within allowance: Allowance = .unlimited,
        _ read: (JSONReader) throws -> T?
    ) throws -> T {
        let collector = ViolationCollector()
        let document: JSON
        do { document = try JSON.parse(bytes, limits: limits, plan: plan, within: allowance) } catch {
            switch error.reason {
            case .memory(let refusal): throw refusal
            case .cancelled: throw CancelledWork()
            default: throw error
            }
        }
        let value = try read(JSONReader(document, into: collector))
        try collector.check()
        guard let value else {
            throw Problem(.internalError, "the body was refused without a reason; please report this")
        }
        return value
    }

    /// The query must be empty.
    func noQuery() throws { try Query(request).check() }

    /// JSON may come as such, unnamed, or under the name that `curl -d` gives to everything. The latter two are also
    /// what a foreign web page can send without asking (a "simple" request), so they are taken only where no browser
    /// says that a page is behind them.
    func requireJSON() throws(Problem) {
        let offered = request.fields["Content-Type"] ?? ""
        if offered == MediaType.json.rawValue || MediaType(field: offered) == .json { return }
        let name = offered.split(separator: ";").first.map { $0.trimmingBlanks().lowercased() } ?? ""
        let isPage = request.fields.contains("Origin") || request.fields.contains("Sec-Fetch-Site")
        if !isPage, name.isEmpty || name == "application/x-www-form-urlencoded" { return }
        throw unsupported(name, expected: "application/json")
    }

    func unsupported(_ name: String, expected: String) -> Problem {
        Problem(
            .unsupportedMediaType,
            "send \(expected)" + (name.isEmpty ? ", and name it in Content-Type" : ", not \(name)"))
    }

    // MARK: Answering

    func answer(_ status: Int = 200, fields: Fields = [:], _ write: (inout JSONWriter) throws -> Void) rethrows {
        var writer = JSONWriter()
        try write(&writer)
        responder.respond(Response(status: status, type: MediaType.json.field, bytes: writer.take(), fields: fields))
    }

    func created(_ location: String, _ status: Int = 201, _ write: (inout JSONWriter) throws -> Void) rethrows {
        try answer(status, fields: ["Location": location], write)
    }

    func answerEmpty() { responder.respond(Response(status: 204)) }

    func answerList<Item>(_ page: (items: [Item], hasMore: Bool), _ write: (Item, inout JSONWriter) throws -> Void)
        rethrows
    {
        try answer { writer in
            try writer.object { writer in
                writer.member("object", "list")
                writer.key("data")
                try writer.array { writer in for item in page.items { try write(item, &writer) } }
                writer.member("has_more", page.hasMore)
            }
        }
    }

    /// Answers with a problem; for work that goes on after the handler has returned.
    func fail(_ error: any Error) {
        if error is CancelledWork { return responder.abandon() }
        responder.respond(api.response(to: error, request: request, id: request.id))
    }

    /// The call for the work that is handed on from the event loop.
    var offLoop: Call {
        var call = self
        call.request.isOnLoop = false
        return call
    }

    /// Runs the rest on another kind of thread; refuses where too many wait for one.
    func handOff(to queue: ThreadQueue, _ work: @escaping @Sendable () throws -> Void) throws(HTTPError) {
        let accepted = queue.submit {
            do {
                try request.cancellation.check()
                try work()
            } catch { fail(error) }
        }
        if !accepted { throw HTTPError(.overloaded(retryAfterSeconds: 1), "too many requests wait already") }
    }
}
