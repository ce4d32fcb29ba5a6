import CCrash
import Formats
import Foundation
import Testing

@testable import timestep

/// Faults of the server itself, made by sending it the signals that they raise.
@Suite("After a crash")
struct AfterCrashTests {
    private static func folder() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("timestep-fault-\(UUID())").path
    }

    /// A server whose log goes to a file, where several lines of it can be waited for.
    private final class Running {
        let process: Process
        private let path: String

        init(_ arguments: [String], folder: String, backtrace: Bool = false) throws {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            path = folder + "/log"
            // Test runners ask for Swift's own account of a crash, which takes seconds.
            process =
                Program.process(
                    ["serve", "--port", "0", "--data", folder + "/data"] + arguments,
                    environment: ["SWIFT_BACKTRACE": backtrace ? "enable=yes,interactive=no,color=no" : "enable=no"]
                ).0
            _ = FileManager.default.createFile(atPath: path, contents: nil)
            process.standardError = FileHandle(forWritingAtPath: path)
            try process.run()
        }

        /// The `count`-th line with this message, waited for.
        func entry(_ message: String, _ count: Int) throws -> JSON {
            for _ in 0..<1_200 {
                let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
                // The workers write into the same log.
                let found = lines.compactMap { try? JSON.parse(Array($0.utf8)) }
                    .filter { $0["message"]?.string == message && $0["logger"] == "timestep" }
                if found.count >= count { return found[count - 1] }
                usleep(50_000)
            }
            throw CommandError(.unavailable, try String(contentsOfFile: path, encoding: .utf8))
        }
    }

    private static let told = "the server met a fault in itself and begins again; its live sessions are lost"

    @Test(
        "a server that meets a fault says so in its log, begins again in its process and answers",
        arguments: [SIGILL, SIGSEGV, SIGTRAP])
    func restart(signal: Int32) throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let running = try Running(["--workers", "1"], folder: folder)
        let process = running.process
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        _ = try running.entry("ready", 1)
        for crash in 1...2 {
            // The handler is in place just after the line was written.
            usleep(200_000)
            kill(process.processIdentifier, signal)
            let told = try running.entry(Self.told, crash)
            #expect(told["level"] == "critical" && told["crashes"]?.int == crash)
            let names = [SIGILL: "SIGILL", SIGSEGV: "SIGSEGV", SIGTRAP: "SIGTRAP"]
            #expect(told["signal"]?.string == names[signal])
            #expect(told["time"]?.string?.hasSuffix("Z") == true)
            let ready = try running.entry("ready", crash + 1)
            #expect(ready["pid"]?.string == "\(process.processIdentifier)")
            #expect(try ready["address"] == running.entry("ready", 1)["address"])
            let server = try Server(address: try #require(ready["address"]?.string), apiKey: nil)
            #expect(try server.get("/healthz")["status"] == "ok")
            // The folder's lock came along to nobody, and the new workers work.
            _ = try server.post("/train", Self.smallJob(model: "m\(crash)"))
            var jobs: [JSON] = []
            for _ in 0..<600 {
                jobs = try server.get("/jobs")["data"]?.array ?? []
                if jobs.allSatisfy({ $0["terminal"] == true }) { break }
                usleep(50_000)
            }
            #expect(jobs.count == crash && jobs.allSatisfy { $0["status"] == "succeeded" })
        }
        process.terminate()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    }

    @Test("a server that is to give Swift's account of a crash gives it and begins again")
    func backtrace() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let running = try Running(["--workers", "0"], folder: folder, backtrace: true)
        let process = running.process
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        _ = try running.entry("ready", 1)
        usleep(200_000)
        kill(process.processIdentifier, SIGSEGV)
        let ready = try running.entry("ready", 2)
        let server = try Server(address: try #require(ready["address"]?.string), apiKey: nil)
        #expect(try server.get("/healthz")["status"] == "ok")
        #expect(try String(contentsOfFile: folder + "/log", encoding: .utf8).contains("Backtrace took"))
        let metrics = try server.bytes("/metrics", accept: "text/plain")
        #expect(String(decoding: metrics, as: UTF8.self).contains("timestep_crashes_total 1\n"))
    }

    @Test("a server that is told to end at a fault ends by its signal")
    func end() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let running = try Running(["--workers", "0", "--after-crash", "end"], folder: folder)
        let process = running.process
        _ = try running.entry("ready", 1)
        usleep(200_000)
        kill(process.processIdentifier, SIGILL)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGILL)
    }

    @Test("the first crash costs no time, those in a row more and more, ten seconds at most")
    func delays() {
        #expect(AfterCrash.delay(afterCrashesInRow: 0) == .zero && AfterCrash.delay(afterCrashesInRow: 1) == .zero)
        let delays = (2...40).map { AfterCrash.delay(afterCrashesInRow: $0) }
        #expect(delays.first == .milliseconds(100) && delays.last == .seconds(10))
        #expect(zip(delays, delays.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test("what the environment says of crashes is read as it was written, and anything else is none")
    func environment() {
        func read(_ text: String?) -> [Int] {
            let crashes = AfterCrash.crashes(text.map { [AfterCrash.variable: $0] } ?? [:])
            return [crashes.all, crashes.inRow]
        }
        #expect(read("7,2") == [7, 2])
        for other in [nil, "", "7", "7,2,1", ","] { #expect(read(other) == [0, 0]) }
        #expect(read("x,-4") == [0, 0])
    }

    @Test(
        "the handler's own calendar agrees with the library's",
        arguments: [0, 951_782_399, 951_782_400, 951_868_800, 1_709_164_800, 1_735_689_599, 4_107_542_400])
    func calendar(seconds: Int) {
        var bytes = [CChar](repeating: 0, count: 25)
        ccrash_timestamp(Int64(seconds), 123_456_789, &bytes)
        let text = String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        #expect(text == LineLogHandler.timestamp(timespec(tv_sec: seconds, tv_nsec: 123_456_789)))
    }

    private static func smallJob(model: String) -> JSON {
        [
            "model": .string(model), "task": ["kind": "forecast", "target": "y", "lookback": 2],
            "network": ["cell": "elman", "hidden": 2], "training": ["epochs": 2],
            "data": ["csv": "y\n1\n2\n3\n4\n5\n6\n7\n8\n"],
        ]
    }
}
