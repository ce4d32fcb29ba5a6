import Models
import Networks
import Training

/// Rows that share the value of one column, one after the other, make one sequence, with one label or one a row.
final class RowSequences {
    let requests: [ColumnRequest]
    /// Of the columns wanted: the sequence, the label, then the features.
    let names: [String]
    /// Where a CSV row has them.
    let positions: [Int?]
    private let known: Set<String>
    private let wish: SequenceWish
    private var isTakingAll: Bool { wish.features.isEmpty }
    private let noun: String
    private let collector: ViolationCollector
    private let isComplete: Bool
    private let most: Int

    private var gathered = GatheredSequences()
    /// Of each sequence, where it is they that have labels.
    private var labels: [String?] = []
    private var ids: [String: Int] = [:]
    private var current: String?
    /// There would be more numbers than are wanted; nothing is gathered any more.
    private(set) var isOver = false
    var numberCount: Int { gathered.values.count + gathered.tokens.count }
    /// The record number of each row that was kept.
    private var rowNumbers: [Int] = []

    private var features: Int { requests.count - 2 }

    init(
        _ wish: SequenceWish, sequence: String, names known: [String], noun: String, most: Int = .max,
        _ collector: ViolationCollector
    ) {
        self.most = most
        self.wish = wish
        requests = ColumnRequest.columns(of: wish, sequence: sequence, among: known)
        names = requests.map(\.name)
        let places = Dictionary(zip(known, known.indices)) { first, _ in first }
        positions = names.map { places[$0] }
        self.known = Set(known)
        self.noun = noun
        self.collector = collector
        let unknown = zip(requests, positions).filter { $0.1 == nil }.map(\.0)
        for request in unknown { request.reportUnknown(among: known, to: collector) }
        if requests.count == 2, unknown.isEmpty {
            collector.add(
                at: [.key("task"), .key("features")],
                "the data has no column beside \"\(sequence)\" and \"\(wish.labelColumn)\"")
        }
        let isAmbiguous = wish.split != nil && requests.count > 3
        if isAmbiguous {
            collector.add(
                at: [.key("task"), .key("features")],
                "tokens are those of one column; name it, since there are \(requests.count - 2) beside "
                    + "\"\(sequence)\" and \"\(wish.labelColumn)\"")
        }
        isComplete = unknown.isEmpty && !isAmbiguous
    }

    func add(_ cells: some RecordCells, _ place: RecordPlace) {
        guard isComplete, !isOver else { return }
        guard gathered.values.count + gathered.tokens.count <= most - features else {
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
        if let answers = wish.answers {
            takeAnswers(cells.label(1), answers, place)
        } else {
            takeLabel(cells.label(1), id, place)
        }
        gathered.lengths[gathered.lengths.count - 1] += 1
        rowNumbers.append(place.number)
        guard wish.split == nil else { return takeToken(cells.label(2), place) }
        for column in 2..<requests.count {
            switch cells.cell(column) {
            case .number(let number): gathered.values.append(number)
            case .empty, .placeholder: gathered.values.append(MissingValues.missing)
            case let other:
                gathered.values.append(MissingValues.refused)
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
        gathered.lengths.append(0)
        labels.append(nil)
    }

    private func takeToken(_ token: String?, _ place: RecordPlace) {
        if let token { return gathered.tokens.append(token) }
        collector.add(
            at: place.path + [.key(names[2])], "\(place.description): the token column \"\(names[2])\" is empty")
    }

    /// The label of a row, or its flags, which blanks separate.
    private func takeAnswers(_ text: String?, _ answers: LabelModel.Answers, _ place: RecordPlace) {
        if answers == .flags {
            gathered.append((text ?? "").split(whereSeparator: \.isWhitespace).map { String($0) })
        } else if let text {
            gathered.append([text])
        } else {
            collector.add(
                at: place.path + [.key(names[1])], "\(place.description): the label column \"\(names[1])\" is empty")
        }
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

    func finish(_ policy: MissingPolicy) throws -> GatheredSequences {
        if wish.answers == nil { finishLabels() }
        if gathered.values.contains(where: MissingValues.isMissing) {
            var gaps = SequenceGaps(width: features, lengths: gathered.lengths, collector)
            let starts = gathered.lengths.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
            gaps.close(&gathered.values, policy) { [rowNumbers, names, noun] sequence, step, feature in
                let number = rowNumbers[starts[sequence] + step]
                let name = names[feature + 2]
                return ([.index(number - 1), .key(name)], "\(noun) \(number), column \"\(name)\"")
            }
        }
        try collector.check()
        defer { gathered = GatheredSequences() }
        gathered.features = Array(names[2...])
        return gathered
    }

    private func finishLabels() {
        var first = 0
        for (sequence, label) in labels.enumerated() {
            if let label {
                gathered.labels.append(label)
            } else {
                let number = rowNumbers[first]
                collector.add(
                    at: [.index(number - 1), .key(names[1])],
                    "the sequence that begins in \(noun) \(number) has no label in column \"\(names[1])\"")
            }
            first += gathered.lengths[sequence]
        }
    }
}
