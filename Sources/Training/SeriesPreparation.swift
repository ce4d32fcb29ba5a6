import Models
import NamedFields
import Networks

/// A series made ready: columns picked, transforms fitted to the training part, windows laid out.
struct PreparedSeries {
    let task: ForecastTask
    /// Raw rows of all input columns [targets…, features…], the held-out ones too.
    let raw: [Double]
    let width: Int
    /// Raw rows before the held-out ones.
    let trainingRows: Int
    let transforms: InputTransforms
    let examples: Examples
    let time: TimeIndex?
    let season: Int?
    /// What does not keep the series from being learnt from, and yet may not be what was meant.
    let warnings: [String]

    /// The deviation that differenced targets are brought to, unless the transforms end in a scaling of their own.
    ///
    /// What differencing leaves is mostly noise about a mean. At deviation 1 a network learns that noise by heart; kept
    /// small, it starts near linear and near the mean, and leaves them only for what repeats. Over twelve seeds the
    /// forecast of the airline series errs by 18 ± 2 so, by 35 ± 4 at deviation 1; sunspots and CO₂ gain too.
    static let differencedSpread = 1.0 / 32

    /// - Throws: all that keeps this series from being learnt from.
    init(_ task: ForecastTask, _ table: SeriesTable, validation: Double?) throws(Violations) {
        self.task = task
        let names = task.target + task.features
        width = names.count
        var found = Violations([])
        var columns: [[Double]] = []
        // One look-up for all names: there may be a hundred thousand.
        let places = Dictionary(zip(table.names, table.columns.indices)) { first, _ in first }
        for (index, name) in names.enumerated() {
            guard let column = places[name].map({ table.columns[$0] }) else {
                let isTarget = index < task.target.count
                let place: Violation.PathComponent = isTarget ? "target" : "features"
                found.add(
                    at: ["task", place], "the data has no column \"\(name)\"; it has \(list(table.names))")
                continue
            }
            if let row = column.firstIndex(where: { !$0.isFinite }) {
                found.add(at: ["data"], "column \"\(name)\", row \(row + 1): \(column[row]) is no finite number")
            }
            columns.append(column)
        }
        let lag = task.transform.lag
        let learnt = table.rows - task.holdout
        let windows = learnt - lag - task.lookback
        let validating = validation.map { max(Int(Double(max(windows, 0)) * $0), 1) } ?? 0
        if let shortage = task.shortage(rows: table.rows, validates: validation != nil) {
            found.add(at: shortage.path, shortage.detail)
        }
        let (index, order) = table.timeLabels.map(TimeIndex.survey) ?? (nil, .even)
        if case .notLater(let row) = order, let labels = table.timeLabels {
            let violation = Self.notLater(row, labels, task.time ?? "")
            found.add(at: violation.path, violation.detail)
        }
        guard found.isEmpty else { throw found }
        trainingRows = learnt
        var raw = [Double](repeating: 0, count: table.rows * columns.count)
        for (index, column) in columns.enumerated() {
            for row in 0..<table.rows { raw[row * columns.count + index] = column[row] }
        }
        self.raw = raw

        // Fitted to the rows that training windows touch: neither validation nor held-out rows have a say.
        let fittedRows = learnt - validating
        var fitted: [ColumnTransform] = []
        for (index, column) in columns.enumerated() {
            let isTarget = index < task.target.count
            do {
                let transform = try ColumnTransform(
                    fitting: isTarget ? task.transform : [.standardize], to: [Array(column[..<fittedRows])],
                    column: index, spread: lag > 0 ? Self.differencedSpread : 1)
                // Later rows must be fit for the transform too: they are scored. Checked here for every column, below
                // for the network's sake as well.
                _ = try transform.forward(column, column: index)
                fitted.append(transform)
            } catch {
                let violation = error.violation(naming: names[index])
                found.add(at: violation.path, violation.detail)
            }
        }
        guard found.isEmpty else { throw found }
        transforms = InputTransforms(columns: fitted, laggedColumns: task.target.count)
        var rows: [Float]
        do { rows = try transforms.forward(raw) } catch {
            throw Violations([error.violation(naming: names[error.column])])
        }
        rows.removeLast(task.holdout * width)
        examples = Examples(
            rows: rows, width: width, places: (0..<windows).map { ($0, task.lookback) },
            answers: .nextRow(targets: task.target.count), place: .everyRow, training: Array(0..<windows - validating),
            validation: Array(windows - validating..<windows))
        time = index
        let difference = task.transform.compactMap { step -> Int? in
            if case .seasonalDifference(let period) = step { period } else { nil }
        }.first
        season = task.season ?? difference ?? time?.season
        var warnings: [String] = []
        if let labels = table.timeLabels, let name = task.time {
            // An even step of decimal years is no rule that could be trusted to go on.
            let isUnknown = order == .even && index == nil && labels.count > 1
            if let warning = Self.warning(isUnknown ? .unknown : order, labels, name) { warnings.append(warning) }
        }
        for (name, column) in zip(names, columns) where column[..<fittedRows].allSatisfy({ $0 == column[0] }) {
            warnings.append("column \"\(name)\" is \(column[0]) in every row that is learnt from")
        }
        self.warnings = warnings
    }

    private static func notLater(_ row: Int, _ labels: [String], _ name: String) -> Violation {
        Violation(
            "task", "time",
            detail:
                "column \"\(name)\", row \(row + 1): \"\(labels[row].excerpt())\" is not later than "
                + "\"\(labels[row - 1].excerpt())\" before "
                + "it; the rows of a series stand in the order of time, oldest first. Sort them, or leave out time where "
                + "this column tells none")
    }

    private static func warning(_ order: TimeIndex.Order, _ labels: [String], _ name: String) -> String? {
        let end = "forecasts carry no labels, and only \"season\" or a seasonal difference can tell the season"
        switch order {
        case .even, .notLater: return nil
        case .uneven(let row):
            return
                "column \"\(name)\", row \(row + 1): \"\(labels[row].excerpt())\" follows "
                + "\"\(labels[row - 1].excerpt())\" by another step than "
                + "the rows before it. The rows are taken as equally spaced; \(end)"
        case .unknown:
            return
                "column \"\(name)\" names its rows in no form that is known here, such as "
                + "\"\((labels.first ?? "").excerpt())\"; \(end)"
        }
    }

    /// Rows that the parameters are not fitted to and judged by on the way.
    var validationRows: Range<Int> { trainingRows - examples.validation.count..<trainingRows }

    /// Rows kept from training altogether.
    var holdoutRows: Range<Int> { trainingRows..<trainingRows + task.holdout }

    /// The rows a forecast goes on from.
    var tail: SeriesTail {
        let count = task.lookback + transforms.lag
        let rows = (trainingRows - count..<trainingRows).map { Array(raw[$0 * width..<($0 + 1) * width]) }
        return SeriesTail(rows: rows, time: time.flatMap { $0.moved(by: trainingRows - raw.count / width) })
    }
}

extension PreparedSeries: PreparedTask {
    var transform: [TransformSpec] { task.transform }
    var inputs: Int { width }
    var outputs: Int { task.target.count }
    var readout: Readout { .last }
    var modelTask: ModelTask {
        .forecast(
            ForecastModel(
                targets: task.target, features: task.features, time: task.time, lookback: task.lookback,
                horizon: task.horizon, season: season, tail: tail))
    }

    func judge(_ report: inout TrainingReport, _ predictor: Predictor, _ trainer: Trainer) throws(PredictionError) {
        report.validation = try scores(predictor, on: validationRows)
        report.holdout = try scores(predictor, on: holdoutRows)
        report.precision = try trainer.precisionReport(self, predictor, known: report.holdout ?? report.validation)
        report.warnings = warnings.isEmpty ? nil : warnings
    }
}

extension TransformError {
    /// The same, said of a column by its name, rows counted from 1.
    func violation(naming name: String) -> Violation {
        let place = "column \"\(name)\"" + (row.map { ", row \($0 + 1)" } ?? "")
        let detail =
            switch reason {
            case .notPositive(let value): "\(value) has no logarithm; the transform log needs values above 0"
            case .notFinite(let value): "\(value) is no finite number"
            case .tooFewRows(let have, let need): "differencing needs more than \(need) rows, there are \(have)"
            case .overflow: "the values are too large for their mean and spread to be numbers"
            case .outOfRange(let value): "\(value) lies too far from the other values for a network to tell them apart"
            }
        if case .outOfRange = reason { return Violation("data", detail: place + ": " + detail) }
        return Violation("task", "transform", detail: place + ": " + detail)
    }
}

/// Names for a sentence: all of a few, the first of many.
func list(_ names: [String]) -> String {
    let shown = names.prefix(12).map { "\"\($0)\"" }.joined(separator: ", ")
    return names.count > 12 ? shown + " and \(names.count - 12) more" : shown
}
