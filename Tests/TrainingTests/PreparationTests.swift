import Kernels
import Models
import NamedFields
import Networks
import TestSupport
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

    @Test("a value that no float32 can hold beside the others is found before training, held out or not")
    func outOfRange() {
        for row in [60, 75] {
            var table = seasonalSeries()
            table.columns[0][row] = 1e300
            let spec = forecastSpec(OptimizationSpec(epochs: 1, validation: .init(fraction: 0.5)))
            let found = violations(spec, .series(table))
            #expect(found.count == 1 && found[0].path == ["data"])
            #expect(found[0].detail.contains("\"y\", row \(row + 1): 1e+300"))
        }
        var set = signSequences()
        let training = try? Trainer(classifySpec(), .sequences(set), datasetDigest: "")
        #expect(training != nil)
        set.values[7] = 1e300
        #expect(violations(classifySpec(), .sequences(set)).count == 1)
    }

    @Test("rows out of the order of time are refused with the first that is", arguments: [true, false])
    func order(runsBackwards: Bool) {
        var table = seasonalSeries()
        var labels = table.timeLabels ?? []
        if runsBackwards { labels.reverse() } else { labels[50] = labels[49] }
        table.timeLabels = labels
        let found = violations(forecastSpec(), .series(table))
        #expect(found.map(\.path) == [["task", "time"]])
        #expect(found.first?.detail.contains(runsBackwards ? "row 2: \"2078\"" : "row 51: \"2049\"") == true)
    }

    @Test("gaps and labels of no known form are told, and train all the same")
    func warnings() throws {
        func warnings(_ change: (inout SeriesTable) -> Void) throws -> [String]? {
            var table = seasonalSeries()
            change(&table)
            let trainer = try Trainer(
                forecastSpec(OptimizationSpec(epochs: 1), features: ["u"]), .series(table), datasetDigest: "")
            try trainer.run()
            return try trainer.finish().report.warnings
        }
        #expect(try warnings { _ in } == nil)
        let gap = try warnings { table in
            table.timeLabels = (0..<80).map { String($0 < 30 ? 2000 + $0 : 2001 + $0) }
        }
        #expect(gap?.count == 1 && gap?.first?.contains("row 31: \"2031\" follows \"2029\"") == true)
        let unknown = try warnings { $0.timeLabels = (0..<80).map { "no. \($0)" } }
        #expect(unknown?.count == 1 && unknown?.first?.contains("such as \"no. 0\"") == true)
        let constant = try warnings { $0.columns[1] = [Double](repeating: 4, count: 80) }
        #expect(constant == ["column \"u\" is 4.0 in every row that is learnt from"])
    }

    @Test("a constant series trains and forecasts its constant")
    func constant() throws {
        let table = SeriesTable(names: ["y"], columns: [[Double](repeating: 42, count: 60)])
        for transform in [[], [TransformSpec.log], [.difference], [.standardize], [.minMax]] {
            let trainer = try Trainer(
                forecastSpec(OptimizationSpec(epochs: 30), transform: transform), .series(table), datasetDigest: "")
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

    @Test("the least data that is enough trains", arguments: [Cell.lstm(), .gru(.before)])
    func least(cell: Cell) throws {
        let two = SequenceSet(features: ["a"], values: [1, 2], lengths: [1, 1], labels: ["x", "y"])
        let trainer = try Trainer(classifySpec(cell: cell), .sequences(two), datasetDigest: "")
        try trainer.run()
        #expect(try trainer.finish().report.classification?.majorityAccuracy == 0.5)
    }
}
