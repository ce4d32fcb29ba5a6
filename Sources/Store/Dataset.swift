import Foundation

/// A file of training data, kept as it arrived, and what is known about it. Immutable but for `lastUsedAt`.
public struct Dataset: Sendable, Equatable, Identifiable {
    /// Who asked for it to be kept.
    public enum Origin: String, Sendable, Codable, CaseIterable {
        /// Uploaded once, to be referred to by id.
        case upload
        /// Came inside a request to train; retention may remove it as soon as no job needs it.
        case inline
    }

    public let id: String
    public let origin: Origin
    /// How the bytes are to be read; opaque to the store (`csv`, `ndjson`, `json`).
    public let format: String
    /// Columns and their kinds; text of the caller's own making, opaque to the store.
    public let schema: String
    public let rows: Int
    public let bytes: Int
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    public let digest: String
    public let createdAt: Date
    /// When it was uploaded, touched, or named by a submitted or claimed job.
    public let lastUsedAt: Date
}

/// What the caller learnt about a dataset while it streamed by; told to `DatasetWriter.finish`.
public struct DatasetDescription: Sendable, Equatable {
    public var origin: Dataset.Origin
    public var format: String
    public var schema: String
    public var rows: Int

    public init(origin: Dataset.Origin = .upload, format: String, schema: String, rows: Int) {
        self.origin = origin
        self.format = format
        self.schema = schema
        self.rows = rows
    }
}
