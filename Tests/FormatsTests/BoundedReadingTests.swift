import Formats
import NamedFields
import TestSupport
import Testing
import Training

/// A short text may not stand for much work or memory: what a dataset or a request costs goes with its bytes.
@Suite struct BoundedReadingTests {
    private func faults(_ body: () throws -> Void) -> Violations {
        do { try body() } catch let violations as Violations { return violations } catch {
            Issue.record("\(error)")
        }
        return Violations([])
    }

    @Test("records that lack most columns cost what they hold, and are counted all the same", .timeLimit(.minutes(1)))
    func sparseRecords() throws {
        let names = (0..<16_000).map { "\"c\($0)\":1" }.joined(separator: ",")
        let empty = 300_000
        let scanner = DatasetScanner(format: .ndjson)
        scanner.push(Array("{\"c5\":2}\n{\(names)}\n".utf8))
        scanner.push(Array(String(repeating: "{}\n", count: empty).utf8))
        scanner.push(Array("{\"c7\":1}\n".utf8))
        let summary = try scanner.finish()
        #expect(summary.rows == empty + 3 && summary.columns.count == 16_000)
        let byName = Dictionary(uniqueKeysWithValues: summary.columns.map { ($0.name, $0) })
        #expect(byName["c5"]?.missing == empty + 1 && byName["c5"]?.firstMissing == 3)
        #expect(byName["c6"]?.missing == empty + 2 && byName["c6"]?.firstMissing == 1)
        #expect(byName["c7"]?.missing == empty + 1 && byName["c7"]?.firstMissing == 1)
    }

    @Test("a hundred thousand unknown columns are counted, and a hundred of them told", .timeLimit(.minutes(1)))
    func unknownColumns() {
        let unknown = (0..<100_000).map { "unknown column \($0)" }
        let header = (0..<16_000).map { "known column \($0)" }.joined(separator: ",")
        let row = String(repeating: "1,", count: 15_999) + "1\n"
        let task = ForecastTask(target: unknown, lookback: 1)
        let csv = DatasetLoader(bytes: Array("\(header)\n\(row)\(row)".utf8), format: .csv)
        let found = faults { _ = try csv.series(task) }
        #expect(found.list.count == Violations.told && found.count >= 100_000)
        let records = DatasetLoader(bytes: Array(String(repeating: "{\"a\":1}\n", count: 2000).utf8), format: .ndjson)
        let missing = faults { _ = try records.series(task, most: 1 << 24) }
        #expect(missing.list.count == Violations.told)
    }

    @Test("records that stand for more numbers than are wanted are refused before these are gathered")
    func manyNumbers() {
        let names = (0..<1000).map { "c\($0)" }
        let record = "{" + names.map { "\"\($0)\":1" }.joined(separator: ",") + ",\"s\":1,\"label\":\"a\"}\n"
        let text = Array((record + String(repeating: "{\"s\":1}\n", count: 200_000)).utf8)
        let loader = DatasetLoader(bytes: text, format: .ndjson)
        let forecast = faults { _ = try loader.series(ForecastTask(target: names), missing: .zero, most: 1 << 20) }
        #expect(forecast.list.contains { $0.detail.contains("more than 1048 records") })
        let classify = faults {
            _ = try loader.sequences(ClassifyTask(sequence: "s"), missing: .zero, most: 1 << 20)
        }
        #expect(classify.list.contains { $0.detail.contains("more than 1048576 numbers") })
    }

    @Test("blank lines of one column are rows without a value where a row follows, and nothing at the end")
    func blankLines() throws {
        let scanner = DatasetScanner(format: .csv)
        scanner.push(Array("a\n1\n\r\n\n2\n".utf8) + Array(repeating: UInt8(ascii: "\n"), count: 3_000_000))
        let summary = try scanner.finish()
        #expect(summary.rows == 4 && summary.columns[0].missing == 2 && summary.columns[0].firstMissing == 2)
    }

    @Test("names beyond what is kept are refused, and told in part")
    func longNames() {
        let long = String(repeating: "ä", count: 200_000)
        for (text, format) in [("a,\(long)\n1,2\n", DatasetFormat.csv), ("{\"\(long)\":1}\n", .ndjson)] {
            let scanner = DatasetScanner(format: format)
            scanner.push(Array(text.utf8))
            let found = faults { _ = try scanner.finish() }
            #expect(found.count == 1 && found.list.allSatisfy { $0.detail.contains("400000 bytes") })
            #expect(found.list.allSatisfy { $0.detail.utf8.count < 500 && $0.path.pointer.utf8.count < 500 })
        }
        let spec = TrainingSpec(task: .forecast(ForecastTask(target: [long], features: [long, ""], time: long)))
        let found = spec.violations()
        #expect(found.count == 6 && found.list.allSatisfy { $0.detail.utf8.count < 500 })
        let many = TrainingSpec(task: .forecast(ForecastTask(target: Array(repeating: "y", count: 100_000))))
        #expect(many.violations().list.count == Violations.told && many.violations().count == 99_999)
    }

    @Test("one character of a million bytes is cut like a million characters")
    func combiningMarks() {
        let tower = "e" + String(repeating: "\u{301}", count: 500_000)
        #expect(tower.count == 1 && tower.excerpt().utf8.count < 70 && "abc".excerpt(3) == "abc")
        let scanner = DatasetScanner(format: .ndjson)
        scanner.push(Array("{\"x\":[[\"\(tower)\"]]}\n".utf8))
        let found = faults { _ = try scanner.finish() }
        #expect(found.count == 1 && found.list.allSatisfy { $0.detail.utf8.count < 300 })
        let collector = ViolationCollector()
        let reader = JSONReader(.string(tower), into: collector)
        _ = reader.int()
        _ = reader.choice(["a": 1])
        JSONReader((try? JSON.parse("{\"\(tower)\":1}")) ?? .null, into: collector).fields(["a"])
        #expect(collector.list.count == 3)
        #expect(collector.list.allSatisfy { $0.detail.utf8.count < 300 && $0.path.pointer.utf8.count < 1000 })
    }
}
