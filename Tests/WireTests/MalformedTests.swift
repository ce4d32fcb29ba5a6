import Testing

@testable import Wire

/// A message that must be refused, and how.
struct Malformed: Sendable, CustomTestStringConvertible {
    var what: String
    var message: String
    var status: Int

    init(_ what: String, _ message: String, _ status: Int = 400) {
        self.what = what
        self.message = message
        self.status = status
    }

    var testDescription: String { what }

    static let heads: [Malformed] = [
        Malformed("a bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
        Malformed("a bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
        Malformed("a bare CR in a value", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"),
        Malformed("a bare CR before the line end", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
        Malformed("a zero byte in a value", "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n"),
        Malformed("a folded line", "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"),
        Malformed("white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        Malformed("a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        Malformed("a tab before the colon", "GET / HTTP/1.1\r\nContent-Length\t: 3\r\nHost: a\r\n\r\n"),
        Malformed("no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n"),
        Malformed("no name", "GET / HTTP/1.1\r\n: a\r\n\r\n"),
        Malformed("a bracket in a name", "GET / HTTP/1.1\r\nHo(st: a\r\n\r\n"),
        Malformed("a letter beyond ASCII in a name", "GET / HTTP/1.1\r\nHöst: a\r\n\r\n"),
        Malformed("a control character in a value", "GET / HTTP/1.1\r\nHost: a\u{7F}\r\n\r\n"),
        Malformed("two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("no version", "GET /\r\n\r\n"),
        Malformed("a version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n"),
        Malformed("a version of three parts", "GET / HTTP/1.1.1\r\nHost: a\r\n\r\n"),
        Malformed("a version without a point", "GET / HTTP/111\r\nHost: a\r\n\r\n"),
        Malformed("space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        Malformed("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("raw UTF-8 in the target", "GET /ä HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("a relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("an asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("an absolute target without a host", "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("broken percent-encoding in the query", "GET /?a=%4 HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("an encoded zero byte in the query", "GET /?a=%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("percent-encoded bytes that are not UTF-8", "GET /?a=%FF HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("TLS on a plain port", "\u{16}\u{3}\u{1}\u{2}\0"),
        Malformed("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        Malformed("a megabyte of empty lines", String(repeating: "\r\n", count: 524_288)),
        Malformed("a megabyte of carriage returns", String(repeating: "\r", count: 1_048_576)),
        Malformed("three empty lines", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("a line feed first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Malformed("a method without end", String(repeating: "A", count: 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    ]

    /// What `Host` must not be, and neither may the authority of an absolute target.
    static let authorities = [
        "", ":", ":80", "127.0.0.1:abc", "a:8080x", "a:-1", "a:+1", "a:65536", "a:99999999999999999999", "a:80:80",
        "[::1", "::1", "::1]", "[]", "[::1]x", "[::1]:x", "[1:2:3]", "[1:2:3:4:5:6:7:8:9]", "[::1::2]", "[:::]",
        "[12345::]",
        "[g::]", "[::1.2.3]", "[::1.2.3.256]", "[::01.2.3.4]", "[1.2.3.4]", "[fe80::1%25eth0]", "[v.a]", "[v1.]",
        "[1::2:]",
        "[:1::2]", "%", "%4", "%zz", "a%2", "user@a", "user:secret@a", "a b", "a,b", "a<b", "a\"b", "a\\b", "a^b",
        "a`b",
        "a{b}", "a|b",
        "ä",
    ]

    static let framings: [Malformed] = [
        Malformed("two different lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n")),
        Malformed("the same length twice", post("Content-Length: 3\r\nContent-Length: 3\r\n")),
        Malformed("a list of lengths", post("Content-Length: 3, 3\r\n")),
        Malformed("a negative length", post("Content-Length: -1\r\n")),
        Malformed("a signed length", post("Content-Length: +3\r\n")),
        Malformed("a hexadecimal length", post("Content-Length: 0x3\r\n")),
        Malformed("a length with a fraction", post("Content-Length: 3.0\r\n")),
        Malformed("an empty length", post("Content-Length:\r\n")),
        Malformed("a length in other digits", post("Content-Length: ３\r\n")),
        Malformed("a length that overflows", post("Content-Length: 99999999999999999999\r\n"), 413),
        Malformed("a length and chunks", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")),
        Malformed("chunks and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")),
        Malformed("chunks twice", post("Transfer-Encoding: chunked, chunked\r\n")),
        Malformed("chunks twice in two lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
        Malformed("chunks not last", post("Transfer-Encoding: chunked, gzip\r\n")),
        Malformed("the coding identity", post("Transfer-Encoding: identity\r\n")),
        Malformed("an empty coding", post("Transfer-Encoding:\r\n")),
        Malformed("a vertical tab before chunked", post("Transfer-Encoding: \u{B}chunked\r\n")),
        Malformed("gzip", post("Transfer-Encoding: gzip\r\n"), 501),
        Malformed("gzip in chunks", post("Transfer-Encoding: gzip, chunked\r\n"), 501),
        Malformed("a coding nobody knows", post("Transfer-Encoding: xchunked\r\n"), 501),
        Malformed("chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ]

    static let chunks: [Malformed] = [
        Malformed("a chunk without a size", chunked("\r\nabc\r\n")),
        Malformed("a size with a sign", chunked("+3\r\nabc\r\n")),
        Malformed("a size with 0x", chunked("0x3\r\nabc\r\n")),
        Malformed("a size after a space", chunked(" 3\r\nabc\r\n")),
        Malformed("a size before a space", chunked("3 \r\nabc\r\n")),
        Malformed("a size line that ends in LF", chunked("3\nabc\r\n")),
        Malformed("a size line with a bare CR", chunked("3;a\rb\r\nabc\r\n")),
        Malformed("data longer than announced", chunked("3\r\nabcd\r\n")),
        Malformed("data that ends in LF", chunked("3\r\nabc\n0\r\n\r\n")),
        Malformed("data that ends in CR alone", chunked("3\r\nabc\rX")),
        Malformed("a size that overflows", chunked("ffffffffffffffffff\r\n"), 413),
        Malformed("a broken trailer", chunked("0\r\nbad trailer\r\n\r\n")),
        Malformed("a folded trailer", chunked("0\r\nA: b\r\n c\r\n\r\n")),
    ]

    private static func post(_ fields: String) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\nabc"
    }

    private static func chunked(_ content: String) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(content)"
    }
}

@Suite("Messages that must be refused")
struct MalformedTests {
    @Test("a malformed head", arguments: Malformed.heads)
    func head(_ malformed: Malformed) {
        refuses(malformed)
    }

    @Test("doubtful framing", arguments: Malformed.framings)
    func framing(_ malformed: Malformed) {
        refuses(malformed)
    }

    @Test("malformed chunks", arguments: Malformed.chunks)
    func chunks(_ malformed: Malformed) {
        refuses(malformed)
    }

    @Test(
        "a Host header that is missing, doubled or no host",
        arguments: [
            "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a,b\r\n\r\n",
        ])
    func host(_ message: String) throws {
        let head = try #require(parse(message).heads.first)
        let error = #expect(throws: HTTPError.self) { try ConnectionOptions(head) }
        #expect(error?.status == 400)
    }

    @Test("an expectation other than 100-continue is 417")
    func expectation() throws {
        let head = try #require(parse("GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n").heads.first)
        let error = #expect(throws: HTTPError.self) { try ConnectionOptions(head) }
        #expect(error?.status == 417)
    }

    /// At once and byte by byte: where a message is cut must not decide whether it is accepted.
    private func refuses(_ malformed: Malformed) {
        let whole = parse(malformed.message)
        #expect(whole.status == malformed.status)
        #expect(parse(cut(bytes(malformed.message), [1])) == whole)
    }
}
