/// What a scan found in a dataset: enough to check a task against it without reading it again.
public struct DatasetSummary: Sendable, Codable, Hashable {
    public enum ColumnKind: String, Sendable, Codable, Hashable {
        case number
        case text
        /// Numbers and texts.
        case mixed
        /// Lists with an entry for each step of a sequence.
        case list
        /// No value in any row.
        case empty
    }

    public struct Column: Sendable, Codable, Hashable {
        public var name: String
        public var kind: ColumnKind
        /// How many rows have no value here.
        public var missing: Int
        /// The first row without a value, counted from 1.
        public var firstMissing: Int?
        /// The first row whose value is no number, counted from 1, and that value.
        public var firstText: Int?
        public var sample: String?

        public init(
            name: String, kind: ColumnKind, missing: Int = 0, firstMissing: Int? = nil, firstText: Int? = nil,
            sample: String? = nil
        ) {
            self.name = name
            self.kind = kind
            self.missing = missing
            self.firstMissing = firstMissing
            self.firstText = firstText
            self.sample = sample
        }

        enum CodingKeys: String, CodingKey {
            case name, kind, missing, sample
            case firstMissing = "first_missing"
            case firstText = "first_text"
        }
    }

    /// For records of the form `{"x": [[…], …], "label": …}`, or of tokens and of labels for every step.
    public struct Sequences: Sendable, Codable, Hashable {
        public var features: Int
        public var shortest: Int
        public var longest: Int
        /// Steps of all sequences together.
        public var steps: Int
        /// Numbers that are null, in all sequences together.
        public var missing: Int
        /// Whether steps are tokens; nil where they are numbers.
        public var tokens: Bool?

        public init(
            features: Int, shortest: Int, longest: Int, steps: Int, missing: Int = 0, tokens: Bool? = nil
        ) {
            self.features = features
            self.shortest = shortest
            self.longest = longest
            self.steps = steps
            self.missing = missing
            self.tokens = tokens
        }
    }

    public var format: DatasetFormat
    /// Rows of a table without its header, or records.
    public var rows: Int
    /// The columns of a table, in order; of sequence records, the members beside `x`.
    public var columns: [Column]
    public var sequences: Sequences?

    public init(format: DatasetFormat, rows: Int, columns: [Column], sequences: Sequences? = nil) {
        self.format = format
        self.rows = rows
        self.columns = columns
        self.sequences = sequences
    }
}
