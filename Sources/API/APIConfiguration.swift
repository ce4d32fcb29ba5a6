import Logging

/// What the HTTP interface is told at start; every number has a default with its reason.
public struct APIConfiguration: Sendable {
    /// Demanded of every request but the health checks and the contract, where it is set. A server that is bound
    /// beyond loopback must have one; see `refusal(host:)`.
    public var apiKey: String?
    /// Whether only this machine reaches the server; see `BrowserGuard`.
    public var isOnLoopback = true
    /// Names that requests may ask for beside those of loopback; `*` is any.
    public var allowedHosts: [String] = []
    /// Threads for what reads and writes the store: each request blocks for the disk, hardly for the processor.
    public var requestThreads = 4
    /// Threads for pieces of uploads and for streamed answers; none of them waits for a peer.
    public var transferThreads = 16
    /// Long polls and event streams at once; see `listeners(ofConnections:)`.
    public var maximumListeners = 4_096
    /// Requests that wait for a thread of one kind; one more is answered 503 at once, so that nobody waits for long.
    public var waitingRequests = 1024
    /// Bytes of a JSON body. A million rows fit; more belongs into a dataset.
    public var maximumBody = 256 << 20
    /// Bytes of a dataset.
    public var maximumDataset = 64 << 30
    /// Bytes of an imported model file: 250 million parameters.
    public var maximumModelFile = 1 << 30

    public init() {}

    /// How many may listen to a server of so many connections. Each keeps one for as long as it likes: well below all of
    /// them, so that whoever asks for something else finds one.
    public static func listeners(ofConnections connections: Int) -> Int {
        max(1, min(4_096, connections * 2 / 5))
    }

    /// Why a server with this configuration may not listen on a host, in words; nil where it may.
    public func refusal(host: String) -> String? {
        guard apiKey?.isEmpty ?? true, !Self.isLoopback(host) else { return nil }
        return "listening on \(host) lets other machines in, so an API key is needed: give one with --api-key or "
            + "TIMESTEP_API_KEY, or listen on 127.0.0.1"
    }

    public static func isLoopback(_ host: String) -> Bool {
        let host = host.lowercased()
        return host == "localhost" || host == "::1" || host == "[::1]" || isLoopbackAddress(host)
    }

    /// 127.0.0.0/8 in its four-number form; a name such as `127.example.org` is none of it.
    private static func isLoopbackAddress(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
