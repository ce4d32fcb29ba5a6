import Foundation
import HTTPServer
import Testing
import Wire

@testable import API

/// The small rules that endpoints share.
struct SmallPiecesTests {
    @Test("the wish with the greatest weight is met, and the first offer where none can be")
    func negotiation() {
        let offered: [MediaType] = [.json, .ndjson, .eventStream]
        for (accept, expected) in [
            ([], MediaType.json), (["*/*"], .json), (["text/event-stream"], .eventStream),
            (["application/x-ndjson"], .ndjson), (["application/jsonl"], .ndjson), (["text/*"], .eventStream),
            (["text/html, application/xhtml+xml, */*;q=0.8"], .json),
            (["text/event-stream;q=0.5, application/json"], .json),
            (["application/json;q=0.5", "text/event-stream"], .eventStream),
            (["*/*, application/x-ndjson"], .ndjson), (["text/event-stream;q=0"], .json), (["image/png"], .json),
            (["TEXT/Event-Stream; charset=utf-8"], .eventStream),
            (["application/*;q=0.1, text/event-stream;q=0.2"], .eventStream),
        ] {
            #expect(MediaType.preferred(of: offered, accept: accept) == expected, "\(accept)")
        }
    }

    @Test("a time is written as RFC 3339 has it and read back to the millisecond")
    func timestamps() {
        for (seconds, text) in [
            (0.0, "1970-01-01T00:00:00.000Z"), (951_782_400.25, "2000-02-29T00:00:00.250Z"),
            (1_767_323_045.678, "2026-01-02T03:04:05.678Z"), (-1.0, "1969-12-31T23:59:59.000Z"),
            (4_107_542_399.999, "2100-02-28T23:59:59.999Z"),
        ] {
            // Half a millisecond keeps the fraction, which binary64 holds inexactly, from being rounded down.
            #expect(Timestamp.text(Date(timeIntervalSince1970: seconds + 0.0001)) == text)
            #expect(abs((Timestamp.date(text)?.timeIntervalSince1970 ?? .nan) - seconds) < 0.0005)
        }
    }

    @Test("times with offsets are read, and what is no time is refused")
    func readingTimes() {
        #expect(Timestamp.date("2026-01-02T03:04:05+01:00") == Timestamp.date("2026-01-02T02:04:05Z"))
        #expect(Timestamp.date("2026-01-02t03:04:05.5z") == Timestamp.date("2026-01-02T03:04:05.500Z"))
        for text in [
            "", "2026-01-02", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-02T24:00:00Z",
            "2026-01-02T03:60:00Z",
            "2026-01-02T03:04:05", "2026-01-02T03:04:05Zx", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+1:00",
            "26-01-02T03:04:05Z",
        ] {
            #expect(Timestamp.date(text) == nil, "\(text)")
        }
    }

    @Test("an idempotency key is taken with quotes and without")
    func keys() {
        #expect(Idempotency.name("\"abc\"") == "abc")
        #expect(Idempotency.name("abc") == "abc")
        #expect(Idempotency.name(#""a\"b\\c""#) == #"a"b\c"#)
        for value in [
            "", "\"\"", "\"abc", "\"a\"b\"", "\"a\\\"", "\"a\\n\"", "a\u{7F}", String(repeating: "a", count: 256),
        ] {
            #expect(Idempotency.name(value) == nil, "\(value)")
        }
        #expect(Idempotency.name(String(repeating: "a", count: 255))?.count == 255)
    }

    @Test("the key is demanded in either form, and of neither the probes nor the contract")
    func authentication() throws {
        let authentication = Authentication(key: "secret")
        func status(_ path: String, _ fields: Fields) throws -> Int? {
            authentication.refusal(try RequestHead(method: .get, target: path, fields: fields))?.kind.status
        }
        #expect(try status("/jobs", [:]) == 401)
        #expect(try status("/jobs", ["Authorization": "Bearer secret"]) == nil)
        #expect(try status("/jobs", ["authorization": "bearer  secret"]) == nil)
        #expect(try status("/jobs", ["X-API-Key": "secret"]) == nil)
        for wrong in ["secre", "secrets", "Secret", ""] { #expect(try status("/jobs", ["X-API-Key": wrong]) == 401) }
        #expect(try status("/jobs", ["Authorization": "Basic secret"]) == 401)
        #expect(try status("/metrics", [:]) == 401)
        for path in ["/healthz", "/readyz?x=1", "/openapi.yaml"] { #expect(try status(path, [:]) == nil, "\(path)") }
        #expect(try status("/healthz/x", [:]) == 401)
        #expect(Authentication(key: nil).refusal(try RequestHead(method: .get, target: "/jobs")) == nil)
        #expect(Authentication(key: "").refusal(try RequestHead(method: .get, target: "/jobs")) == nil)
    }

    @Test("a server beyond loopback without a key is refused in words")
    func bindings() {
        var configuration = APIConfiguration()
        for host in ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"] {
            #expect(configuration.refusal(host: host) == nil)
        }
        for host in ["0.0.0.0", "::", "192.168.1.1", "example.org", "127.example.org", "127.0.0.1.example.org"] {
            #expect(configuration.refusal(host: host)?.contains("API key") == true, "\(host)")
        }
        configuration.apiKey = "secret"
        #expect(configuration.refusal(host: "0.0.0.0") == nil)
        configuration.apiKey = ""
        #expect(configuration.refusal(host: "0.0.0.0") != nil)
    }

    @Test("both formats carry the same object")
    func frames() {
        let object = Array(#"{"a":1}"#.utf8)
        #expect(String(decoding: EventFormat.lines.frame("x", id: 7, object), as: UTF8.self) == "{\"a\":1}\n")
        #expect(
            String(decoding: EventFormat.serverSent.frame("x", id: 7, object), as: UTF8.self)
                == "id: 7\nevent: x\ndata: {\"a\":1}\n\n")
        #expect(EventFormat.lines.ping.isEmpty && EventFormat.lines.opening.isEmpty)
    }

    @Test("all that is wrong with a query comes at once, an unknown parameter too")
    func queries() throws {
        let head = try RequestHead(
            method: .get, target: "/jobs?limit=0&limit=2&wait=x&from=nowhere&at=today&force=maybe&odd=1")
        var query = Query(Request(id: "r", head: head))
        _ = query.limit()
        _ = query.number("wait", in: 0...1)
        _ = query.choice("from", ["start": 1])
        _ = query.time("at")
        _ = query.flag("force")
        do {
            try query.check()
            Issue.record("nothing was found")
        } catch {
            let names = error.items.map { item in if case .parameter(let name) = item.place { name } else { "" } }
            #expect(names == ["limit", "limit", "wait", "from", "at", "force", "odd"])
            #expect(error.kind == .invalidRequest)
        }
    }

    @Test("a query without faults gives its values")
    func soundQueries() throws {
        let head = try RequestHead(
            method: .get, target: "/jobs?limit=5&wait=0.5&from=start&force&at=2026-01-02T03:04:05%2B01:00")
        var query = Query(Request(id: "r", head: head))
        let limit = query.limit()
        let wait = query.number("wait", in: 0...1)
        let from = query.choice("from", ["start": 1])
        let force = query.flag("force")
        let time = query.time("at")
        let model = query.text("model")
        #expect(limit == 5 && wait == 0.5 && from == 1 && force && model == nil)
        #expect(time == Timestamp.date("2026-01-02T02:04:05Z"))
        try query.check()
    }
}
