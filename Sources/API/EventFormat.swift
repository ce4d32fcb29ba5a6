import Formats
import HTTPServer
import Wire

/// How a stream of events is written: as server-sent events (WHATWG HTML, 9.2) or as one JSON object a line.
/// Both carry the same objects.
enum EventFormat: Sendable {
    case serverSent
    case lines

    init?(_ type: MediaType) {
        switch type {
        case .eventStream: self = .serverSent
        case .ndjson: self = .lines
        default: return nil
        }
    }

    /// The format the client asked for; nil for a plain answer.
    init?(accepted fields: Fields) {
        self.init(MediaType.preferred(of: [.json, .ndjson, .eventStream], accept: fields.values("Accept")))
    }

    var type: MediaType {
        switch self {
        case .serverSent: .eventStream
        case .lines: .ndjson
        }
    }

    /// No cache may keep a stream, and no proxy hold it back (nginx does so unless told).
    var fields: Fields {
        ["Content-Type": type.field, "Cache-Control": "no-store", "X-Accel-Buffering": "no"]
    }

    /// What a browser waits before it connects again.
    static let retryMilliseconds = 1000

    var opening: [UInt8] {
        switch self {
        case .serverSent: Array("retry: \(Self.retryMilliseconds)\n\n".utf8)
        case .lines: []
        }
    }

    /// Keeps proxies from closing a quiet stream; lines have no comments, so nothing is sent there.
    var ping: [UInt8] {
        switch self {
        case .serverSent: Array(": ping\n\n".utf8)
        case .lines: []
        }
    }

    /// One event. `object` is one JSON object, which has no line ends inside.
    func frame(_ event: String, id: Int64?, _ object: [UInt8]) -> [UInt8] {
        switch self {
        case .lines: return object + [0x0A]
        case .serverSent:
            var bytes: [UInt8] = []
            bytes.reserveCapacity(object.count + 64)
            if let id { bytes += Array("id: \(id)\n".utf8) }
            bytes += Array("event: \(event)\ndata: ".utf8)
            bytes += object
            bytes += [0x0A, 0x0A]
            return bytes
        }
    }

    /// The last event of a stream that failed after its head was sent.
    func frame(_ problem: Problem, id: Int64?, requestID: String) -> [UInt8] {
        var writer = JSONWriter()
        problem.write(to: &writer, requestID: requestID, asEvent: true)
        return frame("error", id: id, writer.take())
    }
}
