import Dispatch
import Glibc
import Logging
import Wire

/// Sockets, event loops and routes: serves an application over HTTP/1.1.
///
/// Each loop is a block on a Dispatch queue of its own that ends when the server stops; the first one also accepts.
public final class HTTPServer: Sendable {
    private struct Running: Sendable {
        var loops: [EventLoop]
        var context: ServerContext
        var ended: DispatchGroup
    }

    private let configuration: Configuration
    private let application: any Application
    private let logger: Logger
    private let running = Monitor<Running?>(nil)

    public init(configuration: Configuration, application: any Application, logger: Logger) {
        self.configuration = configuration
        self.application = application
        self.logger = logger
    }

    /// Listens and serves until `stop`. Gives the address and port it listens on.
    ///
    /// Makes the process ignore SIGPIPE, so that no write to a closed pipe or socket ends it, and raises its limit on
    /// descriptors to the hard limit.
    public func start() throws(ServerError) -> (host: String, port: Int) {
        signal(SIGPIPE, SIG_IGN)
        let (most, descriptors) = Self.connections(configuration)
        if most < configuration.maximumConnections {
            logger.notice(
                "fewer connections than configured: the limit on open files leaves no more",
                metadata: ["connections": "\(most)", "open_files": "\(descriptors)"])
        }
        let context = try ServerContext(
            configuration: configuration, application: application, logger: logger, maximumConnections: most)
        let listener = try Listener(host: configuration.host, port: configuration.port)
        let loops: [EventLoop]
        do throws(ServerError) {
            loops = try makeLoops(context, listener)
        } catch {
            listener.close()
            throw error
        }
        let group = DispatchGroup()
        let isFirst = running.withLock { running in
            guard running == nil else { return false }
            running = Running(loops: loops, context: context, ended: group)
            return true
        }
        guard isFirst else {
            listener.close()
            throw ServerError(.alreadyStarted, "the server is running already")
        }
        for (index, loop) in loops.enumerated() {
            DispatchQueue(label: "http.loop.\(index)", qos: .userInitiated).async(group: group) { loop.run() }
        }
        logger.info("listening", metadata: ["host": "\(listener.host)", "port": "\(listener.port)"])
        return (listener.host, listener.port)
    }

    /// Connections that a server of this configuration takes at once: as many as configured, or as the process's limit on
    /// descriptors leaves, which is raised to the hard limit.
    public static func mostConnections(_ configuration: Configuration) -> Int {
        connections(configuration).most
    }

    private static func connections(_ configuration: Configuration) -> (most: Int, descriptors: Int) {
        let descriptors = raiseDescriptorLimit()
        return (
            max(1, min(configuration.maximumConnections, descriptors - configuration.reservedDescriptors)), descriptors
        )
    }

    /// Refuses new connections, closes idle ones, finishes what is in flight and, when the time is up, cuts the rest.
    /// Streams are told by `onStopping`. True: nothing had to be cut.
    @discardableResult
    public func stop(within limit: Duration) -> Bool {
        let running = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let running else { return true }
        let deadline = Clock.now() + limit
        // First the door, then the rooms: nobody comes in behind a loop that has reported itself empty.
        let accepting = DispatchSemaphore(value: 0)
        running.loops[0].post { loop in
            loop.stopAccepting()
            accepting.signal()
        }
        Self.wait(accepting, until: deadline)
        let emptied = DispatchSemaphore(value: 0)
        for loop in running.loops {
            loop.post { $0.beginStopping { emptied.signal() } }
        }
        for _ in running.loops { Self.wait(emptied, until: deadline) }
        return endLoops(running)
    }

    /// Connections open now.
    public var connections: Int {
        running.withLock { $0?.context.places.taken.load(ordering: .relaxed) ?? 0 }
    }

    /// Ends every loop, cutting what it still has. True: it had nothing.
    private func endLoops(_ running: Running) -> Bool {
        let cut = Monitor(0)
        for loop in running.loops {
            loop.post { loop in
                let count = loop.end()
                cut.withLock { $0 += count }
            }
        }
        // A loop whose handler does not come back cannot be ended; the process goes without it.
        guard running.ended.wait(timeout: .now() + Self.longestTurn) == .success else {
            logger.error("a handler on an event loop does not return")
            return false
        }
        let count = cut.withLock { $0 }
        if count > 0 {
            logger.warning("requests were cut because the time to stop was up", metadata: ["requests": "\(count)"])
        }
        return count == 0
    }

    /// More than any turn of a loop takes whose handlers keep their promise not to block.
    private static let longestTurn = DispatchTimeInterval.seconds(2)

    private func makeLoops(_ context: ServerContext, _ listener: Listener) throws(ServerError) -> [EventLoop] {
        var loops: [EventLoop] = []
        var first: Epoll?
        for _ in 0..<max(1, configuration.loops) {
            let readiness = try Epoll()
            first = first ?? readiness
            loops.append(EventLoop(context: context, readiness: readiness))
        }
        guard let first, let acceptor = Acceptor(listener: listener, loops: loops, readiness: first) else {
            throw ServerError(.system(errno), "the listening socket could not be watched: \(SystemError.text(errno))")
        }
        loops[0].acceptor = acceptor
        return loops
    }

    private static func wait(_ semaphore: DispatchSemaphore, until deadline: Moment) {
        let left = max(.zero, deadline - Clock.now()).components
        let nanoseconds = Int(clamping: left.seconds) &* 1_000_000_000 &+ Int(left.attoseconds / 1_000_000_000)
        _ = semaphore.wait(timeout: .now() + .nanoseconds(nanoseconds))
    }

    /// Raises the soft limit on descriptors to the hard one; gives what it is now. Only programs that use `select` need
    /// the low default, and this one does not.
    private static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 1_024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
