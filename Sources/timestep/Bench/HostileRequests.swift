import Formats
import Foundation
import HTTPServer

/// What clients ask beside those that misbehave, and what they were told.
extension HostileKind {
    static func longJob(_ server: HostileServer) throws -> String {
        let client = try Server(address: server.address, apiKey: nil)
        let series = (0..<2_000).map { "\($0 % 7)" }.joined(separator: "\n")
        return try client.post(
            "/train",
            [
                "model": "endless", "task": ["kind": "forecast", "target": "y", "lookback": 8],
                "network": ["hidden": 16], "training": ["epochs": 1_000_000],
                "data": ["csv": .string("y\n\(series)\n")],
            ]
        ).read("Job: id")?.string ?? ""
    }

    static func cancel(_ job: String, _ server: HostileServer) throws {
        _ = try Server(address: server.address, apiKey: nil).post("/jobs/\(job)/cancel")
    }

    /// The status of an answer, as a word for the table.
    static func ask(
        _ server: HostileServer, _ method: String, _ target: String, _ type: String, _ content: String
    ) -> String { ask(server, method, target, type, Array(content.utf8)) }

    static func ask(
        _ server: HostileServer, _ method: String, _ target: String, _ type: String, _ content: [UInt8]
    ) -> String {
        do {
            let client = try HTTPClient(base: server.address)
            let answer = try client.request(
                method == "GET" ? .get : .post, target, fields: type.isEmpty ? [:] : ["Content-Type": type],
                body: content.isEmpty ? .none : .bytes(content))
            return "\(answer.head.status)"
        } catch {
            return "\(error)"
        }
    }

    static func timed(_ body: () -> String) -> String {
        let began = ContinuousClock.now
        let told = body()
        return told + " after " + Numerals.time(seconds: (ContinuousClock.now - began).timeInterval)
    }
}

extension Thread {
    static func sleep(until end: ContinuousClock.Instant) {
        sleep(forTimeInterval: max(0, (end - ContinuousClock.now).timeInterval))
    }
}

/// Answers by their words, and the slowest of them.
struct Tally {
    private var counts: [String: Int] = [:]
    private var longest = 0.0

    mutating func add(_ ask: () -> String) {
        let began = ContinuousClock.now
        let told = ask()
        counts[told, default: 0] += 1
        longest = max(longest, (ContinuousClock.now - began).timeInterval)
    }

    var text: String {
        let words = counts.sorted { $0.key < $1.key }.map { "\($0.value) times \($0.key)" }
        return words.joined(separator: ", ") + ", at the longest after " + Numerals.time(seconds: longest)
    }
}
