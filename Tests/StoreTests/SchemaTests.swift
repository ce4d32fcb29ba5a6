import Foundation
import GRDB
import Testing

@testable import Store

/// A database as the program of an earlier version left it, in `folder`.
private func makeOldDatabase(in folder: StoreFolder, upTo migration: String, sql: String = "") throws {
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    let queue = try DatabaseQueue(path: folder.path + "/timestep.sqlite")
    try Schema.migrator().migrate(queue, upTo: migration)
    try queue.write { try $0.execute(sql: sql) }
    try queue.close()
}

private func schema(of store: Store) throws -> [String] {
    try store.database.read { db in
        try String.fetchAll(db, sql: "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
    }
}

@Test("a database of every earlier version becomes the schema of an empty one", arguments: Schema.migrator().migrations)
func everyOldVersion(_ migration: String) throws {
    let old = StoreFolder()
    try makeOldDatabase(in: old, upTo: migration)
    let fresh = StoreFolder()
    #expect(try schema(of: old.open()) == schema(of: fresh.open()))
}

@Test("a job of the first version is still there, and can be run to its end")
func oldRows() throws {
    let folder = StoreFolder()
    try makeOldDatabase(
        in: folder, upTo: Schema.jobs,
        sql: """
            INSERT INTO datasets VALUES ('ds_1', 'upload', 'csv', '[]', 1, 8, 'abc', 1000000, 2000000);
            INSERT INTO jobs (id, model, status, attempt, taken, queue_order, spec, seed, dataset_id, dataset_digest,
                created_at) VALUES ('job_1', 'airline', 'queued', 1, 0, 1, '{}', -1, 'ds_1', 'abc', 3000000);
            """)
    let store = try folder.open(.server)
    let job = try store.job("job_1")
    #expect(job.seed == .max)
    #expect(job.createdAt == Date(timeIntervalSince1970: 3))
    #expect(try store.claim(worker: "w", lease: .seconds(1), at: .start)?.id == "job_1")
    guard case .published = try store.publish([1], .plain, job: "job_1", attempt: 1, at: .start) else {
        Issue.record("not published")
        return
    }
}

@Test("a model from before there were precisions computes in float32, until it is told otherwise")
func oldModels() throws {
    let folder = StoreFolder()
    try makeOldDatabase(
        in: folder, upTo: Schema.idempotency, sql: "INSERT INTO models VALUES ('airline', 'monthly', 1000000, 2000000);"
    )
    let store = try folder.open(.server)
    #expect(try store.model("airline").precision == "float32" && store.model("airline").description == "monthly")
    #expect(try store.updateModel("airline", precision: "int8", at: .start).precision == "int8")
}

@Test("a database newer than the program is refused, says what it does not know, and is left as it was")
func newerDatabase() throws {
    let folder = StoreFolder()
    try folder.open(.server).addDataset()
    let path = folder.path + "/timestep.sqlite"
    let queue = try DatabaseQueue(path: path)
    try queue.write { db in
        try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 time machines')")
    }
    try queue.close()
    for role in [Store.Role.worker, .server] {
        do {
            _ = try folder.open(role)
            Issue.record("opened")
        } catch {
            #expect(error.reason == .newerDatabase(migrations: ["99 time machines"]))
            #expect(error.description.contains("newer version"))
        }
    }
    #expect(try folder.files().count == 1)
}

@Test("the log of the registry refuses to be changed or shortened, versions to be changed")
func appendOnly() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    try store.addVersion()
    for sql in [
        "DELETE FROM registry_log", "UPDATE registry_log SET at = 0", "UPDATE versions SET digest = ''",
    ] {
        #expect(reason { try store.database.write { try $0.execute(sql: sql) } } != nil, "\(sql)")
    }
    #expect(try store.log(of: "airline", limit: 10).items.count == 1)
}
