import NamedFields
import Networks
import Testing
import Training

@testable import Formats

/// Sequences with an answer at every step, as they are read.
struct LabelledDataTests {
    private func read(
        _ text: String, _ format: DatasetFormat = .ndjson, missing: MissingPolicy = .error,
        _ change: (inout LabelTask) -> Void = { _ in }
    ) throws -> LabelledSequences {
        let loader = DatasetLoader(bytes: Array(text.utf8), format: format)
        guard case .labelled(let set) = try loader.load(.label(LabelTask(change)), missing: missing) else {
            throw CancellationError()
        }
        return set
    }

    private func texts(_ column: TextColumn) -> [String] { (0..<column.count).map { column[$0] } }

    @Test("records of numbers keep their rows, and labels that are numbers keep how they are written")
    func numbers() throws {
        let set = try read(
            """
            {"x": [[1, 2], [3, null]], "labels": ["a", 7]}
            {"x": [[5, 6]], "labels": [true]}
            """, missing: .zero)
        #expect(set.rows == .numbers([1, 2, 3, 0, 5, 6], features: ["x0", "x1"]))
        #expect(set.lengths == [2, 1] && texts(set.labels) == ["a", "7", "true"] && set.labelCounts == nil)
        // A list of numbers is a sequence of one feature.
        #expect(try read(#"{"x": [1, 2], "labels": ["a", "b"]}"#).rows == .numbers([1, 2], features: ["x0"]))
    }

    @Test("tokens come as a list or a text, flags as lists, of whatever length")
    func tokens() throws {
        let set = try read(
            """
            {"x": ["The ", "dog"], "tags": [["D", 5], []]}
            {"x": "a  b", "tags": [[], ["D"]]}
            """
        ) { ($0.inputs, $0.answers, $0.label) = (.tokens(TokenInputs()), .flags, "tags") }
        #expect(set.rows == .tokens(TextColumn(["The ", "dog", "a", "b"])))
        #expect(texts(set.labels) == ["D", "5", "D"] && set.labelCounts == [2, 0, 0, 1])
        #expect(set.lengths == [2, 2])
    }

    @Test("rows of a table make the same sequences, in every format")
    func rows() throws {
        let forms: [(String, DatasetFormat)] = [
            ("id,w,label\n1,The,D\n1,dog,N\n2,a,D\n", .csv),
            (#"[{"id":1,"w":"The","label":"D"},{"id":1,"w":"dog","label":"N"},{"id":2,"w":"a","label":"D"}]"#, .json),
        ]
        for (text, format) in forms {
            let set = try read(text, format) { ($0.inputs, $0.sequence) = (.tokens(TokenInputs()), "id") }
            #expect(set.rows == .tokens(TextColumn(["The", "dog", "a"])) && set.lengths == [2, 1])
            #expect(texts(set.labels) == ["D", "N", "D"])
        }
        let flags = try read("id,u,v,label\n1,1,2,60 64\n1,3,4,\n", .csv) {
            ($0.answers, $0.sequence) = (.flags, "id")
        }
        #expect(flags.rows == .numbers([1, 2, 3, 4], features: ["u", "v"]))
        #expect(texts(flags.labels) == ["60", "64"] && flags.labelCounts == [2, 0])
    }

    @Test("rows without a label or a token, and tokens of several columns, are told with their place")
    func faults() {
        func pointers(_ text: String, _ change: (inout LabelTask) -> Void = { _ in }) -> [String] {
            do {
                _ = try read(text, .csv) { task in
                    (task.inputs, task.sequence) = (.tokens(TokenInputs()), "id")
                    change(&task)
                }
            } catch let error as Violations { return error.list.map(\.path.pointer) } catch {}
            return []
        }
        #expect(pointers("id,w,label\n1,The,D\n1,dog,\n1,,N\n") == ["#/1/label", "#/2/w"])
        #expect(pointers("id,w,u,label\n1,The,x,D\n") == ["#/task/features"])
        #expect(pointers("id,w,u,label\n1,The,x,D\n") { $0.features = ["u"] } == [])
        #expect(pointers("id,w,tag\n1,The,D\n") == ["#/task/label", "#/task/features"])
    }

    @Test("a scan tells tokens from numbers and lists from labels, and a table with a text column x is a table")
    func scans() throws {
        func scan(_ text: String) throws -> DatasetSummary {
            let scanner = DatasetScanner(format: .ndjson)
            scanner.push(Array(text.utf8))
            return try scanner.finish()
        }
        let tokens = try scan(#"{"x": "ab", "labels": ["u", "v"]}"# + "\n" + #"{"x": ["a"], "labels": [["u"]]}"#)
        #expect(tokens.sequences == .init(features: 1, shortest: 1, longest: 2, steps: 3, tokens: true))
        #expect(tokens.columns.map(\.kind) == [.list])
        #expect(try scan(#"{"x": "ab", "y": 1}"#).sequences == nil)
        #expect(throws: Violations.self) { try scan(#"{"x": ["a"], "l": ["u"]}"# + "\n" + #"{"x": [1], "l": ["u"]}"#) }
        #expect(throws: Violations.self) { try scan(#"{"x": ["a"], "l": [{}]}"#) }
        #expect(throws: Violations.self) { try scan(#"{"y": [1], "l": 1}"#) }
    }
}
