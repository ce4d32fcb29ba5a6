import Formats
import Foundation

/// The data of `timestep bench learning`: sequences to learn from, as records of a dataset, and sequences to be judged by,
/// each with its right answers. See `Benchmarks/learning/README.md`.
struct LearningData {
    /// What a sequence is to be answered with.
    enum Answer {
        case label(String)
        /// One a step.
        case labels([String])
        /// Of each step those that are on.
        case flags([Set<String>])
    }

    enum Source {
        case vowels, tags, reber, chorales
    }

    /// One a sequence, with its answers.
    var training: [JSON]
    var tests: [(inputs: JSON, answer: Answer)]

    /// - Parameter folder: that has the files.
    init(_ source: Source, in folder: String) throws(CommandError) {
        func lines(_ name: String) throws(CommandError) -> [JSON] { try Self.lines("\(folder)/\(name).jsonl") }
        switch source {
        case .vowels:
            training = try lines("japanese_vowels_train")
            tests = try lines("japanese_vowels_test").map { record in
                (record["x"] ?? .null, .label(record["label"]?.string ?? ""))
            }
        case .tags:
            let records = try lines("ud_ewt_upos_train") + lines("ud_ewt_upos_valid")
            training = records.map { ["x": $0["tokens"] ?? .null, "labels": $0["tags"] ?? .null] }
            tests = try lines("ud_ewt_upos_test").map { record in
                (record["tokens"] ?? .null, .labels((record["tags"]?.array ?? []).compactMap(\.string)))
            }
        case .reber:
            training = try lines("embedded_reber_train").map { record in
                let (symbols, next) = Self.reber(record)
                return [
                    "x": .array(symbols.map(JSON.string)), "labels": .array(next.map { .array($0.map(JSON.string)) }),
                ]
            }
            tests = try lines("embedded_reber_test").map { record in
                let (symbols, next) = Self.reber(record)
                return (.array(symbols.map(JSON.string)), .flags(next.map(Set.init)))
            }
        case .chorales:
            let pieces =
                try Self.pieces("\(folder)/jsb_chorales_train.json") + Self.pieces("\(folder)/jsb_chorales_valid.json")
            training = pieces.map { ["x": Self.frames($0), "labels": .array($0.dropFirst().map(Self.names))] }
            tests = try Self.pieces("\(folder)/jsb_chorales_test.json").map { piece in
                (Self.frames(piece), .flags(piece.dropFirst().map { Set($0.map(String.init)) }))
            }
        }
    }

    /// Writes what is learnt from as a file that becomes a dataset.
    func write(to path: String) throws {
        let text = training.map(\.text).joined(separator: "\n")
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    private static func lines(_ path: String) throws(CommandError) -> [JSON] {
        try Files.read(path).split(separator: UInt8(ascii: "\n")).map { line throws(CommandError) in
            try parse(Array(line), path)
        }
    }

    private static func parse(_ bytes: [UInt8], _ path: String) throws(CommandError) -> JSON {
        do { return try JSON.parse(bytes) } catch { throw CommandError(.file, "\(path) is not JSON: \(error)") }
    }

    /// The symbols of a string but its last, and after each of them those that may follow.
    private static func reber(_ record: JSON) -> (symbols: [String], next: [[String]]) {
        let next = (record["next"]?.array ?? []).map { ($0.string ?? "").map(String.init) }
        return ((record["s"]?.string ?? "").dropLast().map(String.init), next)
    }

    // MARK: Chorales

    /// The notes of a piano, in the numbers of MIDI: one input each.
    private static let notes = 21...108

    /// Pieces of frames of notes.
    private static func pieces(_ path: String) throws(CommandError) -> [[[Int]]] {
        let pieces = try parse(Files.read(path), path).array ?? []
        return pieces.map { ($0.array ?? []).map { ($0.array ?? []).compactMap(\.int) } }
    }

    /// All frames but the last, each a row of zeros and ones.
    private static func frames(_ piece: [[Int]]) -> JSON {
        .array(
            piece.dropLast().map { frame in .array(notes.map { .number(frame.contains($0) ? 1 : 0) }) })
    }

    private static func names(_ frame: [Int]) -> JSON { .array(frame.map { .string("\($0)") }) }
}
