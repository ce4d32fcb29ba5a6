import Testing

@testable import Wire

@Suite("Hosts and ports")
struct AuthorityTests {
    private static let sound = [
        "a", "A.Example", "localhost:8080", "a:", "a:0", "a:00080", "a:65535", "127.0.0.1:80", "127.1", "a_b",
        "xn--bcher-kva",
        "a%20b", "a!$&'()*+;=~", "[::]", "[::1]", "[::1]:8080", "[1::]", "[1:2:3:4:5:6:7:8]", "[1::8]",
        "[1:2:3:4:5:6:7::]",
        "[::ffff:127.0.0.1]", "[1:2:3:4:5:6:1.2.3.4]", "[FE80::a]", "[v1.a:b]",
    ]

    @Test("a Host of the grammar is taken", arguments: sound)
    func taken(_ host: String) throws {
        #expect(refusal("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == nil)
        #expect(refusal("GET http://\(host)/ HTTP/1.1\r\nHost: \(host)\r\n\r\n") == nil)
        #expect(Authority(host) != nil)
    }

    @Test("a Host beside the grammar is refused", arguments: Malformed.authorities)
    func refused(_ host: String) throws {
        #expect(refusal("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == 400)
        #expect(Authority(host) == nil)
    }

    @Test(
        "an absolute target names a host of the grammar", arguments: Malformed.authorities.filter { !$0.contains(" ") })
    func target(_ host: String) throws {
        #expect(refusal("GET http://\(host)/x HTTP/1.1\r\nHost: a\r\n\r\n") == 400)
    }

    @Test(
        "an absolute target and Host must name the same",
        arguments: [
            ("a", "a", true), ("A", "a", true), ("a:80", "a", true), ("a", "a:", true), ("a:8080", "a:8080", true),
            ("a", "b", false), ("a:8080", "a", false), ("a:8080", "a:8081", false), ("[::1]", "[::2]", false),
        ])
    func same(_ target: String, _ host: String, _ isSame: Bool) {
        let status = refusal("GET http://\(target)/ HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        #expect(status == (isSame ? nil : 400))
    }

    @Test(
        "the port that need not be told is that of the scheme",
        arguments: [
            ("https://a", "a:443", true), ("https://a:443", "a", true), ("HTTPS://a", "a", true),
            ("https://a", "a:80", false), ("http://a", "a:443", false), ("http://a", "a:80", true),
        ])
    func scheme(_ target: String, _ host: String, _ isSame: Bool) {
        #expect(refusal("GET \(target)/ HTTP/1.1\r\nHost: \(host)\r\n\r\n") == (isSame ? nil : 400))
    }

    @Test("parts are told apart")
    func parts() {
        #expect(Authority("[::1]:80")?.host == "::1")
        #expect(Authority("[::1]:80")?.port == 80)
        #expect(Authority("LocalHost:")?.host == "localhost")
        #expect(Authority("LocalHost:")?.port == nil)
    }

    @Test("two empty lines before a request are forgiven, each time")
    func emptyLines() {
        let request = "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(refusal(request + request) == nil)
    }

    /// The status that a connection refuses the text with; nil where it takes it.
    private func refusal(_ message: String) -> Int? {
        var connection = Connection(at: at(0))
        connection.receive(bytes(message)[...], at: at(0))
        while let event = connection.next(at: at(0)) {
            switch event {
            case .refused(let error): return error.status
            case .request:
                connection.respond(ResponseHead(status: 204), body: [], date: [], at: at(0))
            default: break
            }
        }
        return nil
    }
}
