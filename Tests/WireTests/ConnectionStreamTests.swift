import Testing

@testable import Wire

@Suite("Answers in pieces")
struct ConnectionStreamTests {
    private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private func bench(fields: Fields = [:]) -> Bench {
        var bench = Bench()
        bench.handler = { bench, _ in
            let goesOn = bench.connection.begin(ResponseHead(status: 200, fields: fields), date: [], at: bench.now)
            #expect(goesOn)
        }
        return bench
    }

    @Test("an answer of unknown length is chunked and read back as it was written")
    func chunked() throws {
        var bench = bench()
        bench.send(get)
        let pieces = ["a", String(repeating: "b", count: 20_000), "", "c"]
        for piece in pieces { bench.connection.write(bytes(piece), at: bench.now) }
        bench.connection.finish(at: bench.now)
        bench.pump()
        #expect(bench.received.contains("Transfer-Encoding: chunked\r\n"))
        var parser = ResponseParser(to: .get)
        var input = bytes(bench.received)[...]
        var content: [UInt8] = []
        var keepsAlive: Bool?
        while let event = try parser.next(&input) {
            switch event {
            case .head(let head): #expect(head.status == 200)
            case .body(let data): content += data
            case .end(let keeps): keepsAlive = keeps
            }
        }
        #expect(text(content) == pieces.joined())
        #expect(keepsAlive == true)
        #expect(bench.connection.isAtRest)
    }

    @Test("HTTP/1.0 gets the content bare, ended by closing")
    func untilClose() {
        var bench = bench()
        bench.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        bench.connection.write(bytes("abc"), at: bench.now)
        bench.connection.finish(at: bench.now)
        bench.pump()
        #expect(bench.received == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc")
        #expect(bench.log.last == "finishWriting")
    }

    @Test(
        "an answer of announced length must keep to it",
        arguments: [
            (["abc", "de"], true), (["abc"], false), (["abc", "def"], false),
        ])
    func announced(_ pieces: [String], _ isWhole: Bool) {
        var bench = bench(fields: ["Content-Length": "5"])
        bench.send(get)
        for piece in pieces { bench.connection.write(bytes(piece), at: bench.now) }
        bench.connection.finish(at: bench.now)
        bench.pump()
        #expect(bench.connection.isAborted == !isWhole)
        #expect(bench.log.contains("finishWriting") == !isWhole)
        #expect(bench.received.hasSuffix(isWhole ? "abcde" : "abc"))
    }

    @Test("an answer broken off never looks complete")
    func aborted() throws {
        var bench = bench()
        bench.send(get)
        bench.connection.write(bytes("abc"), at: bench.now)
        bench.connection.abort()
        bench.pump()
        #expect(bench.received.hasSuffix("3\r\nabc\r\n"))
        #expect(bench.log.last == "finishWriting")
        var parser = ResponseParser(to: .get)
        var input = bytes(bench.received)[...]
        while try parser.next(&input) != nil {}
        #expect(throws: HTTPError.self) { try parser.connectionEnded() }
    }

    @Test("a request that was pipelined behind a stream waits for its end")
    func pipelinedBehindStream() {
        var bench = bench()
        bench.send(get + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.connection.write(bytes("abc"), at: bench.now)
        bench.pump()
        #expect(bench.log == ["GET /"])
        bench.connection.finish(at: bench.now)
        bench.pump()
        #expect(bench.log == ["GET /", "GET /next"])
    }

    @Test("content can be held back, and goes on where it stopped")
    func pausedContent() {
        var bench = Bench()
        bench.handler = { bench, _ in
            bench.accept(1_000)
            bench.connection.pauseBody()
        }
        bench.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
        #expect(bench.content.isEmpty)
        #expect(!bench.connection.wantsInput)
        bench.connection.resumeBody(at: bench.now)
        bench.pump()
        #expect(text(bench.content) == "abc")
        #expect(bench.connection.wantsInput)
        bench.send("def")
        #expect(text(bench.content) == "abcdef")
        #expect(bench.statuses == [200])
    }

    @Test("input that waits, and input that is done, leave the caller's buffer alone", arguments: [true, false])
    func noBorrowing(_ waits: Bool) {
        var bench = Bench()
        if waits { bench.handler = { _, _ in } }
        var buffer = bytes("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        let before = buffer.withUnsafeBufferPointer { $0.baseAddress }
        bench.connection.receive(buffer[...], at: bench.now)
        bench.pump()
        // A buffer that is referred to elsewhere would be copied here, at the cost of a whole read buffer per request.
        let after = buffer.withUnsafeMutableBufferPointer { $0.baseAddress }
        #expect(before == after.map { UnsafePointer($0) })
        if waits {
            bench.handler = { bench, head in bench.answer(head.path) }
            bench.connection.ignoreBody(at: bench.now)
            bench.answer("/a")
            bench.pump()
        }
        #expect(bench.log == ["GET /a", "GET /b"])
    }
}
