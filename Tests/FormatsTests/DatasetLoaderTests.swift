import Formats
import Foundation
import NamedFields
import TestSupport
import Testing
import Training

@Suite struct DatasetLoaderTests {
    private func loader(_ text: String, _ format: DatasetFormat = .csv) -> DatasetLoader {
        DatasetLoader(bytes: Array(text.utf8), format: format)
    }

    private func faults(_ body: () throws -> Void) -> [String] {
        do {
            try body()
            return []
        } catch let violations as Violations {
            return violations.list.map { "\($0.path.pointer) \($0.detail)" }
        } catch {
            return ["\(error)"]
        }
    }

    // MARK: Series

    @Test("a table gives the columns of the task in its order, with their time labels")
    func series() throws {
        let table = try loader("month,a,b,c\n1949-01,1,x,3\n1949-02,4,y,6\n").series(
            ForecastTask(target: ["c"], features: ["a"], time: "month"))
        #expect(
            table == SeriesTable(names: ["c", "a"], columns: [[3, 6], [1, 4]], timeLabels: ["1949-01", "1949-02"]))
        let records = try loader("[{\"a\":1,\"t\":1821},{\"t\":1822,\"a\":true}]", .json).series(
            ForecastTask(target: ["a"], time: "t"))
        #expect(records == SeriesTable(names: ["a"], columns: [[1, 1]], timeLabels: ["1821", "1822"]))
        let arrays = try loader("[[1,2],[3,4]]", .json).series(ForecastTask(target: ["1"]))
        #expect(arrays == SeriesTable(names: ["1"], columns: [[2, 4]]))
    }

    @Test(
        "missing values are filled as asked",
        arguments: [
            (MissingPolicy.previous, [2.0, 2, 2, 8, 8]), (.linear, [2, 4, 6, 8, 8]), (.zero, [2, 0, 0, 8, 0]),
            (.mean, [2, 5, 5, 8, 5]),
        ])
    func filling(policy: MissingPolicy, expected: [Double]) throws {
        let table = try loader("t,a\n1,2\n2,\n3,NA\n4,8\n5,nan\n").series(ForecastTask(target: ["a"]), missing: policy)
        #expect(table.columns == [expected])
        let records = try loader("{\"a\":2}\n{\"b\":1}\n{\"a\":null}\n{\"a\":8}\n{\"a\":\"NA\"}", .ndjson).series(
            ForecastTask(target: ["a"]), missing: policy)
        #expect(records.columns == [expected])
    }

    @Test("the mean that fills gaps is not told by held-out rows")
    func meanWithoutHoldout() throws {
        let text = "t,a\n1,2\n2,\n3,4\n4,100\n5,\n"
        let task = ForecastTask(target: ["a"], holdout: 2)
        #expect(try loader(text).series(task, missing: .mean).columns == [[2, 3, 4, 100, 3]])
    }

    @Test("missing values at the start: the line takes the nearest, nothing can be repeated")
    func leadingGap() throws {
        let text = "t,a\n1,\n2,3\n"
        #expect(try loader(text).series(ForecastTask(target: ["a"]), missing: .linear).columns == [[3, 3]])
        let found = faults { _ = try loader(text).series(ForecastTask(target: ["a"]), missing: .previous) }
        #expect(found.count == 1)
        #expect(found[0].hasPrefix("#/0/a row 1, column \"a\" has no value, and there is none before it to repeat"))
    }

    @Test("a column without any value can only be filled with zeros")
    func emptyColumn() throws {
        let text = "t,a\n1,\n2,\n"
        #expect(try loader(text).series(ForecastTask(target: ["a"]), missing: .zero).columns == [[0, 0]])
        for policy in [MissingPolicy.previous, .linear, .mean] {
            let found = faults { _ = try loader(text).series(ForecastTask(target: ["a"]), missing: policy) }
            #expect(found == ["#/task/target the column \"a\" has no value in any row"])
        }
    }

    @Test("everything wrong with a series is told at once, with row and column")
    func seriesFaults() {
        let found = faults {
            _ = try loader("time,a,b\n1,x,1\n2,,inf\n3,4\n,\"1,5\",1e999\n6,7,\n").series(
                ForecastTask(target: ["a", "bb"], features: ["b"], time: "time"))
        }
        let remedy = "give it, or say how to fill it with \"missing\": \"previous\", \"linear\", \"zero\" or \"mean\""
        #expect(
            found == [
                "#/0/a row 1 (line 2), column \"a\": expected a number, found \"x\"",
                "#/1/b row 2 (line 3), column \"b\": expected a finite number, found \"inf\"",
                "#/2 row 3 (line 4) has 2 fields, the header names 3",
                "#/3/a row 4 (line 5), column \"a\": expected a number, found \"1,5\"; the decimal separator is a point",
                "#/3/b row 4 (line 5), column \"b\": expected a finite number, found \"1e999\"",
                "#/3/time row 4 (line 5): the time column \"time\" is empty",
                "#/task/target/1 the data has no column \"bb\"; did you mean \"b\"?",
                "#/1/a row 2, column \"a\" has no value; \(remedy)",
                "#/4/b row 5, column \"b\" has no value; \(remedy)",
            ])
    }

    @Test("a file is read from the disk like bytes")
    func file() throws {
        let table = try DatasetLoader(path: Fixtures.path("data/co2_weekly.csv"), format: .csv).series(
            ForecastTask(target: ["co2_ppm"], time: "date"), missing: .linear)
        #expect(table.rows == 2284)
        #expect(table.columns[0][0] == 316.1)
        #expect(table.timeLabels?.last == "2001-12-29")
        #expect(table.columns[0].allSatisfy { $0.isFinite })
        #expect(throws: (any Error).self) {
            try DatasetLoader(path: "/no/such/file", format: .csv).series(ForecastTask(target: ["a"]))
        }
    }

    @Test("the airline series has 144 months")
    func airline() throws {
        let table = try DatasetLoader(path: Fixtures.path("data/airpassengers.csv"), format: .csv).series(
            ForecastTask(target: ["passengers_thousands"], time: "month"))
        #expect(table.rows == 144)
        #expect(table.columns[0].prefix(3) == [112, 118, 132])
        #expect(table.timeLabels?.last == "1960-12")
    }

    // MARK: Sequences

    @Test("the Japanese vowels have 270 and 370 sequences of 12 features, 7 to 29 steps, 9 speakers")
    func vowels() throws {
        for (part, count, longest) in [("train", 270, 26), ("test", 370, 29)] {
            let set = try DatasetLoader(path: Fixtures.path("data/japanese_vowels_\(part).jsonl"), format: .ndjson)
                .sequences(ClassifyTask())
            #expect(set.count == count)
            #expect(set.features.count == 12)
            #expect(Set(set.labels) == Set((1...9).map(String.init)))
            #expect(set.lengths.min() == 7)
            #expect(set.lengths.max() == longest)
        }
    }

    @Test("rows that share an id make a sequence, whatever format they come in")
    func rows() throws {
        let expected = SequenceSet(
            features: ["a", "b"], values: [1, 2, 3, 4, 5, 6], lengths: [2, 1], labels: ["up", "down"])
        let task = ClassifyTask(sequence: "id", label: "class")
        #expect(try loader("id,a,class,b\n7,1,up,2\n7,3,,4\n8,5,down,6\n").sequences(task) == expected)
        #expect(
            try loader(
                "[{\"id\":7,\"a\":1,\"class\":\"up\",\"b\":2},{\"id\":7,\"a\":3,\"b\":4},{\"id\":8,\"a\":5,\"class\":\"down\",\"b\":6}]",
                .json
            ).sequences(task) == expected)
        let chosen = try loader("id,a,class,b\n7,1,up,x\n").sequences(
            ClassifyTask(sequence: "id", label: "class", features: ["a"]))
        #expect(chosen == SequenceSet(features: ["a"], values: [1], lengths: [1], labels: ["up"]))
    }

    @Test("labels may be numbers, a sequence of one feature may be a plain array")
    func plain() throws {
        let set = try loader("{\"x\":[1,2],\"label\":3}\n{\"x\":[[4]],\"label\":true}", .ndjson).sequences(
            ClassifyTask())
        #expect(set == SequenceSet(features: ["x0"], values: [1, 2, 4], lengths: [2, 1], labels: ["3", "true"]))
    }

    @Test("missing values are filled within their sequence")
    func sequenceGaps() throws {
        let text = "{\"x\":[[1,2],[null,4]],\"label\":\"a\"}\n{\"x\":[[5,null]],\"label\":\"b\"}"
        func values(_ policy: MissingPolicy) throws -> [Double] {
            try loader(text, .ndjson).sequences(ClassifyTask(), missing: policy).values
        }
        #expect(try values(.zero) == [1, 2, 0, 4, 5, 0])
        #expect(try values(.mean) == [1, 2, 3, 4, 5, 3])
        let found = faults { _ = try values(.error) }
        #expect(
            found.map { $0.prefix { $0 != ";" } } == [
                "#/0/x/1/0 record 1, step 2, feature 1 has no value",
                "#/1/x/0/1 record 2, step 1, feature 2 has no value",
            ])
        let unfilled = faults { _ = try values(.previous) }
        #expect(unfilled == ["#/1/x/0/1 record 2, step 1, feature 2 has no value, nor has any step of the sequence"])
    }

    @Test("everything wrong with sequences in rows is told at once")
    func rowFaults() {
        let task = ClassifyTask(sequence: "id", label: "class")
        let found = faults {
            _ = try loader("id,a,class\n1,1,x\n2,2,\n1,3,x\n,4,x\n3,b,x\n3,1,y\n").sequences(task)
        }
        #expect(
            found == [
                "#/2/id row 3 (line 4) goes on with sequence \"1\", which began in row 1 and was interrupted by another; "
                    + "the rows of a sequence stand together, in the order of time",
                "#/3/id row 4 (line 5): the sequence column \"id\" is empty",
                "#/4/a row 5 (line 6), column \"a\": expected a number, found \"b\"",
                "#/5/class row 6 (line 7): sequence \"3\" has the label \"x\", here it is \"y\"",
                "#/1/class the sequence that begins in row 2 has no label in column \"class\"",
            ])
        let unlabelled = faults { _ = try loader("id,a\n1,2\n").sequences(task) }
        #expect(unlabelled == ["#/task/label the data has no column \"class\"; there are \"id\", \"a\""])
        let unnamed = faults { _ = try loader("id,a\n1,2\n").sequences(ClassifyTask()) }
        #expect(unnamed.first?.hasPrefix("#/task/sequence") == true)
    }

    @Test("a record without label, or with another shape, is named")
    func recordFaults() {
        let found = faults {
            _ = try loader(
                "{\"x\":[[1]],\"label\":\"a\"}\n{\"x\":[[1]],\"lable\":\"a\"}\n{\"x\":[[1,2]],\"label\":\"a\"}\n{\"y\":1}",
                .ndjson
            ).sequences(ClassifyTask())
        }
        #expect(
            found == [
                "#/1/label record 2 (line 2) needs a label, a text or a number: it has no \"label\"; did you mean \"lable\"?",
                "#/2/x record 3 (line 3) has 2 features a step, the sequences before it have 1",
                "#/3 record 4 (line 4) has no sequence under \"x\", the records before it have one",
            ])
    }
}
