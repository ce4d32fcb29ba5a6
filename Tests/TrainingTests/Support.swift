import Formats
import Foundation
import Kernels
import Models
import Networks
import TestSupport
import Training

/// The instruction sets with fused multiply-add that this machine has.
let fusedSets = InstructionSet.allCases.filter { $0 != .baseline && $0.isAvailable }

/// Draws in [-1, 1], the same for the same seed.
func draws(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed)
    return (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
}

/// A season of 6 with a trend and noise: quick to learn from.
func seasonalSeries(_ rows: Int = 80, seed: UInt64 = 1) -> SeriesTable {
    let noise: [Double] = draws(rows, seed: seed).map { Double($0) }
    let values = (0..<rows).map { row -> Double in
        let time = Double(row)
        return 100 + time + 10 * sin(time * Double.pi / 3) + noise[row]
    }
    return SeriesTable(
        names: ["y", "u"], columns: [values, noise], timeLabels: (0..<rows).map { String(2000 + $0) })
}

/// Sequences of unequal length whose label is the sign of their mean.
func signSequences(_ count: Int = 60, seed: UInt64 = 1) -> SequenceSet {
    var generator = SeededGenerator(seed)
    var values: [Double] = []
    var lengths: [Int] = []
    var labels: [String] = []
    for index in 0..<count {
        let length = Int.random(in: 2...7, using: &generator)
        let sign = index % 2 == 0 ? 1.0 : -1.0
        for _ in 0..<length * 2 { values.append(sign + Double.random(in: -2...2, using: &generator)) }
        lengths.append(length)
        labels.append(sign > 0 ? "up" : "down")
    }
    return SequenceSet(features: ["a", "b"], values: values, lengths: lengths, labels: labels)
}

func forecastSpec(
    _ training: OptimizationSpec = OptimizationSpec(epochs: 3, batchSize: 16), cell: Cell = .lstm(),
    dropout: Float = 0, holdout: Int = 12, transform: [TransformSpec] = [.seasonalDifference(6)],
    features: [String] = []
) -> TrainingSpec {
    TrainingSpec(
        task: .forecast(
            ForecastTask(
                target: ["y"], features: features, time: "t", lookback: 8, horizon: 5, transform: transform,
                holdout: holdout)),
        network: NetworkSpec(
            layers: [LayerSpec(cell: cell, hidden: 7), LayerSpec(cell: cell, hidden: 5)], dropout: dropout),
        training: training)
}

func classifySpec(
    _ training: OptimizationSpec = OptimizationSpec(epochs: 3, batchSize: 16), pool: ClassifyTask.Pool = .last,
    cell: Cell = .gru(.after)
) -> TrainingSpec {
    TrainingSpec(
        task: .classify(ClassifyTask(pool: pool)), network: NetworkSpec(layers: [LayerSpec(cell: cell, hidden: 6)]),
        training: training)
}

/// A month and a number a row.
func airline() throws -> SeriesTable {
    let rows = try Fixtures.text("data/airpassengers.csv").split(separator: "\n").dropFirst()
        .map { $0.split(separator: ",") }
    return SeriesTable(
        names: ["passengers_thousands"], columns: [rows.compactMap { Double($0[1]) }],
        timeLabels: rows.map { String($0[0]) })
}

/// One record {"label", "x"} a line.
func vowels(_ part: String) throws -> SequenceSet {
    struct Record: Decodable {
        var label: String
        var x: [[Double]]
    }
    let records = try Fixtures.text("data/japanese_vowels_\(part).jsonl").split(separator: "\n")
        .map { try JSONDecoder().decode(Record.self, from: Data($0.utf8)) }
    return SequenceSet(
        features: (1...12).map { "c\($0)" }, values: records.flatMap { $0.x.flatMap { $0 } },
        lengths: records.map(\.x.count), labels: records.map(\.label))
}
