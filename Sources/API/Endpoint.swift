import HTTPServer
import Service
import Wire

/// One row of the endpoint table: what is asked, what it may send, who does the work.
struct Endpoint: Sendable {
    /// Who runs a handler.
    enum Work: Sendable {
        /// The event loop itself: only what is answered from memory at once.
        case memory
        /// Reads and writes of the store.
        case store
        /// Networks.
        case inference
        /// Networks, on the event loop where that is a matter of microseconds: what the handler finds to take longer it
        /// hands on.
        case briefInference
        /// Bodies that come or go as slowly as their peer.
        case transfer
    }

    /// What a handler wants of the body.
    enum Body: Sendable {
        /// It is not read.
        case none
        /// Nothing, or an object without fields: a field that is sent here would do nothing, and is told so.
        case empty
        /// All of it, JSON or a blob, up to the limit of `APIConfiguration.maximumBody`.
        case document
        /// All of it, up to the limit of a model file.
        case modelFile
        /// As it comes.
        case dataset
    }

    let method: Wire.Method
    let pattern: String
    let body: Body
    let work: Work
    let handler: @Sendable (Call) throws -> Void

    init(
        _ method: Wire.Method, _ pattern: String, body: Body = .none, on work: Work,
        _ handler: @escaping @Sendable (Call) throws -> Void
    ) {
        self.method = method
        self.pattern = pattern
        self.body = body
        self.work = work
        self.handler = handler
    }
}

extension TimestepAPI {
    /// Every path that is served. `openapi.yaml` has the same rows; a test compares the two.
    static let endpoints: [Endpoint] = [
        Endpoint(.post, "/train", body: .document, on: .store) { try $0.train() },
        Endpoint(.get, "/jobs", on: .store) { try $0.listJobs() },
        Endpoint(.get, "/jobs/{id}", on: .store) { try $0.showJob() },
        Endpoint(.get, "/jobs/{id}/events", on: .store) { try $0.jobEvents() },
        Endpoint(.post, "/jobs/{id}/cancel", body: .empty, on: .store) { try $0.changeJob { try $0.cancel($1) } },
        Endpoint(.post, "/jobs/{id}/pause", body: .empty, on: .store) { try $0.changeJob { try $0.pause($1) } },
        Endpoint(.post, "/jobs/{id}/resume", body: .empty, on: .store) { try $0.changeJob { try $0.resume($1) } },
        Endpoint(.post, "/jobs/{id}/retry", body: .empty, on: .store) { try $0.retryJob() },

        Endpoint(.post, "/predict", body: .document, on: .inference) { try $0.predict() },

        Endpoint(.get, "/datasets", on: .store) { try $0.listDatasets() },
        Endpoint(.post, "/datasets", body: .dataset, on: .transfer) { try $0.uploadDataset() },
        Endpoint(.get, "/datasets/{id}", on: .store) { try $0.showDataset() },
        Endpoint(.delete, "/datasets/{id}", on: .store) { try $0.deleteDataset() },

        Endpoint(.get, "/models", on: .store) { try $0.listModels() },
        Endpoint(.post, "/models", body: .modelFile, on: .store) { try $0.importModel() },
        Endpoint(.get, "/models/{name}", on: .store) { try $0.showModel() },
        Endpoint(.patch, "/models/{name}", body: .document, on: .store) { try $0.updateModel() },
        Endpoint(.delete, "/models/{name}", on: .store) { try $0.deleteModel() },
        Endpoint(.get, "/models/{name}/versions", on: .store) { try $0.listVersions() },
        Endpoint(.get, "/models/{name}/versions/{n}", on: .store) { try $0.showVersion() },
        Endpoint(.delete, "/models/{name}/versions/{n}", on: .store) { try $0.deleteVersion() },
        Endpoint(.get, "/models/{name}/versions/{n}/file", on: .store) { try $0.modelFile() },
        Endpoint(.get, "/models/{name}/aliases/{alias}", on: .store) { try $0.showAlias() },
        Endpoint(.put, "/models/{name}/aliases/{alias}", body: .document, on: .store) { try $0.setAlias() },
        Endpoint(.delete, "/models/{name}/aliases/{alias}", on: .store) { try $0.removeAlias() },
        Endpoint(.get, "/models/{name}/log", on: .store) { try $0.listLog() },

        Endpoint(.get, "/sessions", on: .store) { try $0.listSessions() },
        Endpoint(.post, "/sessions", body: .document, on: .inference) { try $0.openSession() },
        Endpoint(.get, "/sessions/{id}", on: .store) { try $0.showSession() },
        Endpoint(.delete, "/sessions/{id}", on: .store) { try $0.closeSession() },
        Endpoint(.post, "/sessions/{id}/steps", body: .document, on: .briefInference) { try $0.stepSession() },
        Endpoint(.post, "/sessions/{id}/forecast", body: .document, on: .inference) { try $0.forecastSession() },
        Endpoint(.get, "/sessions/{id}/state", on: .inference) { try $0.sessionState() },
        Endpoint(.put, "/sessions/{id}/state", body: .document, on: .inference) { try $0.setSessionState() },
        Endpoint(.post, "/sessions/{id}/fork", body: .document, on: .inference) { try $0.forkSession() },
        Endpoint(.post, "/sessions/{id}/reset", body: .empty, on: .inference) { try $0.resetSession() },

        Endpoint(.get, "/healthz", on: .memory) { try $0.health() },
        Endpoint(.get, "/readyz", on: .store) { try $0.readiness() },
        Endpoint(.get, "/metrics", on: .store) { try $0.metrics() },
        Endpoint(.get, "/openapi.yaml", on: .memory) { try $0.contract() },
    ]
}
