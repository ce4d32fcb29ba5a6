import Testing

@testable import Wire

@Suite("A connection serves requests")
struct ConnectionTests {
    @Test(
        "keep-alive is the rule of HTTP/1.1 and the exception of HTTP/1.0",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, nil),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true, "close"),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n", true, "close"),
            ("GET / HTTP/1.0\r\n\r\n", true, "close"),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false, "keep-alive"),
        ])
    func keepAlive(_ request: String, _ closes: Bool, _ connection: String?) {
        var bench = Bench()
        bench.send(request)
        #expect(bench.received.hasPrefix("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"))
        #expect(bench.received.contains("Connection: ") == (connection != nil))
        if let connection { #expect(bench.received.contains("Connection: \(connection)\r\n")) }
        #expect(bench.log.contains("finishWriting") == closes)
        bench.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.log.contains("GET /again") == !closes)
    }

    @Test("pipelined requests are answered in their order, also when the first answer comes last")
    func pipelining() {
        var bench = Bench()
        bench.handler = { bench, head in
            if head.path != "/slow" { bench.answer(head.path) }
        }
        bench.send(
            "GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.log == ["GET /slow"])
        #expect(bench.received.isEmpty)
        #expect(!bench.connection.wantsInput, "a peer that pipelines is held back")
        bench.connection.ignoreBody(at: bench.now)
        bench.answer("/slow")
        bench.pump()
        #expect(bench.log == ["GET /slow", "GET /b", "GET /c"])
        let order = ["/slow", "/b", "/c"].map { bench.received.components(of: "\r\n\r\n\($0)").count }
        #expect(order == [2, 2, 2])
        #expect(bench.statuses == [200, 200, 200])
    }

    @Test("a peer that pipelines without reading is not served further")
    func unreadAnswers() {
        var bench = Bench()
        bench.window = 0
        let large = String(repeating: "x", count: 30_000)
        bench.handler = { bench, _ in bench.answer(large) }
        bench.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 50))
        #expect(bench.log.count == 3)
        #expect(!bench.connection.wantsInput)
        bench.window = Int.max
        bench.pump()
        #expect(bench.log.count == 50)
        #expect(bench.statuses.count == 50)
    }

    @Test("HEAD gets the head of GET and no content")
    func head() {
        var bench = Bench()
        bench.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.received == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        bench.handler = { bench, _ in
            let goesOn = bench.connection.begin(ResponseHead(status: 200), date: [], at: bench.now)
            #expect(!goesOn)
        }
        bench.received = ""
        bench.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.received == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    }

    @Test("204 and 304 have no content and no length", arguments: [204, 304])
    func noContent(_ status: Int) {
        var bench = Bench()
        bench.handler = { bench, _ in bench.answer("", status: status) }
        bench.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.received == "HTTP/1.1 \(status) \(Status.phrase(status))\r\n\r\n")
    }

    @Test(
        "content is collected, whole or byte by byte, by length or in chunks",
        arguments: [
            "Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        ])
    func content(_ rest: String) {
        for isSlow in [false, true] {
            var bench = Bench()
            bench.handler = { bench, _ in bench.accept(5) }
            let request = "POST / HTTP/1.1\r\nHost: a\r\n" + rest
            if isSlow { bench.sendByteByByte(request) } else { bench.send(request) }
            #expect(text(bench.content) == "hello")
            #expect(bench.log == ["POST /", "body 5"])
            #expect(bench.received.hasSuffix("got 5"))
            #expect(bench.connection.isAtRest)
        }
    }

    @Test("100 Continue is sent when the content is accepted, unless it is on its way already")
    func expectContinue() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        var patient = Bench()
        patient.handler = { bench, _ in bench.accept(5) }
        patient.send(head)
        #expect(patient.received == "HTTP/1.1 100 Continue\r\n\r\n")
        patient.send("hello")
        #expect(patient.statuses == [100, 200])
        #expect(patient.connection.isAtRest)

        var hasty = Bench()
        hasty.handler = { bench, _ in bench.accept(5) }
        hasty.send(head + "hello")
        #expect(hasty.statuses == [200])
    }

    @Test("a refusal before 100 Continue closes: nobody knows whether the content will come")
    func refusedExpectation() {
        var bench = Bench()
        bench.handler = { bench, _ in bench.accept(4) }
        bench.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        #expect(bench.statuses == [413])
        #expect(bench.received.contains("Connection: close\r\n"))
        #expect(bench.log == ["POST /", "finishWriting"])
    }

    @Test(
        "content beyond its limit is 413, announced or not",
        arguments: [
            "Content-Length: 6\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n",
        ])
    func tooLarge(_ rest: String) {
        var bench = Bench()
        bench.handler = { bench, _ in bench.accept(5) }
        bench.send("POST / HTTP/1.1\r\nHost: a\r\n" + rest)
        #expect(bench.statuses == [413])
    }

    @Test("little unwanted content is read for the sake of the next request, much is not")
    func drained() {
        var limits = Limits()
        limits.drainedBytes = 100
        for (count, goesOn) in [(100, true), (101, false)] {
            var bench = Bench(limits: limits)
            bench.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n")
            #expect(bench.statuses == [200])
            #expect(bench.received.contains("Connection: close") == !goesOn)
            bench.send(String(repeating: "x", count: count) + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(bench.log.contains("GET /next") == goesOn)
        }
        var chunked = Bench(limits: limits)
        chunked.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunked.send("60\r\n" + String(repeating: "x", count: 0x60) + "\r\n")
        #expect(!chunked.log.contains("finishWriting"))
        chunked.send("60\r\n" + String(repeating: "x", count: 0x60) + "\r\n")
        #expect(chunked.log.contains("finishWriting"))
    }

    @Test("a malformed request is answered and ends the connection, and what follows is not looked at")
    func malformed() {
        var bench = Bench()
        bench.send("GET / HTTP/1.1\r\nHost : a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.statuses == [400])
        #expect(bench.log == ["refused 400", "finishWriting"])
        bench.send("GET /more HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.log == ["refused 400", "finishWriting"])
        bench.endSending()
        #expect(bench.log.last == "close")
    }

    @Test("a broken chunk fails the content; the handler's answer is the last")
    func brokenChunk() {
        var bench = Bench()
        bench.handler = { bench, _ in bench.accept(100) }
        bench.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n")
        #expect(bench.log == ["POST /", "failed 400", "finishWriting"])
        #expect(bench.statuses == [400])
    }

    @Test("a handler's text cannot begin another field")
    func responseSplitting() {
        var bench = Bench()
        bench.handler = { bench, _ in
            bench.answer("", fields: ["X": "a\r\nSet-Cookie: b", "Bad Name": "c", "Content-Length": "77"])
        }
        bench.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.received == "HTTP/1.1 200 OK\r\nX: a  Set-Cookie: b\r\nContent-Length: 0\r\n\r\n")
    }

    @Test("a second answer to one request is not sent")
    func secondAnswer() {
        var bench = Bench()
        bench.handler = { bench, _ in
            bench.answer("one")
            bench.answer("two")
        }
        bench.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.answer("three")
        bench.pump()
        #expect(bench.statuses == [200])
        #expect(bench.received.hasSuffix("one"))
    }
}
