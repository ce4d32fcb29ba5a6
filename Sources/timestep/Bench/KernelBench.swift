import ArgumentParser
import Formats
import Foundation
import Kernels

/// `timestep bench kernels`: how near the networks come to what the processor can do.
struct KernelBench: Command {
    static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "Time cells and shapes, beside the limits of the machine.",
        discussion: """
            First the limits, measured in the same run: multiply-adds in registers, and memory read from each cache level. \
            Then every cell and shape: a pass over a batch of sequences, a training step (new parameters packed, \
            forward, backward to the gradients of parameters and inputs), or one step of streams where T is 1.

            GFLOP/s count the products only: 2·T·B·gates·H·(I+H), three times that in training. The percentage is of the \
            least time the machine could take: operations in registers, or for one row at a time the weights read at \
            the speed measured for memory of their size. Figures are medians of interleaved repetitions; one thread is \
            timed by its processor time, so other work on the machine disturbs little, several by the clock.

            All figures take ten minutes and more; one thing is quick:

              timestep bench kernels --cells lstm --shapes 1x1x256x256 --threads 1 --precisions float32
              timestep bench kernels --json before.json
              timestep bench kernels --compare before.json
            """)

    @Option(help: ArgumentHelp("Cells: lstm, gru (reset after), elman (tanh).", valueName: "list"))
    var cells = "lstm,gru,elman"
    @Option(
        help: ArgumentHelp(
            "Shapes TxBxIxH: steps, sequences, inputs, hidden units; T = 1 is one step of B streams.",
            valueName: "list"))
    var shapes = BenchShape.usual.map(\.description).joined(separator: ",")
    @Option(help: ArgumentHelp("Modes: forward, train.", valueName: "list")) var modes = "forward,train"
    @Option(help: ArgumentHelp("Precisions: float32, bfloat16, int8 (forward only).", valueName: "list"))
    var precisions = Precision.allCases.map(\.rawValue).joined(separator: ",")
    @Option(help: ArgumentHelp("Numbers of threads (default: 1, and one a core).", valueName: "list"))
    var threads: String?
    @Option(help: "Repetitions, of which the median counts.") var repetitions = 5
    @Option(help: ArgumentHelp("Seconds for each figure in each repetition.", valueName: "seconds")) var seconds = 0.1
    @Option(help: "Instruction set: auto or one that this processor has.") var instructionSet = "auto"
    @Option(help: "Clock: processor (of one thread), wall, or auto: processor where one thread computes.")
    var clock = "auto"
    @Flag(help: "Leave the limits out, and with them the percentages.") var noLimits = false
    @Option(help: ArgumentHelp("Write the figures to FILE; - prints them in place of the table.", valueName: "file"))
    var json: String?
    @Option(help: ArgumentHelp("Show an earlier run, from its FILE, beside this one.", valueName: "file"))
    var compare: String?

    func perform() throws(CommandError) {
        let set = try Self.instructionSet(instructionSet)
        let cases = try self.cases()
        let earlier = try compare.map { path throws(CommandError) in try KernelReport(file: path) }
        let isQuiet = json == "-"
        let limits = noLimits ? nil : MachineLimits(set)
        var report = KernelReport(machine: KernelReport.Machine(set, limits))
        if !isQuiet { for line in report.machine.lines { Output.line(line) } }
        for shape in cases.shapes {
            let rows = measure(cases.of(shape), set, limits)
            report.rows += rows
            guard !isQuiet else { continue }
            Output.line()
            for line in KernelReport.lines(shape, rows, earlier: earlier) { Output.line(line) }
        }
        if let json {
            let sink = try FileSink(path: json)
            try sink.write(Array((report.document.text + "\n").utf8))
            try sink.finish()
        }
    }

    /// The set of a name, or the best for `auto`.
    static func instructionSet(_ name: String) throws(CommandError) -> InstructionSet {
        if name == "auto" { return .best }
        guard let set = InstructionSet(rawValue: name), set.isAvailable else {
            let names = InstructionSet.available.map(\.rawValue).joined(separator: ", ")
            throw CommandError(.usage, "--instruction-set \(name): this processor has \(names)")
        }
        return set
    }

    // MARK: Cases

    private struct Cases {
        var shapes: [BenchShape]
        var all: [KernelCase]
        func of(_ shape: BenchShape) -> [KernelCase] { all.filter { $0.shape == shape } }
    }

    private func cases() throws(CommandError) -> Cases {
        guard repetitions >= 1, seconds > 0 else {
            throw CommandError(.usage, "--repetitions and --seconds: expected numbers above 0")
        }
        guard ["auto", "processor", "wall"].contains(clock) else {
            throw CommandError(.usage, "--clock: expected processor, wall or auto, found \"\(clock)\"")
        }
        let cells = try Self.choices(cells, "--cells", BenchCell.allCases)
        let modes = try Self.choices(modes, "--modes", BenchMode.allCases)
        let precisions = try Self.choices(precisions, "--precisions", Precision.allCases)
        let threads = try self.threads.map { list throws(CommandError) in
            try TrainOptions.integers(list, of: "--threads")
        }
        let counts = threads ?? (Processor.cores > 1 ? [1, Processor.cores] : [1])
        guard counts.allSatisfy({ (1...256).contains($0) }) else {
            throw CommandError(.usage, "--threads: expected numbers from 1 to 256")
        }
        guard clock != "processor" || counts == [1] else {
            throw CommandError(.usage, "--clock processor: counts one thread, so it needs --threads 1")
        }
        var shapes: [BenchShape] = []
        for word in TrainOptions.list(self.shapes) {
            guard let shape = BenchShape(word) else {
                throw CommandError(
                    .usage, "--shapes: expected TxBxIxH such as 100x32x64x128, separated by commas, found \"\(word)\"")
            }
            if !shapes.contains(shape) { shapes.append(shape) }
        }
        guard !shapes.isEmpty else { throw CommandError(.usage, "--shapes: expected at least one") }
        var all: [KernelCase] = []
        for shape in shapes {
            for mode in modes where mode == .forward || !shape.isStep {
                for precision in precisions where mode == .forward || precision != .int8 {
                    for cell in cells {
                        for count in counts {
                            all.append(
                                KernelCase(shape: shape, cell: cell, mode: mode, precision: precision, threads: count))
                        }
                    }
                }
            }
        }
        guard !all.isEmpty else {
            throw CommandError(
                .usage,
                "nothing to measure: a training step needs a shape of more than one step, and float32 or bfloat16")
        }
        return Cases(shapes: shapes, all: all)
    }

    static func choices<Choice: RawRepresentable>(
        _ text: String, _ flag: String, _ known: [Choice]
    ) throws(CommandError) -> [Choice] where Choice.RawValue == String {
        var chosen: [Choice] = []
        for word in TrainOptions.list(text) {
            guard let choice = known.first(where: { $0.rawValue == word }) else {
                let names = known.map(\.rawValue).joined(separator: ", ")
                throw CommandError(.usage, "\(flag): expected some of \(names), found \"\(word)\"")
            }
            chosen.append(choice)
        }
        guard !chosen.isEmpty else { throw CommandError(.usage, "\(flag): expected at least one") }
        return chosen
    }

    // MARK: Measuring

    /// All cases of one shape, in turns, so that a disturbance falls on all of them.
    private func measure(
        _ cases: [KernelCase], _ set: InstructionSet, _ limits: MachineLimits?
    ) -> [KernelReport.Row] {
        let works = cases.map { KernelWork.make($0, set) }
        var times = [[Double]](repeating: [], count: cases.count)
        for _ in 0..<repetitions {
            for (index, item) in cases.enumerated() {
                let clock: Stopwatch.Clock = item.threads == 1 && self.clock != "wall" ? .processor : .wall
                times[index].append(Stopwatch.shortest(seconds: seconds, clock, works[index]))
            }
        }
        var rows: [KernelReport.Row] = []
        for (item, times) in zip(cases, times) {
            let median = Stopwatch.median(times)
            let percent = limits.map { 100 * item.leastSeconds($0) / median }
            rows.append(KernelReport.Row(item, seconds: median, percentOfLimit: percent))
        }
        return rows
    }
}
