import TestSupport
import Testing

@testable import Formats

@Suite struct CSVParserTests {
    private struct Row: Equatable {
        var fields: [String]
        var line: Int
        var fault: CSVRow.Fault?
    }

    /// Rows of a text pushed in pieces that end at the given places.
    private func rows(_ bytes: [UInt8], cutAt cuts: [Int] = []) -> [Row] {
        var parser = CSVParser()
        var rows: [Row] = []
        let take = { (row: CSVRow) in
            rows.append(Row(fields: (0..<row.count).map { row.text($0) }, line: row.line, fault: row.fault))
        }
        var start = 0
        for cut in cuts + [bytes.count] {
            parser.push(Array(bytes[start..<cut]), row: take)
            start = cut
        }
        parser.finish(row: take)
        return rows
    }

    private func fields(_ text: String) -> [[String]] { rows(Array(text.utf8)).map(\.fields) }

    @Test("fields, quotes and line ends are those of RFC 4180")
    func fields() {
        #expect(fields("a,b\n1,2\n") == [["a", "b"], ["1", "2"]])
        #expect(fields("a,b\r\n1,2\r\n") == [["a", "b"], ["1", "2"]])
        #expect(fields("a,b\r1,2") == [["a", "b"], ["1", "2"]])
        #expect(fields("a,\"b,c\",d") == [["a", "b,c", "d"]])
        #expect(fields("\"a\"\"b\",\"\"\"\",\"\"\n") == [["a\"b", "\"", ""]])
        #expect(fields("\"a\nb\r\nc\",d\ne,f") == [["a\nb\r\nc", "d"], ["e", "f"]])
        #expect(fields("a,,\n,b,\n,,") == [["a", "", ""], ["", "b", ""], ["", "", ""]])
        #expect(fields("a b , c") == [["a b ", " c"]])
        #expect(fields("5\" disk,x") == [["5\" disk", "x"]])
        #expect(fields("a\n\nb\n") == [["a"], [""], ["b"]])
        #expect(fields("") == [])
        #expect(fields("\n") == [[""]])
        #expect(fields("\u{FEFF}a,b\n1,2") == [["a", "b"], ["1", "2"]])
    }

    @Test("rows know the line they begin in")
    func lines() {
        #expect(rows(Array("a\n\"b\n\nc\"\r\nd\re".utf8)).map(\.line) == [1, 2, 5, 6])
    }

    @Test("faults are named and reading goes on")
    func faults() {
        let found = rows(Array("a,b\n\"x\"y,2\n3,4\n\"open\n5,6\n".utf8))
        #expect(found.map(\.fault) == [nil, .textAfterQuote(field: 1), nil, .unclosedQuote(line: 4)])
        #expect(found[2].fields == ["3", "4"])
    }

    @Test("a text cut anywhere gives the same rows")
    func cuts() {
        let text =
            "\u{FEFF}name,\"a \"\"quoted\"\" one\",c\r\n1,\"x,\r\ny\",\r\n\r\n\"\",\"\"\"\",z\r2,3,4\n\"tail\"x,5,\"un\nclosed"
        let bytes = Array(text.utf8)
        let whole = rows(bytes)
        #expect(whole.count == 6)
        for cut in 0...bytes.count {
            #expect(rows(bytes, cutAt: [cut]) == whole)
            for second in stride(from: cut, through: bytes.count, by: 3) {
                #expect(rows(bytes, cutAt: [cut, second]) == whole)
            }
        }
        #expect(rows(bytes, cutAt: Array(0..<bytes.count)) == whole)
    }

    @Test("random tables read back as they were written, cut at random")
    func random() {
        var random = SeededGenerator(31)
        let alphabet = Array("ab,\"\n\r ;1é")
        for _ in 0..<300 {
            let width = Int.random(in: 1...4, using: &random)
            let table = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                (0..<width).map { _ in
                    String(
                        (0..<Int.random(in: 0...6, using: &random)).map { _ in
                            alphabet.randomElement(using: &random) ?? "a"
                        })
                }
            }
            let text = table.map { row in
                row.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(separator: ",") + "\r\n"
            }.joined()
            let bytes = Array(text.utf8)
            let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
            #expect(rows(bytes, cutAt: cuts).map(\.fields) == table)
        }
    }

    @Test("a million columns are counted, and kept up to a bound")
    func wide() {
        var parser = CSVParser()
        var counts: [Int] = []
        var kept = 0
        let row = [UInt8](repeating: UInt8(ascii: ","), count: 999_999) + [UInt8(ascii: "\n")]
        for _ in 0..<3 {
            parser.push(row) {
                counts.append($0.count)
                kept = max(kept, $0.fields.count)
            }
        }
        #expect(counts == [1_000_000, 1_000_000, 1_000_000])
        #expect(kept == CSVParser.keptFields)
    }

    @Test("a quote that is never closed stops at a bound instead of gathering the file")
    func endless() {
        var parser = CSVParser()
        var faults: [CSVRow.Fault?] = []
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        parser.push(Array("\"".utf8)) { faults.append($0.fault) }
        for _ in 0..<70 { parser.push(piece) { faults.append($0.fault) } }
        parser.finish { faults.append($0.fault) }
        #expect(faults == [.tooLong(limit: CSVParser.longestRow)])
        #expect(parser.isBroken)
    }
}
