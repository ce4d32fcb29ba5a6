import Formats
import Glibc
import HTTPServer
import Wire

/// A server as the commands talk to it: JSON in, JSON out, and every failure a sentence with an exit status.
struct Server: Sendable {
    let address: String
    private let apiKey: String?
    private let client: HTTPClient

    /// Longer than the longest poll that a command asks for.
    static let readTimeout: Duration = .seconds(90)

    init(address: String, apiKey: String?) throws(CommandError) {
        self.address = address.hasSuffix("/") ? String(address.dropLast()) : address
        self.apiKey = apiKey
        var timeouts = HTTPClient.Timeouts()
        timeouts.silence = Self.readTimeout
        do {
            client = try HTTPClient(base: self.address, timeouts: timeouts)
        } catch {
            throw CommandError(.usage, "--server \(address): expected an address like http://127.0.0.1:8080 (\(error))")
        }
    }

    // MARK: Verbs

    func get(_ target: String) throws(CommandError) -> JSON {
        try document(of: answer(.get, target))
    }

    func post(_ target: String, _ body: JSON = .object(JSONObject()), fields: Fields = [:]) throws(CommandError) -> JSON
    {
        try document(of: answer(.post, target, fields: fields, json: body))
    }

    func put(_ target: String, _ body: JSON) throws(CommandError) -> JSON {
        try document(of: answer(.put, target, json: body))
    }

    func patch(_ target: String, _ body: JSON) throws(CommandError) -> JSON {
        try document(of: answer(.patch, target, json: body))
    }

    /// Null where the answer has no content.
    @discardableResult
    func delete(_ target: String) throws(CommandError) -> JSON {
        try document(of: answer(.delete, target))
    }

    /// Sends a file as it is; it is read in pieces and may be larger than memory.
    func upload(_ target: String, file path: String, type: String) throws(CommandError) -> JSON {
        try document(of: answer(.post, target, fields: ["Content-Type": type], body: .file(path: path)))
    }

    func bytes(_ target: String, accept: String) throws(CommandError) -> [UInt8] {
        try answer(.get, target, fields: ["Accept": accept])
    }

    /// Writes the answer to `path` as it arrives; "-" is the standard output. Gives the number of bytes.
    func download(_ target: String, to path: String) throws(CommandError) -> Int {
        let file = try FileSink(path: path)
        var count = 0
        try stream(.get, target, fields: ["Accept": "application/octet-stream"]) { bytes in
            try file.write(bytes)
            count += bytes.count
            return true
        }
        try file.finish()
        return count
    }

    /// How often a stream that gives nothing new is taken up again before it is given up, a little later each time.
    private static let mostReconnections = 5

    /// Follows an event stream until its `done`, or until `receive` gives false. A stream that breaks is taken up again
    /// where it broke.
    func events(_ target: String, receive: (ServerEvent) throws -> Bool) throws(CommandError) {
        var parser = EventStreamParser()
        var isWanted = true
        var failures = 0
        while true {
            var fields: Fields = ["Accept": "text/event-stream"]
            if let id = parser.lastID { fields.append("Last-Event-ID", id) }
            parser.restart()
            var broken: CommandError?
            do {
                try stream(.get, target, fields: fields) { bytes in
                    for event in parser.push(bytes) where isWanted {
                        failures = 0
                        isWanted = try receive(event) && event.name != "done"
                    }
                    return isWanted
                }
            } catch {
                guard error.status == .noServer else { throw error }
                broken = error
            }
            guard isWanted else { return }
            failures += 1
            guard failures <= Self.mostReconnections else {
                throw broken ?? CommandError(.noServer, "the server at \(address) ends every event stream at once")
            }
            usleep(UInt32(failures) * 100_000)
        }
    }

    /// Sends JSON and hands over what comes back, piece by piece.
    func stream(
        _ method: Wire.Method, _ target: String, fields: Fields = [:], json: JSON? = nil,
        receive: ([UInt8]) throws -> Bool
    ) throws(CommandError) {
        var failed: ResponseHead?
        var problem: [UInt8] = []
        var fields = fields
        fields.fill(from: standingFields(json != nil))
        do {
            let body = json.map { HTTPClient.Body.bytes($0.bytes) } ?? .none
            try client.request(
                method, target, fields: fields, body: body,
                head: { head in if !(200..<300).contains(head.status) { failed = head } },
                receive: { bytes in
                    guard failed == nil else {
                        problem += bytes
                        return true
                    }
                    return try receive(bytes)
                })
        } catch let error as HTTPClientError {
            throw unreachable(error)
        } catch let error as CommandError {
            throw error
        } catch {
            throw CommandError(.refused, "\(error)")
        }
        if let failed { throw Problem(status: failed.status, body: problem).error }
    }

    // MARK: One exchange

    private func answer(
        _ method: Wire.Method, _ target: String, fields: Fields = [:], json: JSON? = nil, body: HTTPClient.Body = .none
    ) throws(CommandError) -> [UInt8] {
        var fields = fields
        fields.fill(from: standingFields(json != nil))
        let content = json.map { HTTPClient.Body.bytes($0.bytes) } ?? body
        let (head, body): (ResponseHead, [UInt8])
        do {
            (head, body) = try client.request(method, target, fields: fields, body: content)
        } catch {
            throw unreachable(error)
        }
        guard (200..<300).contains(head.status) else { throw Problem(status: head.status, body: body).error }
        return body
    }

    private func document(of body: [UInt8]) throws(CommandError) -> JSON {
        if body.isEmpty { return .null }
        do {
            return try JSON.parse(body)
        } catch {
            throw CommandError(.refused, "the server at \(address) answered with something that is not JSON: \(error)")
        }
    }

    private func standingFields(_ sendsJSON: Bool) -> Fields {
        var fields: Fields = ["User-Agent": "timestep", "Accept": "application/json"]
        if let apiKey { fields.append("Authorization", "Bearer \(apiKey)") }
        if sendsJSON { fields.append("Content-Type", "application/json") }
        return fields
    }

    private func unreachable(_ error: HTTPClientError) -> CommandError {
        switch error.reason {
        case .refused:
            CommandError(.noServer, "no server at \(address); start one with: timestep serve")
        case .unknownHost:
            CommandError(.noServer, "no server at \(address): the name is not known (\(error))")
        case .unreadableFile:
            CommandError(.file, error.description)
        case .timeout:
            CommandError(.noServer, "the server at \(address) did not answer in time (\(error))")
        case .invalidAddress, .closed, .malformed, .system:
            CommandError(.noServer, "the exchange with \(address) broke: \(error)")
        }
    }
}

/// A refusal as the server words it (RFC 9457), for a person at a terminal.
struct Problem: Equatable {
    var status: Int
    var detail: String
    /// Each violation with its place, as "#/network/hidden: expected …".
    var violations: [String]

    init(status: Int, body: [UInt8]) {
        self.status = status
        let document = try? JSON.parse(body)
        detail =
            document?.read("Problem: detail")?.string ?? document?.read("Problem: title")?.string
            ?? Status.phrase(status)
        violations = (document?.read("Problem: errors")?.array ?? []).map { entry in
            let detail = entry.read("Problem.errors[]: detail")?.string ?? ""
            // "#" is the whole document: no place worth naming.
            guard let pointer = entry.read("Problem.errors[]: pointer")?.string, !pointer.isEmpty, pointer != "#" else {
                return detail
            }
            return "\(pointer): \(detail)"
        }
        // One violation that only says the detail again adds nothing but its place.
        if violations.count == 1, let only = violations.first, only.hasSuffix(detail) {
            detail = only
            violations = []
        }
    }

    var error: CommandError {
        var lines = [detail] + violations.map { "  " + $0 }
        if status == 401 {
            lines.append("Give the key with --api-key, or better in the environment: export TIMESTEP_API_KEY=…")
        }
        return CommandError(.refused, lines.joined(separator: "\n"))
    }
}
