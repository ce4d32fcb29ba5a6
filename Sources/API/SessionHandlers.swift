import Formats
import HTTPServer
import NamedFields
import Resources
import Service
import Store
import Training
import Wire

/// Live sessions: open, step, look ahead, save and restore.
extension Call {
    func openSession() throws {
        try noQuery()
        let wish = try decode(OpenSessionPayload.init(reading:))
        let open = { [self] in
            let session = try service.openSession(wish.request, within: allowance)
            var writer = JSONWriter()
            writer.session(session)
            return Response(
                status: 201, type: MediaType.json.field, bytes: writer.take(),
                fields: ["Location": "/sessions/\(session.id)"])
        }
        let idempotency = try Idempotency(self, scope: "POST /sessions of \(api.incarnation)")
        responder.respond(try idempotency?.answer(recheck: requireOpen) { _ in try open() } ?? open())
    }

    /// Throws where the session of a stored answer is there no more: whoever repeats the request wants one to step, and
    /// must not be told of one that is gone. One key opens one session, so no other is opened.
    private func requireOpen(_ answer: Response) throws {
        guard let id = answer.fields["Location"]?.split(separator: "/").last.map(String.init) else { return }
        do {
            _ = try service.session(id)
        } catch let error as ServiceError {
            guard case .notFound = error.reason else { throw error }
            throw Problem(
                .sessionClosed,
                "the session \"\(id)\" that this request opened was closed since; to open another one, send another "
                    + "Idempotency-Key")
        }
    }

    func listSessions() throws {
        var query = Query(request)
        let model = query.text("model")
        let after = query.text("after")
        let limit = query.limit()
        try query.check()
        let page = service.sessions(model: model, after: after, limit: limit)
        answerList((page.items, page.hasMore)) { $1.session($0) }
    }

    func showSession() throws {
        try noQuery()
        let session = try service.session(capture("id"))
        answer { $0.session(session) }
    }

    func closeSession() throws {
        try noQuery()
        let id = capture("id")
        try alongside(id) {
            _ = try service.closeSession(id)
            answerEmpty()
        }
    }

    func forkSession() throws {
        try noQuery()
        let wish = try decodeOptional(ForkPayload.init(reading:))
        let id = capture("id")
        try alongside(id) {
            let session = try service.fork(id, as: wish.id)
            created("/sessions/\(session.id)") { $0.session(session) }
        }
    }

    func resetSession() throws {
        try noQuery()
        try noBody()
        let id = capture("id")
        try alongside(id) {
            let session = try service.reset(id)
            answer { $0.session(session) }
        }
    }

    // MARK: State

    func sessionState() throws {
        try noQuery()
        let id = capture("id")
        try alongside(id) { try answerState(of: id) }
    }

    private func answerState(of id: String) throws {
        // Taken before it is written: a state may have megabytes.
        let bytes = try service.stateBytes(of: id)
        if MediaType.preferred(of: [.json, .octets], accept: request.fields.values("Accept")) == .octets {
            try request.memory.take(bytes, each: 2, for: "the state of session \"\(id)\"")
            return responder.respond(Response(type: MediaType.octets.field, bytes: try service.stateBlob(of: id)))
        }
        try request.memory.take(AnswerSize.state(bytes), for: "the state of session \"\(id)\"")
        let model = try service.session(id).model
        let state = try service.state(of: id)
        answer { $0.state(state, of: model) }
    }

    func setSessionState() throws {
        try noQuery()
        let id = capture("id")
        try alongside(id) { try putState(of: id) }
    }

    private func putState(of id: String) throws {
        let session: SessionInfo
        if MediaType(field: request.fields["Content-Type"] ?? "") == .octets {
            session = try fileCheck { try service.setStateBlob(of: id, request.body) }
        } else {
            let wish = try decode(StatePayload.init(reading:))
            // The service speaks of a state within a wish to open; here the body is the state.
            session = try bodyPlaces(without: "state") { try service.setState(of: id, wish.state, from: wish.origin) }
        }
        answer { $0.session(session) }
    }

    private func bodyPlaces<Result>(without prefix: String, _ act: () throws -> Result) throws -> Result {
        do { return try act() } catch var error as ServiceError {
            error.violations = error.violations.map { violation in
                guard violation.path.first == .key(prefix) else { return violation }
                return Violation(path: Array(violation.path.dropFirst()), detail: violation.detail)
            }
            throw error
        }
    }

    // MARK: Steps

    func stepSession() throws {
        try noQuery()
        let id = capture("id")
        if hasLongBody { return try handOff(to: api.queues.long) { try readAndStep(id) } }
        try readAndStep(id)
    }

    private func readAndStep(_ id: String) throws {
        let wish = try decode(plan: StepPayload.plan, StepPayload.init(reading:))
        guard request.isOnLoop else { return try stepWithPatience(id, wish) }
        if try stepAtOnce(id, wish) { return }
        let call = offLoop
        try handOff(to: api.queues.inference) { try call.stepWithPatience(id, wish) }
    }

    /// One row of a small network, answered on the event loop; false, with nothing done, where it is none, or where its
    /// answer would have to wait for another request, the disk or a slow peer.
    private func stepAtOnce(_ id: String, _ wish: StepPayload) throws -> Bool {
        guard wish.request.rows.rowCount == 1, !request.fields.contains("Idempotency-Key"),
            EventFormat(accepted: request.fields) == nil, service.isBrief(session: id)
        else { return false }
        do { responder.respond(try steps(of: id, wish)) } catch is SessionIsBusy { return false }
        return true
    }

    private func stepWithPatience(_ id: String, _ wish: StepPayload) throws {
        if !hasLongBody, service.isLong(session: id, steps: wish.request.rows.rowCount) {
            return try handOff(to: api.queues.long) { try step(id, wish) }
        }
        try step(id, wish)
    }

    /// Runs what one session does where nobody waits behind it: it may have to wait for a long step of the session.
    private func alongside(_ id: String, steps: Int? = 0, _ work: @escaping @Sendable () throws -> Void) throws {
        guard service.isLong(session: id, steps: steps) else { return try work() }
        try handOff(to: api.queues.long, work)
    }

    private func step(_ id: String, _ wish: StepPayload) throws {
        let idempotency = try Idempotency(self, scope: "POST /sessions/\(id)/steps of \(api.incarnation)")
        guard let format = EventFormat(accepted: request.fields) else {
            let response = try idempotency?.answer { _ in try steps(of: id, wish) } ?? steps(of: id, wish)
            return responder.respond(response)
        }
        guard let idempotency else {
            let stream = EventStream(self, format)
            return try stream.run { try steps(of: id, wish, onto: stream) }
        }
        // The answer is kept as it is sent, and the steps are taken to the end though the peer be gone: whoever
        // comes back for the answer finds the whole of it.
        let stream = EventStream(self, format, isKept: true)
        var isFresh = false
        do {
            let response = try idempotency.answer { _ in
                isFresh = true
                try steps(of: id, wish, onto: stream)
                return Response(status: 200, type: format.type.field, bytes: stream.sent, fields: format.fields)
            }
            // Only now, so that whoever asks again after the end finds the answer and not a request under way.
            if isFresh { stream.finish() } else { responder.respond(response) }
        } catch {
            try stream.fail(error)
        }
    }

    func steps(of id: String, _ wish: StepPayload) throws -> Response {
        let model = try service.session(id).model
        var outputs = OutputWriter(model, wish.request.manner)
        if wish.request.rows.rowCount == 1 { return try step(of: id, wish, model, &outputs) }
        // Three lists that grow step by step and come one after the other in the answer.
        var (y, h, c) = (JSONWriter(), JSONWriter(), JSONWriter())
        y.beginArray()
        h.beginArray()
        c.beginArray()
        var count = 0
        let session = try service.step(
            id, wish.request, within: allowance, answerBytes: { wish.answerBytes($0, rows: $1, stateBytes: $2) }
        ) { step in
            if wish.wantsOutput { outputs.write(step.output, to: &y, at: "#/outputs/\(count)") }
            if let state = step.state {
                if wish.request.wantsHidden { h.layers(.h, of: state, model.stateLayout) }
                if wish.request.wantsCell { c.layers(.c, of: state, model.stateLayout) }
            }
            count += 1
        }
        y.endArray()
        h.endArray()
        c.endArray()
        var writer = JSONWriter(capacity: y.byteCount + h.byteCount + c.byteCount + 256)
        writer.object { writer in
            writer.member("object", "session_steps")
            writer.member("step", session.step)
            if wish.wantsOutput { writer.member("outputs", verbatim: y.take()) }
            if wish.request.wantsHidden { writer.member("h", verbatim: h.take()) }
            if wish.request.wantsCell { writer.member("c", verbatim: c.take()) }
            outputs.writeWarnings(to: &writer)
        }
        return Response(type: MediaType.json.field, bytes: writer.take())
    }

    /// The answer to one row, written as it comes.
    private func step(
        of id: String, _ wish: StepPayload, _ model: ServedModel, _ outputs: inout OutputWriter
    ) throws -> Response {
        var writer = JSONWriter(capacity: Self.capacityOfStep)
        _ = try service.step(
            id, wish.request, within: allowance, mayWait: !request.isOnLoop,
            answerBytes: { wish.answerBytes($0, rows: $1, stateBytes: $2) }
        ) { step in
            writer.object { writer in
                writer.member("object", "session_steps")
                writer.member("step", step.step)
                if wish.wantsOutput {
                    writer.key("outputs")
                    writer.array { outputs.write(step.output, to: &$0, at: "#/outputs/0") }
                }
                if let state = step.state, wish.request.wantsHidden {
                    writer.key("h")
                    writer.array { $0.layers(.h, of: state, model.stateLayout) }
                }
                if let state = step.state, wish.request.wantsCell {
                    writer.key("c")
                    writer.array { $0.layers(.c, of: state, model.stateLayout) }
                }
                outputs.writeWarnings(to: &writer)
            }
        }
        return Response(type: MediaType.json.field, bytes: writer.take())
    }

    /// Bytes that hold the answer to most steps: a few numbers.
    private static let capacityOfStep = 512

    private func steps(of id: String, _ wish: StepPayload, onto stream: EventStream) throws {
        let model = try service.session(id).model
        var outputs = OutputWriter(model, wish.request.manner)
        var end: Int?
        let session = try service.step(
            id, wish.request, within: allowance,
            answerBytes: { stream.reserve(wish.eventBytes($0, rows: $1, stateBytes: $2)) }
        ) { step in
            let last = end ?? step.step + wish.request.rows.rowCount - 1
            end = last
            try afterStep(of: id, to: last) {
                try stream.send("step") { writer in
                    writer.member("step", step.step)
                    if wish.wantsOutput {
                        writer.key("output")
                        outputs.write(step.output, to: &writer, at: "#/output")
                    }
                    if let state = step.state {
                        if wish.request.wantsHidden {
                            writer.key("h")
                            writer.layers(.h, of: state, model.stateLayout)
                        }
                        if wish.request.wantsCell {
                            writer.key("c")
                            writer.layers(.c, of: state, model.stateLayout)
                        }
                    }
                    outputs.writeWarnings(to: &writer)
                }
            }
        }
        try afterStep(of: id, to: session.step) { try stream.send("done") { $0.member("step", session.step) } }
    }

    /// The rows have been taken: nobody must be told to send them again for want of memory.
    func afterStep(of id: String, to step: Int, _ send: () throws -> Void) throws {
        do { try send() } catch is MemoryRefusal {
            throw Problem(
                .answerNotKept,
                "the rows were taken, and the session \"\(id)\" stands at step \(step); there was no memory for the rest "
                    + "of their answers, which are lost; go on with the rows that follow, or restore a state from before"
            )
        }
    }

    // MARK: Looking ahead

    func forecastSession() throws {
        try noQuery()
        let id = capture("id")
        let wish = try decodeOptional(
            plan: SessionForecastPayload.plan, SessionForecastPayload.init(reading:))
        let format = EventFormat(accepted: request.fields)
        try alongside(id, steps: wish.horizon) {
            guard let format else { return try answerForecast(of: id, wish) }
            let stream = EventStream(self, format)
            try stream.run { try forecast(of: id, wish, onto: stream) }
        }
    }

    private func answerForecast(of id: String, _ wish: SessionForecastPayload) throws {
        let model = try service.session(id).model
        var outputs = OutputWriter(model)
        var rows = JSONWriter()
        rows.beginArray()
        let session = try service.forecast(
            id, horizon: wish.horizon, future: wish.future, within: allowance,
            answerBytes: { 2 * $0.answerBytes(rows: $1, topK: nil) }
        ) { step, output in
            outputs.write(output, to: &rows, at: "#/outputs/\(step)")
        }
        rows.endArray()
        answer { writer in
            writer.object { writer in
                writer.member("object", "session_forecast")
                writer.member("step", session.step)
                writer.member("outputs", verbatim: rows.take())
                writer.member("targets", model.outputNames)
                outputs.writeWarnings(to: &writer)
            }
        }
    }

    private func forecast(of id: String, _ wish: SessionForecastPayload, onto stream: EventStream) throws {
        let model = try service.session(id).model
        var outputs = OutputWriter(model)
        let session = try service.forecast(
            id, horizon: wish.horizon, future: wish.future, within: allowance
        ) { step, output in
            try stream.send("output") { writer in
                writer.member("step", step)
                writer.key("output")
                outputs.write(output, to: &writer, at: "#/output")
                outputs.writeWarnings(to: &writer)
            }
        }
        try stream.send("done") { writer in
            writer.member("step", session.step)
            writer.member("targets", model.outputNames)
        }
    }
}
