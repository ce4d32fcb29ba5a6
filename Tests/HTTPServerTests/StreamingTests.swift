import Glibc
import Testing
import Wire

@testable import HTTPServer

@Suite("Answers that stream")
struct StreamingTests {
    private func route(_ write: @escaping @Sendable (any ResponseStream) throws -> Void) -> Route {
        Route(.get, "/s", name: "s", execution: .queue(testQueue)) { _, responder in
            try write(responder.stream(status: 200, fields: ["Content-Type": "application/x-ndjson"]))
        }
    }

    private let get = "GET /s HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("every piece arrives, in order, before the stream ends")
    func pieces() throws {
        let gate = Monitor(false)
        let routes = [
            route { stream in
                for index in 0..<1_000 { stream.write(Array("{\"step\":\(index)}\n".utf8)) }
                _ = gate.wait { $0 ? true : nil }
                stream.writeWaiting(Array("last".utf8))
                stream.finish()
            }
        ]
        let expected = (0..<1_000).map { "{\"step\":\($0)}\n" }.joined()
        try withServer(routes: routes) { _, port in
            let client = try client(port)
            var content: [UInt8] = []
            try client.request(.get, "/s") { head in
                #expect(head.fields["Transfer-Encoding"] == "chunked")
            } receive: { piece in
                content += piece
                if text(content) == expected { gate.change { $0 = true } }
                return true
            }
            #expect(text(content) == expected + "last")
            #expect(text(try client.request(.get, "/s").body) == expected + "last", "the connection goes on")
        }
    }

    @Test("a slow reader holds its writer back, and gets everything all the same")
    func backPressure() throws {
        let written = Counter()
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 100_000)
        let count = 1_000
        let routes = [
            route { stream in
                for _ in 0..<count {
                    guard stream.writeWaiting(piece) else { return }
                    written.add(1)
                }
                stream.finish()
            }
        ]
        try withServer(routes: routes) { _, port in
            let client = try RawClient(port)
            try client.send(get)
            #expect(try client.receive(until: "\r\n\r\n"))
            // The writer comes to rest when the kernel's buffers and ours are full, far from the end.
            var before = -1
            #expect(
                eventually {
                    usleep(50_000)
                    defer { before = written.value }
                    return written.value > 0 && written.value == before
                })
            #expect(
                written.value < count / 2, "\(written.value) of \(count) pieces of 0.1 MB for a peer that reads nothing"
            )
            var received = client.received.count
            while received < piece.count * count {
                let had = client.received.count
                guard try client.receiveSome() else { break }
                received += client.received.count - had
                client.forget()
            }
            // Chunks have their sizes before them: what is read so far may end before the last piece, which the
            // buffers hold.
            #expect(eventually { written.value == count })
            #expect(received >= piece.count * count)
        }
    }

    @Test("a peer that goes away ends the writer's work")
    func peerGone() throws {
        let ends = Monitor<[StreamEnd]>([])
        let stopped = Monitor(false)
        let routes = [
            route { stream in
                stream.onClose { end in ends.change { $0.append(end) } }
                while stream.writeWaiting(Array("step\n".utf8)) { usleep(1_000) }
                stopped.change { $0 = true }
            }
        ]
        let application = TestApplication(routes: routes)
        try withServer(application) { _, port in
            let client = try RawClient(port)
            try client.send(get)
            #expect(try client.receive(until: "step"))
            client.close()
            #expect(stopped.wait(for: patience) { $0 ? true : nil } == true)
            // The writer may be told before the action is called.
            #expect(ends.wait(for: patience) { $0.isEmpty ? nil : $0 } == [.peerGone])
            #expect(application.records.first(1)?.first?.isComplete == false)
        }
    }

    @Test("a peer that goes away while an endless stream is silent is noticed")
    func peerGoneInSilence() throws {
        let end = Monitor<StreamEnd?>(nil)
        let routes = [
            Route(.get, "/s", name: "s", execution: .queue(testQueue)) { _, responder in
                let stream = responder.stream(status: 200, fields: [:], isEndless: true)
                stream.onClose { reason in end.change { $0 = reason } }
                stream.write(Array("once\n".utf8))
            }
        ]
        try withServer(routes: routes) { _, port in
            let client = try RawClient(port)
            try client.send(get)
            #expect(try client.receive(until: "once"))
            client.close()
            #expect(end.wait(for: patience) { $0 } == .peerGone)
        }
    }

    @Test("a stream that is aborted, or whose handler throws, never looks complete", arguments: [true, false])
    func aborted(_ throwing: Bool) throws {
        let end = Monitor<StreamEnd?>(nil)
        let routes = [
            route { stream in
                stream.onClose { reason in end.change { $0 = reason } }
                stream.write(Array("begun".utf8))
                if throwing { throw TestError() }
                stream.abort()
            }
        ]
        try withServer(routes: routes) { _, port in
            let error = #expect(throws: HTTPClientError.self) { try client(port).request(.get, "/s") }
            #expect(error?.reason == .closed)
            #expect(end.wait(for: patience) { $0 } == .aborted)
        }
    }

    @Test("a stream for HTTP/1.0 has no chunks and ends with the connection")
    func http10() throws {
        let routes = [
            route { stream in
                stream.write(Array("one ".utf8))
                stream.write(Array("two".utf8))
                stream.finish()
            }
        ]
        try withServer(routes: routes) { _, port in
            let client = try RawClient(port)
            try client.send("GET /s HTTP/1.0\r\n\r\n")
            let answer = try client.receiveToEnd()
            #expect(answer.hasSuffix("\r\n\r\none two") && !answer.contains("chunked"))
        }
    }

    @Test("HEAD of a stream is answered, and its writer is told to stop")
    func head() throws {
        let wrote = Monitor<Bool?>(nil)
        let routes = [
            route { stream in
                while !stream.isClosed { usleep(1_000) }
                let isTaken = stream.writeWaiting([1])
                wrote.change { $0 = isTaken }
            }
        ]
        try withServer(routes: routes) { _, port in
            let answer = try client(port).request(.head, "/s")
            #expect(answer.head.fields["Transfer-Encoding"] == "chunked")
            #expect(wrote.wait(for: patience) { $0 } == false)
        }
    }

    @Test("a writer without a thread goes on when there is room again")
    func onWritable() throws {
        let total = 5_000_000
        let routes = [
            Route(.get, "/s", name: "s", execution: .onLoop) { _, responder in
                let stream = responder.stream(status: 200, fields: [:])
                let left = Monitor(total)
                let fill: @Sendable () -> Void = {
                    while true {
                        let piece = left.withLock { left in
                            defer { left -= min(left, 50_000) }
                            return min(left, 50_000)
                        }
                        if piece == 0 { return stream.finish() }
                        guard stream.write([UInt8](repeating: 7, count: piece)) != nil else { return }
                        if stream.isFull { return }
                    }
                }
                stream.onWritable(fill)
                fill()
            }
        ]
        try withServer(routes: routes) { _, port in
            let body = try client(port).request(.get, "/s").body
            #expect(body.count == total && body.allSatisfy { $0 == 7 })
        }
    }

    @Test("many threads may write one stream; no piece is torn")
    func manyWriters() throws {
        let routes = [
            route { stream in
                let left = Monitor(4)
                for writer in 0..<4 {
                    _ = testQueue.submit {
                        for index in 0..<500 { stream.writeWaiting(Array("\(writer):\(index)\n".utf8)) }
                        left.change { $0 -= 1 }
                    }
                }
                _ = left.wait { $0 == 0 ? true : nil }
                stream.finish()
            }
        ]
        try withServer(routes: routes) { _, port in
            let lines = text(try client(port).request(.get, "/s").body).split(separator: "\n")
            for writer in 0..<4 {
                #expect(lines.filter { $0.hasPrefix("\(writer):") } == (0..<500).map { "\(writer):\($0)" })
            }
            #expect(lines.count == 2_000)
        }
    }
}
