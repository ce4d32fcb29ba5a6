import Formats
import Foundation
import HTTPServer
import Testing

@testable import timestep

/// What the whole process takes, whatever is asked of it.
@Suite("Memory of the process")
struct MemoryTests {
    private static let mebibyte = 1 << 20

    /// The most that was resident at once, in bytes.
    private func peak(of process: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return 1_024 * (try #require(Int(line.filter(\.isNumber))))
    }

    private func list(_ element: String, _ count: Int) -> String {
        "[" + [String](repeating: element, count: count).joined(separator: ",") + "]"
    }

    @Test("requests that ask for gigabytes take no more than the settings say, and leave the server well")
    func bounded() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("timestep-test-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (process, _, log) = Program.process([
            "serve", "--port", "0", "--data", folder, "--workers", "0", "--request-memory", "64MiB", "--model-memory",
            "32MiB", "--session-memory", "16MiB",
        ])
        try process.run()
        defer {
            process.terminate()
            process.waitUntilExit()
        }
        let address = try #require(try Program.entry("ready", in: log)["address"]?.string)
        let client = try HTTPClient(base: address)
        let before = try peak(of: process.processIdentifier)
        let train = #""model": "m", "task": {"kind": "forecast", "target": "y", "lookback": 2}"#
        let bodies = [
            ("/predict", #"{"model": "m", "inputs": \#(list("{}", 5_000_000))}"#),
            ("/predict", #"{"model": "m", "inputs": \#(list("[]", 5_000_000))}"#),
            ("/predict", #"{"model": "m", "inputs": [\#(list("[1]", 4_000_000))]}"#),
            ("/predict", #"{"model": "m", "top_k": \#(list("{}", 5_000_000))}"#),
            ("/predict", "[" + list(#""a text of twenty bytes""#, 1_000_000) + "]"),
            ("/train", #"{\#(train), "data": {"records": \#(list(#"{"y":1}"#, 300_000))}}"#),
            ("/train", #"{\#(train), "network": {"hidden": \#(list("1", 5_000_000))}, "data": {"csv": "y\n1\n"}}"#),
            (
                "/train?validate=only",
                #"{\#(train), "data": {"csv": "y\n\#(String(repeating: "1\\n", count: 3_000_000))"}}"#
            ),
            ("/train", #"{"\#(String(repeating: "k", count: 16_000_000))": 1}"#),
        ]
        for (target, body) in bodies {
            let (head, _) = try client.request(
                .post, target, fields: ["Content-Type": "application/json"], body: .bytes(Array(body.utf8)))
            #expect(head.status < 500 || head.status == 503, "\(target) \(body.prefix(60)): \(head.status)")
        }
        // What the three settings say, and what belongs to no request: code that is read in, the database, arenas.
        let most = (64 + 32 + 16 + 64) * Self.mebibyte
        let grown = try peak(of: process.processIdentifier) - before
        #expect(grown <= most, "the process grew by \(grown >> 20) MiB")
        #expect(try Server(address: address, apiKey: nil).get("/healthz")["status"] == "ok")
    }
}
