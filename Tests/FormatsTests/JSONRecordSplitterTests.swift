import Testing

@testable import Formats

@Suite struct JSONRecordSplitterTests {
    private struct Found: Equatable {
        var text: String
        var line: Int
        var column: Int
    }

    private func split(
        _ text: String, _ layout: JSONRecordSplitter.Layout, cutAt cuts: [Int] = []
    ) throws -> [Found] {
        let bytes = Array(text.utf8)
        var splitter = JSONRecordSplitter(layout)
        var found: [Found] = []
        let take = { (record: JSONRecordSplitter.Record) in
            found.append(
                Found(text: String(decoding: record.bytes, as: UTF8.self), line: record.line, column: record.column))
        }
        var start = 0
        for cut in cuts + [bytes.count] {
            try bytes[start..<cut].withUnsafeBufferPointer { try splitter.push($0, record: take) }
            start = cut
        }
        try splitter.finish(record: take)
        return found
    }

    @Test("an array is split into its elements, whatever brackets and quotes they hold")
    func array() throws {
        let found = try split(#" [ {"a":[1,{"b":"],}\""}]} , 2,"x,y" ,[3,[4]]  ] "#, .array)
        #expect(found.map { $0.text.trimmingBlanks() } == [#"{"a":[1,{"b":"],}\""}]}"#, "2", #""x,y""#, "[3,[4]]"])
        #expect(try split("[]", .array) == [])
        #expect(try split(" [ \n ] ", .array) == [])
        #expect(try split("\u{FEFF}[1]", .array).map(\.text) == ["1"])
    }

    @Test("a missing element is handed over as an empty record")
    func empty() throws {
        #expect(try split("[1,]", .array).map(\.text) == ["1", ""])
        #expect(try split("[,1]", .array).map(\.text) == ["", "1"])
        #expect(try split("[1,,2]", .array).map(\.text) == ["1", "", "2"])
    }

    @Test("records know where they begin")
    func places() throws {
        let found = try split("[\n {\"a\":\n1},\n  {} ]", .array)
        #expect(found.map(\.line) == [2, 4])
        #expect(found.map(\.column) == [2, 3])
        #expect(try split("1\n\n2", .lines).map(\.line) == [1, 2, 3])
    }

    @Test("a text cut anywhere gives the same records")
    func cuts() throws {
        for (text, layout) in [
            (" [{\"a\":\"x\\\"],\"},\n [1, [2]] ,3, \"é\"] \n", JSONRecordSplitter.Layout.array),
            ("{\"a\":1}\n\n{\"b\":\"é\"}\r\n[1]", .lines),
        ] {
            let whole = try split(text, layout)
            #expect(whole.count == 4)
            let count = text.utf8.count
            for cut in 0...count {
                #expect(try split(text, layout, cutAt: [cut]) == whole)
            }
            #expect(try split(text, layout, cutAt: Array(0..<count)) == whole)
        }
    }

    @Test("what is no array, or not closed, or followed by text, is refused")
    func refused() {
        #expect(throws: JSONRecordSplitter.Fault.noArray(found: UInt8(ascii: "{"))) { try split("{}", .array) }
        #expect(throws: JSONRecordSplitter.Fault.unclosedArray) { try split("[1,", .array) }
        #expect(throws: JSONRecordSplitter.Fault.unclosedArray) { try split("", .array) }
        #expect(throws: JSONRecordSplitter.Fault.textAfterArray(line: 2)) { try split("[]\n1", .array) }
    }
}
