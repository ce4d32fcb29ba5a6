import Formats
import Foundation
import Store
import Testing

@testable import timestep

/// Swift Testing has a type of the same name.
private typealias Ending = timestep.ExitStatus

/// The program as a whole, run as a person runs it.
@Suite("The program")
struct ProgramTests {
    private func folder() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("timestep-test-\(UUID())").path
    }

    @Test(
        "each way to fail has its exit status",
        arguments: [
            (["jobs", "--server", "http://127.0.0.1:1"], Ending.noServer, "no server at http://127.0.0.1:1"),
            (["jobs", "--server", "gopher://x"], .usage, "--server gopher://x"),
            (["train"], .usage, "--model"),
            (["train", "--no-such-flag"], .usage, "no-such-flag"),
            (["train", "/nowhere.csv", "--model", "m", "--target", "y"], .file, "/nowhere.csv"),
            (["serve", "--port", "many"], .configuration, "--port: expected a whole number"),
            (["serve", "--host", "0.0.0.0"], .configuration, "API key"),
            (["serve", "--config", "/nowhere.yaml"], .configuration, "/nowhere.yaml"),
            (["serve", "--data", "/proc/nowhere"], .unavailable, "/proc/nowhere"),
            (["worker", "--lease", "1ms"], .configuration, "--lease: expected a time of at least 2s"),
            (["worker", "--data", "/nowhere/data"], .unavailable, "timestep serve --data /nowhere/data"),
        ])
    fileprivate func failures(arguments: [String], status: Ending, words: String) throws {
        let result = try Program.run(arguments)
        #expect(result.status == status.rawValue, "\(result.error)")
        #expect(result.error.contains(words), "\(result.error)")
        #expect(result.output.isEmpty)
    }

    @Test("a refusal of the server is status 1 with its sentence")
    func refused() throws {
        let fake = try FakeServer { _ in (404, "application/problem+json", #"{"detail": "there is no model \"m\""}"#) }
        let result = try Program.run(["predict", "m"], environment: ["TIMESTEP_SERVER": fake.address])
        #expect(result.status == Ending.refused.rawValue)
        #expect(result.error == "timestep: there is no model \"m\"\n")
    }

    @Test("--json prints what the server said and nothing else")
    func json() throws {
        let fake = try FakeServer { _ in (200, "application/json", #"{"object":"list","data":[],"has_more":false}"#) }
        let result = try Program.run(["jobs", "--json", "--server", fake.address])
        #expect(result.status == 0 && result.error.isEmpty)
        #expect(try JSON.parse(result.output) == ["object": "list", "data": [], "has_more": false])
    }

    @Test("the address of the server is the flag's, then the environment's")
    func addressing() throws {
        let answer = #"{"object":"list","data":[],"has_more":false}"#
        let (one, two) = (try FakeServer { _ in (200, "", answer) }, try FakeServer { _ in (200, "", answer) })
        _ = try Program.run(["jobs", "--server", one.address], environment: ["TIMESTEP_SERVER": two.address])
        #expect(one.requests.count == 1 && two.requests.isEmpty)
        _ = try Program.run(["jobs"], environment: ["TIMESTEP_SERVER": two.address, "TIMESTEP_API_KEY": "of-two"])
        #expect(two.requests.first?.fields["Authorization"] == "Bearer of-two")
    }

    @Test("training that fails is status 2, and its reason is told")
    func jobFailed() throws {
        let job =
            #"{"id":"job_1","status":"failed","model":{"name":"m"},"seed":1,"error":{"code":"diverged","detail":"the loss became infinite in step 7"}}"#
        let fake = try FakeServer { asked in
            asked.target.hasSuffix("/events")
                ? (200, "text/event-stream", "id: 1\nevent: done\ndata: {\"status\": \"failed\"}\n\n")
                : (
                    asked.method == "POST" ? 202 : 200, "application/json",
                    asked.target == "/datasets" ? #"{"id":"ds_1"}"# : job
                )
        }
        let result = try Program.run(
            ["train", "-", "--model", "m", "--target", "y", "--server", fake.address], input: "y\n1\n2\n")
        #expect(result.status == Ending.jobFailed.rawValue)
        #expect(result.error.contains("the loss became infinite in step 7"))
        #expect(fake.requests.first?.target == "/datasets")
        #expect(fake.requests.first.map { String(decoding: $0.body, as: UTF8.self) } == "y\n1\n2\n")
    }

    @Test("training ends with its scores and its forecast beside what happened")
    func trained() throws {
        let job = """
            {"id": "job_1", "status": "succeeded", "model": {"name": "m", "version": 4}, "seed": 1,
             "spec": {"task": {"target": "y", "time": "t", "features": [], "holdout": 2, "horizon": 2}},
             "report": {"epochs_run": 9, "train_loss": 0.5, "holdout": {"rows": 2, "horizon": {"rmse": 0.5},
               "one_step": {"rmse": 0.4}, "baselines": {"naive": {"horizon": {"rmse": 3}, "one_step": {"rmse": 2}}}},
               "precision": {"part": "holdout", "count": 2, "float32": {"horizon": {"rmse": 0.5}},
                 "bfloat16": {"horizon": {"rmse": 0.51}}, "int8": {"horizon": {"rmse": null}}}}}
            """
        let fake = try FakeServer { asked in
            switch asked.target {
            case "/datasets": (201, "application/json", #"{"id":"ds_1"}"#)
            case "/jobs/job_1/events":
                (200, "text/event-stream", "id: 1\nevent: done\ndata: {\"status\": \"succeeded\"}\n\n")
            case "/predict":
                (200, "application/json", #"{"targets": ["y"], "outputs": [[[3.5], [4.5]]], "index": [["3", "4"]]}"#)
            default: (asked.method == "POST" ? 202 : 200, "application/json", job)
            }
        }
        let path = folder() + ".csv"
        try "t,y\n1,1\n2,2\n3,3\n4,4\n".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let train = ["train", path, "--model", "m", "--target", "y", "--server", fake.address]
        let result = try Program.run(train + ["--require-rmse", "0.5"])
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.contains("m:4, seed 1: 9 epochs"))
        #expect(result.output.contains("what happened"))
        #expect(
            result.output.contains("\n  RMSE (holdout) answering in float32 0.50, bfloat16 0.51, int8 -\n"),
            "\(result.output)")
        let asked = try #require(fake.requests.first { $0.target == "/predict" })
        #expect(try JSON.parse(asked.body) == ["model": "m:4", "horizon": 2])

        let strict = try Program.run(train + ["--require-rmse", "0.49"])
        #expect(strict.status == Ending.refused.rawValue)
        #expect(strict.error.contains("0.50"))
    }

    @Test("predict --against compares with the rows that the forecast's dates name, not with the last of the file")
    func against() throws {
        let fake = try FakeServer { _ in
            (
                200, "application/json",
                #"{"model": {"name": "m", "version": 4}, "targets": ["y"], "outputs": [[[3.5], [4.5]]], "index": [["2000-03", "2000-04"]]}"#
            )
        }
        let path = folder() + ".csv"
        try "month,y\n2000-01,1\n2000-02,2\n2000-03,3\n2000-04,4\n2000-05,900\n2000-06,900\n"
            .write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let result = try Program.run(
            ["predict", "m", "--horizon", "2", "--against", path, "--server", fake.address])
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.contains("RMSE 0.50"), "\(result.output)")
        #expect(fake.requests.map(\.target) == ["/predict"])
    }

    @Test("predict reads a CSV for a model of tokens, and tells flags as flags where the first answer is null")
    func tokensAndFlags() throws {
        let fake = try FakeServer { asked in
            asked.target == "/predict"
                ? (
                    200, "application/json",
                    #"{"model": {"name": "m", "version": 1}, "outputs": [[null, {"flags": ["P"], "probabilities": {"P": 0.75}}]]}"#
                )
                : (200, "application/json", #"{"task": {"kind": "label", "inputs": ["token"], "split": "words"}}"#)
        }
        let result = try Program.run(
            ["predict", "m:1", "--input", "-", "--server", fake.address], input: "word\nB\nT\n")
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.contains("flags") && !result.output.contains("label"), "\(result.output)")
        #expect(result.output.contains("P 0.750"), "\(result.output)")
        let asked = try #require(fake.requests.first { $0.target == "/predict" })
        #expect(try JSON.parse(asked.body)["inputs"] == [["B", "T"]])
    }

    @Test("a precision is asked for where a prediction or a session is, or set for a model")
    func precision() throws {
        let fake = try FakeServer { asked in
            switch asked.target {
            case "/predict": (200, "application/json", #"{"model": {"name": "m", "version": 1}, "outputs": []}"#)
            case "/sessions": (201, "application/json", #"{"id": "s"}"#)
            default: (200, "application/json", #"{"name": "m", "precision": "int8"}"#)
            }
        }
        for (arguments, output) in [
            (["predict", "m", "--precision", "int8"], nil), (["sessions", "open", "m", "--precision", "int8"], "s\n"),
            (["models", "precision", "m", "int8"], "m computes in int8\n"),
        ] {
            let result = try Program.run(arguments + ["--server", fake.address])
            #expect(result.status == 0, "\(result.error)")
            if let output { #expect(result.output == output) }
        }
        let asked = fake.requests
        #expect(asked.map { "\($0.method) \($0.target)" } == ["POST /predict", "POST /sessions", "PATCH /models/m"])
        let bodies = try asked.map { try JSON.parse($0.body) }
        #expect(bodies.map { $0["precision"] } == ["int8", "int8", "int8"])
    }

    @Test(
        "every command has a help that shows examples or says what it does",
        arguments: [
            [], ["serve"], ["worker"], ["train"], ["predict"], ["jobs"], ["jobs", "watch"], ["models"],
            ["models", "alias"], ["models", "precision"],
            ["datasets"], ["sessions"], ["sessions", "step"], ["bench"], ["bench", "json"], ["bench", "precision"],
        ])
    func help(command: [String]) throws {
        let result = try Program.run(command + ["--help"])
        #expect(result.status == 0)
        #expect(result.output.contains("USAGE: timestep"))
        // A command to type is shown as one, on a line of its own.
        let broken = result.output.split(separator: "\n").filter { $0.hasPrefix("timestep ") }
        #expect(command.first == "bench" || broken.isEmpty, "\(broken)")
        if command.isEmpty {
            for status in Ending.allCases { #expect(result.output.contains(status.meaning)) }
        }
    }

    @Test("a server starts, says where it listens, refuses a second one on its folder, and stops on SIGTERM")
    func serve() throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let arguments = ["serve", "--port", "0", "--data", folder, "--workers", "0"]
        let (process, _, log) = Program.process(arguments)
        try process.run()
        defer { if process.isRunning { process.terminate() } }
        let entry = try Program.entry("ready", in: log)
        #expect(entry["level"] == "info")
        let address = try #require(entry["address"]?.string)
        #expect(try Server(address: address, apiKey: nil).get("/healthz")["status"] == "ok")

        let second = try Program.run(arguments)
        #expect(second.status == Ending.unavailable.rawValue)
        #expect(second.error.contains(folder))

        let began = ContinuousClock.now
        process.terminate()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        // Nothing is in flight: it takes no part of the 30 s that it may take.
        #expect(ContinuousClock.now - began < .seconds(20))
        // The folder is free again.
        let (third, _, thirdLog) = Program.process(arguments)
        try third.run()
        defer { if third.isRunning { third.terminate() } }
        _ = try Program.entry("ready", in: thirdLog)
        #expect(third.isRunning)
        third.terminate()
        third.waitUntilExit()
    }

    @Test("a worker stops on SIGTERM, and a supervised one when its server is gone", arguments: [false, true])
    func worker(isSupervised: Bool) throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try Store(directory: folder, at: Date())
        let (process, _, log) = Program.process(["worker", "--data", folder] + (isSupervised ? ["--supervised"] : []))
        let input = Pipe()
        process.standardInput = input
        try process.run()
        defer { if process.isRunning { process.terminate() } }
        _ = try Program.entry("ready", in: log)
        if isSupervised { try input.fileHandleForWriting.close() } else { process.terminate() }
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
