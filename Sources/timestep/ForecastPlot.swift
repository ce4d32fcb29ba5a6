import Formats

/// A forecast drawn after the end of a series, and beside what really happened where that is known.
struct ForecastPlot {
    /// Raw rows before the forecast begins.
    var history: [Double?]
    var truth: [Double?]
    var forecast: [Double?]
    var labels: [String?]
    /// The label of the first row of history.
    var firstLabel: String?
    var name: String

    /// Rows of history that are drawn for each row of forecast, and at most.
    static let historyShare = 2
    static let longestHistory = 72

    /// `answer` is what `/predict` gave for one series; `truth` the file that the series comes from. The rows of both are
    /// matched by the labels of the time column; without one, the forecast is taken to cover the last rows of the file.
    init(answer: JSON, truth series: Series, target: String, time: String?) throws(CommandError) {
        let targets = answer["targets"]?.array?.compactMap(\.string) ?? [target]
        let column = targets.firstIndex(of: target) ?? 0
        let rows = answer["outputs"]?[0]?.array ?? []
        forecast = rows.map { $0[column]?.double }
        labels = answer["index"]?[0]?.array?.map(\.string) ?? Array(repeating: nil, count: rows.count)
        name = target
        let values = try series.numbers(target)
        var start = max(0, values.count - forecast.count)
        if let time, let first = labels.first.flatMap({ $0 }) {
            start = try series.column(time).firstIndex(of: first) ?? values.count
        }
        let end = min(values.count, start + forecast.count)
        truth = Array(values[min(start, values.count)..<end])
        let length = min(Self.longestHistory, Self.historyShare * max(forecast.count, 6))
        history = Array(values[..<min(start, values.count)].suffix(length))
        if let time, !history.isEmpty { firstLabel = try series.column(time)[min(start, values.count) - history.count] }
    }

    /// Only the forecast, as the end of a model's training series gives it.
    init(forecast: [Double?], labels: [String?], name: String) {
        self.forecast = forecast
        self.labels = labels
        self.name = name
        history = []
        truth = []
    }

    func lines(for terminal: Terminal) -> [String] {
        let past = [Double?](repeating: nil, count: history.count)
        var series: [Plot.Series] = []
        if history.contains(where: { $0 != nil }) || truth.contains(where: { $0 != nil }) {
            series.append(Plot.Series("what happened", history + truth, colour: .cyan, mark: "."))
        }
        series.append(
            Plot.Series("forecast", past + forecast, colour: .yellow, isDotted: !series.isEmpty, mark: "o"))
        let plot = Plot(
            title: name, series: series, firstLabel: (history.isEmpty ? labels.first.flatMap { $0 } : firstLabel) ?? "",
            lastLabel: labels.last.flatMap { $0 } ?? "", height: 12)
        return plot.lines(for: terminal)
    }

    /// Root mean squared error over the rows whose truth is known; nil where none is.
    var rootMeanSquaredError: Double? {
        let errors = zip(forecast, truth).compactMap { pair -> Double? in
            guard let forecast = pair.0, let truth = pair.1 else { return nil }
            return (forecast - truth) * (forecast - truth)
        }
        return errors.isEmpty ? nil : (errors.reduce(0, +) / Double(errors.count)).squareRoot()
    }
}
