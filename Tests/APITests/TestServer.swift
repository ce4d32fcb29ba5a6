import Formats
import Foundation
import HTTPServer
import Logging
import Service
import Store
import Testing
import Wire

@testable import API

/// A whole server on a free port of loopback, with a worker on a thread of this process, over a data folder of its own.
/// Every answer that goes through `send` is held to the contract.
final class TestServer: Sendable {
    struct Answer {
        var status: Int
        var fields: Fields
        var body: [UInt8]

        func json() throws -> JSON { body.isEmpty ? .null : try JSON.parse(body) }
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    let service: Service
    let api: TimestepAPI
    let store: Store
    let base: String
    private let server: HTTPServer
    private let worker: WorkerLoop?
    private let workerStore: Store?
    private let directory: String

    init(
        hasWorker: Bool = true, apiKey: String? = nil, requestMemory: Int? = nil,
        change: (inout ServiceConfiguration) -> Void = { _ in }
    ) throws {
        directory =
            FileManager.default.temporaryDirectory.appendingPathComponent("timestep-api-\(UUID().uuidString)").path
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        store = try Store(directory: directory, at: Date())
        var configuration = ServiceConfiguration(dataDirectory: directory)
        configuration.workers = 0
        configuration.inferenceThreads = 2
        change(&configuration)
        service = Service(configuration: configuration, store: store, logger: logger)
        service.start()
        var apiConfiguration = APIConfiguration()
        apiConfiguration.apiKey = apiKey
        // Many servers run at once here, and a machine's threads are finite.
        apiConfiguration.requestThreads = 2
        apiConfiguration.transferThreads = 2
        api = TimestepAPI(service: service, configuration: apiConfiguration, logger: logger)
        var serverConfiguration = HTTPServer.Configuration()
        serverConfiguration.port = 0
        serverConfiguration.loops = 1
        if let requestMemory { serverConfiguration.requestMemory = requestMemory }
        server = HTTPServer(configuration: serverConfiguration, application: api, logger: logger)
        let (host, port) = try server.start()
        base = "http://\(host):\(port)"
        if hasWorker {
            let opened = try Store(directory: directory, role: .worker, at: Date())
            var settings = WorkerConfiguration(name: "test")
            settings.pollInterval = .milliseconds(20)
            let loop = WorkerLoop(configuration: settings, store: opened, logger: logger)
            Thread { loop.run() }.start()
            (worker, workerStore) = (loop, opened)
        } else {
            (worker, workerStore) = (nil, nil)
        }
    }

    func stop() {
        worker?.stop()
        api.stopWaiting()
        server.stop(within: .seconds(30))
        service.stop(within: .seconds(30))
        try? FileManager.default.removeItem(atPath: directory)
    }

    deinit { stop() }

    var connections: Int { server.connections }

    func client() throws -> HTTPClient { try HTTPClient(base: base) }

    /// Sends a request and holds the answer to the contract: its status, its media type, its schema.
    @discardableResult
    func send(
        _ method: Wire.Method, _ target: String, _ body: String? = nil, fields: Fields = [:], bytes: [UInt8]? = nil,
        coverage: Coverage? = nil, at location: SourceLocation = #_sourceLocation
    ) throws -> Answer {
        var fields = fields
        if body != nil { fields.fill(from: ["Content-Type": "application/json"]) }
        let content = bytes ?? body.map { Array($0.utf8) }
        let (head, received) = try client().request(
            method, target, fields: fields, body: content.map { .bytes($0) } ?? .none)
        let answer = Answer(status: head.status, fields: head.fields, body: received)
        let findings = ContractCheck.findings(method, target, answer, coverage)
        for finding in findings {
            Issue.record("\(method) \(target) → \(head.status): \(finding)", sourceLocation: location)
        }
        return answer
    }

    /// As `send`, and the answer must have this status.
    @discardableResult
    func send(
        _ method: Wire.Method, _ target: String, _ body: String? = nil, fields: Fields = [:], bytes: [UInt8]? = nil,
        expecting status: Int, coverage: Coverage? = nil, at location: SourceLocation = #_sourceLocation
    ) throws -> JSON {
        let answer = try send(method, target, body, fields: fields, bytes: bytes, coverage: coverage, at: location)
        #expect(answer.status == status, "\(method) \(target): \(answer.text.prefix(2000))", sourceLocation: location)
        let isJSON =
            answer.fields["Content-Type"]?.contains("json") == true
            && answer.fields["Content-Type"]?.contains("ndjson") == false
        return isJSON ? try answer.json() : .string(answer.text)
    }

    /// Waits by long polls until a job is over.
    func finish(_ job: String) throws -> JSON {
        while true {
            let found = try send(.get, "/jobs/\(job)?wait=20", expecting: 200)
            if found["terminal"]?.bool != false { return found }
        }
    }

    /// Trains and gives the finished job.
    @discardableResult
    func train(_ body: String, at location: SourceLocation = #_sourceLocation) throws -> JSON {
        let job = try send(.post, "/train", body, expecting: 202, at: location)
        let finished = try finish(try #require(job["id"]?.string))
        #expect(finished["status"] == "succeeded", "\(finished.text)", sourceLocation: location)
        return finished
    }
}

/// Which answers of the contract were seen, and with which properties.
final class Coverage {
    var answers: Set<String> = []
    var properties: [String: Set<String>] = [:]
}

/// Holds an answer to what the contract says of its operation.
enum ContractCheck {
    static func findings(
        _ method: Wire.Method, _ target: String, _ answer: TestServer.Answer, _ coverage: Coverage? = nil
    )
        -> [String]
    {
        let contract = ContractDocument.shared
        let path = String(target.prefix { $0 != "?" })
        guard
            let (operation, body) = contract.operations.first(where: { operation, _ in
                operation.method == method.rawValue && fits(path, operation.path)
            })
        else { return answer.status == 404 || answer.status == 405 ? [] : ["no such operation in the contract"] }
        let responses = contract.responses(body)
        guard let response = responses[String(answer.status)] ?? (answer.status >= 400 ? responses["default"] : nil)
        else {
            return ["the contract has no such status; it has \(responses.keys.sorted())"]
        }
        if answer.fields["X-Request-Id"] == nil { return ["no X-Request-Id"] }
        let content = contract.content(response)
        if content.isEmpty { return answer.body.isEmpty ? [] : ["a body where none is foreseen"] }
        let type = String((answer.fields["Content-Type"] ?? "").prefix { $0 != ";" })
        guard let schema = content[type]?["schema"] else {
            return ["the media type \(type) is not foreseen: \(content.keys)"]
        }
        coverage?.answers.insert("\(operation.method) \(operation.path) \(answer.status) \(type)")
        do {
            var values: [JSON] = []
            switch type {
            case "application/json", "application/problem+json": values = [try answer.json()]
            case "application/x-ndjson":
                values = try answer.text.split(separator: "\n").map { try JSON.parse(String($0)) }
            default: break
            }
            return values.flatMap { value in
                coverage?.note(value, schema)
                return SchemaCheck.findings(value, schema)
            }
        } catch { return ["the body is no JSON: \(error)"] }
    }

    private static func fits(_ path: String, _ pattern: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let wanted = pattern.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == wanted.count && zip(parts, wanted).allSatisfy { $1.hasPrefix("{") || $0 == $1 }
    }
}

extension Coverage {
    /// Notes which properties of which named schemas a value had.
    func note(_ value: JSON, _ schema: JSON) {
        let contract = ContractDocument.shared
        let rules = contract.resolve(schema)
        if let branch = rules["oneOf"]?.array?.first(where: { SchemaCheck.findings(value, $0).isEmpty }) {
            return note(value, branch)
        }
        if let name = schema["$ref"]?.string?.split(separator: "/").last, let object = value.object {
            properties[String(name), default: []].formUnion(object.keys)
        }
        for (name, schema) in contract.members(rules["properties"]) {
            if let member = value[name] { note(member, schema) }
        }
        if let items = rules["items"] { for element in value.array ?? [] { note(element, items) } }
    }
}
