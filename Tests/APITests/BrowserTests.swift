import Formats
import HTTPServer
import Testing
import Wire

@testable import API

/// Web pages of other origins, and names that a page may make mean this machine.
struct BrowserTests {
    private func refusal(
        _ method: Wire.Method, _ path: String, _ fields: Fields, change: (inout APIConfiguration) -> Void = { _ in }
    ) throws -> ProblemKind? {
        var configuration = APIConfiguration()
        change(&configuration)
        return BrowserGuard(configuration).refusal(try RequestHead(method: method, target: path, fields: fields))?.kind
    }

    private func refusal(
        _ fields: Fields, change: (inout APIConfiguration) -> Void = { _ in }
    ) throws -> ProblemKind? {
        try refusal(.post, "/sessions/s/reset", fields, change: change)
    }

    @Test(
        "a server on loopback answers to names of loopback",
        arguments: [
            "localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "127.1.2.3:80", "[::1]", "[::1]:8080",
            "a.localhost:80", "localhost.", "localhost.:8080", "0.0.0.0", "0.0.0.0:8080", "[::]:8080",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]:8080", "[::ffff:7f00:1]", "[::ffff:0.0.0.0]",
        ])
    func own(_ host: String) throws {
        #expect(try refusal(["Host": host]) == nil)
    }

    @Test(
        "and to no other",
        arguments: [
            "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.7:8080",
            "[::2]", "127.0.0", "2130706433", "notlocalhost", "0.0.0.1", "0.0.0", "localhost..", "[::ffff:192.168.1.7]",
            "[::127.0.0.1]", "[2001:db8::1]", "[v1.localhost]",
        ])
    func rebound(_ host: String) throws {
        for method in [Wire.Method.get, .post, .delete] {
            #expect(try refusal(method, "/jobs", ["Host": host]) == .hostNotAllowed)
        }
        #expect(try refusal(.get, "/healthz", ["Host": host]) == nil)
        #expect(try refusal(["Host": host]) { $0.allowedHosts = ["*"] } == nil)
        #expect(try refusal(["Host": host]) { $0.isOnLoopback = false } == nil)
        #expect(try refusal(["Host": host]) { $0.apiKey = "a-long-enough-key" } == nil)
        #expect(
            try refusal(["Host": host]) {
                $0.apiKey = "a-long-enough-key"
                $0.allowedHosts = ["train.example"]
            } == .hostNotAllowed)
        #expect(
            try refusal(["Host": host]) {
                $0.isOnLoopback = false
                $0.allowedHosts = ["train.example"]
            } == .hostNotAllowed)
    }

    @Test("names of the setting are served, whatever their case and port")
    func allowed() throws {
        #expect(try refusal(["Host": "Train.Example:8080"]) { $0.allowedHosts = ["train.example"] } == nil)
        #expect(try refusal(["Host": "x.train.example"]) { $0.allowedHosts = ["train.example"] } == .hostNotAllowed)
        #expect(try refusal(.get, "http://evil.example/jobs", ["Host": "evil.example"]) == .hostNotAllowed)
    }

    @Test(
        "a page of another origin changes nothing, with a body or without",
        arguments: [
            ["Origin": "http://evil.example"], ["Origin": "null"], ["Origin": "http://127.0.0.1:9999"],
            ["Origin": "https://127.0.0.1"], ["Origin": "http://127.0.0.1.evil.example:8080"], ["Origin": ""],
            ["Origin": "chrome-extension://abc"], ["Sec-Fetch-Site": "cross-site"], ["Sec-Fetch-Site": "same-site"],
            ["Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "cross-site"],
        ] as [Fields])
    func foreign(_ fields: Fields) throws {
        var fields = fields
        fields.append("Host", "127.0.0.1:8080")
        for method in [Wire.Method.post, .put, .patch, .delete] {
            #expect(try refusal(method, "/jobs/j/cancel", fields) == .foreignOrigin)
        }
        #expect(try refusal(.get, "/jobs", fields) == nil)
        #expect(try refusal(.post, "/jobs/j/cancel", fields) { $0.apiKey = "a-long-enough-key" } == nil)
    }

    @Test(
        "its own pages and programs may",
        arguments: [
            [:], ["Origin": "http://127.0.0.1:8080"], ["Sec-Fetch-Site": "same-origin"], ["Sec-Fetch-Site": "none"],
            ["Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"],
        ] as [Fields])
    func own(_ fields: Fields) throws {
        var fields = fields
        fields.append("Host", "127.0.0.1:8080")
        #expect(try refusal(fields) == nil)
    }

    @Test("what was decided for one name holds for no other")
    func verdicts() throws {
        let browsers = BrowserGuard(APIConfiguration())
        for (host, kind) in [
            ("a.example", ProblemKind.hostNotAllowed), ("localhost", nil), ("localhost", nil),
            ("a.example", .hostNotAllowed), ("a.example", .hostNotAllowed), ("localhost:1", nil),
        ] {
            let head = try RequestHead(method: .get, target: "/jobs", fields: ["Host": host])
            #expect(browsers.refusal(head)?.kind == kind)
        }
    }

    @Test("a page is known by its own name where a proxy asks for another")
    func replacedHost() throws {
        let fields: Fields = [
            "Host": "127.0.0.1:8080", "Origin": "https://UI.example", "Sec-Fetch-Site": "same-origin",
        ]
        #expect(try refusal(fields) == .foreignOrigin)
        #expect(try refusal(fields) { $0.allowedHosts = ["ui.example"] } == nil)
        #expect(try refusal(fields) { $0.allowedHosts = ["other.example"] } == .foreignOrigin)
        #expect(try refusal(fields) { $0.allowedHosts = ["*"] } == .foreignOrigin)
        for origin in ["http://127.0.0.1:9999", "http://localhost:9999"] {
            let fields: Fields = ["Host": "127.0.0.1:8080", "Origin": origin]
            #expect(try refusal(fields) { $0.allowedHosts = ["127.0.0.1", "localhost"] } == .foreignOrigin)
        }
        let sent: Fields = [
            "Host": "127.0.0.1:8080", "Origin": "https://ui.example", "Sec-Fetch-Site": "cross-site",
        ]
        #expect(try refusal(sent) { $0.allowedHosts = ["ui.example"] } == .foreignOrigin)
    }

    @Test("a page behind a proxy that speaks TLS is of the same origin")
    func proxy() throws {
        let fields: Fields = ["Host": "train.example", "Origin": "https://train.example"]
        #expect(try refusal(fields) { $0.allowedHosts = ["train.example"] } == nil)
    }

    @Test("the server refuses both before anything happens")
    func whole() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let job = try server.send(.post, "/train", Bodies.forecast(), expecting: 202)["id"]?.string ?? ""
        let foreign = try server.send(.post, "/jobs/\(job)/cancel", fields: ["Origin": "http://evil.example"])
        #expect(foreign.status == 403)
        #expect(try foreign.json()["code"] == "foreign_origin")
        let rebound = try RawConnection(server.base)
        rebound.send("POST /jobs/\(job)/cancel HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        let answer = rebound.receive()
        #expect(answer.hasPrefix("HTTP/1.1 421 ") && answer.contains("allowed_hosts"))
        #expect(try server.send(.get, "/jobs/\(job)", expecting: 200)["status"] == "queued")
        try server.send(.post, "/jobs/\(job)/cancel", fields: ["Origin": server.base], expecting: 200)
    }
}
