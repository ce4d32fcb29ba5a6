import Logging
import Wire

/// Sockets, event loops and routes: serves an application over HTTP/1.1.
public final class HTTPServer: Sendable {
    private let configuration: Configuration
    private let application: any Application
    private let logger: Logger

    public init(configuration: Configuration, application: any Application, logger: Logger) {
        self.configuration = configuration
        self.application = application
        self.logger = logger
    }

    /// Listens and serves until `stop`. Gives the address and port it listens on.
    public func start() throws(ServerError) -> (host: String, port: Int) {
        throw ServerError(.system(0), "the loops are not linked in")
    }

    /// Refuses new connections, closes idle ones, finishes what is in flight and, when the time is up, cuts the rest.
    /// True: nothing had to be cut.
    @discardableResult
    public func stop(within limit: Duration) -> Bool {
        true
    }

    /// Connections open now.
    public var connections: Int { 0 }
}
