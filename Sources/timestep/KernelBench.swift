import ArgumentParser
import Formats
import Kernels
import Networks

/// `timestep bench kernels`: how near the networks come to what the processor can do.
struct KernelBench: Command {
    static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "Time cells and shapes, beside the processor's multiply-adds.",
        discussion: """
            For each cell and width: a forward pass over a batch of sequences, a training step over the same (forward and \
            backward), and one step of one stream. Rates count the multiplications and additions of the products only.
            """)

    @Option(help: ArgumentHelp("Widths of the layer, separated by commas.", valueName: "list")) var hidden =
        "32,64,128,256"
    @Option(help: "Sequences in the batch.") var batch = 32
    @Option(help: "Steps in each sequence.") var steps = 100
    @Option(help: "Instruction set: auto or one that this processor has.") var instructionSet = "auto"
    @Option(help: ArgumentHelp("Seconds for each figure.", valueName: "seconds")) var seconds = 0.3
    @Flag(help: "Print JSON lines.") var json = false

    static let cells: [(String, Cell)] = [
        ("elman", .elman(.tanh)), ("lstm", .lstm), ("gru, reset after", .gru(.after)),
        ("gru, reset before", .gru(.before)),
    ]

    private struct Row {
        var cell: String
        var hidden: Int
        var forward: Double
        var training: Double
        var step: Double
        /// Of the forward pass over the batch.
        var flops: Double
    }

    func perform() throws(CommandError) {
        let widths = try TrainOptions.integers(hidden, of: "--hidden")
        guard widths.allSatisfy({ (1...4096).contains($0) }), batch > 0, steps > 0, seconds > 0 else {
            throw CommandError(.usage, "expected widths from 1 to 4096 and numbers of at least 1")
        }
        let set = try chosen()
        let ceiling = Self.ceiling(set)
        var rows: [Row] = []
        for (name, cell) in Self.cells {
            for width in widths { rows.append(measure(name, cell, width, set)) }
        }
        json ? print(documents: rows, set, ceiling) : print(text: rows, set, ceiling)
    }

    private func chosen() throws(CommandError) -> InstructionSet {
        if instructionSet == "auto" { return .best }
        guard let set = InstructionSet(rawValue: instructionSet), set.isAvailable else {
            let names = InstructionSet.available.map(\.rawValue).joined(separator: ", ")
            throw CommandError(.usage, "--instruction-set \(instructionSet): this processor has \(names)")
        }
        return set
    }

    /// Multiply-adds in registers only: what no product can exceed, in operations a second.
    private static func ceiling(_ set: InstructionSet) -> Double {
        let kernels = KernelSet(set)
        var operations = 0
        let time = Stopwatch.best(of: 5) { operations = kernels.multiplyAdds(rounds: 2_000_000) }
        return Double(operations) / time
    }

    private func measure(_ name: String, _ cell: Cell, _ hidden: Int, _ set: InstructionSet) -> Row {
        let kernels = KernelSet(set)
        let network = NetworkDescription(
            inputs: hidden, layers: [LayerDescription(cell: cell, hidden: hidden)], outputs: 1)
        let parameters = BenchModel.parameters(network)
        let inputs = BenchModel.numbers(batch * steps * hidden)
        let lengths = [Int](repeating: steps, count: batch)

        let inference = InferenceNetwork(network, parameters, kernels: kernels)
        let forward = Stopwatch.mean(seconds: seconds) { _ = inference.run(inputs, lengths: lengths) }

        var states = [inference.zeroState]
        let row = Array(inputs[..<hidden])
        let step = Stopwatch.mean(seconds: seconds) { _ = inference.step(&states, row) }

        let trainer = TrainingNetwork(network, kernels: kernels)
        let ragged = RaggedBatch(lengths: lengths)
        let x = Buffer(count: inputs.count)
        x.base.update(from: inputs, count: inputs.count)
        let gradient = Buffer(count: parameters.values.count)
        let training = Stopwatch.mean(seconds: seconds) {
            trainer.load(parameters.values)
            let outputs = trainer.forward(ragged, x: Rows(UnsafePointer(x.base), count: ragged.rows, width: hidden))
            gradient.base.update(repeating: 0, count: parameters.values.count)
            trainer.backward(outputs.rows, into: gradient.base)
        }
        let products = Double(cell.blocks) * 2 * 2 * Double(hidden * hidden)
        return Row(
            cell: name, hidden: hidden, forward: forward, training: training, step: step,
            flops: products * Double(batch * steps))
    }

    // MARK: Output

    /// Backward has two products for each of forward's, so a training step is three forward passes of arithmetic.
    private static let trainingShare = 3.0

    private func print(text rows: [Row], _ set: InstructionSet, _ ceiling: Double) {
        var table = TextTable([
            ("cell", .left), ("hidden", .right), ("forward us/step", .right), ("GFLOP/s", .right),
            ("of ceiling", .right),
            ("training us/step", .right), ("GFLOP/s", .right), ("of ceiling", .right), ("one stream us", .right),
        ])
        for row in rows {
            let forward = row.flops / row.forward
            let training = Self.trainingShare * row.flops / row.training
            table.add([
                row.cell, "\(row.hidden)", Numerals.fixed(row.forward / Double(steps) * 1e6, 2),
                Numerals.fixed(forward / 1e9, 1),
                Numerals.fixed(100 * forward / ceiling, 0) + "%", Numerals.fixed(row.training / Double(steps) * 1e6, 2),
                Numerals.fixed(training / 1e9, 1), Numerals.fixed(100 * training / ceiling, 0) + "%",
                Numerals.fixed(row.step * 1e6, 2),
            ])
        }
        Output.line(
            "\(set.rawValue), one thread, batch \(batch) x \(steps) steps, inputs as wide as the layer; ceiling "
                + "\(Numerals.fixed(ceiling / 1e9, 0)) GFLOP/s of multiply-adds in registers")
        for line in table.lines(for: .plain, indent: 2) { Output.line(line) }
    }

    private func print(documents rows: [Row], _ set: InstructionSet, _ ceiling: Double) {
        for row in rows {
            let document: JSON = [
                "object": "bench_kernel", "cell": .string(row.cell), "hidden": .number(Double(row.hidden)),
                "batch": .number(Double(batch)), "steps": .number(Double(steps)),
                "instruction_set": .string(set.rawValue),
                "forward_seconds": .number(row.forward), "training_seconds": .number(row.training),
                "step_seconds": .number(row.step), "forward_flops": .number(row.flops),
                "ceiling_flops_per_second": .number(ceiling),
            ]
            Output.line(document.text)
        }
    }
}
