import Formats

/// A finished event stream, taken apart as a browser does it (WHATWG HTML, 9.2.6).
struct ServerSentEvents {
    struct Event {
        var id: String?
        var name: String
        var data: JSON
    }

    var all: [Event] = []
    var retry: Int?
    var comments: [String] = []

    init(_ text: String) {
        var event = Event(id: nil, name: "message", data: .null)
        var hasData = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty {
                if hasData { all.append(event) }
                event = Event(id: nil, name: "message", data: .null)
                hasData = false
                continue
            }
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = String(line[line.index(after: colon)...].drop { $0 == " " })
            switch line[..<colon] {
            case "": comments.append(value)
            case "id": event.id = value
            case "event": event.name = value
            case "retry": retry = Int(value)
            case "data":
                event.data = (try? JSON.parse(value)) ?? .null
                hasData = true
            default: break
            }
        }
    }
}
