/// One event of a `text/event-stream` (WHATWG HTML, 9.2).
struct ServerEvent: Equatable, Sendable {
    var id: String?
    var name: String
    var data: String
}

/// Turns the bytes of an event stream, cut anywhere, into events. A value without a connection.
struct EventStreamParser {
    private var line: [UInt8] = []
    private var endedWithReturn = false
    private var name = ""
    private var data: [String] = []
    private var id: String?
    /// The id of the last whole event: where a broken stream is resumed. Stays from event to event until another is given.
    private(set) var lastID: String?

    /// Forgets what was begun, for a new connection that goes on after `lastID`.
    mutating func restart() {
        self = EventStreamParser(id: lastID)
    }

    init() {}

    private init(id: String?) {
        self.id = id
        lastID = id
    }

    mutating func push(_ bytes: [UInt8]) -> [ServerEvent] {
        var events: [ServerEvent] = []
        for byte in bytes {
            defer { endedWithReturn = byte == UInt8(ascii: "\r") }
            switch byte {
            case UInt8(ascii: "\n") where endedWithReturn:
                continue  // the second half of a CRLF
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                if let event = endLine() { events.append(event) }
            default:
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> ServerEvent? {
        let text = String(decoding: line, as: UTF8.self)
        line.removeAll(keepingCapacity: true)
        if text.isEmpty { return dispatch() }
        // A line that starts with a colon is a comment: the server's keep-alive.
        if text.hasPrefix(":") { return nil }
        let colon = text.firstIndex(of: ":") ?? text.endIndex
        var value = colon < text.endIndex ? text[text.index(after: colon)...] : ""
        if value.hasPrefix(" ") { value = value.dropFirst() }
        switch text[..<colon] {
        case "event": name = String(value)
        case "data": data.append(String(value))
        case "id": id = String(value)
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> ServerEvent? {
        defer {
            name = ""
            data = []
        }
        lastID = id
        guard !data.isEmpty else { return nil }
        return ServerEvent(id: lastID, name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"))
    }
}
