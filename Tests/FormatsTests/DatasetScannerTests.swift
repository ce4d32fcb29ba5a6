import Formats
import NamedFields
import TestSupport
import Testing
import Training

@Suite struct DatasetScannerTests {
    private func scan(_ text: String, _ format: DatasetFormat = .csv) throws -> DatasetSummary {
        let scanner = DatasetScanner(format: format)
        scanner.push(Array(text.utf8))
        return try scanner.finish()
    }

    /// What is wrong with a dataset, as "pointer detail".
    private func faults(_ text: String, _ format: DatasetFormat = .csv) -> [String] {
        do {
            _ = try scan(text, format)
            return []
        } catch let violations as Violations {
            return violations.list.map { "\($0.path.pointer) \($0.detail)" }
        } catch {
            return ["\(error)"]
        }
    }

    @Test("the schema names columns, kinds and what is missing")
    func schema() throws {
        let summary = try scan("month,n,note,mix,none\n1949-01,1,a,1,\n1949-02,,NA,x,\n1949-03, 2.5e1 ,,2,NA\n")
        #expect(summary.rows == 3)
        #expect(summary.columns.map(\.name) == ["month", "n", "note", "mix", "none"])
        #expect(summary.columns.map(\.kind) == [.text, .number, .text, .mixed, .empty])
        #expect(summary.columns.map(\.missing) == [0, 1, 1, 0, 3])
        #expect(summary.columns.map(\.firstMissing) == [nil, 2, 3, nil, 1])
        #expect(summary.columns[3].firstText == 2)
        #expect(summary.columns[3].sample == "x")
        #expect(try Formats.decode(Formats.encode(summary)) == summary)
    }

    @Test(
        "a scan for a task gathers what a loader reads, in pieces of any size, and tells the same schema",
        arguments: [1, 7, 1 << 20])
    func gathered(piece: Int) throws {
        let csv = "s,label,u\n" + (0..<40).map { "\($0 / 4),\($0 / 20),\($0 == 7 ? "" : "\($0)")\n" }.joined()
        let records = (0..<9).map { #"{"x": [[\#($0), null], [1, 2]], "label": "\#($0 % 2)"}"# }.joined(separator: "\n")
        let cases: [(String, DatasetFormat, TaskSpec)] = [
            (csv, .csv, .forecast(ForecastTask(target: ["u"]))),
            (csv, .csv, .classify(ClassifyTask { $0.sequence = "s" })),
            (records, .ndjson, .classify(ClassifyTask())),
        ]
        for (text, format, task) in cases {
            let bytes = Array(text.utf8)
            func scanned(most: Int) throws -> (summary: DatasetSummary, data: TrainingData?) {
                let scanner = DatasetScanner(format: format, for: task, missing: .zero, most: most)
                for start in stride(from: 0, to: bytes.count, by: piece) {
                    scanner.push(Array(bytes[start..<min(start + piece, bytes.count)]))
                }
                return (try scanner.finish(), try scanner.data())
            }
            let found = try scanned(most: .max)
            #expect(try found.summary == scan(text, format))
            #expect(try found.data == DatasetLoader(bytes: bytes, format: format).load(task, missing: .zero))
            // Of what would be too much nothing is gathered, and it is no fault of the data.
            if format == .csv { #expect(try scanned(most: 20).data == nil) }
        }
    }

    @Test("what a task cannot use is told with what is wrong with the records, and else by itself")
    func gatheredFaults() throws {
        func faults(_ text: String) throws -> [String] {
            let scanner = DatasetScanner(
                format: .csv, for: .forecast(ForecastTask(target: ["u", "v"])), missing: .error, most: .max)
            scanner.push(Array(text.utf8))
            do {
                _ = try scanner.finish()
                _ = try scanner.data()
                return []
            } catch let found as Violations { return found.list.map(\.path.pointer) }
        }
        #expect(try faults("u,v\n1,2\n") == [])
        #expect(try faults("u,v\n1,2\n3,x\n4,\n") == ["#/1/v", "#/2/v"])
        #expect(try faults("u,v\n1,2,3\n3,x\n") == ["#/0", "#/1/v"])
        #expect(try faults("u,w\n1,2\n") == ["#/task/target/1"])
    }

    @Test("records have the columns of all records, absent members are missing")
    func records() throws {
        for (text, format) in [
            ("{\"a\":1,\"b\":\"x\"}\n\n{\"a\":null,\"c\":true}\r\n{\"b\":\"y\",\"a\":2}", DatasetFormat.ndjson),
            ("[{\"a\":1,\"b\":\"x\"},{\"a\":null,\"c\":true},\n{\"b\":\"y\",\"a\":2}]", .json),
        ] {
            let summary = try scan(text, format)
            #expect(summary.rows == 3)
            #expect(summary.columns.map(\.name) == ["a", "b", "c"])
            #expect(summary.columns.map(\.kind) == [.number, .text, .number])
            #expect(summary.columns.map(\.missing) == [1, 1, 2])
            #expect(summary.columns.map(\.firstMissing) == [2, 2, 1])
        }
        let arrays = try scan("[[1,\"a\"],[2,null],[3]]", .json)
        #expect(arrays.columns.map(\.name) == ["0", "1"])
        #expect(arrays.columns.map(\.missing) == [0, 2])
    }

    @Test("records of sequences are told from tables")
    func sequences() throws {
        let summary = try scan(
            "{\"x\":[[1,2],[3,null]],\"label\":\"a\"}\n{\"x\":[[5,6]],\"label\":2}\n", .ndjson)
        #expect(summary.sequences == .init(features: 2, shortest: 1, longest: 2, steps: 3, missing: 1))
        #expect(summary.columns.map(\.name) == ["label"])
        #expect(try scan("[{\"x\":[1,2,3],\"label\":1}]", .json).sequences?.features == 1)
    }

    @Test("a piece at a time gives what the whole gives")
    func pieces() throws {
        let text = "a,b\n1,\"x\ny\"\n,2\n"
        let whole = try scan(text)
        let scanner = DatasetScanner(format: .csv)
        for byte in text.utf8 { scanner.push([byte]) }
        #expect(try scanner.finish() == whole)
    }

    @Test("everything wrong with a table is told at once, with row, line and column")
    func tableFaults() {
        #expect(
            faults("a,,a\n1,2\n\"x\"y,2,3\n1,2,3\n1,2,3,4\n") == [
                "# column 2 of the header has no name",
                "# columns 1 and 3 are both called \"a\"",
                "#/0 row 1 (line 2) has 2 fields, the header names 3",
                "#/1 row 2 (line 3): text follows the closing quote of field 1; a quote inside a quoted field is written twice",
                "#/3 row 4 (line 5) has 4 fields, the header names 3",
            ])
        #expect(
            faults("a;b\n1;2\n") == [
                "# the header is one column, \"a;b\"; fields are separated by commas, not by ';'"
            ])
        #expect(faults("") == ["# the text is empty"])
        #expect(faults("a,b\n") == ["# there is a header and no row after it"])
        #expect(faults("a,b\n\n\n") == ["# there is a header and no row after it"])
        #expect(faults("a\n\"x") == ["#/0 row 1 (line 2): the quote opened in line 2 is never closed"])
    }

    @Test("everything wrong with records is told at once, with record, line and column")
    func recordFaults() {
        #expect(
            faults("{\"a\":1}\n{\"a\" 2}\n3\n{\"a\":[1]}\n{\"x\":[1]}\n{\"b\":1,\"b\":2}", .ndjson) == [
                "#/1 record 2: line 2, column 6: expected ':', found \"2\"",
                "#/2 record 3 (line 3): expected an object, found a number",
                "#/3/a record 4 (line 4), column \"a\": expected a number or a text, found an array",
                "#/4 record 5 (line 5) holds a sequence under \"x\", the records before it are rows of a table",
                "#/5 record 6: line 6, column 8: the key \"b\" occurs twice in one object",
            ])
        #expect(
            faults("[{\"a\":1},\n {\"a\":tru}]", .json) == [
                "#/1 record 2: line 2, column 7: expected a value, found \"tru\""
            ])
        #expect(faults("[{\"a\":1}]", .ndjson).first?.contains("application/json") == true)
        #expect(faults("[]", .json) == ["# there are no records"])
        #expect(faults("\n\n", .ndjson) == ["# there are no records"])
        #expect(faults("[{\"a\":1}", .json) == ["# the text ends before its array is closed with ']'"])
        #expect(faults("{\"a\":1}", .json).first?.contains("application/x-ndjson") == true)
    }

    @Test("sequences that are empty, ragged, of other width or hold texts are told with step and feature")
    func sequenceFaults() {
        let text = """
            {"x":[[1,2],[3,4]],"label":"a"}
            {"x":[],"label":"a"}
            {"x":[[1,2],[3]],"label":"a"}
            {"x":[[1],[2]],"label":"a"}
            {"x":[[1,"b"]],"label":"a"}
            {"x":[[1,2],5],"label":"a"}
            {"y":1}
            """
        #expect(
            faults(text, .ndjson).map { $0.prefix { $0 != " " } } == [
                "#/1/x", "#/2/x/1", "#/3/x", "#/4/x/0/1", "#/5/x/1", "#/6",
            ])
    }

    @Test("bytes that are no UTF-8 are refused")
    func encoding() {
        for bytes in [Array("a\n".utf8) + [0xFF, 0x0A], [0xFF, 0x0A, 0x31, 0x0A]] {
            let scanner = DatasetScanner(format: .csv)
            scanner.push(bytes)
            #expect(throws: Violations.self) { try scanner.finish() }
        }
    }

    @Test("a million bad rows are answered with the first hundred and the number of the rest")
    func bounded() {
        let scanner = DatasetScanner(format: .csv)
        scanner.push(Array("a,b\n".utf8))
        let rows = Array(String(repeating: "1\n", count: 10_000).utf8)
        for _ in 0..<20 { scanner.push(rows) }
        do {
            _ = try scanner.finish()
            Issue.record("200,000 short rows were taken")
        } catch let violations as Violations {
            #expect(violations.list.count == ViolationCollector.told)
            #expect(violations.count == 200_000)
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test("a million columns are refused without delay, in a header, a row or a record")
    func wide() {
        let commas = String(repeating: ",", count: 999_999)
        #expect(faults(commas + "\n1\n") == ["# the header names 1000000 columns, at most 16384 are taken"])
        #expect(faults("a,b\n" + commas + "\n") == ["#/0 row 1 (line 2) has 1000000 fields, the header names 2"])
        let members = (0..<1_000_000).map { "\"c\($0)\":1" }.joined(separator: ",")
        for (text, format) in [("{\(members)}", DatasetFormat.ndjson), ("[{\(members)}]", .json)] {
            let found = faults(text, format)
            #expect(found.count == 1)
            #expect(found.first?.hasSuffix("an object has more than 16384 members") == true)
        }
        let numbers = "[" + Array(repeating: "1", count: 1_000_000).joined(separator: ",") + "]"
        #expect(faults(numbers, .ndjson) == ["#/0 record 1 (line 1) has 1000000 elements, at most 16384 are taken"])
    }

    @Test("blank lines are missing values of a single column, and nothing at the end or in a wider table")
    func blankLines() throws {
        let single = try scan("a\n1\n\n2\n\n\n")
        #expect(single.rows == 3)
        #expect(single.columns[0].firstMissing == 2)
        #expect(try scan("a,b\n\n1,2\n\n3,4\n\n").rows == 2)
    }

    @Test("the weekly CO₂ series has 2284 rows, 59 of them without a value")
    func weekly() throws {
        let summary = try scan(Fixtures.text("data/co2_weekly.csv"))
        #expect(summary.rows == 2284)
        #expect(summary.columns.map(\.name) == ["date", "co2_ppm"])
        #expect(summary.columns[1].missing == 59)
        #expect(summary.columns[1].firstMissing == 7)
    }

    @Test("a task is checked against the schema alone")
    func tasks() throws {
        let summary = try scan("date,co2,n,word\n1,2,,a\n2,,3,b\n")
        let task = TaskSpec.forecast(
            ForecastTask(target: ["co2_"], features: ["word", "n"], time: "day"))
        let found = summary.violations(for: task)?.list.map { "\($0.path.pointer) \($0.detail)" }
        #expect(
            found == [
                "#/task/target the data has no column \"co2_\"; did you mean \"co2\"?",
                "#/0/word row 1, column \"word\": expected a number, found \"a\"",
                "#/0/n row 1, column \"n\" has no value; give it, or say how to fill it with \"missing\": \"previous\", "
                    + "\"linear\", \"zero\" or \"mean\"",
                "#/task/time the data has no column \"day\"; there are \"date\", \"co2\", \"n\", \"word\"",
            ])
        #expect(summary.violations(for: .forecast(ForecastTask(target: ["co2"], time: "date")), missing: .zero) == nil)
    }
}
