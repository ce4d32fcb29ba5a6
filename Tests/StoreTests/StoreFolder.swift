import Foundation
import Resources
import Testing

@testable import Store

/// A data folder of its own for one test, removed once no store works on it.
final class StoreFolder: Sendable {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "/timestep-store-" + UUID().uuidString
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func open(
        _ role: Store.Role = .worker, _ options: Store.Options = Store.Options(), at now: Date = .start,
        operations: FaultyFiles = FaultyFiles()
    ) throws(StoreError) -> Store {
        operations.keep(self)
        var options = options
        options.syncsCommits = false
        return try Store(directory: path, role: role, options: options, at: now, operations: operations)
    }

    /// The stored files, `area/name`.
    func files() throws -> Set<String> {
        var found: Set<String> = []
        for area in FileArea.allCases {
            for name in try FileManager.default.contentsOfDirectory(atPath: path + "/" + area.rawValue) {
                found.insert(area.rawValue + "/" + name)
            }
        }
        return found
    }
}

extension Store {
    /// The files that rows name, `area/name`.
    func namedFiles() throws -> Set<String> {
        try database.read { db in
            Set(
                try String.fetchAll(
                    db,
                    sql: """
                        SELECT 'datasets/' || id FROM datasets
                        UNION ALL SELECT 'models/' || file FROM versions
                        UNION ALL SELECT 'checkpoints/' || file FROM checkpoints
                        """))
        }
    }

    /// Every row has its file with the right digest, there is no other file, and SQLite finds no fault.
    func expectWhole(_ folder: StoreFolder, sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try folder.files() == namedFiles(), sourceLocation: sourceLocation)
        for dataset in try datasets(limit: 1_000).items {
            let bytes = try SystemFiles().read(path(of: dataset))
            #expect(bytes.count == dataset.bytes, sourceLocation: sourceLocation)
            #expect(SHA256.hex(of: bytes) == dataset.digest, sourceLocation: sourceLocation)
        }
        for model in try models(limit: 1_000).items {
            for version in try versions(of: model.name, limit: 1_000).items {
                #expect(throws: Never.self, sourceLocation: sourceLocation) { try modelFile(of: version) }
            }
        }
        for job in try jobs(limit: 1_000).items {
            #expect(try newestCheckpoint(of: job.id)?.skipped.isEmpty ?? true, sourceLocation: sourceLocation)
        }
        let faults = try database.read { db in
            try String.fetchAll(db, sql: "PRAGMA integrity_check")
                + String.fetchAll(db, sql: "SELECT \"table\" FROM pragma_foreign_key_check")
        }
        #expect(faults == ["ok"], sourceLocation: sourceLocation)
    }

    /// A small dataset.
    @discardableResult
    func addDataset(
        _ bytes: [UInt8] = Array("a,b\n1,2\n".utf8), origin: Dataset.Origin = .upload, at now: Date = .start
    ) throws(StoreError) -> Dataset {
        let writer = try beginDataset(at: now)
        try writer.write(bytes)
        return try writer.finish(
            DatasetDescription(origin: origin, format: "csv", schema: "[]", rows: 1), at: now)
    }

    /// A job that waits, with a dataset of its own.
    @discardableResult
    func addJob(
        model: String = "airline", key: IdempotencyKey? = nil, at now: Date = .start
    ) throws(StoreError) -> Job {
        let dataset = try addDataset(at: now)
        return try submit(
            NewJob(model: model, spec: "{}", seed: 7, datasetID: dataset.id), key: key, at: now)
    }

    /// A job in a worker's hands until `now` + 10 s.
    func addRunningJob(model: String = "airline", at now: Date = .start) throws -> Job {
        let job = try addJob(model: model, at: now)
        let claimed = try #require(try claim(worker: "w", lease: .seconds(10), at: now))
        #expect(claimed.id == job.id)
        return claimed
    }

    /// A published version, by a job.
    @discardableResult
    func addVersion(_ file: [UInt8] = [1, 2, 3], model: String = "airline", at now: Date = .start) throws
        -> ModelVersion
    {
        let job = try addRunningJob(model: model, at: now)
        guard case .published(let version) = try publish(file, .plain, job: job.id, attempt: job.attempt, at: now)
        else { throw StoreError(.busy, "not published") }
        return version
    }
}

extension NewVersion {
    static let plain = NewVersion(description: "{}", metrics: ["rmse": 1.5], report: "{\"a\":1}", codeVersion: "0.1")
}

extension Date {
    /// Where the tests' clocks start; whole seconds, so that stored times come back equal.
    static let start = Date(timeIntervalSince1970: 1_700_000_000)

    static func + (date: Date, seconds: Int) -> Date { date.addingTimeInterval(Double(seconds)) }
}

/// The reason of the error that `body` throws; nil where it throws none.
func reason(_ body: () throws -> Void) -> StoreError.Reason? {
    do {
        try body()
        return nil
    } catch {
        return (error as? StoreError)?.reason
    }
}

/// A small generator whose draws depend on the seed alone (SplitMix64, Steele et al. 2014).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
