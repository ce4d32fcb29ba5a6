import Formats
import Testing

@Suite struct JSONParserTests {
    /// The error a text is refused with, nil when it is taken.
    private func refusal(_ text: String) -> JSONSyntaxError? {
        do {
            _ = try JSON.parse(text)
            return nil
        } catch {
            return error
        }
    }

    @Test("every kind of value is read as what it is")
    func kinds() throws {
        let json = try JSON.parse(
            #" {"n": null, "t": true, "f": false, "i": -12, "d": 2.5e3, "s": "a\"\\\/\b\f\n\r\tä\u00e4\ud83d\ude00", "#
                + #" "a": [1, "x", null], "o": {"k": {}}, "e": [], "nested": [[1, 2], [3]]} "#)
        #expect(json["n"] == .null)
        #expect(json["t"]?.bool == true)
        #expect(json["f"]?.bool == false)
        #expect(json["i"]?.int == -12)
        #expect(json["d"]?.double == 2500)
        #expect(json["s"]?.string == "a\"\\/\u{8}\u{c}\n\r\tää😀")
        #expect(json["a"]?.array == [1, "x", nil])
        #expect(json["o"]?["k"]?.object?.isEmpty == true)
        #expect(json["e"] == .array([]))
        #expect(json["nested"]?[0]?[1]?.double == 2)
        #expect(json.object?.keys == ["n", "t", "f", "i", "d", "s", "a", "o", "e", "nested"])
    }

    @Test("a byte order mark in front is not part of the document")
    func byteOrderMark() throws {
        #expect(try JSON.parse([0xEF, 0xBB, 0xBF, 0x31]) == 1)
    }

    @Test(
        "what RFC 8259 does not allow is refused",
        arguments: [
            "", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}",
            "01", "+1",
            ".5", "1.", "1e", "1e+", "-", "--1", "0x10", "NaN", "Infinity", "-Infinity", "nul", "truex", "1 2", "[1 2]",
            "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\ud800\"", "\"\\ud800x\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"", "\"a\nb\"", "[[1],[2]", "[[1,[2]]", "// c\n1", "1e400", "-1e400", "[1e400]", "[01]",
            "[[1.]]",
        ])
    func refused(text: String) { #expect(refusal(text) != nil) }

    @Test(
        "an error names line, column and offset",
        arguments: [
            ("{\n  \"a\": 1,\n  \"b\" 2\n}", 3, 7, 18), ("[1, 2,\n x]", 2, 2, 8), ("{\"a\": nul}", 1, 7, 6),
            ("[[1],\n[2],\n[3, 4x]]", 3, 6, 16),
        ])
    func places(text: String, line: Int, column: Int, offset: Int) throws {
        let error = try #require(refusal(text))
        #expect((error.line, error.column, error.offset) == (line, column, offset))
    }

    @Test("an error says what was due and what was found")
    func words() throws {
        #expect(refusal("{\"a\" 1}")?.description == "line 1, column 6: expected ':', found \"1\"")
        #expect(refusal("[1")?.reason == .ended(expected: "',' or ']'"))
        #expect(refusal("{\"a\":1,\"a\":2}")?.reason == .duplicateKey("a"))
        #expect(refusal("{\"a\":1,\"a\":2}")?.column == 8)
        #expect(refusal("[1e999]")?.reason == .numberTooLarge("\"1e999\""))
        #expect(refusal("\"\u{1}\"")?.reason == .controlCharacter(1))
    }

    @Test("bytes that are no UTF-8 are refused inside and outside of strings")
    func encoding() {
        for bytes: [UInt8] in [
            [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC0, 0x80, 0x22],
            [0xC3, 0xA4],
            [0x22, 0x5C, 0x6E, 0xFF, 0x22],
        ] {
            #expect(throws: JSONSyntaxError.self) { try JSON.parse(bytes) }
        }
    }

    @Test("depth is bounded, for trees and for arrays of numbers, and a hundred thousand brackets do no harm")
    func depth() throws {
        func nested(_ depth: Int, _ core: String) -> String {
            String(repeating: "[", count: depth) + core + String(repeating: "]", count: depth)
        }
        #expect(refusal(nested(64, "")) == nil)
        #expect(refusal(nested(64, "1")) == nil)
        #expect(refusal(nested(65, ""))?.reason == .tooDeep(limit: 64))
        #expect(refusal(nested(65, "1"))?.reason == .tooDeep(limit: 64))
        #expect(refusal(String(repeating: "[", count: 100_000))?.reason == .tooDeep(limit: 64))
        #expect(refusal(String(repeating: "{\"a\":", count: 100_000))?.reason == .tooDeep(limit: 64))
        #expect(throws: JSONSyntaxError.self) { try JSON.parse("[[[1]]]", limits: JSONLimits(depth: 2)) }
    }

    @Test("an object of a hundred thousand keys is read and searched in no time, and a duplicate among them is found")
    func wideObject() throws {
        let members = (0..<100_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        let json = try JSON.parse("{\(members)}")
        #expect(json.object?.count == 100_000)
        #expect(json["k99999"]?.int == 99_999)
        #expect(refusal("{\(members),\"k77\":1}")?.reason == .duplicateKey("k77"))
        #expect(throws: JSONSyntaxError.self) { try JSON.parse("{\"a\":1,\"b\":2}", limits: JSONLimits(members: 1)) }
    }

    @Test("whole numbers are read exactly up to 2⁵³ and not as integers beyond")
    func integers() throws {
        #expect(try JSON.parse("9007199254740992").int == 9_007_199_254_740_992)
        #expect(try JSON.parse("-9007199254740992").int == -9_007_199_254_740_992)
        #expect(try JSON.parse("9007199254740994").int == nil)
        #expect(try JSON.parse("1.5").int == nil)
        #expect(try JSON.parse("1e3").int == 1000)
    }

    @Test("what is written reads back as the same value")
    func roundTrip() throws {
        let text =
            #"{"a":[1,-0.5,1e-7],"b":[[1,2],[3]],"c":[[[1],[2]],[[3]]],"d":"q\"\\\n\u0001ü😀","e":[null,true,{"x":[]}],"f":{}}"#
        let json = try JSON.parse(text)
        #expect(json.text == text)
        #expect(try JSON.parse(json.text) == json)
    }
}
