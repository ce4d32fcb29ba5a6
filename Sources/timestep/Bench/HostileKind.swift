import Formats
import Foundation
import Glibc
import HTTPServer

/// Ways to misbehave, each of one client.
enum HostileKind: String, CaseIterable {
    /// Nothing: what the others are compared with.
    case none
    /// A thousand connections that send a byte of their head at a time.
    case slowHeads = "slow_heads"
    /// Twenty contents of 100 MB, none of them finished.
    case unfinished
    /// Sixty-four uploads at 140 bytes a second.
    case slowUploads = "slow_uploads"
    /// Connections that send requests as fast as they can and read the answers.
    case pipelining
    /// Connections that ask for a change of a job and close, as many as there is time for.
    case closedPolls = "closed_polls"
    /// Five hundred questions for a change, and a thousand event streams, of one job that trains.
    case listening
    /// Forty clients that ask for a file of 92 MB and read nothing.
    case notReading = "not_reading"
    /// Contents of millions of objects where numbers belong.
    case objects
    /// Forecasts of 100,000 rows of 2,000 series.
    case wide
    /// Forecasts of 18 million steps whose clients leave.
    case abandoned
    /// The same, of clients that stay.
    case long
    /// All that the settings let anybody take, at once: models, sessions, requests, connections.
    case everything

    static let names = allCases.map(\.rawValue).joined(separator: ", ")

    /// Misbehaves for about so long, and tells what came of it.
    func run(_ server: HostileServer, for time: Duration) throws -> String {
        let end = ContinuousClock.now + time
        switch self {
        case .none:
            Thread.sleep(forTimeInterval: time.timeInterval)
            return ""
        case .slowHeads: return Self.drip("GET /healthz HTTP/1.1\r\nX-A: ", server.connections(1_000), until: end)
        case .slowUploads:
            let head =
                "POST /datasets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\nContent-Length: 1000000\r\n\r\n"
            let sockets = server.connections(64)
            for socket in sockets { HostileServer.send(Array(head.utf8), to: socket) }
            let other = Self.timed { Self.ask(server, "POST", "/datasets", "text/csv", "y\n1\n2\n") }
            return Self.drip("x", sockets, until: end) + ", another's upload: \(other)"
        case .unfinished: return Self.unfinished(server, until: end)
        case .pipelining: return Self.pipelining(server, until: end)
        case .closedPolls: return try Self.closedPolls(server, until: end)
        case .listening: return try Self.listening(server, until: end)
        case .notReading:
            let sockets = server.connections(40)
            let request = "GET /models/large/versions/1/file HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            for socket in sockets { HostileServer.send(Array(request.utf8), to: socket) }
            defer { for socket in sockets { close(socket) } }
            Thread.sleep(until: end)
            return "\(sockets.count) connections"
        case .objects: return Self.objects(server, until: end)
        case .wide:
            let content = #"{"model":"wide","horizon":100000}"#
            var tally = Tally()
            while ContinuousClock.now < end {
                tally.add { Self.ask(server, "POST", "/predict", "application/json", content) }
            }
            return tally.text
        case .abandoned: return Self.abandoned(server, stays: false, until: end)
        case .long: return Self.abandoned(server, stays: true, until: end)
        case .everything: return try HostileAppetite(server).run(for: time)
        }
    }

    // MARK: Each of them

    /// Sends the beginning, then a byte a connection each tenth of a second.
    private static func drip(_ beginning: String, _ sockets: [Int32], until end: ContinuousClock.Instant) -> String {
        defer { for socket in sockets { close(socket) } }
        for socket in sockets { HostileServer.send(Array(beginning.utf8), to: socket) }
        var open = Set(sockets)
        while ContinuousClock.now < end {
            for socket in open where HostileServer.send([0x61], to: socket) < 0 { open.remove(socket) }
            usleep(100_000)
        }
        return "\(open.count) of \(sockets.count) connections left"
    }

    private static func unfinished(_ server: HostileServer, until end: ContinuousClock.Instant) -> String {
        let size = 100_000_000
        let head =
            "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: \(size)\r\n\r\n"
        let piece = [UInt8](repeating: 0x20, count: 1 << 20)
        let sockets = server.connections(20)
        defer { for socket in sockets { close(socket) } }
        var open = Set(sockets)
        // All but the last byte.
        var left = Dictionary(uniqueKeysWithValues: sockets.map { ($0, size - 1) })
        for socket in sockets { HostileServer.send(Array(head.utf8), to: socket) }
        while ContinuousClock.now < end {
            var moved = false
            for socket in open {
                let wanted = min(left[socket] ?? 0, piece.count)
                guard wanted > 0 else { continue }
                let sent = HostileServer.send(Array(piece.prefix(wanted)), to: socket)
                if sent < 0 { open.remove(socket) }
                if sent > 0 {
                    left[socket, default: 0] -= sent
                    moved = true
                }
            }
            if !moved { usleep(10_000) }
        }
        return "\(open.count) of \(sockets.count) still taken"
    }

    private static func pipelining(_ server: HostileServer, until end: ContinuousClock.Instant) -> String {
        let requests = Array(
            String(repeating: "GET /openapi.yaml HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", count: 64).utf8)
        let sockets = server.connections(2)
        defer { for socket in sockets { close(socket) } }
        var received = 0
        var from = [Int](repeating: 0, count: sockets.count)
        while ContinuousClock.now < end {
            for (index, socket) in sockets.enumerated() {
                let sent = HostileServer.send(requests, from: from[index], to: socket)
                if sent > 0 { from[index] = (from[index] + sent) % requests.count }
                received += HostileServer.receive(socket)?.count ?? 0
            }
        }
        return "\(Numerals.bytes(received)) of answers"
    }

    private static func closedPolls(_ server: HostileServer, until end: ContinuousClock.Instant) throws -> String {
        let job = try longJob(server)
        let request = Array("GET /jobs/\(job)?wait=300 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        var asked = 0
        while ContinuousClock.now < end {
            // One address has ports for a second; the others' new connections need some too.
            for socket in server.connections(100, from: UInt8(2 + asked / 10_000 % 200)) {
                HostileServer.send(request, to: socket)
                asked += 1
                close(socket)
            }
        }
        let other = timed { ask(server, "GET", "/jobs", "", "") }
        try cancel(job, server)
        return "\(asked) asked and left; another's GET /jobs: \(other)"
    }

    private static func listening(_ server: HostileServer, until end: ContinuousClock.Instant) throws -> String {
        let job = try longJob(server)
        let poll = Array("GET /jobs/\(job)?wait=300 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        let stream = Array(
            "GET /jobs/\(job)/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".utf8)
        let sockets = server.connections(1_500)
        defer { for socket in sockets { close(socket) } }
        for (index, socket) in sockets.enumerated() { HostileServer.send(index < 500 ? poll : stream, to: socket) }
        var received = 0
        while ContinuousClock.now < end {
            for socket in sockets { received += HostileServer.receive(socket)?.count ?? 0 }
            usleep(50_000)
        }
        let other = timed { ask(server, "GET", "/jobs", "", "") }
        try cancel(job, server)
        return "\(Numerals.bytes(received)) of events; another's GET /jobs: \(other)"
    }

    /// One object is three bytes of content.
    private static func objects(_ server: HostileServer, until end: ContinuousClock.Instant) -> String {
        let contents = [3_000_000, 30_000_000].map { count in
            var content = Array(#"{"model":"small","inputs":[{}"#.utf8)
            content.reserveCapacity(content.count + 3 * count + 2)
            let more = Array(String(repeating: ",{}", count: 1_000).utf8)
            for _ in 0..<count / 1_000 { content += more }
            return content + Array("]}".utf8)
        }
        var tally = Tally()
        while ContinuousClock.now < end {
            for content in contents { tally.add { ask(server, "POST", "/predict", "application/json", content) } }
        }
        return tally.text
    }

    /// Two forecasts of 18 million steps in all, and how long another client's small one takes beside them.
    private static func abandoned(
        _ server: HostileServer, stays: Bool, until end: ContinuousClock.Instant
    ) -> String {
        let row = "[" + Array(repeating: "[1]", count: 9).joined(separator: ",") + "]"
        let inputs = Array(repeating: row, count: 90).joined(separator: ",")
        let content = #"{"model":"small","horizon":100000,"inputs":[\#(inputs)]}"#
        let request =
            "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(content.utf8.count)\r\n\r\n" + content
        let small = #"{"model":"small","horizon":2}"#
        var tally = Tally()
        repeat {
            let sockets = server.connections(2)
            defer { for socket in sockets { close(socket) } }
            for socket in sockets { HostileServer.send(Array(request.utf8), to: socket) }
            sleep(1)
            if !stays { for socket in sockets { shutdown(socket, Int32(SHUT_RDWR)) } }
            repeat {
                tally.add { ask(server, "POST", "/predict", "application/json", small) }
                usleep(100_000)
            } while stays && ContinuousClock.now < end
        } while ContinuousClock.now < end
        return "another's forecast: \(tally.text)"
    }
}
