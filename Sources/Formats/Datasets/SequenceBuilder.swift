import NamedFields
import Training

/// Gathers labelled sequences from records that hold one each, or from rows that share a value of one column.
final class SequenceBuilder: TaskBuilder {
    private enum Form {
        case rows
        case sequences
    }

    private let wish: SequenceWish
    private let collector: ViolationCollector
    private let powers = PowersOfTen()
    /// What the first record is, and so all others.
    private var form: Form?
    /// Nil where the task does not say how to gather rows.
    private var rows: RowSequences?
    private var features: Int?
    private var hasRefusedTokens = false
    private var gathered = GatheredSequences()
    /// The record number of each sequence.
    private var numbers: [Int] = []

    private let most: Int

    var numberCount: Int { rows?.numberCount ?? gathered.values.count + gathered.tokens.count }
    var isOver: Bool { rows?.isOver ?? false }

    init(_ wish: SequenceWish, most: Int = .max, _ collector: ViolationCollector) {
        self.wish = wish
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
        guard let sequence = wish.sequence else {
            let candidates = names.prefix(8).map { "\"\($0)\"" }.joined(separator: ", ")
            collector.add(
                at: [.key("task"), .key("sequence")],
                "data in rows needs \"sequence\": the column whose equal values make one sequence (there are "
                    + "\(candidates)\(names.count > 8 ? ", …" : "")); or send records \(wish.example)")
            return
        }
        rows = RowSequences(wish, sequence: sequence, names: names, noun: noun, most: most, collector)
    }

    // MARK: Records of one sequence each

    func record(_ record: JSON, _ place: RecordPlace) {
        let isSequence =
            SequenceRecord.isSequence(record)
            || wish.split != nil && wish.sequence == nil && record[SequenceRecord.key]?.string != nil
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
        let named: [(String, Bool)] = [("sequence", wish.sequence != nil), ("features", !wish.features.isEmpty)]
        for (key, isGiven) in named where isGiven {
            collector.add(
                at: [.key("task"), .key(key)],
                "\"\(key)\" names columns of data in rows; these records hold their sequences under \"x\"")
        }
    }

    private func addSequence(_ record: JSON, _ place: RecordPlace) {
        if wish.split == nil, TokenRecord.isTokens(record[SequenceRecord.key]) { return refuseTokens() }
        let numbers = wish.split == nil ? SequenceRecord(record, place, features: features, collector) : nil
        let tokens = wish.split.flatMap { TokenRecord(record, place, $0, collector)?.tokens }
        let length = numbers?.length ?? tokens?.count
        let labels =
            wish.answers == nil
            ? label(record, place).map { [[$0]] } : StepLabels(record, place, wish, steps: length, collector)?.labels
        guard let length, let labels else { return }
        features = numbers?.features
        gathered.values.append(contentsOf: numbers?.values ?? [])
        for token in tokens ?? [] { gathered.tokens.append(token) }
        for own in labels { gathered.append(own) }
        self.numbers.append(place.number)
        gathered.lengths.append(length)
    }

    /// Once for all records: it is the task that is to be mended.
    private func refuseTokens() {
        guard !hasRefusedTokens else { return }
        hasRefusedTokens = true
        collector.add(at: [.key("task"), .key(wish.answers == nil ? "kind" : "inputs")], SequenceWish.tokensForNumbers)
    }

    private func label(_ record: JSON, _ place: RecordPlace) -> String? {
        let member = wish.labelMember
        if let label = JSONCells.label(record[member]) { return label }
        let others = (record.object?.keys ?? []).filter { $0 != SequenceRecord.key }
        let finding = record[member].map { "its \"\(member)\" is \($0.kindName)" } ?? "it has no \"\(member)\""
        collector.add(
            at: place.path + [.key(member)],
            "\(place.description) needs a label, a text or a number: \(finding)"
                + (record[member] == nil ? Suggestion.hint(for: member, among: others) : ""))
        return nil
    }

    // MARK: The end

    func finish(_ policy: MissingPolicy) throws -> GatheredSequences {
        if let rows { return try rows.finish(policy) }
        let width = wish.split == nil ? features ?? 0 : 0
        if gathered.values.contains(where: \.isNaN) {
            var gaps = SequenceGaps(width: width, lengths: gathered.lengths, collector)
            gaps.close(&gathered.values, policy) { [numbers] sequence, step, feature in
                (
                    [.index(numbers[sequence] - 1), .key(SequenceRecord.key), .index(step), .index(feature)],
                    "record \(numbers[sequence]), step \(step + 1), feature \(feature + 1)"
                )
            }
        }
        try collector.check()
        defer { gathered = GatheredSequences() }
        gathered.features = (0..<width).map { "x\($0)" }
        return gathered
    }
}
