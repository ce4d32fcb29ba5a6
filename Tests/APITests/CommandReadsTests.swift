import Formats
import Foundation
import Testing

/// The command line reads answers by name. Each place that it names stands in the contract, and it reads in no other way.
@Suite("What the commands read of answers")
struct CommandReadsTests {
    /// "Job: model.name" as it stands in a source, and where.
    private struct Read {
        var place: String
        var source: String
    }

    /// What is no answer of the server: files of the person's own, lines of a log, a request in the making.
    static let others = [
        "KernelReport.swift", "JSONBench.swift", "LearningData.swift", "ServeBench.swift", "TrainOptions.swift",
    ]
    static let noAnswers = ["body", "environment"]

    private static func sources() throws -> [(name: String, text: String)] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/timestep").standardizedFileURL
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
        return try names.sorted().map {
            (
                String($0.split(separator: "/").last ?? ""),
                try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
            )
        }
    }

    private static func reads() throws -> [Read] {
        try sources().flatMap { name, text in
            text.matches(of: /\.read\(\s*"([^"]*)"\s*\)/).map { Read(place: String($0.1), source: name) }
        }
    }

    /// All that a value of the schema may be.
    private static func forms(_ schema: JSON) -> [JSON] {
        let schema = ContractDocument.shared.resolve(schema)
        guard let alternatives = schema["oneOf"]?.array else { return [schema] }
        return alternatives.flatMap(forms)
    }

    /// The schemas of a member, or of the elements for "[]"; empty where no form has it.
    private static func member(_ key: String, of schemas: [JSON]) -> [JSON] {
        schemas.flatMap(forms).compactMap { schema in
            if key == "[]" { return schema["items"] }
            if let named = schema["properties"]?[key] { return named }
            guard let others = schema["additionalProperties"], others.object != nil else { return JSON?.none }
            return others
        }
    }

    /// Whether the contract has such a member.
    static func isInContract(_ place: String) -> Bool {
        let parts = place.split(separator: ":").map { $0.trimmingCharacters(in: .whitespaces) }
        guard parts.count == 2 else { return false }
        let keys = parts.joined(separator: ".").replacing("[]", with: ".[]").split(separator: ".").map(String.init)
        var schemas = [ContractDocument.shared.schema(keys[0])]
        for key in keys.dropFirst() { schemas = member(key, of: schemas) }
        return !schemas.isEmpty
    }

    @Test("every member that a command reads is in openapi.yaml")
    func members() throws {
        let reads = try Self.reads()
        #expect(reads.count > 100)
        for read in reads { #expect(Self.isInContract(read.place), "\(read.source) reads \"\(read.place)\"") }
    }

    @Test("no command reads an answer by a bare name")
    func bareNames() throws {
        for (name, text) in try Self.sources() where !Self.others.contains(name) {
            for match in text.matches(of: /([\w$.]+|\)|\])\??\["[A-Za-z_]+"\](?! = )/) {
                let receiver = match.1
                #expect(
                    Self.noAnswers.contains(String(receiver)),
                    "\(name): \(match.0) is held to no contract; use read(_:)")
            }
        }
    }

    @Test(
        "a member that no answer has is found out",
        arguments: [
            ("Version: task.inputs", true), ("Version: task.time", false), ("Version.task: inputs", true),
            ("Prediction: index", true), ("Job: metrics.train_loss", true), ("Job: report.holdout.horizon.rmse", true),
            ("Job: report.holdout.rmse", false), ("Classification.top[]: probability", true),
            ("Classification.top: probability", false), ("Nothing: id", false), ("id", false),
        ])
    func examples(_ place: String, _ isThere: Bool) { #expect(Self.isInContract(place) == isThere) }
}
