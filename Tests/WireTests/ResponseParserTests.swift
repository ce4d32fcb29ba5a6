import Testing

@testable import Wire

@Suite("Responses from bytes")
struct ResponseParserTests {
    /// Everything a parser makes of the pieces and the end of the connection.
    private func parse(_ pieces: [ArraySlice<UInt8>], to method: Wire.Method = .get, ends: Bool = false) -> [String] {
        var parser = ResponseParser(to: method)
        var log: [String] = []
        func note(_ event: ResponseParser.Event) {
            switch event {
            case .head(let head): log.append("\(head.status)")
            case .body(let data):
                if let last = log.last, last.hasPrefix("body ") {
                    log[log.count - 1] += text(data)
                } else {
                    log.append("body " + text(data))
                }
            case .end(let keepsAlive): log.append(keepsAlive ? "end" : "end, close")
            }
        }
        do {
            for piece in pieces {
                var input = piece
                while let event = try parser.next(&input) { note(event) }
            }
            if ends, let event = try parser.connectionEnded() { note(event) }
        } catch {
            log.append("error \(error.status)")
        }
        return log
    }

    private func check(_ response: String, to method: Wire.Method = .get, ends: Bool = false, _ expected: [String]) {
        #expect(parse([bytes(response)[...]], to: method, ends: ends) == expected)
        #expect(parse(cut(bytes(response), [1]), to: method, ends: ends) == expected)
    }

    @Test("content ends where the framing says")
    func framing() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", ["200", "body abc", "end"])
        check(
            "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
            ["200", "body abc", "end"])
        check("HTTP/1.1 200 OK\r\n\r\nabc", ends: true, ["200", "body abc", "end, close"])
        check("HTTP/1.1 204 No Content\r\n\r\n", ["204", "end"])
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", to: .head, ["200", "end"])
        check("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", ["200", "body a", "end, close"])
        check("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", ["200", "body a", "end, close"])
    }

    @Test("interim responses come before the response")
    func interim() {
        check(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\n"
                + "Content-Length: 0\r\n\r\n", ["100", "103", "201", "end"])
    }

    @Test("a response cut short is an error")
    func cutShort() {
        check("", ends: true, ["error 499"])
        check("HTTP/1.1 200 OK\r\nConte", ends: true, ["error 499"])
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", ends: true, ["200", "body ab", "error 499"])
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", ends: true,
            ["200", "body a", "error 499"])
    }

    @Test(
        "what is no response is an error",
        arguments: [
            "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1  200\r\n\r\n", "SSH-2.0-OpenSSH\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\nA: b\n\n",
        ])
    func malformed(_ response: String) {
        #expect(parse([bytes(response)[...]]).last == "error 400")
    }
}
