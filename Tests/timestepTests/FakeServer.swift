import Formats
import Foundation
import HTTPServer
import Logging
import Synchronization
import Wire

@testable import timestep

/// A server that answers what a test tells it to, and remembers what it was asked.
final class FakeServer: Sendable {
    struct Asked: Sendable {
        var method: String
        var target: String
        var fields: Fields
        var body: [UInt8]
    }

    typealias Answer = @Sendable (Asked) -> (status: Int, type: String, body: String)

    private let asked = Mutex<[Asked]>([])
    private let server: HTTPServer
    let address: String

    /// Answers every request by `answer`.
    init(_ answer: @escaping Answer) throws {
        let box = Box()
        var configuration = HTTPServer.Configuration()
        configuration.port = 0
        let logger = Logger(label: "fake") { _ in SwiftLogNoOpLogHandler() }
        server = HTTPServer(configuration: configuration, application: Face(box: box, answer: answer), logger: logger)
        address = "http://127.0.0.1:\(try server.start().port)"
        box.owner.withLock { $0 = { [weak self] asked in self?.asked.withLock { $0.append(asked) } } }
    }

    deinit { server.stop(within: .milliseconds(200)) }

    var requests: [Asked] { asked.withLock { $0 } }

    private final class Box: Sendable {
        let owner = Mutex<(@Sendable (Asked) -> Void)?>(nil)
    }

    private struct Face: Application {
        let box: Box
        let answer: Answer

        var routes: [Route] {
            let depths = (1...6).map { (1...$0).map { "/{p\($0)}" }.joined() }
            return depths.flatMap { pattern in
                ["GET", "POST", "PUT", "PATCH", "DELETE"].map { method in
                    Route(
                        Wire.Method(rawValue: method), pattern, name: pattern, body: .collect(limit: 1 << 24),
                        execution: .onLoop
                    ) { request, responder in
                        let asked = Asked(
                            method: request.method.rawValue, target: request.head.rawTarget, fields: request.fields,
                            body: request.body)
                        box.owner.withLock { $0 }?(asked)
                        let (status, type, body) = answer(asked)
                        responder.respond(
                            Response(status: status, fields: ["Content-Type": type], body: .bytes(Array(body.utf8))))
                    }
                }
            }
        }

        func response(to error: any Error, request: Request?, id: String?) -> Response {
            Response(status: 500, fields: [:], body: .bytes(Array("\(error)".utf8)))
        }
    }
}

/// The program as a person runs it.
struct Program {
    struct Result {
        var status: Int32
        var output: String
        var error: String
    }

    /// Built beside the tests.
    static let path: String = {
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("timestep").path
    }()

    static func process(_ arguments: [String], environment: [String: String] = [:]) -> (Process, Pipe, Pipe) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        // Nothing of the machine's own settings reaches the program.
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TIMESTEP_") }
        process.environment = inherited.merging(environment) { $1 }
        let (output, error) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = error
        process.standardInput = FileHandle.nullDevice
        return (process, output, error)
    }

    /// Reads a log to the line with this message, and lets the rest of it go: a full pipe would block the program.
    static func entry(_ message: String, in log: Pipe) throws -> JSON {
        var line: [UInt8] = []
        while let byte = try log.fileHandleForReading.read(upToCount: 1)?.first {
            guard byte == 0x0A else {
                line.append(byte)
                continue
            }
            let entry = try JSON.parse(line)
            if entry["message"]?.string == message {
                // A thread that holds the handle to the log's end: a handler of it could outlive the descriptor.
                let handle = log.fileHandleForReading
                Thread.detachNewThread {
                    while let rest = try? handle.read(upToCount: 4_096), !rest.isEmpty {}
                }
                return entry
            }
            line = []
        }
        throw CommandError(.unavailable, "the log ended without \"\(message)\"")
    }

    static func run(
        _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) throws -> Result {
        let (process, output, error) = process(arguments, environment: environment)
        if let input {
            let pipe = Pipe()
            process.standardInput = pipe
            pipe.fileHandleForWriting.write(Data(input.utf8))
            try pipe.fileHandleForWriting.close()
        }
        try process.run()
        // Small outputs only: a full pipe would block the program before it ends.
        let told = output.fileHandleForReading.readDataToEndOfFile()
        let complaint = error.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: String(decoding: told, as: UTF8.self),
            error: String(decoding: complaint, as: UTF8.self))
    }
}
