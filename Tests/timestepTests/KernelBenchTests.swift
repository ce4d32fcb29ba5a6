import Formats
import Foundation
import Testing

@testable import timestep

/// `timestep bench`, as a person and as a script use it.
@Suite("Benchmarks")
struct KernelBenchTests {
    private let quick = [
        "bench", "kernels", "--cells", "lstm,elman", "--shapes", "3x2x4x8,1x1x4x8", "--threads", "1",
        "--precisions", "float32", "--repetitions", "2", "--seconds", "0.001",
    ]

    @Test("a run written as JSON has every figure, and a later run shows it beside its own")
    func file() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("kernels-\(UUID()).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let first = try Program.run(quick + ["--json", path])
        #expect(first.status == 0, "\(first.error)")
        let document = try JSON.parse(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
        let machine = try #require(document["machine"]?.object)
        #expect(
            machine.keys == [
                "cpu", "instruction_set", "fma_gflops", "bf16_gflops", "int8_gops", "l1_gbps", "l2_gbps", "l3_gbps",
                "memory_gbps",
            ])
        for name in ["fma_gflops", "l1_gbps", "l2_gbps", "l3_gbps", "memory_gbps"] {
            #expect((machine[name]?.double ?? 0) > 0, "\(name)")
        }
        let rows = try #require(document["rows"]?.array)
        // Two cells, forward and backward over the sequence, and a step.
        #expect(rows.map { $0["mode"]?.string } == ["forward", "forward", "train", "train", "forward", "forward"])
        #expect(rows.map { $0["T"]?.int } == [3, 3, 3, 3, 1, 1])
        for row in rows {
            #expect(
                row.object?.keys == [
                    "cell", "mode", "precision", "threads", "T", "B", "I", "H", "microseconds", "gflops",
                    "percent_of_limit",
                ])
            let seconds = (row["microseconds"]?.double ?? 0) / 1e6
            let operations = try #require(row["gflops"]?.double) * 1e9 * seconds
            let gates = row["cell"]?.string == "lstm" ? 4.0 : 1.0
            let steps = row["T"]?.int == 3 ? 3.0 * 2 : 1
            let share = row["mode"]?.string == "train" ? 3.0 : 1
            let expected = 2 * steps * gates * 8 * (4 + 8) * share
            #expect(abs(operations / expected - 1) < 1e-3, "\(row.text)")
            #expect((row["percent_of_limit"]?.double ?? 0) > 0)
        }

        let second = try Program.run(quick + ["--no-limits", "--compare", path])
        #expect(second.status == 0 && second.output.contains("earlier/now"), "\(second.error)")
        #expect(!second.output.contains("%"))
    }

    @Test("--json - prints one document and nothing else")
    func document() throws {
        let result = try Program.run(quick + ["--no-limits", "--json", "-"])
        let document = try JSON.parse(result.output)
        #expect(document["machine"]?["fma_gflops"]?.isNull == true)
        #expect(document["rows"]?.count == 6)
    }

    @Test("without a choice every precision is measured: all of them forward, int8 in no training step")
    func precisions() throws {
        let result = try Program.run([
            "bench", "kernels", "--cells", "gru", "--shapes", "3x2x4x8", "--threads", "1", "--repetitions", "1",
            "--seconds", "0.001", "--no-limits", "--json", "-",
        ])
        let rows = try #require(try JSON.parse(result.output)["rows"]?.array)
        #expect(
            rows.map { "\($0["mode"]?.string ?? "") \($0["precision"]?.string ?? "")" } == [
                "forward float32", "forward bfloat16", "forward int8", "train float32", "train bfloat16",
            ])
        #expect(rows.allSatisfy { ($0["microseconds"]?.double ?? 0) > 0 })
    }

    @Test("the cost of fewer bits is told for each precision, from files of one's own")
    func precisionOnData() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("precision-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let months = (0..<90).map { row in
            "\(1950 + row / 12)-\(row % 12 < 9 ? "0" : "")\(row % 12 + 1),\(100 + row + 9 * (row % 12))\n"
        }
        let sequences = (0..<24).map { row in
            #"{"x": [[\#(row % 2 == 0 ? 1 : -1), \#(row)], [0.5, 1]], "label": "\#(row % 2)"}"# + "\n"
        }
        try Data(("month,passengers_thousands\n" + months.joined()).utf8)
            .write(to: URL(fileURLWithPath: folder + "/series.csv"))
        try Data(sequences.joined().utf8).write(to: URL(fileURLWithPath: folder + "/s.jsonl"))
        let result = try Program.run([
            "bench", "precision", "--series", folder + "/series.csv", "--train", folder + "/s.jsonl", "--test",
            folder + "/s.jsonl", "--seeds", "1", "--epochs", "2", "--training", "float32,bfloat16", "--json",
        ])
        #expect(result.status == 0, "\(result.error)")
        let rows = try #require(try JSON.parse(result.output)["rows"]?.array)
        #expect(rows.map { $0["cell"]?.string } == ["lstm", "lstm", "gru", "elman", "lstm", "lstm", "gru", "elman"])
        #expect(rows.map { $0["trained_in"]?.string } == (0..<8).map { $0 < 4 ? "float32" : "bfloat16" })
        for row in rows {
            for precision in ["float32", "bfloat16", "int8"] {
                let scores = row[precision]
                #expect((scores?["rmse"] ?? scores?["accuracy"])?.double?.isFinite == true, "\(row.text)")
            }
        }
    }

    @Test(
        "a choice that is not there is named, with those that are",
        arguments: [
            (["--cells", "transformer"], "lstm, gru, elman"), (["--shapes", "100x32"], "TxBxIxH"),
            (["--modes", "backward"], "forward, train"), (["--threads", "0"], "from 1 to 256"),
            (["--precisions", "half"], "float32, bfloat16, int8"),
            (["--clock", "sundial"], "wall"), (["--clock", "processor", "--threads", "2"], "--threads 1"),
            (["--precisions", "int8", "--modes", "train"], "nothing"),
            (["--instruction-set", "mmx"], "baseline"), (["--shapes", "1x1x4x4", "--modes", "train"], "nothing"),
        ])
    func choices(arguments: [String], words: String) throws {
        let result = try Program.run(["bench", "kernels"] + arguments)
        #expect(result.status == timestep.ExitStatus.usage.rawValue && result.output.isEmpty)
        #expect(result.error.contains(words), "\(result.error)")
    }

    @Test("a file that is no earlier run is refused before anything is measured")
    func strangeFile() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("kernels-\(UUID()).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        for text in ["{}", "no JSON", #"{"machine": {}, "rows": [{"cell": "lstm"}]}"#] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let result = try Program.run(["bench", "kernels", "--compare", path])
            #expect(result.status == timestep.ExitStatus.file.rawValue && result.error.contains(path))
        }
    }

    @Test("the least time of a step is its weights read once; of a batch, its operations")
    func leastTime() {
        let limits = MachineLimits(.best)
        func item(_ shape: BenchShape, _ mode: BenchMode = .forward) -> KernelCase {
            KernelCase(shape: shape, cell: .gru, mode: mode, precision: .float32, threads: 1)
        }
        let step = item(BenchShape(1, 1, 16, 32))
        let bytes = 3 * 32 * (16 + 32) * 4
        let reading = Double(bytes) / limits.bytesPerSecond(workingSet: bytes)
        let rate = limits.productsPerSecond(.float32, threads: 1)
        #expect(step.leastSeconds(limits) == max(reading, step.operations / rate))
        let batch = item(BenchShape(10, 8, 16, 32))
        #expect(batch.leastSeconds(limits) == batch.operations / rate)
        // A sequence alone is never faster than its operations, nor its training than three times that.
        for mode in BenchMode.allCases {
            let alone = item(BenchShape(10, 1, 16, 32), mode)
            #expect(alone.leastSeconds(limits) >= alone.operations / rate * (1 - 1e-9))
        }
    }

    @Test("the activations keep their bounds on a sample of all floats")
    func activations() throws {
        let result = try Program.run(["bench", "activations", "--json"])
        #expect(result.status == 0, "\(result.error)")
        let document = try JSON.parse(result.output)
        #expect(document["failures"]?.count == 0)
        let rows = try #require(document["rows"]?.array)
        #expect(Set(rows.compactMap { $0["function"]?.string }) == ["exp", "tanh", "sigmoid"])
        // One input in 4099 of all 2³².
        #expect(rows.allSatisfy { $0["inputs"]?.int == 1_047_809 })
        // Nobody's polynomials are right everywhere: a survey that finds no error did not look.
        #expect(rows.allSatisfy { ($0["error_in_units"]?.double ?? 0) > 0.5 })
    }

    @Test("the reference of the activations agrees with the C library's in double precision")
    func reference() {
        for index in -4_000...4_000 {
            let x = Double(index) / 41
            #expect(abs(Activation.exp.exact(x) / exp(x) - 1) < 1e-13)
            #expect(x == 0 || abs(Activation.tanh.exact(x) / tanh(x) - 1) < 1e-13, "\(x)")
            #expect(abs(Activation.sigmoid.exact(x) * (1 + exp(-x)) - 1) < 1e-13)
        }
        #expect(Activation.tanh.exact(1e-20) == 1e-20)
        #expect(Activation.sigmoid.exact(-200) == exp(-200))
    }
}
