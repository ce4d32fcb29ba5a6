import Resources
import Wire

extension HTTPServer {
    /// Where to listen and how much to take on.
    public struct Configuration: Sendable {
        /// A name or an address, IPv4 or IPv6. A name with several addresses listens on each.
        public var host = "127.0.0.1"
        /// 0: any free one, told by `start`.
        public var port = 8080
        /// Event loops. One serves about 100,000 small answers a second; a second helps where answers are large.
        public var loops = 2
        /// Open connections; one more is answered 503 and closed, and so is one of a client that has most of them while few
        /// are left (see `Places`). Also kept below the process's limit on descriptors, less `reservedDescriptors`.
        public var maximumConnections = 10_000
        /// Descriptors left for files, databases and pipes of the rest of the process.
        public var reservedDescriptors = 128
        /// Bytes that all requests under way may take together: their content, what is made of it, the work and the
        /// answers. With the loaded models, the sessions and the process itself it stays within 2 GiB.
        public var requestMemory = 768 << 20
        /// The budget of these bytes, where others take of it too; without one the server makes its own.
        public var memory: MemoryBudget?
        public var limits = Limits()
        public var timeouts = Timeouts()
        /// How often deadlines are looked at while there are connections. Each look is linear in open connections: at
        /// 10,000 it takes about 0.2 ms.
        public var timerResolution: Duration = .milliseconds(250)

        public init() {}
    }
}

/// Why a server could not start.
public struct ServerError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        case unknownHost
        case addressInUse
        case permissionDenied
        /// Another failure of the system, by `errno`.
        case system(Int32)
        /// The endpoint table contradicts itself.
        case invalidRoutes
        case alreadyStarted
    }

    public var reason: Reason
    public var description: String

    public init(_ reason: Reason, _ description: String) {
        self.reason = reason
        self.description = description
    }
}
