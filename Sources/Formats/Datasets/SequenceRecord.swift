import NamedFields
import Training

/// A record that holds one sequence: `{"x": [[features at step 0], …], "label": …}`. A plain array of numbers under
/// `x` is a sequence of one feature; a null is a missing value.
struct SequenceRecord {
    static let key = "x"

    /// Row after row, `features` wide; NaN where a value is missing.
    let values: [Double]
    let features: Int
    let missing: Int

    var length: Int { values.count / features }

    static func isSequence(_ record: JSON) -> Bool { record.object?[key]?.count != nil }

    /// The same where the task is not known: a text is a sequence of tokens where another member has a list for its steps.
    static func isSurelySequence(_ record: JSON) -> Bool {
        isSequence(record)
            || record.object?[key]?.string != nil
                && record.object?.members.contains { $0 != key && $1.count != nil } ?? false
    }

    /// - features: how many the sequences before it have
    init?(_ record: JSON, _ place: RecordPlace, features: Int?, _ collector: ViolationCollector) {
        guard let steps = record.object?[Self.key] else { return nil }
        let path = place.path + [.key(Self.key)]
        let sound: (values: [Double], features: Int, missing: Int)?
        if case .numbers(let array) = steps, array.depth <= 2, let width = array.depth == 1 ? 1 : array.rowWidth,
            width > 0
        {
            sound = (array.values, width, 0)
        } else {
            sound = Self.readSteps(steps, at: path, place, features, collector)
        }
        guard let sound else { return nil }
        if let features, sound.features != features {
            collector.add(
                at: path,
                "\(place.description) has \(sound.features) features a step, the sequences before it have \(features)")
            return nil
        }
        (values, self.features, missing) = sound
    }

    /// The careful way, for sequences with missing values or violations.
    private static func readSteps(
        _ steps: JSON, at path: [Violation.PathComponent], _ place: RecordPlace, _ features: Int?,
        _ collector: ViolationCollector
    ) -> (values: [Double], features: Int, missing: Int)? {
        let rows = steps.array ?? []
        guard !rows.isEmpty else {
            collector.add(at: path, "\(place.description) is empty: a sequence has one step at least")
            return nil
        }
        var values: [Double] = []
        var missing = 0
        var width = features
        var isSound = true
        for (step, row) in rows.enumerated() {
            let cells = row.array ?? [row]
            let due = width ?? cells.count
            width = due
            if cells.count != due || due == 0 {
                isSound = false
                collector.add(
                    at: path + [.index(step)],
                    "\(place.description), step \(step + 1): expected \(max(due, 1)) features, found \(cells.count)")
                continue
            }
            for (feature, cell) in cells.enumerated() {
                switch Cell(cell) {
                case .number(let number): values.append(number)
                case .empty, .placeholder:
                    values.append(.nan)
                    missing += 1
                case let other:
                    isSound = false
                    collector.add(
                        at: path + [.index(step)] + (row.array == nil ? [] : [.index(feature)]),
                        "\(place.description), step \(step + 1), feature \(feature + 1): \(other.refusal)")
                }
            }
        }
        return isSound ? width.map { (values, $0, missing) } : nil
    }
}
