import Training

/// Gathers the columns of a forecast from records.
final class SeriesBuilder: TaskBuilder {
    private let requests: [ColumnRequest]
    /// Rows at the end that no number of the training part may depend on.
    private let holdout: Int
    private let names: [String]
    private let collector: ViolationCollector
    private let powers = PowersOfTen()
    /// One a request; of the time column it stays empty.
    private var columns: [[Double]]
    private var labels: [String] = []
    private var isFound: [Bool]
    /// Columns that no record had so far, and where names are wanted.
    private var missing: Int
    private let wanted: [String: [Int]]
    private var known: [String] = []
    private var positions: [Int?] = []
    private var rows = 0
    /// More rows would be more numbers than are wanted; then nothing is gathered any more.
    private let mostRows: Int
    private(set) var isOver = false
    var numberCount: Int { rows * requests.count }
    private var noun = "row"

    init(_ task: ForecastTask, most: Int = .max, _ collector: ViolationCollector) {
        requests = ColumnRequest.columns(of: task)
        holdout = max(task.holdout, 0)
        names = requests.map(\.name)
        self.collector = collector
        columns = Array(repeating: [], count: requests.count)
        isFound = Array(repeating: false, count: requests.count)
        missing = requests.count
        mostRows = most / max(requests.count, 1)
        wanted = Dictionary(grouping: requests.indices) { [requests] in requests[$0].name }
    }

    func header(_ names: [String]) {
        known = names
        let places = Dictionary(zip(names, names.indices)) { first, _ in first }
        positions = requests.map { places[$0.name] }
        isFound = positions.map { $0 != nil }
    }

    func row(_ row: CSVRow, _ place: RecordPlace) {
        add(CSVCells(row: row, positions: positions, powers: powers), place)
    }

    func record(_ record: JSON, _ place: RecordPlace) {
        if known.isEmpty { known = JSONCells.names(of: record) }
        // A record is searched for what is still missing only while there is something in it that is new.
        if missing > 0, let object = record.object {
            for key in object.keys { for column in wanted[key] ?? [] { find(column) } }
        } else if missing > 0 {
            for column in requests.indices where !isFound[column] {
                if JSONCells.member(requests[column].name, of: record) != nil { find(column) }
            }
        }
        add(JSONCells(record: record, columns: names), place)
    }

    private func find(_ column: Int) {
        if !isFound[column] { missing -= 1 }
        isFound[column] = true
    }

    private func add(_ cells: some RecordCells, _ place: RecordPlace) {
        noun = place.noun
        guard place.number <= mostRows, !isOver else {
            if !isOver {
                collector.add(
                    at: [],
                    "more than \(mostRows) \(noun)s of \(requests.count) columns, which is more than is read here")
            }
            isOver = true
            return
        }
        // Records that were refused leave a gap, so that the numbers of those after it stay right.
        while rows < place.number - 1 { addGap() }
        rows += 1
        for column in requests.indices {
            let request = requests[column]
            if request.role == .label {
                let label = cells.label(column)
                labels.append(label ?? "")
                if label == nil, isFound[column] {
                    collector.add(
                        at: place.path + [.key(request.name)],
                        "\(place.description): the time column \"\(request.name)\" is empty")
                }
                continue
            }
            switch cells.cell(column) {
            case .number(let number): columns[column].append(number)
            case .empty, .placeholder: columns[column].append(MissingValues.missing)
            case let other:
                columns[column].append(MissingValues.refused)
                collector.add(
                    at: place.path + [.key(request.name)],
                    "\(place.description), column \"\(request.name)\": \(other.refusal)")
            }
        }
    }

    private func addGap() {
        rows += 1
        for column in requests.indices where requests[column].role == .number {
            columns[column].append(MissingValues.refused)
        }
        if requests.contains(where: { $0.role == .label }) { labels.append("") }
    }

    /// Fills what is missing and throws everything that was found wrong.
    func finish(_ policy: MissingPolicy) throws -> SeriesTable {
        let isReadable = !known.isEmpty
        for (column, request) in requests.enumerated() where isReadable && !isFound[column] {
            request.reportUnknown(among: known, to: collector)
        }
        let numbers = requests.indices.filter { requests[$0].role == .number && isFound[$0] }
        if isOver { try collector.check() }
        if policy == .error { reportMissing(numbers) } else { fill(numbers, policy) }
        try collector.check()
        let table = SeriesTable(
            names: numbers.map { requests[$0].name }, columns: numbers.map { columns[$0] },
            timeLabels: requests.contains { $0.role == .label } ? labels : nil)
        columns = []
        labels = []
        return table
    }

    private func reportMissing(_ numbers: [Int]) {
        guard numbers.contains(where: { columns[$0].contains(where: MissingValues.isMissing) }) else { return }
        for row in 0..<rows {
            for column in numbers where MissingValues.isMissing(columns[column][row]) {
                let name = requests[column].name
                collector.add(
                    at: [.index(row), .key(name)],
                    "\(noun) \(row + 1), column \"\(name)\" has no value; \(ColumnRequest.remedy)")
            }
        }
    }

    private func fill(_ numbers: [Int], _ policy: MissingPolicy) {
        for column in numbers where columns[column].contains(where: \.isNaN) {
            let name = requests[column].name
            let mean = policy == .mean ? MissingValues.mean(Array(columns[column].dropLast(holdout))) : nil
            switch MissingValues.fill(&columns[column], count: rows, policy: policy, mean: mean) {
            case .noPrevious:
                collector.add(
                    at: [.index(0), .key(name)],
                    "\(noun) 1, column \"\(name)\" has no value, and there is none before it to repeat; "
                        + "begin the data later or fill with \"linear\", \"zero\" or \"mean\"")
            case .noValues:
                collector.add(at: requests[column].path, "the column \"\(name)\" has no value in any \(noun)")
            case nil: break
            }
        }
    }
}
