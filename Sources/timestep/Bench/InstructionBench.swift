import ArgumentParser
import CCallgrind
import Kernels

/// `timestep bench instructions`: work for valgrind's callgrind to count, one dump a case. What it counts does not
/// depend on the machine's load, so `.ci/check-kernel-cost` can hold it to figures in a file.
struct InstructionBench: Command {
    static let configuration = CommandConfiguration(
        commandName: "instructions",
        abstract: "Run each cell once for valgrind's callgrind to count its instructions.",
        discussion: """
              valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file=counts \\
                timestep bench instructions --instruction-set avx2
              grep -h -e '^desc: Trigger' -e '^totals' counts.*

            Each case runs once uncounted and once counted; its dump bears its name.
            """)

    @Option(help: "Instruction set: one that valgrind knows, so none of AVX-512.") var instructionSet = "avx2"
    @Option(help: ArgumentHelp("Shapes TxBxIxH; T = 1 is one step of B streams.", valueName: "list"))
    var shapes = "4x32x64x128,20x1x64x64,1x1x128x128"

    func perform() throws(CommandError) {
        guard callgrind_is_there() != 0 else {
            throw CommandError(
                .usage, "this only does something under valgrind: see timestep bench instructions --help")
        }
        guard let set = InstructionSet(rawValue: instructionSet), set.isAvailable else {
            throw CommandError(.usage, "--instruction-set \(instructionSet): not on the processor that valgrind shows")
        }
        for item in try cases() {
            let work = KernelWork.make(item, set)
            work()
            callgrind_zero()
            callgrind_start()
            work()
            callgrind_stop()
            let name = [set.rawValue, item.cell.rawValue, item.mode.rawValue, item.precision.rawValue, "\(item.shape)"]
            name.joined(separator: " ").withCString { callgrind_dump($0) }
        }
    }

    private func cases() throws(CommandError) -> [KernelCase] {
        var cases: [KernelCase] = []
        for word in TrainOptions.list(shapes) {
            guard let shape = BenchShape(word) else {
                throw CommandError(.usage, "--shapes: expected TxBxIxH, found \"\(word)\"")
            }
            for mode in BenchMode.allCases where mode == .forward || shape.batch > 1 {
                for cell in BenchCell.allCases {
                    for precision in Precision.allCases where mode == .forward || precision != .int8 {
                        // Cells differ in what follows the products, which all precisions share.
                        guard precision == .float32 || cell == .lstm else { continue }
                        cases.append(
                            KernelCase(shape: shape, cell: cell, mode: mode, precision: precision, threads: 1))
                    }
                }
            }
        }
        return cases
    }
}
