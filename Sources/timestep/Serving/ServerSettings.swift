import API
import HTTPServer
import Logging
import Service

/// Everything a server and its workers are told at start. `ServerOption.all` is the list of what can be set.
struct ServerSettings: Sendable {
    enum LogFormat: String, Sendable, CaseIterable {
        /// Lines for people in a terminal, JSON lines elsewhere.
        case auto
        case json
        case text
    }

    var http = HTTPServer.Configuration()
    var api = APIConfiguration()
    var service = ServiceConfiguration(dataDirectory: "data")
    /// What SIGTERM leaves for requests in flight and for the workers' last checkpoints.
    var stopWithin: Duration = .seconds(30)
    var afterCrash = AfterCrash.restart
    var logLevel = Logger.Level.info
    var logFormat = LogFormat.auto
}
