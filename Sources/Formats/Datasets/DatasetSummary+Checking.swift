import NamedFields
import Training

extension DatasetSummary {
    /// What a task cannot find or use in this dataset, told from the schema alone, without reading the data again.
    ///
    /// Pointers to the data name the first row that is at fault: `#/4/price`; those to the task are absolute.
    public func violations(for task: TaskSpec, missing policy: MissingPolicy = .error) -> Violations? {
        let collector = ViolationCollector()
        switch task {
        case .forecast(let task): check(task, policy, collector)
        case .classify(let task): check(SequenceWish(task), policy, collector)
        case .label(let task): check(SequenceWish(task), policy, collector)
        }
        return collector.isEmpty ? nil : Violations(collector.list, omitted: collector.omitted)
    }

    private func check(_ task: ForecastTask, _ policy: MissingPolicy, _ collector: ViolationCollector) {
        guard sequences == nil else {
            collector.add(
                at: [.key("task"), .key("kind")],
                "the dataset holds sequences under \"x\"; a forecast needs a table with a row for each step")
            return
        }
        check(ColumnRequest.columns(of: task), policy, collector)
    }

    private func check(_ wish: SequenceWish, _ policy: MissingPolicy, _ collector: ViolationCollector) {
        if let sequences {
            check(wish, sequences, policy, collector)
        } else if let sequence = wish.sequence {
            let names = columns.map(\.name)
            check(ColumnRequest.columns(of: wish, sequence: sequence, among: names), policy, collector)
        } else {
            collector.add(
                at: [.key("task"), .key("sequence")],
                "data in rows needs \"sequence\": the column whose equal values make one sequence")
        }
    }

    private func check(
        _ wish: SequenceWish, _ sequences: Sequences, _ policy: MissingPolicy, _ collector: ViolationCollector
    ) {
        for (key, isGiven) in [("sequence", wish.sequence != nil), ("features", !wish.features.isEmpty)] where isGiven {
            collector.add(
                at: [.key("task"), .key(key)],
                "\"\(key)\" names columns of data in rows; these records hold their sequences under \"x\"")
        }
        if (sequences.tokens ?? false) != (wish.split != nil) {
            collector.add(
                at: [.key("task"), .key(wish.answers == nil ? "kind" : "inputs")],
                wish.split == nil
                    ? SequenceWish.tokensForNumbers
                    : "the sequences hold numbers and no tokens; leave out \"inputs\"")
        }
        if sequences.missing > 0, policy == .error {
            collector.add(at: [], "\(sequences.missing) numbers are null; \(ColumnRequest.remedy)")
        }
        let name = wish.labelMember
        guard let label = columns.first(where: { $0.name == name }) else {
            ColumnRequest(name: name, role: .label, path: [.key("task"), .key("label")])
                .reportUnknown(among: columns.map(\.name), to: collector)
            return
        }
        if let row = label.firstMissing {
            collector.add(at: [.index(row - 1), .key(name)], "record \(row) has no label")
        }
        if (label.kind == .list) != (wish.answers != nil) {
            collector.add(
                at: [.key("task"), .key("label")],
                wish.answers == nil
                    ? "\"\(name)\" holds a list for the steps of a sequence; a label task learns them"
                    : "\"\(name)\" holds one label a sequence; a label task needs a list, with an entry for each step")
        }
    }

    private func check(_ requests: [ColumnRequest], _ policy: MissingPolicy, _ collector: ViolationCollector) {
        let byName = Dictionary(columns.map { ($0.name, $0) }) { first, _ in first }
        for request in requests {
            guard let column = byName[request.name] else {
                request.reportUnknown(among: columns.map(\.name), to: collector)
                continue
            }
            guard request.role == .number else { continue }
            if let row = column.firstText {
                collector.add(
                    at: [.index(row - 1), .key(column.name)],
                    "row \(row), column \"\(column.name)\": \(Cell.text(column.sample ?? "").refusal)")
            }
            if column.kind == .empty {
                if policy != .zero {
                    collector.add(at: request.path, "the column \"\(column.name)\" has no value in any row")
                }
            } else if let row = column.firstMissing, policy == .error {
                let more = column.missing > 1 ? " (and \(column.missing - 1) more rows)" : ""
                collector.add(
                    at: [.index(row - 1), .key(column.name)],
                    "row \(row), column \"\(column.name)\" has no value\(more); \(ColumnRequest.remedy)")
            }
        }
    }
}
