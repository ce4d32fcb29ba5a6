import Testing

@testable import Wire

@Suite("Requests from bytes")
struct RequestParserTests {
    @Test("a head is taken apart into method, path, query, version and fields")
    func head() throws {
        let parsed = parse(
            "GET /jobs/a%2Fb?status=running&model=a%20b&at=1%2B1+2&flag HTTP/1.1\r\nHost: x\r\nB: 1\r\nb: 2\r\n\r\n")
        let head = try #require(parsed.heads.first)
        #expect(head.method == .get)
        #expect(head.path == "/jobs/a%2Fb")
        #expect(try RequestTarget.segments(ofPath: head.path) == ["jobs", "a/b"])
        #expect(
            head.query == [
                .init(name: "status", value: "running"), .init(name: "model", value: "a b"),
                .init(name: "at", value: "1+1+2"), .init(name: "flag", value: ""),
            ])
        #expect(head.version == .http11)
        #expect(head.fields.map(\.name) == ["Host", "B", "b"])
        #expect(head.fields.values("B") == ["1", "2"])
        #expect(parsed.last == .end)
    }

    @Test("fed byte by byte it gives what it gives fed at once", arguments: conversations)
    func byteByByte(_ conversation: String) {
        let whole = parse(conversation)
        #expect(whole.status == nil && whole.last == .end)
        #expect(parse(cut(bytes(conversation), [1])) == whole)
    }

    @Test("wherever the input is cut, the result is the same", arguments: conversations)
    func cutAnywhere(_ conversation: String) {
        let all = bytes(conversation)
        let whole = parse(conversation)
        for index in 1..<all.count {
            #expect(parse([all[..<index], all[index...]]) == whole, "cut at \(index)")
        }
    }

    @Test("pipelined requests come out one after another")
    func pipelined() {
        let parsed = parse(conversations.filter { !$0.contains("Connection: close") }.joined())
        #expect(parsed.status == nil)
        #expect(parsed.heads.map(\.path) == ["/", "/jobs", "/", "/train", "/b", "/x", "/next", "*", "/x", "/"])
        #expect(parsed.contents == ["hello world", "hello world", "abc"])
    }

    @Test("the framing tells where the content ends")
    func framing() {
        func framing(_ fields: String) -> Framing? {
            if case .head(_, let framing)? = parse("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n").first {
                return framing
            }
            return nil
        }
        #expect(framing("") == Framing.none)
        #expect(framing("Content-Length: 0\r\n") == Framing.none)
        #expect(framing("content-length:  42 \r\n") == .length(42))
        #expect(framing("Transfer-Encoding: Chunked\r\n") == .chunked)
    }

    @Test(
        "an absolute target gives its path",
        arguments: [
            ("http://a/b?c=d", "/b"), ("HTTP://a", "/"), ("https://a:1?x", "/"), ("http://[::1]:80/z", "/z"),
        ])
    func absoluteTarget(_ target: String, _ path: String) {
        #expect(parse("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n").heads.first?.path == path)
    }

    @Test("a request of HTTP/1.0 needs no Host, and a version beyond 1.1 is spoken to as 1.1")
    func versions() {
        #expect(parse("GET / HTTP/1.0\r\n\r\n").heads.first?.version == .http10)
        #expect(parse("GET / HTTP/1.2\r\nHost: a\r\n\r\n").heads.first?.version == .http11)
        #expect(parse("GET / HTTP/2.0\r\nHost: a\r\n\r\n").status == 505)
        #expect(parse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status == 505)
    }

    @Test("after an error the parser gives the same error for ever")
    func sticky() {
        var parser = RequestParser()
        var bad = bytes("GET / HTTP/1.1\r\nbad line\r\n\r\n")[...]
        #expect(throws: HTTPError.self) { try parser.next(&bad) }
        var good = bytes(conversations[0])[...]
        #expect(throws: HTTPError.self) { try parser.next(&good) }
    }
}
