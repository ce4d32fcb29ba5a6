import Glibc
import Testing
import Wire

@testable import HTTPServer

@Suite("Contents that stream in")
struct UploadTests {
    private static let megabyte = [UInt8](repeating: UInt8(ascii: "u"), count: 1 << 20)

    /// Counts what it reads once the gate is open.
    private func counting(limit: Int, gate: Monitor<Bool> = Monitor(true)) -> Route {
        Route(.post, "/u", name: "u", body: .stream(limit: limit), execution: .queue(testQueue)) { request, responder in
            _ = gate.wait { $0 ? true : nil }
            guard let reader = request.bodyStream else { throw TestError() }
            var count = 0
            while let piece = try reader.read() { count += piece.count }
            responder.respond(Response(type: "text/plain", text: "\(reader.declaredLength ?? -1) \(count)"))
        }
    }

    @Test("an upload nobody reads stops within megabytes, and goes on when somebody does")
    func backPressure() throws {
        let gate = Monitor(false)
        let total = 256 << 20
        try withServer(routes: [counting(limit: 1 << 30, gate: gate)]) { _, port in
            let client = try RawClient(port)
            try client.send("POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: \(total)\r\n\r\n")
            var sent = 0
            var rests = 0
            // The kernel takes a few megabytes on either side of a loopback connection, the reader a quarter of one.
            while rests < 20 && sent < total {
                let count = try client.sendWithoutWaiting(Self.megabyte)
                sent += count
                if count == 0 {
                    rests += 1
                    usleep(10_000)
                }
            }
            #expect(sent < 64 << 20, "\(sent >> 20) MB went into a server whose handler reads nothing")
            gate.change { $0 = true }
            while sent < total {
                let piece = Self.megabyte.prefix(total - sent)
                try client.send(Array(piece))
                sent += piece.count
            }
            #expect(try client.receive(until: "\(total) \(total)"))
        }
    }

    @Test("chunks arrive as content, pieces of any size")
    func chunked() throws {
        try withServer(routes: [counting(limit: 1 << 20)]) { _, port in
            let client = try RawClient(port)
            try client.send("POST /u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            var total = 0
            for size in [1, 10, 1_000, 100_000, 3] {
                try client.send(String(size, radix: 16) + "\r\n")
                try client.send(Array(Self.megabyte.prefix(size)) + Array("\r\n".utf8))
                total += size
            }
            try client.send("0\r\n\r\n")
            #expect(try client.receive(until: "-1 \(total)"))
        }
    }

    @Test("an announced content beyond the limit is refused before the handler runs")
    func announcedTooLarge() throws {
        let ran = Counter()
        let route = Route(.post, "/u", name: "u", body: .stream(limit: 100), execution: .queue(testQueue)) { _, _ in
            ran.add(1)
        }
        try withServer(routes: [route]) { _, port in
            let answer = try client(port).request(.post, "/u", body: .bytes(Array(Self.megabyte.prefix(101))))
            #expect(answer.head.status == 413)
            #expect(ran.value == 0)
        }
    }

    @Test("a content that grows beyond the limit ends the handler's reading with 413")
    func grownTooLarge() throws {
        try withServer(routes: [counting(limit: 100)]) { _, port in
            let client = try RawClient(port)
            try client.send("POST /u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n")
            try client.send(Array(Self.megabyte.prefix(101)))
            #expect(try client.receiveToEnd().hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test("a malformed chunk ends the handler's reading with 400")
    func malformed() throws {
        try withServer(routes: [counting(limit: 100)]) { _, port in
            let client = try RawClient(port)
            try client.send("POST /u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")
            #expect(try client.receiveToEnd().hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test("a content that stalls ends the handler's reading with 408")
    func stalled() throws {
        try withServer(
            routes: [counting(limit: 1_000)], { $0.timeouts.body = Pace(window: .milliseconds(100), bytes: 10) }
        ) { _, port in
            let client = try RawClient(port)
            try client.send("POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
            #expect(try client.receiveToEnd().hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test("a peer that goes away in the middle ends the handler's reading")
    func peerGone() throws {
        let result = Monitor<HTTPError?>(nil)
        let hasBegun = Monitor(false)
        let route = Route(.post, "/u", name: "u", body: .stream(limit: 1_000), execution: .queue(testQueue)) {
            request, _ in
            // A request whose peer left before its turn would not be run at all.
            hasBegun.change { $0 = true }
            do throws(HTTPError) {
                while try request.bodyStream?.read() != nil {}
            } catch {
                result.change { $0 = error }
            }
        }
        try withServer(routes: [route]) { _, port in
            let client = try RawClient(port)
            try client.send("POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
            _ = hasBegun.wait(for: patience) { $0 ? true : nil }
            client.close()
            #expect(result.wait(for: patience) { $0 }?.reason == .peerGone)
        }
    }

    @Test("a client that asks first is told to go on, and to stop where it would be refused")
    func asksFirst() throws {
        try withServer(routes: [counting(limit: 10)]) { _, port in
            let welcome = try RawClient(port)
            try welcome.send("POST /u HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            #expect(try welcome.receive(until: "HTTP/1.1 100 Continue\r\n\r\n"))
            try welcome.send("abc")
            #expect(try welcome.receive(until: "3 3"))
            let refused = try RawClient(port)
            try refused.send("POST /u HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
            #expect(try refused.receiveToEnd().hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test("a handler that answers early is heard by a client in the middle of a large upload")
    func earlyAnswer() throws {
        let route = Route(.post, "/u", name: "u", body: .stream(limit: 1 << 40), execution: .queue(testQueue)) {
            request, responder in
            _ = try request.bodyStream?.read()
            responder.respond(Response(status: 422, type: "text/plain", text: "enough"))
        }
        try withServer(routes: [route]) { _, port in
            let answer = try client(port).request(.post, "/u", body: .bytes([UInt8](repeating: 1, count: 50 << 20)))
            #expect(answer.head.status == 422 && text(answer.body) == "enough")
        }
    }

    @Test("slow uploads keep no thread: those that come are read though more than there are threads drip")
    func slowUploads() throws {
        let queue = ThreadQueue(name: "one", threads: 1, depth: 0)
        let route = Route(.post, "/u", name: "u", body: .stream(limit: 1 << 20), execution: .queue(queue)) {
            request, responder in
            guard let reader = request.bodyStream else { throw TestError() }
            let count = Monitor(0)
            reader.onInput {
                do {
                    while true {
                        switch try reader.take() {
                        case .bytes(let bytes): count.withLock { $0 += bytes.count }
                        case .nothing: return
                        case .end: return responder.respond(Response(type: "x", text: "\(count.withLock { $0 })"))
                        }
                    }
                } catch { responder.respond(Response(status: 408)) }
            }
        }
        try withServer(routes: [route]) { _, port in
            let slow = try (0..<40).map { _ in try RawClient(port) }
            for client in slow {
                try client.send("POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\nabc")
                // One thread without a queue takes one handler after another.
                usleep(5_000)
            }
            let answer = try client(port).request(.post, "/u", body: .bytes([UInt8](repeating: 1, count: 100_000)))
            #expect(text(answer.body) == "100000")
            try slow[0].send(String(repeating: "x", count: 897))
            #expect(try slow[0].receive(until: "900"))
        }
    }
}
