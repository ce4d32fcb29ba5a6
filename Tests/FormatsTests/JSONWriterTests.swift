import Formats
import Testing

@Suite struct JSONWriterTests {
    @Test("commas and colons come by themselves")
    func structure() throws {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("a")
            writer.int(1)
            writer.key("b")
            writer.array { writer in
                writer.string("x")
                writer.null()
                writer.object { _ in }
                writer.array { _ in }
                writer.bool(true)
            }
            writer.key("c")
            writer.floats([0.5, 1])
            writer.key("d")
            writer.verbatim("{\"k\":[1]}".utf8)
        }
        #expect(writer.text == #"{"a":1,"b":["x",null,{},[],true],"c":[0.5,1],"d":{"k":[1]}}"#)
    }

    @Test("rows of numbers are nested arrays")
    func rows() {
        var writer = JSONWriter()
        let values: [Float] = [1, 2, 3, .nan, 5, 6]
        writer.array { writer in
            values.withUnsafeBufferPointer {
                writer.rows($0, width: 2)
                writer.rows($0, width: 1)
                writer.rows(UnsafeBufferPointer(rebasing: $0[..<0]), width: 3)
            }
        }
        #expect(writer.text == "[[[1,2],[3,null],[5,6]],[[1],[2],[3],[null],[5],[6]],[]]")
    }

    @Test("every character survives, escaped where JSON demands it")
    func strings() throws {
        let text = String(String.UnicodeScalarView((0...0x300).compactMap(Unicode.Scalar.init))) + "😀\u{2028}"
        #expect(try JSON.parse(JSON.string(text).text).string == text)
        #expect(JSON.string("a\u{1}\"\\\n").text == #""a\u0001\"\\\n""#)
    }

    @Test("taking the bytes starts a new document, and raw text stands outside the structure")
    func taking() {
        var writer = JSONWriter()
        writer.int(1)
        writer.raw("\n")
        writer.int(2)
        #expect(String(decoding: writer.take(), as: UTF8.self) == "1\n2")
        writer.int(3)
        #expect(writer.text == "3")
    }

    @Test("a writer grows as far as it has to")
    func growth() throws {
        var writer = JSONWriter(capacity: 0)
        let values = (0..<10_000).map { -1.234_567_890_123_45e-300 / Double($0 + 1) }
        writer.doubles(values)
        guard case .numbers(let array) = try JSON.parse(writer.take()) else { throw Missing() }
        #expect(array.values == values)
    }

    private struct Missing: Error {}

    @Test("small bodies are encoded with sorted keys, and what is not finite becomes null")
    func coding() throws {
        struct Body: Codable, Equatable {
            var z: Int
            var a: [Double?]
            var path: String
        }
        let text = try Formats.encode(Body(z: 1, a: [0.5, .nan, -.infinity], path: "a/b"))
        #expect(text == #"{"a":[0.5,null,null],"path":"a/b","z":1}"#)
        #expect(try Formats.decode(text) == Body(z: 1, a: [0.5, nil, nil], path: "a/b"))
    }
}
