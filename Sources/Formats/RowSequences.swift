import Training

/// Rows that share the value of one column, one after the other, make one sequence with one label.
final class RowSequences {
    let requests: [ColumnRequest]
    /// Of the columns wanted: the sequence, the label, then the features.
    let names: [String]
    /// Where a CSV row has them.
    let positions: [Int?]
    private let known: Set<String>
    private let isTakingAll: Bool
    private let noun: String
    private let collector: ViolationCollector
    private let isComplete: Bool
    private let most: Int

    private var values: [Double] = []
    private var lengths: [Int] = []
    private var labels: [String?] = []
    private var ids: [String: Int] = [:]
    private var current: String?
    /// There would be more numbers than are wanted; nothing is gathered any more.
    private(set) var isOver = false
    var numberCount: Int { values.count }
    /// The record number of each row that was kept.
    private var rowNumbers: [Int] = []

    private var features: Int { requests.count - 2 }

    init(
        _ task: ClassifyTask, sequence: String, names known: [String], noun: String, most: Int = .max,
        _ collector: ViolationCollector
    ) {
        self.most = most
        requests = ColumnRequest.columns(of: task, sequence: sequence, among: known)
        names = requests.map(\.name)
        let places = Dictionary(zip(known, known.indices)) { first, _ in first }
        positions = names.map { places[$0] }
        self.known = Set(known)
        isTakingAll = task.features.isEmpty
        self.noun = noun
        self.collector = collector
        let unknown = zip(requests, positions).filter { $0.1 == nil }.map(\.0)
        for request in unknown { request.reportUnknown(among: known, to: collector) }
        if requests.count == 2, unknown.isEmpty {
            collector.add(
                at: [.key("task"), .key("features")],
                "the data has no column beside \"\(sequence)\" and \"\(task.label)\"")
        }
        isComplete = unknown.isEmpty
    }

    func add(_ cells: some RecordCells, _ place: RecordPlace) {
        guard isComplete, !isOver else { return }
        guard values.count <= most - features else {
            collector.add(at: [], "more than \(most) numbers, which is more than is read here")
            isOver = true
            return
        }
        if isTakingAll, let object = (cells as? JSONCells)?.record.object, object.count > known.count {
            for key in object.keys where !known.contains(key) {
                collector.add(
                    at: place.path + [.key(key)],
                    "\(place.description) has a column \"\(key)\", the first record has none")
            }
        }
        guard let id = cells.label(0) else {
            collector.add(
                at: place.path + [.key(names[0])],
                "\(place.description): the sequence column \"\(names[0])\" is empty")
            return
        }
        if id != current { begin(id, place) }
        takeLabel(cells.label(1), id, place)
        lengths[lengths.count - 1] += 1
        rowNumbers.append(place.number)
        for column in 2..<requests.count {
            switch cells.cell(column) {
            case .number(let number): values.append(number)
            case .empty, .placeholder: values.append(MissingValues.missing)
            case let other:
                values.append(MissingValues.refused)
                collector.add(
                    at: place.path + [.key(names[column])],
                    "\(place.description), column \"\(names[column])\": \(other.refusal)")
            }
        }
    }

    private func begin(_ id: String, _ place: RecordPlace) {
        current = id
        if let earlier = ids.updateValue(place.number, forKey: id) {
            collector.add(
                at: place.path + [.key(names[0])],
                "\(place.description) goes on with sequence \"\(id.excerpt())\", which began in \(noun) \(earlier) and was "
                    + "interrupted by another; the rows of a sequence stand together, in the order of time")
        }
        lengths.append(0)
        labels.append(nil)
    }

    private func takeLabel(_ label: String?, _ id: String, _ place: RecordPlace) {
        guard let label else { return }  // one row with a label is enough
        let known = labels[labels.count - 1]
        if known == nil {
            labels[labels.count - 1] = label
        } else if known != label {
            collector.add(
                at: place.path + [.key(names[1])],
                "\(place.description): sequence \"\(id.excerpt())\" has the label "
                    + "\"\((known ?? "").excerpt())\", here it is \"\(label.excerpt())\"")
        }
    }

    func finish(_ policy: MissingPolicy) throws -> SequenceSet {
        var first = 0
        for (sequence, label) in labels.enumerated() {
            if label == nil {
                let number = rowNumbers[first]
                collector.add(
                    at: [.index(number - 1), .key(names[1])],
                    "the sequence that begins in \(noun) \(number) has no label in column \"\(names[1])\"")
            }
            first += lengths[sequence]
        }
        if values.contains(where: MissingValues.isMissing) {
            var gaps = SequenceGaps(width: features, lengths: lengths, collector)
            let starts = lengths.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
            gaps.close(&values, policy) { [rowNumbers, names, noun] sequence, step, feature in
                let number = rowNumbers[starts[sequence] + step]
                let name = names[feature + 2]
                return ([.index(number - 1), .key(name)], "\(noun) \(number), column \"\(name)\"")
            }
        }
        try collector.check()
        defer { values = [] }
        return SequenceSet(
            features: Array(names[2...]), values: values, lengths: lengths, labels: labels.map { $0 ?? "" })
    }
}
