import Formats
import Foundation
import Models
import Networks

/// A forecast drawn after the end of a series, and beside what really happened where that is known.
struct ForecastPlot {
    /// Raw rows before the forecast begins.
    var history: [Double?] = []
    var truth: [Double?] = []
    var forecast: [Double?]
    var labels: [String?]
    /// The label of the first row of history.
    var firstLabel: String?
    var name: String
    /// Why what is drawn as having happened may be something else, or is nothing at all.
    var doubt: String?

    /// Rows of history that are drawn for each row of forecast, and at most.
    static let historyShare = 2
    static let longestHistory = 72

    /// `answer` is what `/predict` gave for one series; `truth` the file that the series comes from. The rows of both are
    /// matched by the labels that the forecast's rows have; without labels, the forecast is taken to cover the last rows of
    /// the file.
    init(answer: JSON, truth series: Series, target: String) throws(CommandError) {
        let targets = answer.read("Prediction: targets")?.array?.compactMap(\.string) ?? [target]
        let column = targets.firstIndex(of: target) ?? 0
        let rows = answer.read("Prediction: outputs")?[0]?.array ?? []
        forecast = rows.map { $0[column]?.double }
        labels = answer.read("Prediction: index")?[0]?.array?.map(\.string) ?? Array(repeating: nil, count: rows.count)
        name = target
        let values = try series.numbers(target)
        let named = labels.compactMap(\.self)
        let place = Place(of: labels, in: series, except: targets)
        if named.isEmpty {
            let start = max(0, values.count - forecast.count)
            truth = Array(values[start...])
            setHistory(values[..<start], nil)
            doubt = "the forecast has no dates; it is compared with the last \(Numerals.count(truth.count, "row"))"
        } else if let place {
            let rows = place.rows
            truth = rows.contains { $0 != nil } ? rows.map { row in row.flatMap { values[$0] } } : []
            setHistory(values[..<place.start], try series.column(place.column))
            if truth.isEmpty { doubt = "it ends before \"\(named[0])\", the first row of the forecast" }
        } else {
            doubt = "no row of it is named \"\(named[0])\", as the first row of the forecast is"
        }
    }

    private mutating func setHistory(_ before: ArraySlice<Double?>, _ labels: [String]?) {
        history = Array(before.suffix(min(Self.longestHistory, Self.historyShare * max(forecast.count, 6))))
        if !history.isEmpty { firstLabel = labels?[before.endIndex - history.count] }
    }

    /// Where the rows of a forecast stand in a file: what has happened meanwhile, or right after its end.
    private struct Place {
        var column: String
        /// The row that has the label of each row of the forecast.
        var rows: [Int?]
        /// The first row that is no history.
        var start: Int

        /// By the column that knows most of the labels; nil where none knows any and none goes on with the first of them.
        init?(of labels: [String?], in series: Series, except targets: [String]) {
            var best: Place?
            for column in series.header where !targets.contains(column) {
                guard let own = try? series.column(column).map({ $0.trimmingCharacters(in: .whitespaces) }) else {
                    continue
                }
                let places = Dictionary(zip(own, own.indices)) { first, _ in first }
                let rows = labels.map { label in label.flatMap { places[$0] } }
                let known = rows.compactMap(\.self)
                guard let start = known.min() else {
                    if best == nil, let first = labels.first, first != nil,
                        TimeIndex(labels: own)?.label(after: 1) == first
                    {
                        best = Place(column: column, rows: rows, start: own.count)
                    }
                    continue
                }
                if known.count > best?.known ?? 0 { best = Place(column: column, rows: rows, start: start) }
            }
            guard let best else { return nil }
            self = best
        }

        private init(column: String, rows: [Int?], start: Int) {
            self.column = column
            self.rows = rows
            self.start = start
        }

        private var known: Int { rows.count { $0 != nil } }
    }

    /// Only the forecast, as the end of a model's training series gives it.
    init(forecast: [Double?], labels: [String?], name: String) {
        self.forecast = forecast
        self.labels = labels
        self.name = name
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
