import Formats
import Foundation
import Testing

@testable import timestep

/// `timestep bench learning`: its data, its figures, and a quick run of it.
@Suite("What the benchmark of learning does")
struct LearningBenchTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Benchmarks/learning").standardizedFileURL.path

    @Test("every sequence to be judged by has an answer for each of its steps, and nobody learns from it")
    func data() throws {
        func text(_ records: [JSON]) -> Set<String> { Set(records.map(\.text)) }
        for (source, learnt, judged) in [
            (LearningData.Source.tags, 6000, 1001), (.vowels, 270, 370), (.reber, 512, 256), (.chorales, 305, 77),
        ] {
            let data = try LearningData(source, in: Self.folder)
            #expect(data.training.count == learnt && data.tests.count == judged)
            for test in data.tests {
                switch test.answer {
                case .label(let label): #expect(!label.isEmpty)
                case .labels(let labels): #expect(labels.count == test.inputs.count)
                case .flags(let flags): #expect(flags.count == test.inputs.count)
                }
            }
            for record in data.training where source != .vowels {
                #expect(record["x"]?.count == record["labels"]?.count)
            }
            // Sentences of three words may be said twice.
            if source != .tags {
                #expect(text(data.training.map { $0["x"] ?? .null }).isDisjoint(with: text(data.tests.map(\.inputs))))
            }
        }
        let chorales = try LearningData(.chorales, in: Self.folder)
        // A row of a piano's 88 keys, as many of them down as notes sound.
        let frame = try #require(chorales.training.first?["x"]?[0]?.array)
        #expect(frame.count == 88 && frame.reduce(0) { $0 + ($1.double ?? 0) } == 4)
    }

    @Test("figures are those of the answers: right labels, whole strings, nats a step")
    func figures() throws {
        func sum(_ measure: LearningMeasure, _ right: LearningData.Answer, _ answer: String) throws -> (Double, Int) {
            try measure.add(right, JSON.parse(Array(answer.utf8)))
        }
        #expect(try sum(.accuracy, .label("a"), #"{"label": "a"}"#) == (1, 1))
        #expect(try sum(.accuracy, .label("b"), #"{"label": "a"}"#) == (0, 1))
        #expect(
            try sum(.accuracy, .labels(["a", "b", "c"]), #"[{"label": "a"}, {"label": "c"}, {"label": "c"}]"#) == (2, 3)
        )
        let flags = #"[{"flags": ["T", "P"]}, {"flags": []}]"#
        #expect(try sum(.wholeSequences, .flags([["P", "T"], []]), flags) == (1, 1))
        #expect(try sum(.wholeSequences, .flags([["P", "T"], ["P"]]), flags) == (0, 1))
        let likely = #"[{"probabilities": {"60": 0.5, "64": 0.25}}, {"probabilities": {"60": 0.5, "64": 0.25}}]"#
        let (loss, steps) = try sum(.likelihood, .flags([["60"], []]), likely)
        #expect(steps == 2 && abs(loss - (2 * log(2) - 2 * log(0.75))) < 1e-12)
        // What the model has no flag for is unlikely, and costs as much as that.
        let unseen = try sum(.likelihood, .flags([["60", "45"], []]), likely).0 - loss
        #expect(abs(unseen + log(1e-5)) < 1e-9)
        #expect(throws: CommandError.self) { try sum(.likelihood, .flags([[]]), likely) }
    }

    @Test("each row is trained once a seed and shown beside PyTorch's figure")
    func run() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("learning-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, lines) in [
            ("japanese_vowels_train", 60), ("japanese_vowels_test", 10), ("embedded_reber_train", 20),
            ("embedded_reber_test", 5), ("ud_ewt_upos_train", 20), ("ud_ewt_upos_valid", 5), ("ud_ewt_upos_test", 5),
        ] {
            let text = try String(contentsOfFile: "\(Self.folder)/\(name).jsonl", encoding: .utf8)
            try text.split(separator: "\n").prefix(lines).joined(separator: "\n")
                .write(toFile: "\(folder)/\(name).jsonl", atomically: false, encoding: .utf8)
        }
        for name in ["train", "valid", "test"] {
            let frames = #"[[[60, 64], [62], [], [60]], [[59], [60, 67], [60]]]"#
            try frames.write(toFile: "\(folder)/jsb_chorales_\(name).json", atomically: false, encoding: .utf8)
        }
        let quick = ["bench", "learning", "--rows", "vowels", "--epochs", "1", "--data", folder, "--seeds"]
        let result = try Program.run(quick + ["4,5", "--json"])
        let row = try #require(JSON.parse(result.output)["rows"]?[0], "\(result.error)")
        let seeds = (row["seeds"]?.array ?? []).compactMap(\.double)
        #expect(seeds.count == 2 && seeds.allSatisfy { (0...1).contains($0) && ($0 * 10).rounded() == $0 * 10 })
        #expect(row["figure"]?.double == (seeds[0] + seeds[1]) / 2)
        #expect(row["pytorch"] == "0.983" && row["reached"]?.bool == ((row["figure"]?.double ?? 0) >= 0.983))

        let table = try Program.run(["bench", "learning", "--epochs", "1", "--data", folder, "--seeds", "4"])
        #expect(table.status == 0, "\(table.error)")
        #expect(table.output.contains("PyTorch"))
        for row in LearningRow.all {
            let line = try #require(table.output.split(separator: "\n").first { $0.hasPrefix(row.name + " ") })
            #expect(line.contains(row.reference) && line.contains(row.network))
        }
        for wrong in [["--rows", "vowel"], ["--seeds", "x"], ["--data", "/no/such/folder", "--rows", "vowels"]] {
            let refused = try Program.run(["bench", "learning"] + wrong)
            #expect(refused.status != 0 && refused.error.contains(wrong[1]), "\(refused.error)")
        }
    }
}
