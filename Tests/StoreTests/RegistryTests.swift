import Foundation
import GRDB
import Resources
import Testing

@testable import Store

@Test("a published version carries its lineage, metrics and report, and its file's bytes and digest")
func publishedVersion() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let job = try store.addRunningJob()
    let file = (0..<5_000).map { UInt8(truncatingIfNeeded: $0) }
    let new = NewVersion(
        description: "{\"task\":1}", metrics: ["rmse": 1.5, "mase": .nan], report: "{\"epochs\":3}",
        codeVersion: "0.1.0")
    guard case .published(let version) = try store.publish(file, new, job: job.id, attempt: 1, at: .start + 9) else {
        Issue.record("not published")
        return
    }
    #expect(version.model == "airline" && version.version == 1 && !version.isImported)
    #expect(
        version.lineage
            == Lineage(job: job.id, datasetDigest: job.datasetDigest, seed: 7, codeVersion: "0.1.0"))
    #expect(version.description == new.description && version.report == new.report)
    #expect(version.metrics["rmse"] == 1.5 && version.metrics["mase"]?.isNaN == true)
    #expect(version.bytes == 5_000 && version.digest == SHA256.hex(of: file))
    #expect(version.createdAt == .start + 9)
    #expect(try folder.open().modelFile(of: version) == file)
    let ended = try store.job(job.id)
    #expect(ended.status == .succeeded && ended.version == 1 && ended.report == new.report)
    #expect(ended.finishedAt == .start + 9)
    #expect(try store.log(of: "airline", limit: 9).items.map(\.job) == [job.id])
}

@Test("a job publishes once, whoever tries again, and its checkpoints go")
func publishOnce() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let job = try store.addRunningJob()
    _ = try store.recordCheckpoint([1], step: 1, job: job.id, attempt: 1, at: .start)
    guard case .published = try store.publish([1], .plain, job: job.id, attempt: 1, at: .start) else {
        Issue.record("not published")
        return
    }
    #expect(try store.publish([1], .plain, job: job.id, attempt: 1, at: .start) == .lost)
    #expect(try folder.open().publish([2], .plain, job: job.id, attempt: 1, at: .start) == .lost)
    #expect(try store.model("airline").versions == [1])
    #expect(try folder.files().count == 2)
    try store.expectWhole(folder)
}

@Test("a cancelled job publishes nothing and is cancelled by trying; a pause does not stop a finished one")
func publishAgainstWishes() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let cancelled = try store.addRunningJob()
    try store.cancel(cancelled.id, at: .start)
    #expect(try store.publish([1], .plain, job: cancelled.id, attempt: 1, at: .start + 3) == .cancelled)
    #expect(try store.job(cancelled.id).status == .cancelled)
    #expect(reason { _ = try store.model("airline") } == .notFound(kind: .model, id: "airline"))
    try store.expectWhole(folder)
    let paused = try store.addRunningJob()
    try store.pause(paused.id, at: .start)
    guard case .published = try store.publish([1], .plain, job: paused.id, attempt: 1, at: .start) else {
        Issue.record("not published")
        return
    }
    #expect(try store.job(paused.id).wish == nil)
}

@Test("an imported file is the next version under its name, with the lineage it brought")
func importedVersion() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    try store.addVersion()
    let job = try store.model("airline").versions.map { try store.version(ModelReference(parsing: "airline:\($0)")) }
    let source = try #require(job.first)
    // The same file, back under its own name and under another: the job it names published already, which is no matter.
    for model in ["airline", "copy"] {
        let imported = try store.importVersion(
            store.modelFile(of: source), .plain, job: source.lineage.job, datasetDigest: source.lineage.datasetDigest,
            seed: 7, model: model, at: .start)
        #expect(imported.isImported && imported.lineage == source.lineage && imported.digest == source.digest)
        #expect(imported.version == (model == "airline" ? 2 : 1))
    }
    #expect(try store.log(of: "airline", limit: 9).items.map(\.kind) == [.versionPublished, .versionImported])
    try store.expectWhole(folder)
}

@Test("a name alone means the alias default where it is set, else the newest version")
func selectors() throws {
    let store = try StoreFolder().open()
    for _ in 1...3 { try store.addVersion() }
    func version(_ text: String) throws -> Int { try store.version(ModelReference(parsing: text)).version }
    #expect(try version("airline") == 3)
    #expect(try version("airline:2") == 2)
    try store.setAlias("champion", of: "airline", to: 2, at: .start)
    #expect(try version("airline@champion") == 2)
    #expect(try version("airline") == 3)
    try store.setAlias("default", of: "airline", to: 1, at: .start)
    #expect(try version("airline") == 1)
    #expect(try version("airline@default") == 1)
    try store.removeAlias("default", of: "airline", at: .start)
    #expect(try version("airline") == 3)
    #expect(reason { _ = try version("airline:4") } == .notFound(kind: .version, id: "airline:4"))
    #expect(reason { _ = try version("airline@best") } == .notFound(kind: .alias, id: "airline@best"))
    for text in ["train", "train:1", "train@best"] {
        #expect(reason { _ = try version(text) } == .notFound(kind: .model, id: "train"), "\(text)")
    }
}

@Test("a reference is read in its three forms and in no other")
func references() throws {
    #expect(try ModelReference(parsing: "a-b.c_9") == ModelReference(name: "a-b.c_9"))
    #expect(try ModelReference(parsing: "a:12") == ModelReference(name: "a", selector: .number(12)))
    #expect(try ModelReference(parsing: "a@x") == ModelReference(name: "a", selector: .alias("x")))
    for text in ["a-b.c_9", "a:12", "a@x"] { #expect(try ModelReference(parsing: text).description == text) }
    let wrong = [
        "", ":", "@", ":1", "@x", "a:", "a@", "a:0", "a:-1", "a:+1", "a:01", "a:x", "a:1:2", "a@x@y", "a:1@x", "a@x:1",
        "a b",
        "../a", ".a", "-a", "a/b", "ä", "a\n", "a:99999999999999999999", String(repeating: "a", count: 129),
    ]
    for text in wrong { #expect(reason { _ = try ModelReference(parsing: text) } == .badName(text), "\(text)") }
}

@Test("names that break the rule are refused wherever a name is given")
func badNames() throws {
    let store = try StoreFolder().open()
    let dataset = try store.addDataset()
    try store.addVersion()
    for name in ["", "a:1", "a@b", "a/b", ".."] {
        let job = NewJob(model: name, spec: "", seed: 0, datasetID: dataset.id)
        #expect(reason { _ = try store.submit(job, at: .start) } == .badName(name))
        #expect(reason { _ = try store.importVersion([1], .plain, model: name, at: .start) } == .badName(name))
        #expect(reason { try store.setAlias(name, of: "airline", to: 1, at: .start) } == .badName(name))
    }
}

@Test("a deleted version is gone with its file, its number is never given again, and an alias protects it")
func deletedVersion() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    for _ in 1...3 { try store.addVersion() }
    try store.setAlias("best", of: "airline", to: 3, at: .start)
    try store.setAlias("also", of: "airline", to: 3, at: .start)
    #expect(
        reason { try store.deleteVersion(3, of: "airline", at: .start) }
            == .versionAliased(model: "airline", version: 3, aliases: ["also", "best"]))
    for alias in ["also", "best"] { try store.removeAlias(alias, of: "airline", at: .start) }
    let gone = try store.version(ModelReference(parsing: "airline:3"))
    try store.deleteVersion(3, of: "airline", at: .start)
    #expect(reason { _ = try store.modelFile(of: gone) } == .notFound(kind: .version, id: "airline:3"))
    #expect(
        reason { try store.deleteVersion(3, of: "airline", at: .start) } == .notFound(kind: .version, id: "airline:3"))
    #expect(try store.version(ModelReference(parsing: "airline")).version == 2)
    #expect(try store.addVersion().version == 4)
    #expect(try store.model("airline").versions == [1, 2, 4])
    try store.expectWhole(folder)
}

@Test("a deleted model takes its versions, aliases and tags with it; its log stays, and its numbers go on")
func deletedModel() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    for _ in 1...2 { try store.addVersion() }
    try store.setAlias("best", of: "airline", to: 2, at: .start)
    try store.updateModel("airline", tags: ["a": "b"], at: .start)
    try store.deleteModel("airline", at: .start + 5)
    let missing = StoreError.Reason.notFound(kind: .model, id: "airline")
    #expect(reason { _ = try store.model("airline") } == missing)
    #expect(reason { try store.deleteModel("airline", at: .start) } == missing)
    #expect(reason { _ = try store.versions(of: "airline", limit: 9) } == missing)
    #expect(
        try store.log(of: "airline", limit: 99).items.map(\.kind) == [
            .versionPublished, .versionPublished, .aliasSet, .aliasRemoved, .versionDeleted, .versionDeleted,
            .modelDeleted,
        ])
    #expect(try store.models(limit: 9).items.isEmpty)
    #expect(try store.addVersion().version == 3)
    #expect(try store.model("airline").tags.isEmpty && store.model("airline").aliases.isEmpty)
    try store.expectWhole(folder)
}

@Test("a model whose versions were all deleted says so")
func noVersions() throws {
    let store = try StoreFolder().open()
    try store.addVersion()
    try store.deleteVersion(1, of: "airline", at: .start)
    do {
        _ = try store.version(ModelReference(name: "airline"))
        Issue.record("found")
    } catch {
        #expect(error.reason == .notFound(kind: .version, id: "airline"))
        #expect(error.description.contains("all were deleted"))
    }
}

@Test("description, tags and precision are changed as told and otherwise left; tags are replaced as a whole")
func descriptions() throws {
    let store = try StoreFolder().open()
    try store.addVersion()
    let first = try store.updateModel("airline", description: "monthly", tags: ["team": "a", "x": ""], at: .start + 1)
    #expect(first.description == "monthly" && first.tags == ["team": "a", "x": ""])
    #expect(first.createdAt == .start && first.updatedAt == .start + 1)
    #expect(try store.updateModel("airline", tags: ["y": "1"], at: .start).description == "monthly")
    #expect(first.precision == "float32" && store.precisionOfAirline == "float32")
    try store.updateModel("airline", precision: "int8", at: .start + 1)
    #expect(store.precisionOfAirline == "int8")
    let last = try store.updateModel("airline", description: "", at: .start + 2)
    #expect(last.precision == "int8")
    #expect(last.description == "" && last.tags == ["y": "1"] && last.updatedAt == .start + 2)
    #expect(try store.model("airline") == last)
    #expect(reason { try store.updateModel("x", at: .start) } == .notFound(kind: .model, id: "x"))
    #expect(reason { _ = try store.located(ModelReference(name: "x")) } == .notFound(kind: .model, id: "x"))
}

extension Store {
    fileprivate var precisionOfAirline: String? { try? located(ModelReference(name: "airline")).precision }
}

@Test("models are listed by name and versions newest first, in pages that join")
func registryPages() throws {
    let store = try StoreFolder().open()
    for name in ["b", "a", "c"] { try store.addVersion(model: name) }
    for _ in 0..<3 { try store.addVersion(model: "a") }
    #expect(try store.models(limit: 2).items.map(\.name) == ["a", "b"])
    #expect(try store.models(limit: 2).hasMore)
    #expect(try store.models(after: "b", limit: 2).items.map(\.name) == ["c"])
    #expect(try store.versions(of: "a", limit: 3).items.map(\.version) == [4, 3, 2])
    #expect(try store.versions(of: "a", after: 2, limit: 3).items.map(\.version) == [1])
    #expect(try !store.versions(of: "a", after: 2, limit: 3).hasMore)
}

@Test("what a job says of its model is published with the version and the end of the job, in one transaction")
func publishedWords() throws {
    let store = try StoreFolder().open()
    func generation() throws -> Int64 {
        try store.database.read { try Int64.fetchOne($0, sql: "SELECT generation FROM folder") ?? 0 }
    }
    let job = try store.addRunningJob()
    let before = try generation()
    var new = NewVersion.plain
    new.tags = ["team": "air"]
    new.summary = "monthly"
    guard case .published = try store.publish([1], new, job: job.id, attempt: 1, at: .start) else {
        Issue.record("not published")
        return
    }
    #expect(try generation() == before + 1)
    #expect(try store.model("airline").tags == ["team": "air"])
    #expect(try store.model("airline").description == "monthly")
    #expect(try store.job(job.id).status == .succeeded)
    // The next version says nothing, and changes nothing of it.
    _ = try store.importVersion([2], .plain, model: "airline", at: .start)
    #expect(try store.model("airline").tags == ["team": "air"])
}
