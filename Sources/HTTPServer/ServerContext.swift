import Logging
import Resources
import Synchronization
import Wire

/// What all loops of a server share.
final class ServerContext: Sendable {
    let configuration: HTTPServer.Configuration
    let application: any Application
    let routes: [Route]
    let router: Router
    let logger: Logger
    /// What requests under way take their memory from.
    let memory: MemoryBudget
    /// Connections that are open on all loops, and those that may be.
    let places: Places

    init(
        configuration: HTTPServer.Configuration, application: any Application, logger: Logger, maximumConnections: Int
    ) throws(ServerError) {
        self.configuration = configuration
        self.application = application
        self.logger = logger
        places = Places(maximumConnections)
        memory = configuration.memory ?? MemoryBudget(limit: configuration.requestMemory)
        routes = application.routes
        router = try Router(routes)
    }

    /// Bytes that may wait on one side of one stream: an eighth of the memory of all requests, dealt out to the
    /// connections that are open, within bounds. So ten thousand slow peers hold no more than ten.
    var streamMark: Int {
        let share = memory.limit / 8 / max(1, places.taken.load(ordering: .relaxed))
        return min(max(share, ResponseStreamMarks.least), ResponseStreamMarks.high)
    }

    /// The application's answer to an error, with the fields the error demands.
    func response(to error: any Error, request: Request?, id: String? = nil) -> Response {
        var response = application.response(to: error, request: request, id: request?.id ?? id)
        if let error = error as? HTTPError { response.fields.fill(from: error.fields) }
        return response
    }
}
