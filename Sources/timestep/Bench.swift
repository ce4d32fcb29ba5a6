import ArgumentParser
import Foundation
import Kernels
import Networks

/// `timestep bench`: the figures of the README, measured on this machine.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure this build on this machine.",
        discussion: """
              timestep bench json       reading and writing a large prediction's JSON, beside the network that answers it
            timestep bench kernels    cells and shapes: time and arithmetic rate, beside what the processor can do
            timestep bench serve      memory of an idle server, time from start to ready, size of the binary
            """,
        subcommands: [JSONBench.self, KernelBench.self, ServeBench.self])
}

/// How often and how long something is measured.
enum Stopwatch {
    /// The shortest of several runs, in seconds: on a machine with other work, the one that was disturbed least.
    static func best(of rounds: Int, _ body: () throws -> Void) rethrows -> Double {
        var best = Double.infinity
        for _ in 0..<rounds {
            let began = ContinuousClock.now
            try body()
            best = min(best, (ContinuousClock.now - began).timeInterval)
        }
        return best
    }

    /// Repeats short work until it has run for `seconds`, and gives the shortest of several such means.
    static func mean(seconds: Double, rounds: Int = 5, _ body: () -> Void) -> Double {
        body()
        let once = best(of: 2, body)
        let repetitions = max(1, Int(seconds / Double(rounds) / max(once, 1e-9)))
        return best(of: rounds) { for _ in 0..<repetitions { body() } } / Double(repetitions)
    }
}

/// Networks and numbers to measure with: any weights and any inputs take the same time.
enum BenchModel {
    static func parameters(_ network: NetworkDescription) -> Parameters {
        Parameters(network, Initialization(), seed: 1)
    }

    /// Numbers between −1 and 1 with all their digits, as measurements have them.
    static func numbers(_ count: Int) -> [Float] {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(Int32.max)
        }
    }

    /// A forecaster of one series that reads `lookback` rows.
    static func forecaster(hidden: Int, lookback: Int) -> Model {
        let network = NetworkDescription(inputs: 1, layers: [LayerDescription(cell: .lstm, hidden: hidden)], outputs: 1)
        let scale = ColumnTransform(steps: [.scale(offset: 0, divisor: 1)])
        return Model(
            task: .forecast(
                ForecastModel(
                    targets: ["value"], features: [], time: nil, lookback: lookback, horizon: 1, season: nil,
                    tail: SeriesTail(rows: Array(repeating: [0], count: lookback), time: nil))),
            transform: [.standardise], inputs: InputTransforms(columns: [scale], laggedColumns: 1), network: network,
            parameters: parameters(network), seed: 1, datasetDigest: String(repeating: "0", count: 64))
    }
}
