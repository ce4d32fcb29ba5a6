import Testing

@testable import Wire

@Suite("A connection and time")
struct ConnectionTimeTests {
    private let timeouts: Timeouts = {
        var timeouts = Timeouts()
        timeouts.head = .seconds(10)
        timeouts.idle = .seconds(60)
        timeouts.body = Pace(window: .seconds(20), bytes: 100)
        timeouts.response = Pace(window: .seconds(30), bytes: 100)
        timeouts.linger = .seconds(2)
        return timeouts
    }()

    @Test("an idle connection closes without a word, a moment before it does not")
    func idle() {
        var bench = Bench(timeouts: timeouts)
        bench.wait(until: 59.9)
        #expect(!bench.isClosed)
        bench.wait(until: 60)
        #expect(bench.log == ["close"])
        #expect(bench.received.isEmpty)
    }

    @Test("the time between requests counts from the last answer")
    func idleAfterAnswer() {
        var bench = Bench(timeouts: timeouts)
        bench.wait(until: 50)
        bench.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.wait(until: 109)
        #expect(!bench.isClosed)
        bench.wait(until: 110)
        #expect(bench.isClosed)
    }

    @Test("a head that drips in is 408 once its time is up, however steadily it drips")
    func slowHead() {
        var bench = Bench(timeouts: timeouts)
        bench.wait(until: 30)
        for second in 30..<40 {
            bench.wait(until: Double(second))
            bench.send("G")
            #expect(bench.log.isEmpty)
        }
        bench.wait(until: 40)
        #expect(bench.log == ["refused 408", "finishWriting"])
        #expect(bench.statuses == [408])
        #expect(bench.received.contains("Connection: close"))
    }

    @Test("a body must keep its pace; the pace is judged window by window")
    func slowBody() {
        var bench = Bench(timeouts: timeouts)
        bench.handler = { bench, _ in bench.accept(10_000) }
        bench.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        bench.send(String(repeating: "x", count: 100))
        bench.wait(until: 20)
        #expect(bench.log == ["POST /"])
        bench.send(String(repeating: "x", count: 99))
        bench.wait(until: 39.9)
        #expect(bench.log == ["POST /"])
        bench.wait(until: 40)
        #expect(bench.log == ["POST /", "failed 408", "finishWriting"])
        #expect(bench.statuses == [408])
    }

    @Test("time in which the handler itself holds the body back is not the peer's")
    func pausedBody() {
        var bench = Bench(timeouts: timeouts)
        bench.handler = { bench, _ in bench.accept(10_000) }
        bench.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        bench.connection.pauseBody()
        #expect(bench.connection.deadline == nil)
        bench.wait(until: 500)
        bench.connection.resumeBody(at: bench.now)
        bench.wait(until: 519)
        #expect(bench.log == ["POST /"])
        bench.wait(until: 520)
        #expect(bench.log.contains("failed 408"))
    }

    @Test("a handler may take as long as it likes")
    func slowHandler() {
        var bench = Bench(timeouts: timeouts)
        bench.handler = { bench, _ in bench.connection.ignoreBody(at: bench.now) }
        bench.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.connection.deadline == nil)
        bench.wait(until: 5_000)
        bench.answer("late")
        bench.pump()
        #expect(bench.statuses == [200])
    }

    @Test("a peer that does not read its answer is cut, one that reads slowly enough is not")
    func slowReader() {
        var bench = Bench(timeouts: timeouts)
        bench.handler = { bench, _ in bench.answer(String(repeating: "x", count: 1_000)) }
        bench.window = 100
        bench.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.wait(until: 30)
        bench.wait(until: 60)
        #expect(!bench.isClosed, "a hundred bytes in each window suffice, and the idle time has not begun")
        bench.window = 99
        bench.wait(until: 90)
        bench.window = 0
        bench.wait(until: 119)
        #expect(!bench.isClosed)
        bench.wait(until: 120)
        #expect(bench.isClosed)
    }

    @Test("after the last answer the peer has a little time to close")
    func linger() {
        var bench = Bench(timeouts: timeouts)
        bench.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(bench.log == ["GET /", "finishWriting"])
        #expect(bench.connection.wantsInput, "unread input would turn the close into a reset")
        bench.send("whatever")
        bench.wait(until: 1.9)
        #expect(!bench.isClosed)
        bench.wait(until: 2)
        #expect(bench.isClosed)
    }

    @Test("a peer that ended its requests still gets its answers")
    func halfClosed() {
        var bench = Bench(timeouts: timeouts)
        bench.handler = { bench, _ in bench.connection.ignoreBody(at: bench.now) }
        bench.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.endSending()
        #expect(!bench.isClosed)
        bench.answer("ok")
        bench.pump()
        #expect(bench.statuses == [200])
        #expect(bench.log == ["GET /", "close"])
    }

    @Test(
        "a peer that closes in the middle of a head or of content is let go",
        arguments: [
            "GET / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
        ])
    func closedEarly(_ beginning: String) {
        var bench = Bench(timeouts: timeouts)
        bench.handler = { bench, _ in bench.accept(100) }
        bench.send(beginning)
        bench.endSending()
        #expect(bench.statuses.isEmpty)
        #expect(bench.log.contains("failed 499") || bench.log == ["close"])
    }

    @Test("stopping closes what is idle, and lets what is in flight finish with a last answer")
    func stopping() {
        var idle = Bench(timeouts: timeouts)
        idle.connection.stop()
        idle.pump()
        #expect(idle.log == ["close"])

        var busy = Bench(timeouts: timeouts)
        busy.handler = { bench, _ in bench.connection.ignoreBody(at: bench.now) }
        busy.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        busy.connection.stop()
        busy.pump()
        #expect(busy.log == ["GET /a"])
        busy.answer("last")
        busy.pump()
        #expect(busy.log == ["GET /a", "finishWriting"])
        #expect(busy.received.contains("Connection: close"))

        var arriving = Bench(timeouts: timeouts)
        arriving.send("GET / HTTP/1.1\r\n")
        arriving.connection.stop()
        arriving.pump()
        #expect(arriving.log.isEmpty)
        arriving.send("Host: a\r\n\r\n")
        #expect(arriving.statuses == [200])
        #expect(arriving.log == ["GET /", "finishWriting"])
    }
}
