import Formats
import Foundation
import TestSupport
import Testing

@testable import timestep

/// Real processes, killed without warning while they train.
@Suite("Crashes")
struct CrashTests {
    /// Kills in the test; every other one hits the server, with its workers.
    private static let kills = 20

    /// A training of a few seconds: long enough to be killed in, short enough to be repeated.
    private static func request(model: String) throws -> JSON {
        let csv = String(decoding: try Fixtures.bytes("data/airpassengers.csv"), as: UTF8.self)
        return [
            "model": .string(model),
            "task": [
                "kind": "forecast", "target": "passengers_thousands", "time": "month", "holdout": 24,
                "transform": ["log", ["seasonal_difference": 12]],
            ],
            "network": ["cell": "lstm", "hidden": 32],
            "training": ["epochs": 300, "batch_size": 32, "clip": ["norm": 1], "seed": 7],
            "data": ["csv": .string(csv)],
        ]
    }

    /// A server on a folder, as a process of its own.
    private final class Running {
        let process: Process
        let server: Server

        init(folder: String) throws {
            let (process, _, log) = Program.process([
                "serve", "--port", "0", "--data", folder, "--workers", "1", "--lease", "2s",
                "--checkpoint-interval", "100ms",
            ])
            try process.run()
            self.process = process
            let address = try #require(try Program.entry("ready", in: log)["address"]?.string)
            server = try Server(address: address, apiKey: nil)
        }

        func kill() {
            Foundation.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }

        /// The server's children.
        var workers: [pid_t] {
            let path = "/proc/\(process.processIdentifier)/task"
            let tasks = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            return tasks.flatMap { task in
                ((try? String(contentsOfFile: "\(path)/\(task)/children", encoding: .utf8)) ?? "")
                    .split(separator: " ").compactMap { pid_t($0) }
            }
        }

        func jobs() throws -> [JSON] { try server.get("/jobs?limit=100")["data"]?.array ?? [] }

        func hasUnfinishedJobs() throws -> Bool { try jobs().contains { $0["terminal"] == false } }

        /// Until a live worker moves a job on: after a kill that takes until the dead one's lease ends.
        func waitForTraining() throws {
            var before: [JSON?]?
            for _ in 0..<3_000 {
                let running = try jobs().filter { $0["status"] == "running" }
                let steps = running.map { $0["progress"]?["step"] }
                if let before, !steps.isEmpty, steps != before { return }
                if try !hasUnfinishedJobs() { return }
                before = steps
                usleep(50_000)
            }
        }

        func waitForJobs() throws {
            for _ in 0..<3_000 {
                if try !hasUnfinishedJobs() { return }
                usleep(100_000)
            }
        }
    }

    @Test(
        "killed at twenty moments, worker or server: no job is lost, none publishes twice, and the bytes are the same")
    func kills() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("timestep-crash-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var random = SeededGenerator(20)
        var running = try Running(folder: folder)
        defer { running.kill() }

        _ = try running.server.post("/train", Self.request(model: "undisturbed"))
        try running.waitForJobs()
        var submitted = 1
        for kill in 0..<Self.kills {
            if try !running.hasUnfinishedJobs() {
                _ = try running.server.post("/train", Self.request(model: "disturbed-\(submitted)"))
                submitted += 1
            }
            try running.waitForTraining()
            usleep(UInt32.random(in: 0...400_000, using: &random))
            if kill % 2 == 0 {
                for worker in running.workers { Foundation.kill(worker, SIGKILL) }
            } else {
                running.kill()
                running = try Running(folder: folder)
            }
        }
        try running.waitForJobs()

        let jobs = try running.jobs()
        #expect(jobs.count == submitted)
        #expect(jobs.allSatisfy { $0["status"] == "succeeded" })
        // At least one was in several hands, or the kills hit nothing.
        #expect(jobs.contains { ($0["attempt"]?.int ?? 0) > 1 })
        let expected = try running.server.get("/models/undisturbed/versions/1")["digest"]
        #expect(expected?.string?.isEmpty == false)
        for index in 1..<submitted {
            let versions = try running.server.get("/models/disturbed-\(index)/versions")["data"]?.array ?? []
            #expect(versions.count == 1)
            #expect(versions.first?["digest"] == expected)
        }
    }
}
