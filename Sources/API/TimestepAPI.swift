import Formats
import Foundation
import HTTPServer
import Logging
import Service
import Store
import Wire

/// The HTTP face of a service: the endpoint table, who may ask, what a failure looks like, and what is counted.
public final class TimestepAPI: Application {
    public let service: Service
    public let configuration: APIConfiguration
    let logger: Logger
    let queues: Queues
    let waits = Waits()
    let listeners: Listeners
    /// Tells this process from the one before it: sessions do not outlive a process, so neither do answers about them.
    let incarnation = Identifier.make(prefix: "run", at: Date())
    private let authentication: Authentication
    private let browsers: BrowserGuard
    private let metrics: RequestMetrics

    /// Threads away from the event loops, by what they wait for, so that a slow peer or disk never holds up a network.
    struct Queues: Sendable {
        let store: ThreadQueue
        let inference: ThreadQueue
        /// What takes longer than others should wait behind it. As many threads again, of a lower priority: they have a
        /// processor whole while nothing else wants it, and hardly hold up what does.
        let long: ThreadQueue
        /// Large contents of requests that read and write the store: data to train on, model files. Of low priority too,
        /// and apart from long predictions, which may take half a minute each.
        let bulk: ThreadQueue
        let transfer: ThreadQueue
        /// Turns of those who listen to jobs: many at once at every change, and nobody else waits behind them.
        let listeners: ThreadQueue
    }

    public init(service: Service, configuration: APIConfiguration = APIConfiguration(), logger: Logger) {
        self.service = service
        self.configuration = configuration
        self.logger = logger
        authentication = Authentication(key: configuration.apiKey)
        browsers = BrowserGuard(configuration)
        metrics = RequestMetrics(service.metrics, logger: logger)
        let waiting = configuration.waitingRequests
        queues = Queues(
            store: ThreadQueue(name: "timestep.store", threads: configuration.requestThreads, depth: waiting),
            inference: ThreadQueue(
                name: "timestep.inference", threads: service.configuration.inferenceThreads, depth: waiting),
            long: ThreadQueue(
                name: "timestep.long", threads: service.configuration.inferenceThreads, depth: waiting,
                niceness: Self.longNiceness),
            bulk: ThreadQueue(
                name: "timestep.bulk", threads: Self.bulkThreads, depth: waiting, niceness: Self.longNiceness),
            transfer: ThreadQueue(
                name: "timestep.transfer", threads: configuration.transferThreads, depth: waiting),
            listeners: ThreadQueue(name: "timestep.listeners", threads: Self.listenerThreads, depth: 0)
        )
        listeners = Listeners(most: configuration.maximumListeners)
    }

    /// A tenth of the processor's time beside a thread that wants it whole.
    private static let longNiceness: Int32 = 10

    /// One large content does not wait for the whole of another.
    private static let bulkThreads = 2

    public var routes: [Route] {
        Self.endpoints.map { endpoint in
            Route(
                endpoint.method, endpoint.pattern, name: endpoint.pattern, body: plan(endpoint.body),
                execution: execution(endpoint.work), isWatch: RequestMetrics.quiet.contains(endpoint.pattern)
            ) { [self] request, responder in
                try endpoint.handler(Call(api: self, request: request, responder: responder))
            }
        }
    }

    public func admit(_ request: Request) -> Response? {
        let problem = browsers.refusal(request.head) ?? authentication.refusal(request.head)
        return problem?.response(requestID: request.id)
    }

    public func response(to error: any Error, request: Request?, id: String?) -> Response {
        if Problem.isUnforeseen(error) {
            logger.error(
                "request failed",
                metadata: [
                    "request_id": "\(id ?? "-")", "path": "\(request?.head.path ?? "-")", "error": "\(error)",
                ])
        }
        return Problem(error).response(requestID: id)
    }

    public func refusedConnection(_ reason: ConnectionRefusal) { metrics.count(reason) }

    public func completed(_ record: RequestRecord) { metrics.count(record) }

    /// Answers everyone who waits for a job to change, as it stands now. Called before the HTTP server stops, so that
    /// nobody holds that up for minutes.
    public func stopWaiting() { waits.endAll() }

    private func plan(_ body: Endpoint.Body) -> BodyPlan {
        switch body {
        case .none: .none
        case .empty: .collect(limit: Self.emptyBody)
        case .document: .collect(limit: configuration.maximumBody)
        case .modelFile: .collect(limit: configuration.maximumModelFile)
        case .dataset: .stream(limit: configuration.maximumDataset)
        }
    }

    /// Their reads are shared, so two threads follow thousands.
    private static let listenerThreads = 2

    /// Bytes of a body that are read in some ten microseconds.
    private static let briefBody = 2_048

    /// Room for an object without fields, and for telling which field has no place here.
    private static let emptyBody = 65_536

    private func execution(_ work: Endpoint.Work) -> Execution {
        switch work {
        case .memory: .onLoop
        case .store: .queue(queues.store)
        case .inference: .queue(queues.inference)
        case .briefInference: .briefly(upTo: Self.briefBody, else: queues.inference)
        case .transfer: .queue(queues.transfer)
        }
    }
}
