import Formats
import Foundation
import Glibc
import HTTPServer

/// One client that takes all it can get at once: the memory of models, of sessions and of requests, and connections.
///
///     models       one large version in each precision and one of its copies, each held by a session
///     sessions     of the largest states, until one is refused
///     connections  thousands that have sent most of a head
///     requests     in turns: contents that do not end; forecasts, lists and states that nobody reads
struct HostileAppetite {
    let server: HostileServer
    private let client: Server

    init(_ server: HostileServer) throws {
        self.server = server
        client = try Server(address: server.address, apiKey: nil)
    }

    /// Fills what stays, then holds requests for the time given.
    func run(for time: Duration) throws -> String {
        let copies = try fillModels()
        let opened = try fillSessions()
        var idle = beginHeads()
        defer { for socket in idle { close(socket) } }
        let end = ContinuousClock.now + time
        var most = 0.0
        var isUnread = false
        while ContinuousClock.now < end {
            let turn = min(end, ContinuousClock.now + time / Self.turns)
            let sockets = isUnread ? askUnread() : beginContents()
            isUnread.toggle()
            repeat {
                // A model that does not fit beside the others: what loading it takes counts too.
                for copy in copies { _ = try? client.post("/sessions", ["model": .string(copy)]) }
                most = max(most, try metric("timestep_request_memory_bytes"))
                usleep(50_000)
            } while ContinuousClock.now < turn
            for socket in sockets { close(socket) }
            // The server closes those that wait too long where others need their places.
            idle += beginHeads(Self.heads - idle.count)
        }
        let models = try metric("timestep_models_loaded_bytes")
        let sessions = try metric("timestep_sessions_bytes")
        return "models \(Numerals.bytes(Int(models))), \(opened) sessions \(Numerals.bytes(Int(sessions))), "
            + "requests \(Numerals.bytes(Int(most)))"
    }

    /// How often contents and answers change places.
    private static let turns = 4
    /// Connections that have sent most of a head.
    private static let heads = 4_000

    // MARK: What stays

    /// Loads versions until none fits; gives the names of copies, the last of which found no room.
    private func fillModels() throws -> [String] {
        for precision in ["float32", "bfloat16", "int8"] {
            _ = try? client.post("/sessions", ["model": "large", "precision": .string(precision)])
        }
        let file = try client.bytes("/models/large/versions/1/file", accept: "application/octet-stream")
        let series = (0..<64).map { "\($0 % 7)" }.joined(separator: "\n")
        try BenchServer.train(
            HostileServer.job("middle", targets: ["y"], csv: "y\n\(series)\n", hidden: 1_400), client)
        _ = try? client.post("/sessions", ["model": "middle"])
        let name = "large-copy"
        let answer = try HTTPClient(base: server.address).request(
            .post, "/models?name=\(name)", fields: ["Content-Type": "application/octet-stream"], body: .bytes(file))
        guard answer.head.status == 201 else {
            throw CommandError(.unavailable, "the copy of a model was answered \(answer.head.status)")
        }
        return [name]
    }

    /// Opens sessions until one is refused; gives how many there are.
    private func fillSessions() throws -> Int {
        let other = try HTTPClient(base: server.address)
        let body = HTTPClient.Body.bytes(Array(#"{"model":"large"}"#.utf8))
        var count = 0
        while try other.request(.post, "/sessions", fields: ["Content-Type": "application/json"], body: body)
            .head.status == 201
        {
            count += 1
        }
        return count
    }

    private func beginHeads(_ count: Int = heads) -> [Int32] {
        let head = Array(("GET / HTTP/1.1\r\nX-A: " + String(repeating: "a", count: 4_000)).utf8)
        let sockets = server.connections(max(0, count), from: 2)
        for socket in sockets { HostileServer.send(head, to: socket) }
        return sockets
    }

    // MARK: What requests hold

    /// Contents of which the last byte is missing: few large ones, and many small ones in what these must leave.
    private func beginContents() -> [Int32] {
        var sockets: [Int32] = []
        for (count, size) in [(8, 100_000_000), (200, 900_000)] {
            let head =
                "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(size)\r\n\r\n"
            var content = [UInt8](repeating: 0x20, count: size - 1)
            content.insert(contentsOf: head.utf8, at: 0)
            for socket in server.connections(count, from: 3) {
                sockets.append(socket)
                var from = 0
                // A peer that takes nothing for a while has refused it.
                var idle = 0
                while from < content.count, idle < 100 {
                    let sent = HostileServer.send(content, from: from, to: socket)
                    if sent < 0 { break }
                    from += sent
                    idle = sent > 0 ? 0 : idle + 1
                    if sent == 0 { usleep(1_000) }
                }
            }
        }
        return sockets
    }

    /// Answers of megabytes, of which nobody reads any.
    private func askUnread() -> [Int32] {
        let forecast = #"{"model":"small","horizon":100000}"#
        let session =
            (try? client.get("/sessions?model=large&limit=1"))?.read("SessionList: data")?[0]?.read("Session: id")?
            .string ?? ""
        let requests = [
            "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(forecast.utf8.count)\r\n\r\n\(forecast)",
            String(repeating: "GET /sessions?limit=1000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", count: 20),
            String(repeating: "GET /sessions/\(session)/state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", count: 100),
        ]
        var sockets: [Int32] = []
        for request in requests {
            for socket in server.connections(500, from: 4) {
                HostileServer.send(Array(request.utf8), to: socket)
                sockets.append(socket)
            }
        }
        return sockets
    }

    private func metric(_ name: String) throws -> Double {
        let text = String(decoding: try client.bytes("/metrics", accept: "text/plain"), as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line?.split(separator: " ").last.flatMap { Double($0) } ?? 0
    }
}
