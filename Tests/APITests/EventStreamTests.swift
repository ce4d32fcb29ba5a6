import Formats
import Foundation
import HTTPServer
import Models
import Networks
import Resources
import Store
import Synchronization
import Testing
import Wire

@testable import API

/// A stream that notes what becomes of it, and has no memory of its own for what is counted.
private final class PoorStream: Responder, ResponseStream {
    let ends = Mutex<[StreamEnd]>([])

    let statuses = Mutex<[Int]>([])

    func respond(_ response: Response) { statuses.withLock { $0.append(response.status) } }
    func abandon() {}
    func stream(status: Int, fields: Fields, isEndless: Bool) -> any ResponseStream { self }

    func write(_ bytes: [UInt8]) -> Int? { 0 }
    func writeWaiting(_ bytes: [UInt8]) -> Bool { true }
    func writeCounted(_ bytes: [UInt8]) throws(MemoryRefusal) -> Int? {
        try MemoryShare(of: MemoryBudget(limit: 0)).take(bytes.count, for: "the answer")
        return 0
    }
    func finish() { ends.withLock { $0.append(.finished) } }
    func abort() { ends.withLock { $0.append(.aborted) } }
    var isFull: Bool { false }
    var isClosed: Bool { false }
    func onClose(_ action: @escaping @Sendable (StreamEnd) -> Void) {}
    func onWritable(_ action: @escaping @Sendable () -> Void) {}
    func onStopping(_ action: @escaping @Sendable () -> Void) {}
}

/// Answers that are written event by event come to their end, and what they tell of was done once.
struct EventStreamTests {
    private func server(_ model: Model, requestMemory: Int? = nil) throws -> TestServer {
        let server = try TestServer(hasWorker: false, requestMemory: requestMemory)
        _ = try server.service.importModel(name: "m", bytes: ModelFile.encode(model))
        return server
    }

    @Test("a stream of predictions ends though its last event is larger than what may wait for its peer")
    func largeEnd() throws {
        let long = String(repeating: "x", count: 200)
        let server = try server(WorkTests.forecaster(targets: 3_000, hidden: 1) { "\(long)\($0)" })
        defer { server.stop() }
        let body = #"{"model": "m", "horizon": 2}"#
        for accept in ["application/x-ndjson", "text/event-stream"] {
            let answer = try server.send(.post, "/predict", body, fields: ["Accept": accept])
            #expect(answer.status == 200 && answer.body.count > 600_000)
            #expect(answer.text.contains("\(long)2999"))
        }
    }

    static func call(
        _ server: TestServer, _ responder: any Responder, fields: Fields = [:], body: String = "",
        memory: MemoryShare = .unlimited
    ) throws -> Call {
        let head = try RequestHead(method: .post, target: "/sessions/s/steps", fields: fields)
        let request = Request(id: "r", head: head, parameters: ["id": "s"], body: Array(body.utf8), memory: memory)
        return Call(api: server.api, request: request, responder: responder)
    }

    @Test(
        "rows whose answers find no memory are refused before the session moves, and those taken are answered",
        arguments: ["application/x-ndjson", "text/event-stream"], ["k", nil])
    func refusedFirst(_ accept: String, _ key: String?) throws {
        let server = try server(WorkTests.forecaster(hidden: 64))
        defer { server.stop() }
        try server.send(.post, "/sessions", #"{"model": "m", "id": "s"}"#, expecting: 201)
        let inputs = [String](repeating: "[1]", count: 1_000).joined(separator: ",")
        let body = #"{"inputs": [\#(inputs)], "return": ["h"]}"#
        var fields: Fields = ["Accept": accept, "Content-Type": "application/json"]
        if let key { fields["Idempotency-Key"] = key }
        func take(_ memory: MemoryShare) throws -> PoorStream {
            let poor = PoorStream()
            let call = try Self.call(server, poor, fields: fields, body: body, memory: memory)
            do { try call.stepSession() } catch { call.fail(error) }
            #expect(eventually { server.api.queues.transfer.count + server.api.queues.long.count == 0 })
            return poor
        }
        func step() throws -> JSON? { try server.send(.get, "/sessions/s", expecting: 200)["step"] }
        let refused = try take(MemoryShare(of: MemoryBudget(limit: 4 << 20)))
        #expect(refused.statuses.withLock { $0 } == [413])
        #expect(try step() == 0)
        let first = try take(.unlimited)
        #expect(first.ends.withLock { $0 } == [.finished])
        #expect(try step() == 1_000)
        guard key != nil else { return }
        let again = try take(.unlimited)
        #expect(again.statuses.withLock { $0 } == [200])
        #expect(try step() == 1_000)
    }

    @Test("an answer that is kept is collected though nobody takes it, as far as it may be kept")
    func keptWithoutMemory() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let poor = PoorStream()
        let stream = EventStream(try Self.call(server, poor), .lines, isKept: true)
        let text = String(repeating: "x", count: 1_000)
        for _ in 0..<3_000 { try stream.send("step") { $0.member("text", text) } }
        #expect(poor.ends.withLock { $0.first } == .aborted)
        #expect(Store.largestAnswer + 1...Store.largestAnswer + 2_000 ~= stream.sent.count)
        let other = EventStream(try Self.call(server, PoorStream()), .lines)
        #expect(throws: MemoryRefusal.self) { try other.send("step") { $0.member("text", text) } }
    }

    @Test("memory that was taken before the work is passed on to the stream, and the rest of it given back")
    func reserved() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let call = try Self.call(server, PoorStream())
        let stream = EventStream(call, .lines)
        try call.request.memory.take(stream.reserve(1_000), for: "the answer")
        try stream.send("step") { $0.member("step", 1) }
        #expect(500..<1_000 ~= call.request.memory.held)
        stream.finish()
        #expect(call.request.memory.held == 0)
    }

    @Test("who cannot be told the answers of rows that were taken is told where the session stands, and not to repeat")
    func lostAnswers() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        let call = try Self.call(server, PoorStream())
        let problem = #expect(throws: Problem.self) {
            try call.afterStep(of: "s", to: 7) { try MemoryShare(of: MemoryBudget(limit: 0)).take(9, for: "it") }
        }
        #expect(problem?.kind == .answerNotKept && problem?.detail.contains("step 7") == true)
        #expect(problem?.detail.contains("again") == false)
    }
}
