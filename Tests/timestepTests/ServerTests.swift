import Formats
import Foundation
import Synchronization
import Testing

@testable import timestep

@Suite("Talking to a server")
struct ServerTests {
    @Test("a document comes back, and the key goes along")
    func exchange() throws {
        let fake = try FakeServer { _ in (200, "application/json", #"{"id": "job_1"}"#) }
        let server = try Server(address: fake.address + "/", apiKey: "secret-key")
        #expect(try server.get("/jobs/job_1?wait=1") == ["id": "job_1"])
        #expect(try server.post("/train", ["model": "m"]) == ["id": "job_1"])
        let asked = fake.requests
        #expect(asked.map(\.method) == ["GET", "POST"])
        #expect(asked[0].target == "/jobs/job_1?wait=1")
        #expect(asked.allSatisfy { $0.fields["Authorization"] == "Bearer secret-key" })
        #expect(asked[1].fields["Content-Type"] == "application/json")
        #expect(try JSON.parse(asked[1].body) == ["model": "m"])
    }

    @Test("an answer without content is null, one that is not JSON is said to be none")
    func content() throws {
        let fake = try FakeServer { asked in
            asked.method == "DELETE" ? (204, "text/plain", "") : (200, "text/html", "<p>")
        }
        let server = try Server(address: fake.address, apiKey: nil)
        #expect(try server.delete("/models/m") == .null)
        #expect(throws: CommandError.self) { try server.get("/models/m") }
        #expect(fake.requests.allSatisfy { !$0.fields.contains("Authorization") })
    }

    @Test("a refusal is its sentence and status 1, whatever way it was asked for")
    func refusal() throws {
        let fake = try FakeServer { _ in (404, "application/problem+json", #"{"detail": "there is no model \"m\""}"#) }
        let server = try Server(address: fake.address, apiKey: nil)
        let expected = CommandError(.refused, "there is no model \"m\"")
        #expect(throws: expected) { try server.get("/models/m") }
        #expect(throws: expected) { try server.download("/models/m/versions/1/file", to: "/dev/null") }
        #expect(throws: expected) { try server.events("/jobs/j/events") { _ in true } }
    }

    @Test("where nothing listens, the error says how to start a server")
    func nobody() throws {
        // No port that was free a moment ago: the server of another test may have it by now.
        let address = "http://127.0.0.1:1"
        let server = try Server(address: address, apiKey: nil)
        let error = #expect(throws: CommandError.self) { try server.get("/jobs") }
        #expect(error == CommandError(.noServer, "no server at \(address); start one with: timestep serve"))
    }

    @Test(
        "an address that is none is a mistake of the command line",
        arguments: ["ftp://x", "", "http://", "localhost:80:80"])
    func address(text: String) {
        let error = #expect(throws: CommandError.self) { try Server(address: text, apiKey: nil).get("/") }
        #expect(error?.status == .usage)
    }

    @Test("an event stream that breaks is taken up where it broke, and ends with done")
    func resumption() throws {
        let fake = try FakeServer { asked in
            asked.fields["Last-Event-ID"] == nil
                ? (200, "text/event-stream", "id: 5\nevent: epoch\ndata: {}\n\nid: 6\nevent: epoch\ndata: {\"cut")
                : (
                    200, "text/event-stream",
                    "id: 6\nevent: epoch\ndata: {}\n\nid: 7\nevent: done\ndata: {}\n\nid: 8\ndata: late\n\n"
                )
        }
        var ids: [String?] = []
        try Server(address: fake.address, apiKey: nil).events("/jobs/j/events") { event in
            ids.append(event.id)
            return true
        }
        #expect(ids == ["5", "6", "7"])
        #expect(fake.requests.map { $0.fields["Last-Event-ID"] } == [nil, "5"])
    }

    @Test("a server that ends every stream at once is given up on")
    func endlessStream() throws {
        let fake = try FakeServer { _ in (200, "text/event-stream", ": nothing\n\n") }
        let error = #expect(throws: CommandError.self) {
            try Server(address: fake.address, apiKey: nil).events("/jobs/j/events") { _ in true }
        }
        #expect(error?.status == .noServer)
    }

    @Test("following a job ends with its document and its losses")
    func follow() throws {
        let events = (1...5).map { epoch in
            "id: \(epoch)\nevent: epoch\ndata: {\"data\": {\"epoch\": \(epoch), \"train_loss\": \(1 / Double(epoch))}}\n\n"
        }.joined()
        let stream = events + "id: 9\nevent: done\ndata: {\"status\": \"succeeded\"}\n\n"
        let fake = try FakeServer { asked in
            asked.target.hasSuffix("/events")
                ? (200, "text/event-stream", stream) : (200, "application/json", #"{"id": "j", "status": "succeeded"}"#)
        }
        let server = try Server(address: fake.address, apiKey: nil)
        let sink = open("/dev/null", O_WRONLY)
        defer { close(sink) }
        let outcome = try JobFollower(server: server, terminal: .plain, descriptor: sink).follow("j", label: "m")
        #expect(outcome.job["status"] == "succeeded")
        #expect(outcome.losses.map(\.epoch) == [1, 2, 3, 4, 5])
        #expect(outcome.losses.last?.training == 0.2)
    }

    @Test("references are taken apart: the number, the alias, the default, the newest")
    func references() throws {
        let fake = try FakeServer { asked in
            switch asked.target {
            case "/models/m/aliases/champion": (200, "", #"{"version": 7}"#)
            case "/models/m/aliases/nobody": (200, "", #"{"version": null}"#)
            case "/models/m": (200, "", #"{"versions": [1, 2, 9], "aliases": {}}"#)
            case "/models/d": (200, "", #"{"versions": [1, 2, 9], "aliases": {"default": 2}}"#)
            default: (404, "", "{}")
            }
        }
        let server = try Server(address: fake.address, apiKey: nil)
        #expect(try Models.resolve("m:3", server) == ("m", 3))
        #expect(try Models.resolve("m@champion", server) == ("m", 7))
        #expect(try Models.resolve("m", server) == ("m", 9))
        #expect(try Models.resolve("d", server) == ("d", 2))
        #expect(throws: CommandError.self) { try Models.resolve("m@nobody", server) }
    }

    private func body(_ text: String, of row: PredictInput.Row) throws -> JSON {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("timestep-input-\(UUID())").path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return .object(try PredictInput(path: path).body { () throws(CommandError) in row })
    }

    @Test("inputs of a prediction are read as JSON, as JSON lines and as CSV")
    func inputs() throws {
        func body(_ text: String) throws -> JSON { try self.body(text, of: .numbers(["y", "x"])) }
        let rows: JSON = ["inputs": [[[1, 2], [3, 4]]]]
        #expect(try body("[[[1,2],[3,4]]]") == rows)
        #expect(try body(#"{"x": [[1,2],[3,4]], "label": "a"}"#) == rows)
        #expect(try body("{\"x\": [[1,2]]}\n\n{\"x\": [[3,4]]}\n") == ["inputs": [[[1, 2]], [[3, 4]]]])
        #expect(try body("t,x,y\n0,2,1\n1,4,3\n") == rows)
        #expect(
            try body(#"{"inputs": [[[1,2],[3,4]]], "horizon": 3}"#) == ["inputs": [[[1, 2], [3, 4]]], "horizon": 3])
        #expect(throws: CommandError.self) { try body("t,x,y\n0,,1\n") }
        #expect(throws: CommandError.self) { try body("t,y\n0,1\n") }
        #expect(throws: CommandError.self) { try body("") }
        #expect(throws: CommandError.self) { try body("{\"x\": [[1]]}\n{\"z\": 1}\n") }
    }

    @Test("a model that reads tokens has the single column of a CSV as one sequence, and JSON as it is")
    func tokens() throws {
        let sequence: JSON = ["inputs": [["The", "dog, old", "3"]]]
        #expect(try body("word\nThe\n\"dog, old\"\n3\n", of: .token) == sequence)
        #expect(try body("word\r\n\"The\"\r\n\"dog, old\"\r\n3", of: .token) == sequence)
        #expect(
            try body("{\"x\": [\"The\", \"dog\"]}\n{\"x\": \"The dog\"}\n", of: .token)
                == ["inputs": [["The", "dog"], "The dog"]])
        #expect(try body(#"{"x": "The dog"}"#, of: .token) == ["inputs": ["The dog"]])
        #expect(try body(#"[["The", "dog"], "A bird"]"#, of: .token) == ["inputs": [["The", "dog"], "A bird"]])
    }

    @Test(
        "tokens that could be read in two ways, or not at all, are refused with what to write",
        arguments: [
            ("sentence,word\n1,The\n1,dog\n", "the columns are sentence, word; keep one of them, or write {\"x\": "),
            ("\"The\"\n\"dog\"\n", "a string a line may be tokens or texts; write {\"x\": "),
            ("[\"The\", \"dog\"]", "a list of strings may be tokens or texts; write {\"x\": "),
            ("[\"The\", \"dog\"]\n[\"A\"]\n", "line 1: expected an object with \"x\""),
            ("word\nThe\n,\n", "row 2: expected one token, found 2; quotes"),
            ("word\nThe\n\"\"\n", "row 2: expected one token, found none; quotes"),
        ])
    func unclearTokens(text: String, part: String) throws {
        let error = #expect(throws: CommandError.self) { try body(text, of: .token) }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test("segments and queries are encoded")
    func encoding() {
        #expect(segment("a b/c?d&é") == "a%20b%2Fc%3Fd%26%C3%A9")
        #expect(query([("a", "1 2"), ("b", nil), ("c", "x")]) == "?a=1%202&c=x")
        #expect(query([("a", nil)]) == "")
    }
}
