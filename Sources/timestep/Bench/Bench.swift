import ArgumentParser
import Foundation
import Glibc
import Kernels
import Models
import Networks

/// `timestep bench`: the figures of the README, measured on this machine.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure this build on this machine.",
        discussion: """
            timestep bench json          a large prediction's JSON, beside its network
              timestep bench kernels       cells and shapes, beside the machine's limits
              timestep bench precision     what bfloat16 and int8 cost in accuracy, on real data
              timestep bench activations   exp, tanh and σ, checked against exact values
              timestep bench instructions  work for valgrind to count
              timestep bench serve         memory, start and size of an idle server
              timestep bench hostile       memory and other clients' time while one client misbehaves
              timestep bench learning      what networks learn of public data, beside PyTorch's
            """,
        subcommands: [
            JSONBench.self, KernelBench.self, PrecisionBench.self, ActivationBench.self, InstructionBench.self,
            ServeBench.self, HostileBench.self, LearningBench.self,
        ])
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

    enum Clock {
        /// What the processor spent on this thread: what else runs on the machine does not count.
        case processor
        case wall

        var seconds: Double {
            var time = timespec()
            clock_gettime(self == .processor ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
    }

    /// Repeats work for about `seconds` in a few blocks, and gives the shortest mean of a block: the one that was
    /// disturbed least.
    static func shortest(seconds: Double, _ clock: Clock, _ body: () -> Void) -> Double {
        func mean(_ count: Int) -> Double {
            let began = clock.seconds
            for _ in 0..<count { body() }
            return (clock.seconds - began) / Double(count)
        }
        let blocks = 4
        body()
        var best = mean(1)
        // One run of short work says little of its length.
        if best < 1e-3 { best = mean(max(1, Int(2e-3 / max(best, 1e-6)))) }
        guard best * Double(blocks) <= 2 * seconds else { return min(best, mean(1)) }
        let count = max(1, Int(seconds / Double(blocks) / best))
        for _ in 0..<blocks { best = min(best, mean(count)) }
        return best
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return .nan }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
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
        let network = NetworkDescription(
            inputs: 1, layers: [LayerDescription(cell: .lstm(), hidden: hidden)], outputs: 1)
        let scale = ColumnTransform(steps: [.scale(offset: 0, divisor: 1)])
        return Model(
            task: .forecast(
                ForecastModel(
                    targets: ["value"], features: [], time: nil, lookback: lookback, horizon: 1, season: nil,
                    tail: SeriesTail(rows: Array(repeating: [0], count: lookback), time: nil))),
            transform: [.standardize], inputs: InputTransforms(columns: [scale], laggedColumns: 1), network: network,
            parameters: parameters(network), seed: 1, datasetDigest: String(repeating: "0", count: 64))
    }
}
