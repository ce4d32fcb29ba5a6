import Foundation
import GRDB

/// How versions come to be: published by the job that trained them, or imported from a file.
extension Store {
    /// Publishes the result of a job under its model's name, and ends the job as succeeded.
    ///
    /// Only the present holder can, and only once. A job that was cancelled meanwhile becomes `cancelled` instead.
    /// Throws `.diskFull`, `.unwritable` and `.inputOutput`; the job is as it was then.
    public func publish(
        _ file: [UInt8], _ new: NewVersion, job: String, attempt: Int, at now: Date
    ) throws(StoreError) -> PublishVerdict {
        let pending = try writeModel(file, at: now)
        let stored = try pending.complete()
        // One transaction, by the holder alone: the version, what the job says of its model, the end of the job and the
        // line of the log appear together, after the file lies complete. A crash before it leaves an orphan file and a job that another worker repeats;
        // one after it leaves nothing to repeat, since the job is over. So a job publishes once, whoever dies when.
        let (verdict, forgotten) = try database.write(naming: pending) { db -> (PublishVerdict, [String]) in
            let old = try Self.state(of: job, db)
            guard old.isHeld(by: attempt) else { return (.lost, []) }
            var ended = old
            guard old.wish != .cancel else {
                ended.release()
                try move(job, from: old, to: ended, at: now, db)
                return (.cancelled, [])
            }
            let source = try Self.job(job, db)
            let lineage = Lineage(
                job: job, datasetDigest: source.datasetDigest, seed: source.seed, codeVersion: new.codeVersion)
            let version = try insert(new, lineage, stored, under: source.model, as: .versionPublished, at: now, db)
            ended.end(.succeeded)
            let effects = Effects(version: version.version, report: new.report)
            let forgotten = try Self.forgetCheckpoints(of: job, db)
            try move(job, from: old, to: ended, with: effects, at: now, db)
            return (.published(version), forgotten)
        }
        guard case .published = verdict else {
            pending.abandon()
            return verdict
        }
        pending.settle()
        storage.discard(.checkpoints, forgotten)
        return verdict
    }

    /// Publishes a model file that came from outside, under a name of the caller's choice.
    ///
    /// `job`, `datasetDigest` and `seed` are what the file or its sender tells of its making.
    /// Throws `.badName`, `.diskFull`, `.unwritable`, `.inputOutput`.
    public func importVersion(
        _ file: [UInt8], _ new: NewVersion, job: String? = nil, datasetDigest: String? = nil, seed: UInt64? = nil,
        model: String, at now: Date
    ) throws(StoreError) -> ModelVersion {
        try ModelName.check(model, "a model")
        let lineage = Lineage(job: job, datasetDigest: datasetDigest, seed: seed, codeVersion: new.codeVersion)
        let pending = try writeModel(file, at: now)
        let stored = try pending.complete()
        // One transaction: the version, what is said of its model and its line of the log, after the file lies complete. A crash before it leaves
        // an orphan file.
        let version = try database.write(naming: pending) { db in
            try insert(new, lineage, stored, under: model, as: .versionImported, at: now, db)
        }
        pending.settle()
        return version
    }

    private func writeModel(_ file: [UInt8], at now: Date) throws(StoreError) -> PendingFile {
        let name = Identifier.make(prefix: FileArea.models.prefix, at: now)
        let pending = try PendingFile(name, in: .models, of: storage, at: now)
        try pending.write(file)
        return pending
    }

    /// Adds the next version of a model, and the model where it is new.
    private func insert(
        _ new: NewVersion, _ lineage: Lineage, _ file: StoredFile, under model: String, as kind: RegistryEntry.Kind,
        at now: Date, _ db: Database
    ) throws -> ModelVersion {
        // The log never forgets, so a number is not given again after its version or the whole model was deleted.
        let newest = try Int.fetchOne(
            db,
            sql: """
                SELECT MAX(version) FROM registry_log
                WHERE model = ? AND kind IN ('version_published', 'version_imported')
                """, arguments: [model])
        let number = (newest ?? 0) + 1
        try db.execute(
            sql: """
                INSERT INTO models (name, description, created_at, updated_at) VALUES (:name, '', :now, :now)
                ON CONFLICT (name) DO UPDATE SET updated_at = MAX(updated_at, :now)
                """, arguments: ["name": model, "now": now.microseconds])
        try db.execute(
            sql: """
                INSERT INTO versions (model, number, imported, job_id, dataset_digest, seed, code_version, description, report,
                    file, bytes, digest, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                model, number, kind == .versionImported, lineage.job, lineage.datasetDigest,
                lineage.seed.map(Int64.init(bitPattern:)),
                lineage.codeVersion, new.description, new.report, file.name, file.bytes, file.digest, now.microseconds,
            ])
        for (name, value) in new.metrics {
            try db.execute(
                sql: "INSERT INTO version_metrics (model, number, name, value) VALUES (?, ?, ?, ?)",
                arguments: [model, number, name, value])
        }
        if new.tags != nil || new.summary != nil {
            try describe(model, description: new.summary, tags: new.tags, at: now, db)
        }
        try log(kind, model, version: number, digest: file.digest, job: lineage.job, at: now, db)
        return try Self.version(number, of: model, db)
    }
}
