/// What went wrong in the data folder: a reason to switch on and a sentence for a person.
///
/// Every public verb of `Store` throws only this type.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Reason: Sendable, Equatable {
        /// Nothing by this id or name. `kind` says what was looked for.
        case notFound(kind: ItemKind, id: String)
        /// The job's state does not allow the verb.
        case notAllowed(verb: JobVerb, status: JobStatus)
        /// A job that is not terminal still needs the dataset.
        case datasetInUse(id: String, jobs: [String])
        /// The job's dataset was deleted since, so the job cannot run again.
        case datasetGone(job: String)
        /// An alias names the version: move or remove it first.
        case versionAliased(model: String, version: Int, aliases: [String])
        /// A name of a model or an alias that breaks the rules of `ModelName`.
        case badName(String)
        /// A writer was used after `finish` or `abandon`.
        case writerClosed
        /// No room left on the disk, or the quota is used up. Nothing was left behind.
        case diskFull(path: String)
        /// The data folder takes nothing: its permissions, a disk mounted for reading, or a folder that is gone.
        case unwritable(path: String)
        /// The operating system refused an operation on a file.
        case inputOutput(operation: String, path: String, code: Int32)
        /// A file that a row names is not there.
        case fileMissing(path: String)
        /// A file shorter or longer than its row says: the write was torn, or someone changed it.
        case fileTorn(path: String, have: Int, need: Int)
        /// A file of the right length and the wrong digest.
        case fileDamaged(path: String)
        /// Another process held the database longer than the busy time-out.
        case busy
        /// Another server runs on this data folder.
        case serverRunning(directory: String, processID: Int?)
        /// The database was written by a newer program; `migrations` are the steps this program does not know.
        case newerDatabase(migrations: [String])
        /// The database file is not a database, or is malformed.
        case damagedDatabase
        /// The database is gone, or lacks what was committed to it: files would lose their rows.
        case transactionsLost
        /// SQLite refused a statement for any other reason; `code` is its extended result code.
        case database(code: Int32)
    }

    /// What can be missing.
    public enum ItemKind: String, Sendable, Equatable, Codable {
        case dataset, job, model, version, alias, checkpoint
    }

    public let reason: Reason
    /// What was expected, what was found and the likely cause, in one sentence.
    public let description: String

    public init(_ reason: Reason, _ description: String) {
        self.reason = reason
        self.description = description
    }
}

extension StoreError {
    /// Whether it ends by itself, or once somebody made room, and was nobody's fault.
    var passes: Bool {
        switch reason {
        case .busy, .diskFull: true
        default: false
        }
    }

    static func notFound(_ kind: ItemKind, _ id: String) -> StoreError {
        StoreError(.notFound(kind: kind, id: id), "there is no \(kind.rawValue) '\(id)'")
    }

    static func notFound(version: Int, of model: String) -> StoreError {
        StoreError(.notFound(kind: .version, id: "\(model):\(version)"), "model '\(model)' has no version \(version)")
    }

    static func notFound(alias: String, of model: String) -> StoreError {
        StoreError(.notFound(kind: .alias, id: "\(model)@\(alias)"), "model '\(model)' has no alias '\(alias)'")
    }
}
