import NamedFields
import Training

/// A column that a task names, and where in the request it does.
struct ColumnRequest: Hashable {
    enum Role {
        case number
        case label
    }

    let name: String
    let role: Role
    /// Such as `#/task/target/0`.
    let path: [Violation.PathComponent]

    /// Every column a forecast reads, each once: targets, features, the time column.
    static func columns(of task: ForecastTask) -> [ColumnRequest] {
        var requests: [ColumnRequest] = []
        var numbers: Set<String> = []
        func add(_ name: String, _ role: Role, _ path: Violation.PathComponent...) {
            // The time column comes last, and once.
            guard role == .label || numbers.insert(name).inserted else { return }
            requests.append(ColumnRequest(name: name, role: role, path: [.key("task")] + path))
        }
        for (index, name) in task.target.enumerated() {
            if task.target.count == 1 {
                add(name, .number, .key("target"))
            } else {
                add(name, .number, .key("target"), .index(index))
            }
        }
        for (index, name) in task.features.enumerated() { add(name, .number, .key("features"), .index(index)) }
        if let time = task.time { add(time, .label, .key("time")) }
        return requests
    }

    /// What is read of data in rows for labelled sequences: the sequence and label columns, then the features that are
    /// named, or all the others there are.
    static func columns(of wish: SequenceWish, sequence: String, among names: [String]) -> [ColumnRequest] {
        var requests = [
            ColumnRequest(name: sequence, role: .label, path: [.key("task"), .key("sequence")]),
            ColumnRequest(name: wish.labelColumn, role: .label, path: [.key("task"), .key("label")]),
        ]
        let role = wish.split == nil ? Role.number : .label
        if wish.features.isEmpty {
            for name in names where name != sequence && name != wish.labelColumn {
                requests.append(ColumnRequest(name: name, role: role, path: [.key("task"), .key("features")]))
            }
        } else {
            for (index, name) in wish.features.enumerated() {
                requests.append(
                    ColumnRequest(name: name, role: role, path: [.key("task"), .key("features"), .index(index)]))
            }
        }
        return requests
    }

    /// The words are found only for as many as are told: there may be a hundred thousand.
    func reportUnknown(among names: @autoclosure () -> [String], to collector: ViolationCollector) {
        collector.add(
            at: path,
            "the data has no column \"\(name.excerpt())\"\(Suggestion.hint(for: name, among: names()))")
    }

    /// How to get past a missing value.
    static let remedy =
        "give it, or say how to fill it with \"missing\": \"previous\", \"linear\", \"zero\" or \"mean\""
}
