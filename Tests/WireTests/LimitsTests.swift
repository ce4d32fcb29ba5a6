import Testing

@testable import Wire

@Suite("Limits of a message")
struct LimitsTests {
    private func request(target: String = "/", fields: String = "", content: String = "") -> String {
        "POST \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(content)"
    }

    /// The same verdict at once, byte by byte, and in pieces.
    private func status(_ message: String, _ limits: Limits) -> Int? {
        let whole = parse(message, limits: limits)
        #expect(parse(cut(bytes(message), [1]), limits: limits) == whole)
        #expect(parse(cut(bytes(message), [7, 3, 11]), limits: limits) == whole)
        return whole.status
    }

    @Test("a target one byte too long is 414, one at the limit is not")
    func target() {
        var limits = Limits()
        limits.targetBytes = 20
        #expect(status(request(target: "/" + String(repeating: "a", count: 19)), limits) == nil)
        #expect(status(request(target: "/" + String(repeating: "a", count: 20)), limits) == 414)
        #expect(status(request(target: "/" + String(repeating: "a", count: 500)), limits) == 414)
        #expect(status("GET /" + String(repeating: "a", count: 500), limits) == 414, "without a line end")
    }

    @Test("one header line too many is 431")
    func fieldCount() {
        var limits = Limits()
        limits.fieldCount = 5
        let lines = (0..<10).map { "X-\($0): 1\r\n" }
        #expect(status(request(fields: lines[..<4].joined()), limits) == nil)
        #expect(status(request(fields: lines[..<5].joined()), limits) == 431)
    }

    @Test("a head one byte too long is 431, with and without its end")
    func headBytes() {
        var limits = Limits()
        limits.headBytes = 100
        let bare = request(fields: "X: \r\n").utf8.count
        func padded(_ count: Int) -> String {
            request(fields: "X: \(String(repeating: "a", count: count - bare))\r\n")
        }
        #expect(status(padded(100), limits) == nil)
        #expect(status(padded(101), limits) == 431)
        #expect(status("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 200), limits) == 431)
        #expect(status(String(repeating: "\r\n", count: 200), limits) == 400, "empty lines are no request")
    }

    @Test("extensions of chunks are counted over the body, 413 beyond")
    func chunkExtensions() {
        var limits = Limits()
        limits.chunkExtensionBytes = 20
        func message(_ chunks: String) -> String {
            request(fields: "Transfer-Encoding: chunked\r\n", content: chunks + "0\r\n\r\n")
        }
        #expect(status(message("1;0123456789\r\na\r\n"), limits) == nil)
        #expect(status(message("1;0123456789\r\na\r\n1;0123456789\r\na\r\n"), limits) == 413)
        #expect(status(message("1;" + String(repeating: "x", count: 100) + "\r\na\r\n"), limits) == 413)
    }

    @Test("trailers are limited in bytes and lines, 431 beyond")
    func trailers() {
        var limits = Limits()
        limits.trailerBytes = 50
        limits.fieldCount = 4
        func message(_ trailers: String) -> String {
            request(fields: "Transfer-Encoding: chunked\r\n", content: "0\r\n" + trailers + "\r\n")
        }
        #expect(status(message("A: 1\r\nB: 2\r\n"), limits) == nil)
        #expect(status(message((0..<5).map { "T\($0): 1\r\n" }.joined()), limits) == 431)
        #expect(status(message("A: " + String(repeating: "x", count: 60) + "\r\n"), limits) == 431)
    }

    @Test("a head that never ends holds no more than its limit")
    func boundedMemory() {
        var parser = RequestParser(limits: Limits())
        let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000)
        var taken = 0
        #expect(throws: HTTPError.self) {
            for _ in 0..<100 {
                var input = piece[...]
                while try parser.next(&input) != nil {}
                taken += piece.count
            }
        }
        #expect(taken <= Limits().targetBytes + 1_000)
    }
}
