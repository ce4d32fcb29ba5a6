/// A table of numbers, one row a time step, oldest first: what forecasting learns from. Nothing is missing in it.
public struct SeriesTable: Sendable, Equatable {
    public var names: [String]
    /// One array a name, all of one length.
    public var columns: [[Double]]
    /// The time column as it was written, one label a row.
    public var timeLabels: [String]?

    /// - Precondition: one column a name, all columns and the labels of one length.
    public init(names: [String], columns: [[Double]], timeLabels: [String]? = nil) {
        precondition(names.count == columns.count, "\(names.count) names for \(columns.count) columns")
        precondition(columns.allSatisfy { $0.count == columns[0].count }, "columns of unequal length")
        precondition(timeLabels.map { labels in columns.allSatisfy { $0.count == labels.count } } ?? true, "labels")
        self.names = names
        self.columns = columns
        self.timeLabels = timeLabels
    }

    public var rows: Int { columns.first?.count ?? timeLabels?.count ?? 0 }

    public func column(_ name: String) -> [Double]? {
        names.firstIndex(of: name).map { columns[$0] }
    }
}

/// Labelled sequences of unequal length: what classification learns from. Nothing is missing in it.
public struct SequenceSet: Sendable, Equatable {
    public var features: [String]
    /// Row after row, `features` wide, sequence after sequence.
    public var values: [Double]
    /// Rows of each sequence.
    public var lengths: [Int]
    /// One a sequence.
    public var labels: [String]

    /// - Precondition: a label for each length, and a value for each feature of each row.
    public init(features: [String], values: [Double], lengths: [Int], labels: [String]) {
        precondition(lengths.count == labels.count, "\(labels.count) labels for \(lengths.count) sequences")
        precondition(values.count == lengths.reduce(0, +) * features.count, "values do not fill the sequences")
        self.features = features
        self.values = values
        self.lengths = lengths
        self.labels = labels
    }

    public var count: Int { lengths.count }
}

public enum TrainingData: Sendable, Equatable {
    case series(SeriesTable)
    case sequences(SequenceSet)
    case labelled(LabelledSequences)
}
