import Kernels
import Networks
import Testing

@testable import Training

/// Data that cannot be learnt from is refused with a reason, never trained on and never a crash.
@Suite("Preparation")
struct PreparationTests {
    private func violations(_ spec: TrainingSpec, _ data: TrainingData) -> [Violation] {
        do { _ = try Trainer(spec, data, datasetDigest: "") } catch { return error.list }
        return []
    }

    @Test("a series too short for its task is told how many rows it needs, and why")
    func short() {
        let spec = forecastSpec()
        // 8 to look back, 6 for differencing, 1 to learn from, 12 held out.
        for rows in [0, 1, 26] {
            let found = violations(spec, .series(seasonalSeries(rows)))
            #expect(found.count == 1 && found[0].path == ["data"])
            #expect(found[0].detail.contains("needs at least 27: 8 to look back, 6 before them"))
        }
        #expect(violations(spec, .series(seasonalSeries(27))).isEmpty)
    }

    @Test("columns that are not there, and numbers that are none, are all named")
    func columns() {
        var table = seasonalSeries()
        table.columns[0][4] = .nan
        let spec = TrainingSpec(task: .forecast(ForecastTask(target: ["y", "z"], features: ["w"])))
        let found = violations(spec, .series(table))
        #expect(found.map(\.path) == [["data"], ["task", "target"], ["task", "features"]])
        #expect(found[0].detail.contains("\"y\", row 5"))
    }

    @Test("a logarithm of 0 in the held-out rows is found before training")
    func logarithm() {
        var table = seasonalSeries()
        table.columns[0][75] = 0
        let found = violations(forecastSpec(transform: [.log]), .series(table))
        #expect(found.count == 1 && found[0].detail.contains("row 76"))
    }

    @Test("a constant series trains and forecasts its constant")
    func constant() throws {
        let table = SeriesTable(names: ["y"], columns: [[Double](repeating: 42, count: 60)])
        for transform in [[], [TransformSpec.log], [.difference], [.standardise], [.minMax]] {
            let trainer = try Trainer(
                forecastSpec(OptimisationSpec(epochs: 30), transform: transform), .series(table), datasetDigest: "")
            try trainer.run()
            let report = try #require(try trainer.finish().report.holdout)
            #expect(report.horizon.rmse < 2 && report.baselines.naive.horizon.rmse == 0)
            #expect(report.horizon.mase == nil)
        }
    }

    @Test("sequences with one label, none at all, or too few rows are refused")
    func sequences() {
        let one = SequenceSet(features: ["a"], values: [1, 2], lengths: [1, 1], labels: ["x", "x"])
        #expect(violations(classifySpec(), .sequences(one)).count == 1)
        let none = SequenceSet(features: ["a"], values: [], lengths: [], labels: [])
        #expect(violations(classifySpec(), .sequences(none)).count == 1)
        let empty = SequenceSet(features: ["a"], values: [1], lengths: [1, 0], labels: ["x", "y"])
        #expect(violations(classifySpec(), .sequences(empty)).first?.detail.contains("sequence 2 has 0 rows") == true)
        var spec = classifySpec()
        spec.training.validation = .init(fraction: 0.5)
        let single = SequenceSet(features: ["a"], values: [1, 2], lengths: [1, 1], labels: ["x", "y"])
        #expect(violations(spec, .sequences(single)).first?.path == ["training", "validation", "fraction"])
    }

    @Test("data of the other kind is refused")
    func otherKind() {
        #expect(violations(forecastSpec(), .sequences(signSequences())).count == 1)
        #expect(violations(classifySpec(), .series(seasonalSeries())).count == 1)
    }

    @Test("the least data that is enough trains", arguments: [Cell.lstm, .gru(.before)])
    func least(cell: Cell) throws {
        let two = SequenceSet(features: ["a"], values: [1, 2], lengths: [1, 1], labels: ["x", "y"])
        let trainer = try Trainer(classifySpec(cell: cell), .sequences(two), datasetDigest: "")
        try trainer.run()
        #expect(try trainer.finish().report.classification?.majorityAccuracy == 0.5)
    }
}
