import ArgumentParser
import Formats
import Foundation
import HTTPServer

/// `timestep bench serve`: what a server costs that does nothing.
struct ServeBench: Command {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Memory of an idle server, time from start to ready, size of the binary.",
        discussion:
            "Starts servers on free ports with fresh data folders, asks them until they are ready, and stops them.")

    @Option(help: "Starts; the shortest counts.") var rounds = 5
    @Option(help: "Seconds of idleness before memory is read.") var idle = 3
    @Flag(help: "Print JSON.") var json = false

    private struct Figures {
        var ready = Double.infinity
        var stop = Double.infinity
        var serverBytes = 0
        var workerBytes = 0
        var binaryBytes = 0
    }

    func perform() throws(CommandError) {
        guard rounds > 0, idle >= 0 else { throw CommandError(.usage, "expected numbers of at least 1") }
        var figures = Figures()
        do {
            let binary = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            figures.binaryBytes = try FileManager.default.attributesOfItem(atPath: binary)[.size] as? Int ?? 0
            for round in 0..<rounds { try measure(binary, isLast: round == rounds - 1, &figures) }
        } catch {
            throw CommandError(.unavailable, "the benchmark could not run: \(error)")
        }
        if json {
            let document: JSON = [
                "object": "bench_serve", "ready_seconds": .number(figures.ready), "stop_seconds": .number(figures.stop),
                "server_resident_bytes": .number(Double(figures.serverBytes)),
                "worker_resident_bytes": .number(Double(figures.workerBytes)),
                "binary_bytes": .number(Double(figures.binaryBytes)),
            ]
            return Output.line(document.text)
        }
        Output.line("start to ready           \(Numerals.time(seconds: figures.ready))")
        Output.line("SIGTERM to ended         \(Numerals.time(seconds: figures.stop))")
        Output.line("idle server, resident    \(Numerals.bytes(figures.serverBytes))")
        Output.line("idle worker, resident    \(Numerals.bytes(figures.workerBytes))")
        Output.line("size of the binary       \(Numerals.bytes(figures.binaryBytes))")
    }

    private func measure(_ binary: String, isLast: Bool, _ figures: inout Figures) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("timestep-bench-\(getpid())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: binary)
        process.arguments = ["serve", "--port", "0", "--data", folder, "--log-format", "json", "--log-level", "info"]
        let log = Pipe()
        process.standardError = log
        let began = ContinuousClock.now
        try process.run()
        defer { if process.isRunning { process.terminate() } }
        let address = try Self.address(in: log)
        let client = try HTTPClient(base: address)
        while try client.request(.get, "/readyz").head.status != 200 { usleep(500) }
        figures.ready = min(figures.ready, (ContinuousClock.now - began).timeInterval)

        if isLast {
            sleep(UInt32(idle))
            figures.serverBytes = Self.resident(process.processIdentifier)
            figures.workerBytes = Self.children(process.processIdentifier).map(Self.resident).max() ?? 0
        }
        client.close()
        let stopped = ContinuousClock.now
        process.terminate()
        process.waitUntilExit()
        figures.stop = min(figures.stop, (ContinuousClock.now - stopped).timeInterval)
    }

    /// Reads the server's log to the line that tells where it listens.
    static func address(in log: Pipe) throws -> String {
        var line: [UInt8] = []
        var told: [String] = []
        while let byte = try log.fileHandleForReading.read(upToCount: 1)?.first {
            guard byte == 0x0A else {
                line.append(byte)
                continue
            }
            let entry = try? JSON.parse(line)
            if entry?["message"]?.string == "ready", let address = entry?["address"]?.string { return address }
            told.append(String(decoding: line, as: UTF8.self))
            line = []
        }
        throw CommandError(.unavailable, told.joined(separator: "\n"))
    }

    /// Resident memory in bytes (proc(5): VmRSS, in KiB); 0 where the process is gone.
    private static func resident(_ process: Int32) -> Int {
        let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }

    /// Children stand under the thread that started them (proc(5)).
    private static func children(_ process: Int32) -> [Int32] {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
        return threads.flatMap { thread in
            let path = "/proc/\(process)/task/\(thread)/children"
            let listed = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            return listed.split(separator: " ").compactMap { Int32($0) }
        }
    }
}
