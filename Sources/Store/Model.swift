import Foundation

/// A name under which versions are published, and what people wrote about it.
public struct ModelInfo: Sendable, Equatable {
    public let name: String
    public let description: String
    public let tags: [String: String]
    /// What its networks compute in unless a request says otherwise; a word of the caller's, opaque to the store.
    public let precision: String
    /// The numbers of its versions, ascending; gaps are deleted ones.
    public let versions: [Int]
    /// Alias -> version number.
    public let aliases: [String: Int]
    public let createdAt: Date
    public let updatedAt: Date
}

/// One published model file and where it came from. Immutable.
public struct ModelVersion: Sendable, Equatable {
    public let model: String
    /// 1, 2, 3, …; a number is never given twice under one name, not even after deletion.
    public let version: Int
    public let lineage: Lineage
    /// It came from a file, not from a job of this data folder.
    public let isImported: Bool
    /// What the model is for and its shapes; text of the caller's own making, opaque to the store.
    public let description: String
    public let metrics: [String: Double]
    /// The training report; opaque text, nil for an imported model that came without.
    public let report: String?
    public let bytes: Int
    /// SHA-256 of the model file, 64 lower-case hexadecimal digits.
    public let digest: String
    public let createdAt: Date
}

/// The file that a reference names, and what networks of its model compute in.
public struct LocatedVersion: Sendable, Equatable {
    public let model: String
    public let version: Int
    public let digest: String
    public let precision: String
}

/// Where a version came from.
public struct Lineage: Sendable, Codable, Equatable {
    /// The job that trained it, perhaps one of another server; nil where that is not known.
    public var job: String?
    public var datasetDigest: String?
    public var seed: UInt64?
    /// The version of the program that wrote the file.
    public var codeVersion: String

    public init(job: String? = nil, datasetDigest: String? = nil, seed: UInt64? = nil, codeVersion: String) {
        self.job = job
        self.datasetDigest = datasetDigest
        self.seed = seed
        self.codeVersion = codeVersion
    }
}

/// What is told about a version when it is published or imported.
public struct NewVersion: Sendable, Equatable {
    public var description: String
    public var metrics: [String: Double]
    public var report: String?
    /// The version of the program that wrote the file.
    public var codeVersion: String
    /// What is said of the model with this version, replacing what was said before; nil leaves that as it is.
    public var tags: [String: String]?
    public var summary: String?

    public init(
        description: String, metrics: [String: Double] = [:], report: String? = nil, codeVersion: String,
        tags: [String: String]? = nil, summary: String? = nil
    ) {
        self.description = description
        self.metrics = metrics
        self.report = report
        self.codeVersion = codeVersion
        self.tags = tags
        self.summary = summary
    }
}

/// How publishing ended.
public enum PublishVerdict: Sendable, Equatable {
    case published(ModelVersion)
    /// A person cancelled the job first: it is `cancelled` now, nothing was published.
    case cancelled
    /// The job is another's by now, or over: nothing was published.
    case lost
}

/// What a version was called at some time.
public struct AliasState: Sendable, Equatable {
    public let alias: String
    /// nil: it named nothing.
    public let version: Int?
    /// When it came to name this; nil: it had never named anything.
    public let since: Date?
}

/// One line of a model's log. Lines are only ever added, and outlive the model.
public struct RegistryEntry: Sendable, Equatable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case versionPublished = "version_published"
        case versionImported = "version_imported"
        case versionDeleted = "version_deleted"
        case aliasSet = "alias_set"
        case aliasRemoved = "alias_removed"
        case modelDeleted = "model_deleted"
    }

    public let sequence: Int64
    public let model: String
    public let kind: Kind
    public let alias: String?
    /// The version that was published or deleted, that the alias names from now on, or that it named until now.
    public let version: Int?
    /// The digest of the version's file.
    public let digest: String?
    /// The job that published.
    public let job: String?
    /// Never earlier than the line before it.
    public let at: Date
}
