import Testing
import Wire

@testable import HTTPServer

@Suite("The router")
struct RouterTests {
    private func router(_ patterns: [(Wire.Method, String)]) throws(ServerError) -> Router {
        try Router(patterns.map { Route.text($0, $1, "") })
    }

    private func found(_ router: Router, _ method: Wire.Method, _ path: String) throws -> (Int, [String: String])? {
        if case .found(let route, let parameters) = try router.match(method, path: path) { return (route, parameters) }
        return nil
    }

    private let table: [(Wire.Method, String)] = [
        (.get, "/"), (.get, "/jobs"), (.post, "/jobs"), (.get, "/jobs/{id}"), (.get, "/jobs/summary"),
        (.delete, "/jobs/{job}"), (.get, "/models/{name}/versions/{n}"), (.put, "/models/{name}/aliases/{alias}"),
    ]

    @Test("a path finds its route and its captures, decoded")
    func captures() throws {
        let router = try router(table)
        #expect(try found(router, .get, "/")?.0 == 0)
        #expect(try found(router, .post, "/jobs")?.0 == 2)
        let (job, id) = try #require(try found(router, .get, "/jobs/a%2Fb%20c"))
        #expect(job == 3 && id == ["id": "a/b c"])
        #expect(try found(router, .delete, "/jobs/7").map { $0 == (5, ["job": "7"]) } == true)
        #expect(try found(router, .get, "/models/air/versions/3").map { $0 == (6, ["name": "air", "n": "3"]) } == true)
    }

    @Test("a literal segment is preferred, and a capture serves the methods it alone has")
    func preference() throws {
        let router = try router(table)
        #expect(try found(router, .get, "/jobs/summary")?.0 == 4)
        #expect(try found(router, .delete, "/jobs/summary").map { $0 == (5, ["job": "summary"]) } == true)
    }

    @Test("HEAD is answered by GET")
    func head() throws {
        #expect(try found(router(table), .head, "/jobs/1")?.0 == 3)
    }

    @Test(
        "paths that are not in the table are not found",
        arguments: [
            "/job", "/jobs/", "/jobs//", "//jobs", "/jobs/1/2", "/models/a/versions", "*",
        ])
    func notFound(_ path: String) throws {
        guard case .none = try router(table).match(.get, path: path) else {
            Issue.record("\(path) found something")
            return
        }
    }

    @Test("another method is told which ones there are")
    func otherMethod() throws {
        guard case .otherMethod(let allow) = try router(table).match(.patch, path: "/jobs/summary") else {
            Issue.record("PATCH found something")
            return
        }
        #expect(allow == [.delete, .get, .head, .options])
    }

    @Test("broken percent-encoding is malformed, not unknown")
    func malformed() throws {
        let router = try router(table)
        #expect(throws: HTTPError.self) { try router.match(.get, path: "/jobs/%zz") }
        #expect(throws: HTTPError.self) { try router.match(.get, path: "/jobs/%00") }
    }

    @Test("a table that contradicts itself is refused")
    func contradictions() throws {
        let double = #expect(throws: ServerError.self) { try router([(.get, "/a/{x}"), (.get, "/a/{y}")]) }
        #expect(double?.reason == .invalidRoutes)
        #expect(throws: ServerError.self) { try router([(.get, "a")]) }
        let blocking = Route(.post, "/a", name: "a", body: .stream(limit: 1), execution: .onLoop) { _, _ in }
        #expect(throws: ServerError.self) { try Router([blocking]) }
    }
}
