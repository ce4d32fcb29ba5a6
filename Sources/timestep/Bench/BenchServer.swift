import Formats
import Foundation

/// A server of a benchmark's own, its settings at their defaults, on a free port of this machine with a fresh data folder.
final class BenchServer {
    let address: String
    let folder: String
    private let process: Process

    /// - Parameters:
    ///   - program: the path of the program; nil is this one.
    ///   - purpose: of the folder, in its name.
    init(program: String?, purpose: String) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("timestep-\(purpose)-\(getpid())").path
        process = Process()
        let path = try program ?? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["serve", "--port", "0", "--data", folder, "--log-format", "json", "--log-level", "info"]
        let log = Pipe()
        process.standardError = log
        try process.run()
        address = try ServeBench.address(in: log)
        // Whatever else is logged must not fill the pipe.
        let handle = log.fileHandleForReading
        Thread.detachNewThread { while let rest = try? handle.read(upToCount: 65_536), !rest.isEmpty {} }
    }

    var isRunning: Bool { process.isRunning }
    var processID: Int32 { process.processIdentifier }

    func end() {
        process.terminate()
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Trains a model, and waits for it.
    static func train(_ job: JSON, _ server: Server) throws {
        let id = try server.post("/train", job).read("Job: id")?.string ?? ""
        while true {
            let answer = try server.get("/jobs/\(id)?wait=30")
            guard answer.read("Job: terminal") == true else { continue }
            guard answer.read("Job: status") == "succeeded" else { throw CommandError(.jobFailed, answer.text) }
            return
        }
    }
}
