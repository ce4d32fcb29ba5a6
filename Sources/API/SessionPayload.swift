import Formats
import Kernels
import Networks
import Service
import Store
import Training

/// The body of `POST /sessions`.
struct OpenSessionPayload {
    static let fields = ["model", "id", "ttl_seconds", "state", "precision"]

    var request: OpenSessionRequest

    init?(reading body: JSONReader) {
        guard body.fields(Self.fields) else { return nil }
        let model = body.required("model")?.modelReference()
        let id = body.optional("id")?.name("a session")
        var timeToLive: Duration?
        if let reader = body.optional("ttl_seconds"), let seconds = reader.double() {
            if seconds > 0, seconds <= Self.longestTimeToLive {
                timeToLive = .seconds(seconds)
            } else {
                reader.fail("expected a number above 0 and at most \(Int(Self.longestTimeToLive)), found \(seconds)")
            }
        }
        let state = body.optional("state").map(StatePayload.init(reading:))
        let precision = body.precision()
        guard let model else { return nil }
        request = OpenSessionRequest(model: model, id: id, timeToLive: timeToLive, precision: precision)
        if case .some(.some(let state)) = state { request.start = .state(state.state, of: state.origin) }
    }

    /// A century: beyond it the arithmetic of times has little to say. The server's own limit is far below.
    private static let longestTimeToLive: Double = 3_155_760_000
}

/// The state of a session as JSON.
struct StatePayload {
    static let fields =
        ["object", "model", "step", "network_step", "layers"] + StateLayout.Name.ofReadout.map(\.rawValue) + ["lags"]
    static let modelFields = ["name", "version", "digest", "precision"]
    static let layerFields = StateLayout.Name.ofStreams.map(\.rawValue)

    var state: GivenState
    var origin = StateOrigin()

    init?(reading body: JSONReader) {
        guard body.fields(Self.fields) else { return nil }
        _ = body.optional("object")?.choice(["session_state": true])
        if let model = body.optional("model"), model.fields(Self.modelFields) {
            // Names and numbers are for people; what has to fit is the file, and what the network computed in.
            _ = model.optional("name")?.name("a model")
            _ = model.optional("version")?.int(in: 1...Int(Int32.max))
            origin = StateOrigin(digest: model.required("digest")?.digest(), precision: model.precision())
        }
        let step = body.int("step", in: 0...JSON.largestExactInteger)
        let networkStep = body.optional("network_step")?.int(in: 0...JSON.largestExactInteger)
        let layers = body.required("layers")?.elements()?.map(Self.layer)
        if layers?.isEmpty == true { body.fail("layers", "expected one entry for each layer, found an empty list") }
        let readout = Self.slots(StateLayout.Name.ofReadout, of: body)
        var lags: [[Double]] = []
        if let reader = body.optional("lags"), let rows = reader.elements() {
            lags = rows.compactMap { $0.numbers(depth: 1)?.values }
        }
        guard let step, let layers, !layers.isEmpty, !layers.contains(where: { $0 == nil }) else { return nil }
        guard let readout else { return nil }
        let parts = StateParts(layers: layers.compactMap { $0 }, readout: readout)
        state = GivenState(step: step, networkStep: networkStep ?? step, parts: parts, lags: lags)
    }

    /// The slots of one layer.
    private static func layer(_ layer: JSONReader) -> [StateLayout.Name: [Float]]? {
        guard layer.fields(layerFields) else { return nil }
        return slots(StateLayout.Name.ofStreams, of: layer)
    }

    /// Those of these that are given.
    private static func slots(_ names: [StateLayout.Name], of body: JSONReader) -> [StateLayout.Name: [Float]]? {
        var slots: [StateLayout.Name: [Float]] = [:]
        for name in names {
            guard let reader = body.optional(name.rawValue) else { continue }
            guard let floats = reader.floats() else { return nil }
            slots[name] = floats
        }
        return slots
    }
}

extension JSONReader {
    fileprivate func digest() -> String? {
        guard let text = string() else { return nil }
        let isDigest =
            text.utf8.count == 64 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        if isDigest { return text }
        fail("expected the SHA-256 of a model file, 64 lower-case hexadecimal digits")
        return nil
    }

    /// Numbers within the range of float32; an empty list is none.
    fileprivate func floats() -> [Float]? {
        if value.count == 0 { return [] }
        guard let values = numbers(depth: 1)?.values else { return nil }
        let floats = values.map { Float($0) }
        for (index, value) in floats.enumerated() where !value.isFinite {
            collector.add(at: path + [.index(index)], "\(values[index]) is beyond the range of a 32-bit number")
            return nil
        }
        return floats
    }
}

/// The body of `POST /sessions/{id}/steps`.
struct StepPayload {
    static let fields = ["inputs", "return", "top_k", "threshold"]
    static var plan: JSONPlan { JSONPlan(numbers: ["inputs": 2], texts: ["inputs"]) }

    var request: StepRequest
    /// Whether the answers themselves are wanted beside the states.
    var wantsOutput: Bool

    /// What the answer takes, whose three lists grow (the old and the new one side by side) and are joined then.
    func answerBytes(_ model: ServedModel, rows: Int, stateBytes: Int) -> Int {
        let ofOutputs = wantsOutput ? 2 * Double(model.answerBytes(rows: rows, topK: request.manner.topK)) : 0
        return Int(min(ofOutputs + 3 * Double(rows) * statesAsText(stateBytes), 1e18))
    }

    /// What it takes as events, none of which the client may have read when the last is written.
    func eventBytes(_ model: ServedModel, rows: Int, stateBytes: Int) -> Int {
        var ofEvent = AnswerSize.event
        if wantsOutput { ofEvent += Double(model.answerBytes(rows: 1, topK: request.manner.topK)) }
        return Int(min(Double(rows + 1) * (ofEvent + statesAsText(stateBytes)), 1e18))
    }

    /// The states after one row.
    private func statesAsText(_ stateBytes: Int) -> Double {
        guard request.wantsHidden || request.wantsCell else { return 0 }
        return Double(stateBytes) / Double(MemoryLayout<Float>.size) * AnswerSize.float
    }

    init?(reading body: JSONReader) {
        guard body.fields(Self.fields) else { return nil }
        let rows = body.required("inputs")?.givenRows()
        let manner = body.manner()
        var parts: Set<String> = ["y"]
        if let reader = body.optional("return") {
            let known = Dictionary(uniqueKeysWithValues: ["y", "h", "c"].map { ($0, $0) })
            parts = Set(reader.elements()?.compactMap { $0.choice(known, names: ["y", "h", "c"]) } ?? [])
            if reader.value.count == 0 { reader.fail("expected at least one of \"y\", \"h\" and \"c\"") }
        }
        guard let rows else { return nil }
        request = StepRequest(
            rows: rows, wantsHidden: parts.contains("h"), wantsCell: parts.contains("c"), manner: manner)
        wantsOutput = parts.contains("y")
    }
}

/// The body of `POST /sessions/{id}/forecast`.
struct SessionForecastPayload {
    static let fields = ["horizon", "future"]
    static var plan: JSONPlan { JSONPlan(numbers: ["future": 2]) }

    var horizon: Int?
    var future: SequenceBatch?

    init?(reading body: JSONReader) {
        guard body.fields(Self.fields) else { return nil }
        horizon = body.optional("horizon")?.int(in: 1...TrainingSpec.Limit.horizon)
        future = body.optional("future")?.rowBatch()
    }
}

/// The body of `POST /sessions/{id}/fork`.
struct ForkPayload {
    static let fields = ["id"]

    var id: String?

    init?(reading body: JSONReader) {
        guard body.fields(Self.fields) else { return nil }
        id = body.optional("id")?.name("a session")
    }
}

extension JSONWriter {
    mutating func session(_ session: SessionInfo) {
        object { writer in
            writer.member("object", "session")
            writer.member("id", session.id)
            writer.key("model")
            writer.served(session.model)
            writer.member("precision", session.model.precision.rawValue)
            writer.member("step", session.step)
            writer.member("ttl_seconds", session.timeToLive.timeInterval)
            writer.member("created_at", Timestamp.text(session.createdAt))
            writer.member("last_used_at", Timestamp.text(session.lastUsedAt))
            writer.member("expires_at", Timestamp.text(session.expiresAt))
        }
    }

    mutating func state(_ state: SessionState, of model: ServedModel) {
        let parts = model.stateLayout.parts(of: state.network.values)
        object { writer in
            writer.member("object", "session_state")
            writer.key("model")
            writer.object { writer in
                writer.member("name", model.name)
                writer.member("version", model.version)
                writer.member("digest", model.digest)
                writer.member("precision", model.precision.rawValue)
            }
            writer.member("step", state.step)
            writer.member("network_step", state.network.steps)
            writer.key("layers")
            writer.array { writer in
                for layer in parts.layers { writer.object { $0.slots(layer) } }
            }
            writer.slots(parts.readout)
            writer.key("lags")
            writer.array { writer in for row in state.lags { writer.doubles(row) } }
        }
    }

    private mutating func slots(_ slots: [StateLayout.Name: [Float]]) {
        for name in StateLayout.Name.allCases {
            guard let own = slots[name] else { continue }
            key(name.rawValue)
            floats(own)
        }
    }
}
