import HTTPServer
import Logging
import Service
import Wire

/// Counts and times every request, and writes the access log: one line a request, with its id.
struct RequestMetrics: Sendable {
    private let metrics: Metrics
    private let logger: Logger

    /// From a look at memory to a long training series; two steps a decade tell a slow answer from a fast one.
    private static let buckets = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]

    private static let requests = Metrics.Family(
        .counter, "timestep_http_requests_total", "Requests answered.", labels: ["route", "method", "status"])
    private static let seconds = Metrics.Family(
        .histogram, "timestep_http_request_seconds", "From the end of the head to the last byte of the answer.",
        labels: ["route"], buckets: buckets)
    private static let received = Metrics.Family(
        .counter, "timestep_http_received_bytes_total", "Bytes of request bodies.", labels: ["route"])
    private static let sent = Metrics.Family(
        .counter, "timestep_http_sent_bytes_total", "Bytes of answers, heads included.", labels: ["route"])

    private static let refused = Metrics.Family(
        .counter, "timestep_http_connections_refused_total",
        "Connections refused (limit), not accepted (descriptors), or closed at rest or too slow to make room (displaced).",
        labels: ["reason"])

    /// Methods are the client's to invent, and each would be a series of its own.
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    init(_ metrics: Metrics, logger: Logger) {
        self.metrics = metrics
        self.logger = logger
    }

    func count(_ reason: ConnectionRefusal) {
        metrics.add(to: Self.refused, [reason.rawValue])
    }

    func count(_ record: RequestRecord) {
        let route = record.route ?? "none"
        let method = record.method?.rawValue ?? "none"
        metrics.add(
            to: Self.requests, [route, Self.methods.contains(method) ? method : "other", String(record.status)])
        metrics.observe(record.duration.timeInterval, in: Self.seconds, [route])
        metrics.add(Double(record.bytesReceived), to: Self.received, [route])
        metrics.add(Double(record.bytesSent), to: Self.sent, [route])
        let level: Logger.Level = record.status >= 500 ? .warning : Self.quiet.contains(route) ? .debug : .info
        logger.log(
            level: level, "request",
            metadata: [
                "request_id": "\(record.id)", "method": "\(method)", "path": "\(record.path ?? "-")",
                "route": "\(route)", "status": "\(record.status)", "seconds": "\(record.duration.timeInterval)",
                "received": "\(record.bytesReceived)", "sent": "\(record.bytesSent)", "peer": "\(record.peer)",
                "complete": "\(record.isComplete)",
            ])
    }

    /// Asked every few seconds by machines; their lines would hide the others.
    static let quiet: Set<String> = ["/healthz", "/readyz", "/metrics"]
}
