import NamedFields
import Training

/// Gathers labelled sequences from records that hold one each, or from rows that share a value of one column.
final class SequenceBuilder: TaskBuilder {
    private enum Form {
        case rows
        case sequences
    }

    private let task: ClassifyTask
    private let collector: ViolationCollector
    private let powers = PowersOfTen()
    /// What the first record is, and so all others.
    private var form: Form?
    /// Nil where the task does not say how to gather rows.
    private var rows: RowSequences?
    private var features: Int?
    private var values: [Double] = []
    private var lengths: [Int] = []
    private var labels: [String] = []
    /// The record number of each sequence.
    private var numbers: [Int] = []

    private let most: Int

    var numberCount: Int { rows?.numberCount ?? values.count }
    var isOver: Bool { rows?.isOver ?? false }

    init(_ task: ClassifyTask, most: Int = .max, _ collector: ViolationCollector) {
        self.task = task
        self.most = most
        self.collector = collector
    }

    // MARK: Data in rows

    func header(_ names: [String]) {
        form = .rows
        beginRows(names, noun: "row")
    }

    func row(_ row: CSVRow, _ place: RecordPlace) {
        guard let rows else { return }
        rows.add(CSVCells(row: row, positions: rows.positions, powers: powers), place)
    }

    private func beginRows(_ names: [String], noun: String) {
        guard let sequence = task.sequence else {
            let candidates = names.prefix(8).map { "\"\($0)\"" }.joined(separator: ", ")
            collector.add(
                at: [.key("task"), .key("sequence")],
                "data in rows needs \"sequence\": the column whose equal values make one sequence (there are "
                    + "\(candidates)\(names.count > 8 ? ", …" : "")); or send records {\"x\": [[…], …], \"label\": …}")
            return
        }
        rows = RowSequences(task, sequence: sequence, names: names, noun: noun, most: most, collector)
    }

    // MARK: Records of one sequence each

    func record(_ record: JSON, _ place: RecordPlace) {
        let isSequence = SequenceRecord.isSequence(record)
        if form == nil {
            form = isSequence ? .sequences : .rows
            if isSequence { refuseColumns() } else { beginRows(JSONCells.names(of: record), noun: place.noun) }
        }
        switch form {
        case .sequences where isSequence: addSequence(record, place)
        case .sequences:
            collector.add(
                at: place.path, "\(place.description) has no sequence under \"x\", the records before it have one")
        default:
            if let rows { rows.add(JSONCells(record: record, columns: rows.names), place) }
        }
    }

    /// Columns mean nothing where a record is a whole sequence.
    private func refuseColumns() {
        let named: [(String, Bool)] = [("sequence", task.sequence != nil), ("features", !task.features.isEmpty)]
        for (key, isGiven) in named where isGiven {
            collector.add(
                at: [.key("task"), .key(key)],
                "\"\(key)\" names columns of data in rows; these records hold their sequences under \"x\"")
        }
    }

    private func addSequence(_ record: JSON, _ place: RecordPlace) {
        let found = SequenceRecord(record, place, features: features, collector)
        let label = JSONCells.label(record[task.label])
        if label == nil {
            let others = (record.object?.keys ?? []).filter { $0 != SequenceRecord.key }
            let finding =
                record[task.label].map { "its \"\(task.label)\" is \($0.kindName)" } ?? "it has no \"\(task.label)\""
            collector.add(
                at: place.path + [.key(task.label)],
                "\(place.description) needs a label, a text or a number: \(finding)"
                    + (record[task.label] == nil ? Suggestion.hint(for: task.label, among: others) : ""))
        }
        guard let found, let label else { return }
        numbers.append(place.number)
        features = found.features
        values.append(contentsOf: found.values)
        lengths.append(found.length)
        labels.append(label)
    }

    // MARK: The end

    func finish(_ policy: MissingPolicy) throws -> SequenceSet {
        if let rows { return try rows.finish(policy) }
        let width = features ?? 0
        if values.contains(where: \.isNaN) {
            var gaps = SequenceGaps(width: width, lengths: lengths, collector)
            gaps.close(&values, policy) { [numbers] sequence, step, feature in
                (
                    [.index(numbers[sequence] - 1), .key(SequenceRecord.key), .index(step), .index(feature)],
                    "record \(numbers[sequence]), step \(step + 1), feature \(feature + 1)"
                )
            }
        }
        try collector.check()
        defer { values = [] }
        return SequenceSet(
            features: (0..<width).map { "x\($0)" }, values: values, lengths: lengths, labels: labels)
    }
}
