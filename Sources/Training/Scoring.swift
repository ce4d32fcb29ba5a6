import Models
import Networks

/// Sums up forecasts of one target against what came.
struct ScoreKeeper {
    private var squares = 0.0
    private var magnitudes = 0.0
    private var symmetric = 0.0
    private var symmetricCount = 0
    private var count = 0

    mutating func add(forecast: Double, truth: Double) {
        let error = forecast - truth
        squares += error * error
        magnitudes += abs(error)
        let size = abs(forecast) + abs(truth)
        if size > 0 {
            symmetric += 200 * abs(error) / size
            symmetricCount += 1
        }
        count += 1
    }

    /// - Parameter scale: the mean absolute error of the (seasonal) naive forecast within the training part.
    func scores(scale: Double) -> Scores {
        let number = Double(max(count, 1))
        let mae = magnitudes / number
        return Scores(
            rmse: (squares / number).squareRoot(), mae: mae, mase: scale > 0 ? mae / scale : nil,
            smape: symmetricCount > 0 ? symmetric / number : nil)
    }
}

/// Where a forecast of held-out rows begins, and how many rows it says.
struct Origin {
    /// The first row it forecasts.
    var row: Int
    var horizon: Int
}

/// The naive forecasts of one target from its true history: what a network has to beat.
struct NaiveForecasts {
    /// All raw values, the held-out ones too; a forecast looks only at those before its origin.
    let values: [Double]
    let trainingRows: Int
    let season: Int?
    /// Log, where the target goes through one; else nothing.
    let space: ColumnTransform

    enum Kind {
        case naive, seasonalNaive, seasonalDrift
    }

    /// nil where the kind needs a season, or more history than there is.
    func forecast(_ kind: Kind, from origin: Origin) -> [Double]? {
        let last = origin.row - 1
        guard kind != .naive else { return [Double](repeating: values[last], count: origin.horizon) }
        guard let season, season <= trainingRows else { return nil }
        let drift = kind == .seasonalDrift ? self.drift : 0
        guard let drift else { return nil }
        var result: [Double] = []
        for ahead in 1...origin.horizon {
            let seasons = (ahead + season - 1) / season
            let before = values[last + ahead - seasons * season]
            guard kind == .seasonalDrift, let level = into(before) else {
                result.append(before)
                continue
            }
            result.append(outOf(level + Double(seasons) * drift))
        }
        return result
    }

    /// Mean change from season to season within the training part, in the space of the pointwise transforms.
    private var drift: Double? {
        guard let season, trainingRows > season else { return nil }
        var sum = 0.0
        for row in season..<trainingRows {
            guard let now = into(values[row]), let before = into(values[row - season]) else { return nil }
            sum += now - before
        }
        return sum / Double(trainingRows - season)
    }

    /// Mean absolute error of the (seasonal) naive forecast within the training part: the scale of MASE.
    var scale: Double {
        let lag = season.map { $0 < trainingRows ? $0 : 1 } ?? 1
        guard trainingRows > lag else { return 0 }
        var sum = 0.0
        for row in lag..<trainingRows { sum += abs(values[row] - values[row - lag]) }
        return sum / Double(trainingRows - lag)
    }

    private func into(_ value: Double) -> Double? { try? space.forward([value], column: 0).first }
    private func outOf(_ value: Double) -> Double {
        (try? space.inverse(value, after: [], column: 0)) ?? value
    }
}

extension PreparedSeries {
    /// Scores of the network and of the naive forecasts on rows that the parameters were not fitted to; nil where there
    /// are none. The naive forecasts take their drift and their scale from the rows before.
    func scores(_ predictor: Predictor, on rows: Range<Int>) throws(PredictionError) -> HoldoutReport? {
        guard !rows.isEmpty else { return nil }
        let steps = rows.map { Origin(row: $0, horizon: 1) }
        let blocks = stride(from: rows.lowerBound, to: rows.upperBound, by: task.horizon).map { start in
            Origin(row: start, horizon: min(task.horizon, rows.upperBound - start))
        }
        let oneStep = try network(predictor, steps)
        let horizon = try network(predictor, blocks)
        var targets: [HoldoutReport.Target] = []
        for (index, name) in task.target.enumerated() {
            let naive = NaiveForecasts(
                values: stride(from: index, to: raw.count, by: width).map { raw[$0] }, trainingRows: rows.lowerBound,
                season: season, space: transforms.columns[index].pointwise)
            func score(_ origins: [Origin], _ forecast: (Int) -> [Double]?) -> Scores? {
                var keeper = ScoreKeeper()
                for (place, origin) in origins.enumerated() {
                    guard let values = forecast(place) else { return nil }
                    for ahead in 0..<origin.horizon {
                        keeper.add(forecast: values[ahead], truth: naive.values[origin.row + ahead])
                    }
                }
                return keeper.scores(scale: naive.scale)
            }
            func baseline(_ kind: NaiveForecasts.Kind) -> ForecastScores? {
                guard let one = score(steps, { naive.forecast(kind, from: steps[$0]) }),
                    let many = score(blocks, { naive.forecast(kind, from: blocks[$0]) })
                else { return nil }
                return ForecastScores(oneStep: one, horizon: many)
            }
            func own(_ forecasts: [[Double]]) -> (Int) -> [Double]? {
                { place in
                    stride(from: index, to: forecasts[place].count, by: task.target.count).map { forecasts[place][$0] }
                }
            }
            guard let one = score(steps, own(oneStep)), let many = score(blocks, own(horizon)),
                let simplest = baseline(.naive)
            else { continue }
            targets.append(
                HoldoutReport.Target(
                    name: name, oneStep: one, horizon: many,
                    baselines: BaselineScores(
                        naive: simplest, seasonalNaive: baseline(.seasonalNaive),
                        seasonalDrift: baseline(.seasonalDrift))))
        }
        return HoldoutReport(rows: rows.count, season: season, targets: targets)
    }

    /// The network's forecasts from the true history before each origin.
    private func network(_ predictor: Predictor, _ origins: [Origin]) throws(PredictionError) -> [[Double]] {
        var results: [[Double]] = []
        let features = width - task.target.count
        let longest = origins.map(\.horizon).max() ?? 0
        // In groups, so that long holdouts of long histories, or of large states, do not stand in memory at once.
        let size = mostForecasts(rows: predictor.historyRows + longest, predictor.network.stateLayout)
        for start in stride(from: 0, to: origins.count, by: size) {
            let group = origins[start..<min(start + size, origins.count)]
            var values: [Double] = []
            var future: [Double] = []
            var lengths: [Int] = []
            for origin in group {
                let first = (origin.row - predictor.historyRows) * width
                values += raw[first..<origin.row * width]
                // Rows beyond the end of a shorter last block are read by nobody; any number will do.
                let rows = max(longest - 1, 0)
                for ahead in 0..<rows {
                    let row = min(origin.row + ahead, raw.count / width - 1)
                    future += raw[row * width + task.target.count..<(row + 1) * width]
                }
                lengths.append(rows)
            }
            let histories = RawSequences(
                values: values, lengths: [Int](repeating: predictor.historyRows, count: group.count), width: width)
            results += try predictor.forecast(
                from: histories, horizon: longest,
                future: features > 0 ? RawSequences(values: future, lengths: lengths, width: features) : nil)
        }
        return results
    }
}

extension HoldoutReport {
    /// Over several targets each score is the mean of theirs, where all have it.
    init(rows: Int, season: Int?, targets: [Target]) {
        func mean(_ value: (Target) -> Scores?) -> Scores? {
            let all = targets.compactMap(value)
            guard all.count == targets.count, !all.isEmpty else { return nil }
            let count = Double(all.count)
            func mean(_ value: (Scores) -> Double?) -> Double? {
                let present = all.compactMap(value)
                return present.count == all.count ? present.reduce(0, +) / count : nil
            }
            return Scores(
                rmse: mean(\.rmse) ?? 0, mae: mean(\.mae) ?? 0, mase: mean(\.mase), smape: mean(\.smape))
        }
        func both(_ value: (Target) -> ForecastScores?) -> ForecastScores? {
            guard let one = mean({ value($0)?.oneStep }), let many = mean({ value($0)?.horizon }) else { return nil }
            return ForecastScores(oneStep: one, horizon: many)
        }
        let nothing = Scores(rmse: 0, mae: 0, mase: nil, smape: nil)
        self.init(
            rows: rows, season: season, oneStep: mean(\.oneStep) ?? nothing, horizon: mean(\.horizon) ?? nothing,
            baselines: BaselineScores(
                naive: both(\.baselines.naive) ?? ForecastScores(oneStep: nothing, horizon: nothing),
                seasonalNaive: both(\.baselines.seasonalNaive), seasonalDrift: both(\.baselines.seasonalDrift)),
            targets: targets.count > 1 ? targets : nil)
    }
}
