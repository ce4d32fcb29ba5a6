import Foundation
import GRDB

/// A request that may be sent twice and must act once: where it was sent, and the key its sender chose.
public struct IdempotencyKey: Sendable, Hashable {
    /// What the key is for, such as `POST /train`; the same key elsewhere is another.
    public var scope: String
    public var key: String

    public init(scope: String, key: String) {
        self.scope = scope
        self.key = key
    }
}

/// An answer as it was given; its parts are opaque to the store.
public struct StoredAnswer: Sendable, Equatable {
    public var status: Int
    public var headers: String
    public var body: [UInt8]

    public init(status: Int, headers: String, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// How a request with a key is to be treated.
public enum IdempotencyVerdict: Sendable, Equatable {
    /// New, and noted: do it, then `finish` or `forget` the key.
    case fresh
    /// Done before: give this answer again.
    case replay(StoredAnswer)
    /// The server ended after the request made `resource` and before it was answered: answer from that, then `finish`.
    case interrupted(resource: String)
    /// Done before, and the answer was too large to be kept.
    case notKept
    /// Another request, with another payload, has this key.
    case mismatch
    /// The first one is still being answered.
    case inProgress
}

/// Keys of requests that act once, with the answers they got.
extension Store {
    /// Notes a request before it acts. `digest` is of its payload.
    public func beginIdempotent(
        _ key: IdempotencyKey, digest: String, at now: Date
    ) throws(StoreError) -> IdempotencyVerdict {
        // One transaction: of two requests that come at once, one is fresh and the other finds it.
        try database.write { db in
            let sql = "SELECT * FROM idempotency WHERE scope = ? AND key = ?"
            guard let row = try Row.fetchOne(db, sql: sql, arguments: [key.scope, key.key]) else {
                try db.execute(
                    sql:
                        "INSERT INTO idempotency (scope, key, digest, state, created_at) VALUES (?, ?, ?, 'running', ?)",
                    arguments: [key.scope, key.key, digest, now.microseconds])
                return .fresh
            }
            guard row["digest"] == digest else { return .mismatch }
            if let status: Int = row["status"] {
                guard status != Self.notKept else { return .notKept }
                let body: Data = row["body"] ?? Data()
                return .replay(StoredAnswer(status: status, headers: row["headers"] ?? "", body: [UInt8](body)))
            }
            if row["state"] == "interrupted", let resource: String = row["resource"] {
                return .interrupted(resource: resource)
            }
            return .inProgress
        }
    }

    /// Bytes of the largest answer that is kept: a thousand steps of a hundred outputs.
    public static let largestAnswer = 1 << 20
    /// Bytes of all that are kept; the oldest go first.
    public static let mostAnswerBytes = 64 << 20
    /// What an answer costs beside its body, about: the key, the digest, the fields.
    private static let answerOverhead = 512
    /// Stands for the status of an answer that was not kept.
    private static let notKept = 0

    /// Keeps the answer for whoever asks again. A key that was forgotten or swept meanwhile stays so. Of an answer that
    /// is too large what the request made is kept, where that is noted, or else that it was done.
    public func finishIdempotent(_ key: IdempotencyKey, _ answer: StoredAnswer) throws(StoreError) {
        var answer = answer
        let isTooLarge = answer.body.count > Self.largestAnswer
        if isTooLarge { answer = StoredAnswer(status: Self.notKept, headers: "", body: []) }
        // One statement: the answer is kept whole or the request counts as not answered.
        try database.write { db in
            if isTooLarge {
                try db.execute(
                    sql: """
                        UPDATE idempotency SET state = 'interrupted'
                        WHERE scope = ? AND key = ? AND state <> 'answered' AND resource IS NOT NULL
                        """, arguments: [key.scope, key.key])
                if db.changesCount > 0 { return }
            }
            try db.execute(
                sql: """
                    UPDATE idempotency SET state = 'answered', status = ?, headers = ?, body = ?
                    WHERE scope = ? AND key = ? AND state <> 'answered'
                    """, arguments: [answer.status, answer.headers, Data(answer.body), key.scope, key.key])
        }
        // Looking at all answers each time would make each one dearer than the last.
        let kept = keptAnswers.add(answer.body.count + Self.answerOverhead, ordering: .relaxed).newValue
        guard kept > Self.mostAnswerBytes / 8 else { return }
        keptAnswers.store(0, ordering: .relaxed)
        try forgetOldestAnswers(beyond: Self.mostAnswerBytes)
    }

    /// Forgets the oldest answers, until those that stay have no more than so many bytes.
    func forgetOldestAnswers(beyond bytes: Int) throws(StoreError) {
        try database.write { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT created_at, COALESCE(LENGTH(body), 0) AS bytes FROM idempotency WHERE state = 'answered'
                    ORDER BY created_at DESC
                    """)
            var total = 0
            var limit: Int64?
            while let row = try rows.next() {
                total += row["bytes"] + Self.answerOverhead
                if total > bytes {
                    limit = row["created_at"]
                    break
                }
            }
            guard let limit else { return }
            try db.execute(
                sql: "DELETE FROM idempotency WHERE state = 'answered' AND created_at <= ?", arguments: [limit])
        }
    }

    /// Frees the key of a request that failed without having acted, so that it may be sent again.
    public func forgetIdempotent(_ key: IdempotencyKey) throws(StoreError) {
        try database.write { db in
            try db.execute(
                sql: "DELETE FROM idempotency WHERE scope = ? AND key = ? AND state <> 'answered'",
                arguments: [key.scope, key.key])
        }
    }

    /// Notes what the request made, in the transaction that makes it.
    func note(_ resource: String, under key: IdempotencyKey, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE idempotency SET resource = ? WHERE scope = ? AND key = ? AND state <> 'answered'",
            arguments: [resource, key.scope, key.key])
    }

    /// What a server that ended in mid-request left: requests that made nothing may be sent again, the others are
    /// answered from what they made. Only the holder of the server's lock may do this: no request is being answered yet.
    func settleIdempotencyKeys() throws(StoreError) {
        try database.write { db in
            try db.execute(sql: "DELETE FROM idempotency WHERE state = 'running' AND resource IS NULL")
            try db.execute(sql: "UPDATE idempotency SET state = 'interrupted' WHERE state = 'running'")
        }
    }
}
