import Formats
import Foundation
import Models
import Networks
import TestSupport
import Testing

@testable import Training

@Suite("Scoring")
struct ScoringTests {
    @Test("scores are those of their definitions")
    func definitions() {
        var keeper = ScoreKeeper()
        keeper.add(forecast: 3, truth: 1)
        keeper.add(forecast: -1, truth: 0)
        keeper.add(forecast: 0, truth: 0)
        let scores = keeper.scores(scale: 2)
        #expect(abs(scores.rmse - (5.0 / 3).squareRoot()) < 1e-12)
        #expect(abs(scores.mae - 1) < 1e-12 && scores.mase == 0.5)
        #expect(abs((scores.smape ?? 0) - (100 + 200) / 3.0) < 1e-12)
        #expect(keeper.scores(scale: 0).mase == nil)
        #expect(ScoreKeeper().scores(scale: 1).smape == nil)
    }

    @Test("the airline series: naive 137.3, seasonal naive 76.99, seasonal drift 17.0 over the last 24 months")
    func airlineBaselines() throws {
        let table = try airline()
        let naive = NaiveForecasts(
            values: table.columns[0], trainingRows: 120, season: 12, space: ColumnTransform(steps: [.log]))
        let origin = Origin(row: 120, horizon: 24)
        func rmse(_ kind: NaiveForecasts.Kind) -> Double {
            var keeper = ScoreKeeper()
            for (forecast, truth) in zip(naive.forecast(kind, from: origin) ?? [], table.columns[0][120...]) {
                keeper.add(forecast: forecast, truth: truth)
            }
            return keeper.scores(scale: 1).rmse
        }
        #expect(abs(rmse(.naive) - 137.33) < 0.01)
        #expect(abs(rmse(.seasonalNaive) - 76.99) < 0.01)
        #expect(abs(rmse(.seasonalDrift) - 17.02) < 0.01)
    }

    @Test("a naive forecast looks at nothing after its origin")
    func causal() {
        var values = seasonalSeries().columns[0]
        let origin = Origin(row: 70, horizon: 9)
        func all() -> [[Double]?] {
            let naive = NaiveForecasts(values: values, trainingRows: 68, season: 6, space: ColumnTransform(steps: []))
            return [NaiveForecasts.Kind.naive, .seasonalNaive, .seasonalDrift].map { naive.forecast($0, from: origin) }
        }
        let before = all()
        for row in 70..<80 { values[row] = .nan }
        #expect(all() == before)
        #expect(before.allSatisfy { $0?.count == 9 })
    }

    @Test("the report scores what predict would say at each origin")
    func report() throws {
        let table = seasonalSeries()
        let trainer = try Trainer(forecastSpec(features: ["u"]), .series(table), datasetDigest: "")
        try trainer.run()
        let done = try trainer.finish()
        let report = try #require(done.report.holdout)
        let predictor = Predictor(done.model, kernels: trainer.kernels)
        var (oneStep, horizon) = (ScoreKeeper(), ScoreKeeper())
        func forecast(_ row: Int, _ ahead: Int) throws -> [Double] {
            let history = (0..<row).flatMap { [table.columns[0][$0], table.columns[1][$0]] }
            let future = (row..<row + ahead - 1).map { table.columns[1][$0] }
            return try predictor.forecast(
                from: RawSequences(values: history, lengths: [row], width: 2), horizon: ahead,
                future: RawSequences(values: future, lengths: [ahead - 1], width: 1))[0]
        }
        for row in 68..<80 { oneStep.add(forecast: try forecast(row, 1)[0], truth: table.columns[0][row]) }
        for (row, ahead) in [(68, 5), (73, 5), (78, 2)] {
            for (place, value) in try forecast(row, ahead).enumerated() {
                horizon.add(forecast: value, truth: table.columns[0][row + place])
            }
        }
        #expect(report.oneStep.rmse == oneStep.scores(scale: 1).rmse)
        #expect(report.horizon.rmse == horizon.scores(scale: 1).rmse)
        #expect(report.rows == 12 && report.season == 6 && report.targets == nil)
    }

    @Test("the validation part is scored like held-out rows of a series that ends with it")
    func validation() throws {
        let whole = seasonalSeries()
        let spec = forecastSpec(OptimizationSpec(epochs: 2, validation: .init(fraction: 0.25)))
        let trainer = try Trainer(spec, .series(whole), datasetDigest: "")
        try trainer.run()
        let done = try trainer.finish()
        let found = try #require(done.report.validation)
        // 80 rows, 12 held out, 8 to look back, 6 for differencing: 54 windows, 13 of them to validate with.
        #expect(found.rows == 13)
        var task = ForecastTask(
            target: ["y"], time: "t", lookback: 8, horizon: 5, transform: [.seasonalDifference(6)], holdout: 13)
        task.season = 6
        let part = SeriesTable(
            names: ["y"], columns: [Array(whole.columns[0][..<68])], timeLabels: Array((whole.timeLabels ?? [])[..<68]))
        let held = try PreparedSeries(task, part, validation: nil)
        #expect(try held.scores(Predictor(done.model, kernels: trainer.kernels), on: held.holdoutRows) == found)
        #expect(done.report.holdout?.rows == 12)
    }

    @Test("several targets are scored one by one, and their mean stands above")
    func severalTargets() throws {
        let spec = TrainingSpec(
            task: .forecast(ForecastTask(target: ["y", "u"], lookback: 5, horizon: 3, holdout: 6)),
            training: OptimizationSpec(epochs: 1))
        let trainer = try Trainer(spec, .series(seasonalSeries()), datasetDigest: "")
        try trainer.run()
        let report = try #require(try trainer.finish().report.holdout)
        let targets = try #require(report.targets)
        #expect(targets.map(\.name) == ["y", "u"])
        #expect(abs(report.oneStep.mae - (targets[0].oneStep.mae + targets[1].oneStep.mae) / 2) < 1e-12)
        #expect(report.baselines.seasonalNaive == nil && report.season == nil)
    }

    @Test("errors without bound are written as null and read back")
    func infinite() throws {
        let scores = Scores(rmse: .infinity, mae: .nan, mase: .infinity, smape: .nan)
        let data = try JSONEncoder().encode(scores)
        #expect(String(decoding: data, as: UTF8.self).contains("\"rmse\":null"))
        #expect(
            try JSONDecoder().decode(Scores.self, from: data)
                == Scores(rmse: .infinity, mae: .infinity, mase: nil, smape: nil))
    }

    @Test("without held-out rows there is no score, and the report says so in its public names")
    func coding() throws {
        let trainer = try Trainer(forecastSpec(holdout: 0), .series(seasonalSeries()), datasetDigest: "")
        try trainer.run()
        let report = try trainer.finish().report
        #expect(report.holdout == nil)
        let text = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
        #expect(text.contains("\"train_loss\"") && text.contains("\"epochs_run\":3"))
        let read = try JSONDecoder().decode(TrainingReport.self, from: Data(text.utf8))
        #expect(try Formats.encode(read) == Formats.encode(report))
    }
}
