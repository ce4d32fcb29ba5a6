import Foundation
import GRDB
import Testing

@testable import Store

private let key = IdempotencyKey(scope: "POST /train", key: "k1")
private let answer = StoredAnswer(status: 202, headers: "location: /jobs/job_1", body: Array("{}".utf8))

@Test(
    "a key is fresh once, then in progress, then answered for ever; another payload is told apart; another scope is another key"
)
func keyLife() throws {
    let store = try StoreFolder().open()
    #expect(try store.beginIdempotent(key, digest: "d", at: .start) == .fresh)
    #expect(try store.beginIdempotent(key, digest: "d", at: .start) == .inProgress)
    #expect(try store.beginIdempotent(key, digest: "e", at: .start) == .mismatch)
    try store.finishIdempotent(key, answer)
    #expect(try store.beginIdempotent(key, digest: "d", at: .start) == .replay(answer))
    #expect(try store.beginIdempotent(key, digest: "e", at: .start) == .mismatch)
    let later = StoredAnswer(status: 500, headers: "", body: [])
    try store.finishIdempotent(key, later)
    try store.forgetIdempotent(key)
    #expect(try store.beginIdempotent(key, digest: "d", at: .start) == .replay(answer))
    let other = IdempotencyKey(scope: "POST /sessions", key: "k1")
    #expect(try store.beginIdempotent(other, digest: "d", at: .start) == .fresh)
}

@Test("a forgotten key may be sent again")
func forgottenKey() throws {
    let store = try StoreFolder().open()
    _ = try store.beginIdempotent(key, digest: "d", at: .start)
    try store.forgetIdempotent(key)
    #expect(try store.beginIdempotent(key, digest: "e", at: .start) == .fresh)
}

@Test("of many requests with one key at once, one is fresh")
func concurrentKeys() async throws {
    let folder = StoreFolder()
    _ = try folder.open()
    let verdicts = try await withThrowingTaskGroup(of: IdempotencyVerdict.self) { group in
        for _ in 0..<6 {
            group.addTask { try folder.open().beginIdempotent(key, digest: "d", at: .start) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(verdicts.filter { $0 == .fresh }.count == 1)
    #expect(verdicts.filter { $0 == .inProgress }.count == 5)
}

@Test("after a crash a request that made its job is answered from it, one that made nothing may be sent again")
func interruptedRequests() throws {
    let folder = StoreFolder()
    let unused = IdempotencyKey(scope: "POST /train", key: "k2")
    let done = IdempotencyKey(scope: "POST /train", key: "k3")
    var job = ""
    do {
        let server = try folder.open(.server)
        for key in [key, unused, done] { _ = try server.beginIdempotent(key, digest: "d", at: .start) }
        job = try server.addJob(key: key).id
        try server.finishIdempotent(done, answer)
        // A worker that starts meanwhile disturbs none of them.
        let worker = try folder.open(.worker)
        #expect(try worker.beginIdempotent(key, digest: "d", at: .start) == .inProgress)
    }
    let server = try folder.open(.server)
    #expect(try server.beginIdempotent(key, digest: "d", at: .start) == .interrupted(resource: job))
    #expect(try server.beginIdempotent(key, digest: "e", at: .start) == .mismatch)
    #expect(try server.beginIdempotent(unused, digest: "d", at: .start) == .fresh)
    #expect(try server.beginIdempotent(done, digest: "d", at: .start) == .replay(answer))
    try server.finishIdempotent(key, answer)
    #expect(try server.beginIdempotent(key, digest: "d", at: .start) == .replay(answer))
    #expect(try server.jobs(limit: 10).items.map(\.id) == [job])
}

@Test("an answer that is too large is not kept: what it made is, or else that it was done")
func largeAnswers() throws {
    let store = try StoreFolder().open(.server)
    let keys = (0..<3).map { IdempotencyKey(scope: "s", key: "\($0)") }
    for key in keys { #expect(try store.beginIdempotent(key, digest: "d", at: .start) == .fresh) }
    let job = try store.addJob(key: keys[0])
    let large = StoredAnswer(status: 200, headers: "a: b", body: [UInt8](repeating: 1, count: Store.largestAnswer + 1))
    let fits = StoredAnswer(status: 200, headers: "a: b", body: [UInt8](repeating: 1, count: Store.largestAnswer))
    try store.finishIdempotent(keys[0], large)
    try store.finishIdempotent(keys[1], large)
    try store.finishIdempotent(keys[2], fits)
    #expect(try store.beginIdempotent(keys[0], digest: "d", at: .start) == .interrupted(resource: job.id))
    #expect(try store.beginIdempotent(keys[1], digest: "d", at: .start) == .notKept)
    #expect(try store.beginIdempotent(keys[1], digest: "e", at: .start) == .mismatch)
    #expect(try store.beginIdempotent(keys[2], digest: "d", at: .start) == .replay(fits))
}

@Test("all answers together have a bound, and the oldest go first")
func manyAnswers() throws {
    let store = try StoreFolder().open(.server)
    let answer = StoredAnswer(status: 200, headers: "", body: [UInt8](repeating: 1, count: Store.largestAnswer))
    let count = Store.mostAnswerBytes / Store.largestAnswer + 20
    let keys = (0..<count).map { IdempotencyKey(scope: "s", key: "\($0)") }
    for (age, key) in keys.enumerated() {
        _ = try store.beginIdempotent(key, digest: "", at: .start + age)
        try store.finishIdempotent(key, answer)
    }
    let kept = try store.database.read { db in
        try Int.fetchOne(db, sql: "SELECT SUM(LENGTH(body)) FROM idempotency") ?? 0
    }
    #expect(kept <= Store.mostAnswerBytes * 9 / 8 + Store.largestAnswer && kept > Store.mostAnswerBytes / 2)
    #expect(try store.beginIdempotent(keys[0], digest: "", at: .start) == .fresh)
    #expect(try store.beginIdempotent(keys[count - 1], digest: "", at: .start) == .replay(answer))
}
