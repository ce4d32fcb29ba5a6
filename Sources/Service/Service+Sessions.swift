import Formats
import Foundation
import Models
import NamedFields
import Networks
import Resources
import Store
import Training

/// Live sessions: the hidden state stays here, rows come in, answers go out.
extension Service {
    /// Opens a session from the zero state, or from a given one; never from what another session left.
    ///
    /// Throws `.alreadyExists`, `.full`, `.stateOfAnotherModel`, `.invalid`.
    public func openSession(
        _ request: OpenSessionRequest, within allowance: Allowance = .unlimited
    ) throws -> SessionInfo {
        try requireRunning()
        let loaded = try models.model(
            request.model, precision: request.precision ?? request.start.precision, memory: allowance.memory)
        guard loaded.model.network.streams else {
            throw ServiceError(
                .needsWholeSequences,
                "\(loaded.served.name) reads sequences from both ends, so that what it says of a row depends on the "
                    + "rows after it; send it whole sequences with POST /predict")
        }
        let timeToLive = request.timeToLive ?? configuration.sessionTimeToLive
        var findings: [Violation] = []
        if let id = request.id, !ModelName.isValid(id) {
            findings.append(
                Violation(
                    "id",
                    detail:
                        "\"\(id)\" cannot name a session: expected 1 to \(ModelName.maximumLength) letters, digits, "
                        + "'.', '_' or '-', the first no '.' or '-'"))
        }
        if timeToLive <= .zero || timeToLive > configuration.maximumTimeToLive {
            findings.append(
                Violation(
                    "ttl_seconds",
                    detail: "\(timeToLive.timeInterval) is outside the range above 0 and up to "
                        + "\(configuration.maximumTimeToLive.timeInterval) seconds"))
        }
        guard findings.isEmpty else { throw ServiceError.invalid(findings) }
        let state: SessionState
        switch request.start {
        case .zero:
            // Before it is there: the table has no room for a greater one.
            guard loaded.predictor.stateBytes <= configuration.sessionMemory else {
                throw ServiceError(
                    .tooLarge,
                    "the state of this model takes \(loaded.predictor.stateBytes) bytes, and all sessions together may take "
                        + "\(configuration.sessionMemory); start the server with more session memory")
            }
            state = SessionState(step: 0, live: loaded.predictor.zeroState)
        case .state(let given, let origin): state = try checked(given, of: origin, loaded)
        case .blob(let bytes): state = try checked(StateBlob.decode(bytes, for: loaded), loaded)
        }
        return try insert(
            Session(id: request.id ?? Identifier.make(prefix: "ses", at: now()), loaded: loaded, state: state),
            timeToLive: timeToLive)
    }

    public func session(_ id: String) throws -> SessionInfo {
        try info(entry(sessions.withLock { $0.find(id, at: steady()) }, id))
    }

    /// Open sessions in the order of their ids.
    public func sessions(model: String?, after: String?, limit: Int) -> Page<SessionInfo> {
        let time = steady()
        let entries = sessions.withLock { table in
            table.entries.values.filter { entry in
                !entry.isOver(at: time) && (model == nil || entry.session.loaded.version.model == model)
                    && (after.map { entry.session.id > $0 } ?? true)
            }
        }
        let page = entries.sorted { $0.session.id < $1.session.id }.prefix(limit)
        return Page(items: page.map(info), hasMore: entries.count > limit)
    }

    /// Takes rows in, one after the other; `each` is told every answer in order. A row that is refused moves nothing.
    ///
    /// Everything is checked before the first answer. One row that may not wait is refused with `SessionIsBusy` where
    /// another request has the session. What `each` throws is thrown on; the rows stay taken. The
    /// answer's `step` is that of these rows, however far others have stepped the session meanwhile.
    public func step(
        _ id: String, _ request: StepRequest, within allowance: Allowance = .unlimited, mayWait: Bool = true,
        answerBytes: (ServedModel, Int, _ stateBytes: Int) -> Int = { _, _, _ in 0 },
        each: (SessionStep) throws -> Void
    ) throws -> SessionInfo {
        try requireRunning()
        var last: Int?
        var info = try using(id) { session in
            let loaded = session.loaded
            let batch = try checked(request, loaded)
            let rows = batch.rowCount
            try limit(operationsOf: rows, loaded)
            try take(loaded, sequences: 1, rows: rows, answers: rows, allowance) {
                answerBytes($0, $1, loaded.predictor.stateBytes)
            }
            if request.wantsHidden || request.wantsCell {
                try allowance.memory.take(
                    rows, each: loaded.predictor.stateBytes, for: "the states after \(rows) rows")
            }
            let isLong = isLong(rows, loaded)
            if isLong { session.beginLong() }
            defer { if isLong { session.endLong() } }
            if rows == 1 {
                let step = try session.alone(mayWait: mayWait) { state in
                    try checkCount(state, after: 1, id)
                    return try take(0, of: batch, request, into: &state, loaded, allowance.cancellation)
                }
                metrics.add(to: Self.stepsTaken, loaded.labels)
                last = step.step
                return try each(step)
            }
            let steps = try session.alone { state in
                try checkCount(state, after: rows, id)
                return try take(batch, request, into: &state, loaded, allowance.cancellation)
            }
            metrics.add(Double(steps.count), to: Self.stepsTaken, loaded.labels)
            last = steps.last?.step
            for step in steps { try each(step) }
        }
        if let last { info.step = last }
        return info
    }

    /// All rows or none: the state moves only when the last of them went through.
    ///
    /// Without hidden states in the answer the rows go through the network as one sequence, which is faster and gives
    /// the same bits as row after row.
    private func take(
        _ batch: SequenceBatch, _ request: StepRequest, into state: inout SessionState, _ loaded: LoadedModel,
        _ cancellation: Cancellation
    ) throws -> [SessionStep] {
        let rows = batch.rowCount
        if request.wantsHidden || request.wantsCell {
            var moved = state
            let steps = try (0..<rows).map { try take($0, of: batch, request, into: &moved, loaded, cancellation) }
            state = moved
            return steps
        }
        var live = [state.live]
        let answers = try blaming(loaded, rowsAt: { _ in ["inputs"] }) {
            try loaded.predictor.advance(&live, batch, cancellation: cancellation)
        }
        let steps = answers[0].enumerated().map { row, answer in
            SessionStep(step: state.step + row + 1, output: answer, state: nil)
        }
        state = SessionState(step: state.step + rows, live: live[0])
        return steps
    }

    /// One row, the step of a live session: the state moves where it lies.
    private func take(
        _ row: Int, of batch: SequenceBatch, _ request: StepRequest, into state: inout SessionState,
        _ loaded: LoadedModel, _ cancellation: Cancellation
    ) throws -> SessionStep {
        let width = batch.width
        let answer = try blaming(loaded, rowsAt: { _ in ["inputs"] }, firstRow: row) { () throws(PredictionError) in
            if cancellation.isCancelled { throw PredictionError(.cancelled) }
            return try batch.values.withUnsafeBufferPointer { values throws(PredictionError) in
                let own = UnsafeBufferPointer(rebasing: values[row * width..<(row + 1) * width])
                return try loaded.predictor.step(&state.live, own)
            }
        }
        state.step += 1
        return SessionStep(
            step: state.step, output: answer,
            state: request.wantsHidden || request.wantsCell ? state.live.network.values : nil)
    }

    static let stepsTaken = Metrics.Family(
        .counter, "timestep_session_steps_total", "Rows taken by live sessions.", labels: ["model"])

    /// Looks `horizon` rows ahead from where the session stands, without moving it.
    public func forecast(
        _ id: String, horizon: Int?, future: SequenceBatch?, within allowance: Allowance = .unlimited,
        answerBytes: (ServedModel, Int) -> Int = { _, _ in 0 }, each: (Int, Answer) throws -> Void
    ) throws -> SessionInfo {
        try requireRunning()
        return try using(id) { session in
            let loaded = session.loaded
            guard case .forecast(let forecast) = loaded.model.task else {
                throw ServiceError(
                    .invalid,
                    "session \"\(id)\" runs \(loaded.served.name), which says labels; only forecasters look ahead")
            }
            let horizon = horizon ?? forecast.horizon
            var findings: [Violation] = []
            check(horizon: horizon, &findings)
            check(future: future, count: 1, loaded, &findings)
            guard findings.isEmpty else { throw ServiceError.invalid(findings) }
            let state = try session.alone { $0 }
            guard state.live.network.steps > 0 else {
                throw ServiceError(
                    .conflict,
                    "session \"\(id)\" has taken \(state.step) rows; looking ahead needs at least \(loaded.model.lag + 1)"
                        + (loaded.model.lag > 0 ? ", of which differencing uses up \(loaded.model.lag)" : ""))
            }
            try limit(operationsOf: horizon, loaded)
            try take(
                loaded, sequences: 1, rows: future?.rowCount ?? 0, answers: horizon, allowance, answerBytes)
            let values = try blaming(loaded, rowsAt: { _ in ["horizon"] }, futureAt: { _ in ["future"] }) {
                try loaded.predictor.lookAhead(
                    [state.live], horizon: horizon, future: future, cancellation: allowance.cancellation)
            }[0]
            let targets = forecast.targets.count
            for step in 0..<horizon {
                let row = Array(values[(step * targets)..<((step + 1) * targets)])
                try each(step, .numbers(row))
            }
        }
    }

    /// Takes the memory of some rows, and of their answers, before any of it is allocated.
    private func take(
        _ loaded: LoadedModel, sequences: Int, rows: Int, answers: Int, _ allowance: Allowance,
        _ answerBytes: (ServedModel, Int) -> Int
    ) throws {
        let work = PredictionWork(sequences: sequences, rows: rows, steps: max(rows, answers), answers: answers)
        try allowance.memory.take(loaded.predictor.bytes(for: work), for: "the work on \(work.steps) steps")
        try allowance.memory.take(answerBytes(loaded.served, answers), for: "the answer of \(answers) rows")
    }

    /// Whether so many steps of a session take longer than others should wait behind them, or would have to wait for
    /// ones that do. Nil steps ask for the horizon of its model.
    public func isLong(session id: String, steps: Int?) -> Bool {
        guard case .open(let entry) = sessions.withLock({ $0.find(id, at: steady()) }) else { return false }
        let loaded = entry.session.loaded
        var horizon = 1
        if case .forecast(let forecast) = loaded.model.task { horizon = forecast.horizon }
        return entry.session.hasLong || isLong(steps ?? horizon, loaded)
    }

    /// Whether a row of the session is answered in some ten microseconds, by a network that is small and a list of answers
    /// that is short. Of a session that is not there, that is.
    public func isBrief(session id: String) -> Bool {
        guard case .open(let entry) = sessions.withLock({ $0.find(id, at: steady()) }) else { return true }
        let loaded = entry.session.loaded
        return !entry.session.hasLong && loaded.predictor.operations(steps: 1) <= Self.briefOperations
            && loaded.served.outputNames.count <= Self.briefAnswers
    }

    /// Multiply-adds of some ten microseconds of one core with fused multiply-add.
    private static let briefOperations = 100_000
    /// Numbers that are written in as long.
    private static let briefAnswers = 128

    /// Bytes of the session's state at their most.
    public func stateBytes(of id: String) throws -> Int {
        try entry(sessions.withLock { $0.find(id, at: steady()) }, id).session.loaded.predictor.stateBytes
    }

    public func state(of id: String) throws -> SessionState {
        let state: SessionState = try using(id) { session, result in result = try session.alone { $0 } }
        return try restorable(state, id)
    }

    /// Puts a state in the place of the session's own, whole or not at all.
    public func setState(
        of id: String, _ state: GivenState, from origin: StateOrigin = StateOrigin()
    ) throws -> SessionInfo {
        try using(id) { session in try replace(session, checked(state, of: origin, session.loaded)) }
    }

    /// The state as bytes with a checksum, bound to the model's digest.
    public func stateBlob(of id: String) throws -> [UInt8] {
        try using(id) { session, result in
            result = StateBlob.encode(
                try restorable(session.alone { $0 }, id), session.loaded.predictor.network.stateLayout,
                model: session.loaded.served)
        }
    }

    public func setStateBlob(of id: String, _ blob: [UInt8]) throws -> SessionInfo {
        try using(id) { session in
            try replace(session, checked(StateBlob.decode(blob, for: session.loaded), session.loaded))
        }
    }

    /// A second session that goes on from where this one stands.
    public func fork(_ id: String, as newID: String? = nil) throws -> SessionInfo {
        try requireRunning()
        if let newID, !ModelName.isValid(newID) {
            throw ServiceError.invalid("id", detail: "\"\(newID)\" cannot name a session")
        }
        var state: SessionState?
        var model: LoadedModel?
        let info = try using(id) { session in
            state = try session.alone { $0 }
            model = session.loaded
        }
        guard let state, let model else { throw ServiceError.notFound("session", id) }
        return try insert(
            Session(id: newID ?? Identifier.make(prefix: "ses", at: now()), loaded: model, state: state),
            timeToLive: info.timeToLive)
    }

    /// Back to the zero state, as if just opened.
    public func reset(_ id: String) throws -> SessionInfo {
        try using(id) { session in try replace(session, SessionState(step: 0, live: session.loaded.predictor.zeroState))
        }
    }

    /// Waits for the request in flight, then forgets the session: later its id is unknown.
    public func closeSession(_ id: String) throws -> SessionInfo {
        let found = try entry(sessions.withLock { $0.find(id, at: steady()) }, id)
        guard found.session.beginClosing() else {
            throw ServiceError(.closing, "session \"\(id)\" is being closed already")
        }
        found.session.settle()
        sessions.withLock { $0.remove(id, found.session) }
        return info(found)
    }

    // MARK: - Finding and checking

    private typealias Entry = SessionTable<Session>.Entry

    private func entry(_ found: SessionTable<Session>.Found, _ id: String) throws -> Entry {
        switch found {
        case .open(let entry): return entry
        case .expired(var end):
            end.expiredAt += clockChange
            let why =
                switch end.cause {
                case .idleTimeout: "nobody used it for its time to live"
                case .evicted: "it was idle longest when a new session needed the room"
                case .modelUnloaded: "its model was deleted"
                }
            throw ServiceError(
                .expired(end), "session \"\(id)\" ended after step \(end.lastStep): \(why); open a new one")
        case .unknown:
            throw ServiceError.notFound(
                "session", id, hint: "it was never opened, was closed, or the server was restarted")
        }
    }

    /// Runs `body` on a session that cannot expire meanwhile, and tells how it stands afterwards.
    private func using(_ id: String, _ body: (Session) throws -> Void) throws -> SessionInfo {
        let entry = try entry(sessions.withLock { $0.use(id, at: steady()) }, id)
        do {
            try body(entry.session)
        } catch {
            sessions.withLock { $0.release(id, entry.session, at: steady()) }
            throw error
        }
        return sessions.withLock { table in
            table.release(id, entry.session, at: steady())
            // The id may belong to another session by now.
            guard let current = table.entries[id], current.session === entry.session else { return info(entry) }
            return info(current)
        }
    }

    private func using<Result>(_ id: String, _ body: (Session, inout Result?) throws -> Void) throws -> Result {
        var result: Result?
        _ = try using(id) { session in try body(session, &result) }
        guard let result else { preconditionFailure("a body that ends without throwing sets its result") }
        return result
    }

    private func insert(_ session: Session, timeToLive: Duration) throws -> SessionInfo {
        let time = steady()
        let insertion = sessions.withLock { $0.insert(session, id: session.id, timeToLive: timeToLive, at: time) }
        switch insertion {
        case .inserted: break
        case .insertedEvicting: count(1, endedBy: .evicted)
        case .exists:
            throw ServiceError(
                .alreadyExists(kind: "session", id: session.id),
                "session \"\(session.id)\" is open already; close it, or choose another id")
        case .full(let seconds):
            throw ServiceError(
                .full(retryAfterSeconds: seconds),
                "all \(configuration.maximumSessions) sessions are open; close some, or try again later")
        case .noMemory(let seconds):
            throw ServiceError(
                .full(retryAfterSeconds: seconds),
                "the state takes \(session.byteCount) bytes, and those of the open sessions leave less of the "
                    + "\(configuration.sessionMemory) allowed; close some, try again later, or start the server with "
                    + "more session memory")
        }
        return try self.session(session.id)
    }

    private func replace(_ session: Session, _ state: SessionState) throws {
        try session.alone { $0 = state }
    }

    private func info(_ entry: Entry) -> SessionInfo {
        SessionInfo(
            id: entry.session.id, model: entry.session.loaded.served, step: entry.session.stepCount,
            timeToLive: entry.timeToLive, createdAt: entry.createdAt + clockChange,
            lastUsedAt: entry.lastUsedAt + clockChange, expiresAt: entry.expiresAt + clockChange)
    }

    /// The rows of a step, as the model reads them.
    private func checked(_ request: StepRequest, _ loaded: LoadedModel) throws -> SequenceBatch {
        var findings: [Violation] = []
        let rows = rows(request.rows, loaded, &findings)
        if let rows {
            if rows.rowCount == 0 { findings.append(Violation("inputs", detail: "empty; expected at least one row")) }
            check(width: rows, loaded, "inputs", &findings)
        }
        check(request.manner, loaded, &findings)
        guard findings.isEmpty, let rows else { throw ServiceError.invalid(findings) }
        return rows
    }
}

extension SequenceBatch {
    public var rowCount: Int { lengths.count == 1 ? lengths[0] : lengths.reduce(0, +) }
}
