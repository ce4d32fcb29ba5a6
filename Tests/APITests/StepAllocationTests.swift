import CAllocations
import HTTPServer
import Models
import Networks
import Resources
import Testing
import Wire

@testable import API

/// The step that is served is the fast one: between the parsed request and the bytes of its answer little is allocated.
struct StepAllocationTests {
    /// Nobody to answer.
    private struct Nobody: Responder {
        func respond(_ response: Response) {}
        func abandon() {}
        func stream(status: Int, fields: Fields, isEndless: Bool) -> any ResponseStream {
            preconditionFailure("a step that is not streamed")
        }
    }

    /// What is left: the answer's bytes, its numbers, the steps it tells of, and what the response carries.
    private static let most = 5

    @Test("a step of a live session allocates at most five times, from the service's call to the answer's bytes")
    func step() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        _ = try server.service.importModel(name: "m", bytes: ModelFile.encode(WorkTests.forecaster(hidden: 16)))
        try server.send(.post, "/sessions", #"{"model": "m", "id": "s"}"#, expecting: 201)
        let call = try EventStreamTests.call(server, Nobody(), body: #"{"inputs": [[1.5]]}"#)
        let wish = try call.decode(plan: StepPayload.plan, StepPayload.init(reading:))
        for _ in 0..<3 { _ = try call.steps(of: "s", wish) }
        let before = allocations_of_this_thread()
        let response = try call.steps(of: "s", wish)
        let count = allocations_of_this_thread() - before
        #expect(count <= Self.most)
        #expect(response.status == 200)
        #expect(try server.send(.get, "/sessions/s", expecting: 200)["step"] == 4)
    }
}
