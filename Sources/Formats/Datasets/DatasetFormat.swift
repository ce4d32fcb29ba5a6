/// How a stored dataset is written.
public enum DatasetFormat: String, Sendable, Codable, Hashable, CaseIterable {
    /// A header row, then one row a record (RFC 4180).
    case csv
    /// One JSON record a line.
    case ndjson
    /// One JSON array of records.
    case json

    public var mediaType: String {
        switch self {
        case .csv: "text/csv"
        case .ndjson: "application/x-ndjson"
        case .json: "application/json"
        }
    }

    /// The format of a media type, parameters such as `; charset=utf-8` aside.
    public init?(mediaType: String) {
        let essence = mediaType.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
        switch essence {
        case "text/csv", "application/csv": self = .csv
        case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines":
            self = .ndjson
        case "application/json", "text/json": self = .json
        default: return nil
        }
    }
}

/// What to do with a cell that holds no value: an empty CSV field, `NA` and its like in a column of numbers, a JSON
/// null, an absent member.
public enum MissingPolicy: String, Sendable, Codable, Hashable, CaseIterable {
    /// Refuse, naming row and column.
    case error
    /// The value of the row before; the first row must have one.
    case previous
    /// On the straight line between the neighbours; at both ends the nearest value.
    case linear
    case zero
    /// The mean of the column's values.
    case mean
}
