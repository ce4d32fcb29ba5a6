import ArgumentParser
import Formats
import Kernels

/// `timestep bench activations`: do exp, tanh and the logistic function keep what they promise, for every float there is?
struct ActivationBench: Command {
    static let configuration = CommandConfiguration(
        commandName: "activations",
        abstract: "Check exp, tanh and the logistic function against exact values.",
        discussion: """
            Every input goes through the kernels of each instruction set that this processor has. The results are held \
            against the correctly rounded values, from double precision: exp and tanh may lie 2 units in the last place \
            away, the logistic function 3; at 0 and infinities they are exact, NaN stays NaN, and all sets with fused \
            multiply-add give the same bits. Exit status 1 where one of these fails.

            One input in 4099, in a second; all 2^32 of them, in a minute or two:

              timestep bench activations
              timestep bench activations --exhaustive
            """)

    @Flag(help: "All 2^32 inputs in place of a sample.") var exhaustive = false
    @Option(help: "Threads (default: one a core).") var threads: Int?
    @Flag(help: "Print JSON.") var json = false

    /// A prime, so that a sample meets every pattern of low bits.
    private static let sampleStride: UInt64 = 4_099

    func perform() throws(CommandError) {
        let threads = threads ?? Processor.cores
        guard threads > 0 else { throw CommandError(.usage, "--threads: expected a number above 0") }
        let stride = exhaustive ? 1 : Self.sampleStride
        let began = ContinuousClock.now
        var reports: [ActivationReport] = []
        for activation in Activation.allCases {
            reports.append(ActivationSurvey(activation, stride: stride).run(threads: threads))
        }
        let seconds = (ContinuousClock.now - began).timeInterval
        json ? print(document: reports, seconds) : print(text: reports, seconds)
        let failures = reports.flatMap(\.failures)
        guard failures.isEmpty else { throw CommandError(.refused, failures.joined(separator: "\n")) }
    }

    private func print(text reports: [ActivationReport], _ seconds: Double) {
        var table = TextTable([
            ("function", .left), ("instruction set", .left), ("inputs", .right), ("units away", .right),
            ("bound", .right), ("error in units", .right), ("at x", .right),
        ])
        for report in reports {
            for (set, worst) in report.worst {
                table.add([
                    report.activation.rawValue, set, "\(report.inputs)", "\(worst.distance)",
                    "\(report.activation.bound)",
                    Numerals.fixed(worst.error, 3), "\(Float(bitPattern: worst.errorAt))",
                ])
            }
        }
        for line in table.lines(for: .plain) { Output.line(line) }
        let fused = ActivationSurvey.fusedSets.map(\.rawValue)
        if fused.count > 1, reports.allSatisfy({ $0.differing == nil }) {
            Output.line("\(fused.joined(separator: " and ")) give the same bits")
        }
        Output.line(Numerals.time(seconds: seconds))
    }

    private func print(document reports: [ActivationReport], _ seconds: Double) {
        let rows = reports.flatMap { report in
            report.worst.map { set, worst -> JSON in
                [
                    "function": .string(report.activation.rawValue), "instruction_set": .string(set),
                    "inputs": .number(Double(report.inputs)), "units_away": .number(Double(worst.distance)),
                    "error_in_units": .number(worst.error),
                    "error_at": .number(Double(Float(bitPattern: worst.errorAt))),
                ]
            }
        }
        let document: JSON = [
            "object": "bench_activations", "seconds": .number(seconds), "rows": .array(rows),
            "failures": .array(reports.flatMap(\.failures).map { .string($0) }),
        ]
        Output.line(document.text)
    }
}
