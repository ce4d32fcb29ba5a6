import NamedFields
import Networks

/// The labels of the steps of a record, a text or a number each, or the flags of each step in a list.
struct StepLabels {
    /// Step by step; one each where they are labels.
    let labels: [[String]]

    /// - Parameter steps: how many there must be.
    init?(
        _ record: JSON, _ place: RecordPlace, _ wish: SequenceWish, steps: Int?, _ collector: ViolationCollector
    ) {
        let path = place.path + [.key(wish.labelMember)]
        let isFlags = wish.answers == .flags
        let noun = isFlags ? "lists of flags" : "labels"
        guard let value = record[wish.labelMember], let elements = value.array else {
            let others = (record.object?.keys ?? []).filter { $0 != SequenceRecord.key }
            let finding =
                record[wish.labelMember].map { "its \"\(wish.labelMember)\" is \($0.kindName)" }
                ?? "it has no \"\(wish.labelMember)\"" + Suggestion.hint(for: wish.labelMember, among: others)
            collector.add(at: path, "\(place.description) needs \(noun), one for each step: \(finding)")
            return nil
        }
        if let steps, elements.count != steps {
            collector.add(at: path, "\(place.description) has \(elements.count) \(noun) for \(steps) steps")
            return nil
        }
        var found: [[String]] = []
        for (step, element) in elements.enumerated() {
            if isFlags, let flags = element.array {
                let texts = flags.map { JSONCells.label($0) }
                if !texts.contains(nil) {
                    found.append(texts.compactMap { $0 })
                    continue
                }
            } else if !isFlags, let label = JSONCells.label(element) {
                found.append([label])
                continue
            }
            collector.add(
                at: path + [.index(step)],
                isFlags
                    ? "\(place.description), step \(step + 1): expected a list of flags, texts or numbers"
                    : "\(place.description), step \(step + 1): expected a label, a text or a number, found "
                        + element.kindName)
        }
        guard found.count == elements.count else { return nil }
        labels = found
    }
}

extension GatheredSequences {
    mutating func append(_ own: [String]) {
        for label in own { labels.append(label) }
        labelCounts.append(own.count)
    }
}
