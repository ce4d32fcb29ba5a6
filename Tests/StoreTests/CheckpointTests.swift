import Foundation
import Testing

@testable import Store

@Test("the newest checkpoints are kept, the rest go with their files", arguments: [1, 2, 3])
func keptCheckpoints(_ kept: Int) throws {
    let folder = StoreFolder()
    var options = Store.Options()
    options.keptCheckpoints = kept
    let store = try folder.open(.worker, options)
    let job = try store.addRunningJob()
    for step in 1...5 {
        let bytes = [UInt8](repeating: UInt8(step), count: step * 100)
        #expect(try store.recordCheckpoint(bytes, step: step, job: job.id, attempt: 1, at: .start + step) == .keep)
        let checkpoints = try store.checkpoints(of: job.id)
        #expect(checkpoints.map(\.step) == (1...step).suffix(kept).reversed())
        #expect(checkpoints.map(\.number) == checkpoints.map(\.step))
        #expect(try store.newestCheckpoint(of: job.id)?.bytes == bytes)
        try store.expectWhole(folder)
    }
    let found = try #require(try store.newestCheckpoint(of: job.id))
    #expect(found.checkpoint.bytes == 500 && found.checkpoint.attempt == 1 && found.checkpoint.createdAt == .start + 5)
    #expect(found.skipped.isEmpty)
}

/// What can have happened to a file behind the store's back.
private enum Damage: CaseIterable {
    case torn, empty, grown, flipped, gone

    func happen(to path: String) throws {
        var bytes = try SystemFiles().read(path)
        switch self {
        case .torn: bytes.removeLast(bytes.count / 2)
        case .empty: bytes = []
        case .grown: bytes.append(0)
        case .flipped: bytes[bytes.count / 2] ^= 1
        case .gone: return try SystemFiles().remove(path)
        }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    func expect(_ error: StoreError, _ path: String) {
        switch self {
        case .torn: #expect(error.reason == .fileTorn(path: path, have: 50, need: 100))
        case .empty: #expect(error.reason == .fileTorn(path: path, have: 0, need: 100))
        case .grown: #expect(error.reason == .fileTorn(path: path, have: 101, need: 100))
        case .flipped: #expect(error.reason == .fileDamaged(path: path))
        case .gone: #expect(error.reason == .fileMissing(path: path))
        }
    }
}

@Test("a damaged newest checkpoint is named and the one before is taken", arguments: Damage.allCases)
private func damagedCheckpoint(_ damage: Damage) throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let job = try store.addRunningJob()
    for step in 1...2 {
        let bytes = [UInt8](repeating: UInt8(step), count: 100)
        _ = try store.recordCheckpoint(bytes, step: step, job: job.id, attempt: 1, at: .start)
    }
    let newest = try #require(try folder.files().filter { $0.hasPrefix("checkpoints/") }.max())
    let path = folder.path + "/" + newest
    try damage.happen(to: path)
    let found = try #require(try store.newestCheckpoint(of: job.id))
    #expect(found.checkpoint.step == 1)
    #expect(found.bytes == [UInt8](repeating: 1, count: 100))
    #expect(found.skipped.count == 1)
    damage.expect(try #require(found.skipped.first), path)
    // The next one is written beside it as if nothing had happened, and pushes the good one out.
    _ = try store.recordCheckpoint([3], step: 3, job: job.id, attempt: 1, at: .start)
    #expect(try store.newestCheckpoint(of: job.id)?.bytes == [3])
}

@Test("where every checkpoint is damaged there is none")
func allDamaged() throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let job = try store.addRunningJob()
    #expect(try store.newestCheckpoint(of: job.id) == nil)
    for step in 1...2 { _ = try store.recordCheckpoint([1], step: step, job: job.id, attempt: 1, at: .start) }
    for file in try folder.files() where file.hasPrefix("checkpoints/") {
        try Damage.flipped.happen(to: folder.path + "/" + file)
    }
    #expect(try store.newestCheckpoint(of: job.id) == nil)
}

@Test("a damaged model file is named, never given out", arguments: Damage.allCases)
private func damagedModel(_ damage: Damage) throws {
    let folder = StoreFolder()
    let store = try folder.open()
    let version = try store.addVersion([UInt8](repeating: 5, count: 100))
    let file = try #require(try folder.files().first { $0.hasPrefix("models/") })
    let path = folder.path + "/" + file
    try damage.happen(to: path)
    do {
        _ = try store.modelFile(of: version)
        Issue.record("given out")
    } catch {
        damage.expect(error, path)
        #expect(error.description.contains(file) && !error.description.contains(folder.path))
    }
}

@Test("a checkpoint tells its holder's attempt and lives on into the next one")
func checkpointsAcrossAttempts() throws {
    let store = try StoreFolder().open()
    let job = try store.addRunningJob()
    _ = try store.recordCheckpoint([1], step: 10, event: "{}", job: job.id, attempt: 1, at: .start)
    #expect(try store.events(of: job.id, limit: 10).items.last?.payload == "{}")
    let second = try #require(try store.claim(worker: "b", lease: .seconds(10), at: .start + 10))
    #expect(try store.newestCheckpoint(of: job.id)?.checkpoint.attempt == 1)
    _ = try store.recordCheckpoint([2], step: 20, job: job.id, attempt: second.attempt, at: .start + 11)
    #expect(try store.checkpoints(of: job.id).map(\.attempt) == [2, 1])
    #expect(try store.checkpoints(of: job.id).map(\.number) == [2, 1])
}
