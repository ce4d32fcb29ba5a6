import Formats
import NamedFields
import Testing
import Training

@Suite struct JSONReaderTests {
    private enum Color: String, CaseIterable {
        case red
        case green
    }

    private func read(_ text: String, _ body: (JSONReader) -> Void) throws -> [String] {
        let collector = ViolationCollector()
        body(JSONReader(try JSON.parse(text), into: collector))
        return collector.list.map { "\($0.path.pointer) \($0.detail)" }
    }

    @Test("values of the right kind are read without complaint")
    func sound() throws {
        let found = try read(
            #"{"s":"a","i":3,"d":0.5,"b":true,"c":"green","l":["x","y"],"o":{"k":1},"n":null}"#
        ) { body in
            #expect(body.fields(["s", "i", "d", "b", "c", "l", "o", "n", "absent"]))
            #expect(body.string("s") == "a")
            #expect(body.int("i", in: 1...5) == 3)
            #expect(body.double("d", in: 0...1) == 0.5)
            #expect(body.bool("b") == true)
            #expect(body.choice("c", Color.self) == .green)
            #expect(body.optional("l")?.strings() == ["x", "y"])
            #expect(body.optional("o")?.int("k", in: 0...9) == 1)
            #expect(body.optional("n") == nil)
            #expect(body.has("n"))
            #expect(body.int("absent", in: 1...5, default: 4) == 4)
        }
        #expect(found == [])
    }

    @Test("all violations are gathered, each with its pointer")
    func gathers() throws {
        let found = try read(#"{"model":7,"epochs":0,"rate":"fast","cell":"gruu","a/b":{"x":[1,"2",null]},"epocs":3}"#)
        {
            body in
            body.fields(["model", "epochs", "rate", "color", "a/b", "needed"])
            _ = body.string("model")
            _ = body.int("epochs", in: 1...10)
            _ = body.double("rate")
            _ = body.string("needed")
            _ = body.optional("a/b")?.optional("x")?.numbers(depth: 1)
        }
        #expect(
            found == [
                "#/cell unknown field \"cell\"; there are \"model\", \"epochs\", \"rate\", \"color\", \"a/b\", \"needed\"",
                "#/epocs unknown field \"epocs\"; did you mean \"epochs\"?",
                "#/model expected a string, found 7",
                "#/epochs expected a whole number from 1 to 10, found 0",
                "#/rate expected a number, found the string \"fast\"",
                "#/needed \"needed\" is required and missing",
                "#/a~1b/x/1 expected a number, found the string \"2\"",
                "#/a~1b/x/2 expected a number, found null",
            ])
    }

    @Test("a whole number with a fraction, or beyond 2⁵³, is no whole number", arguments: ["1.5", "1e17", "-0.5"])
    func wholeNumbers(text: String) throws {
        var number: Int?
        let found = try read(text) { number = $0.int() }
        #expect(number == nil)
        #expect(found.count == 1)
    }

    @Test("a choice that is none of the values suggests the nearest")
    func choices() throws {
        let found = try read(#"{"c":"gren"}"#) { _ = $0.choice("c", Color.self) }
        #expect(found == ["#/c \"gren\" is none of the choices; did you mean \"green\"?"])
    }

    @Test("something else than an object is one violation, not one for every field")
    func notAnObject() throws {
        let found = try read("[1]") { body in
            body.fields(["a"])
            _ = body.string("a")
            _ = body.int("b", in: 0...1)
        }
        #expect(found == ["# expected an object, found an array"])
    }

    @Test("rows of one width are read, a single feature also without its brackets")
    func rows() throws {
        var rows: NumberArray?
        #expect(try read("[[1,2],[3,4]]", { rows = $0.rows(features: 2) }) == [])
        #expect(rows == NumberArray([1, 2, 3, 4], width: 2))
        #expect(try read("[1,2]", { rows = $0.rows(features: 1) }) == [])
        #expect(rows == NumberArray([1, 2], width: 1))
        let ragged = try read("[[1,2],[3]]") { rows = $0.rows() }
        #expect(ragged == ["#/1 expected a row of 2 numbers, as in the first row, found 1"])
        #expect(rows == nil)
    }

    @Test("sequences are checked for length, width and kind, each with its place")
    func sequences() throws {
        var sequences: NumberArray?
        #expect(try read("[[[1],[2]],[[3]]]", { sequences = $0.sequences(features: 1) }) == [])
        #expect(sequences == NumberArray([1, 2, 3], width: 1, lengths: [2, 1]))
        let uneven = try read("[[[1],[2]],[],[[3,4]]]") { sequences = $0.sequences(features: 1) }
        #expect(
            uneven == [
                "#/1 a sequence needs one step at least, this one is empty",
                "#/2/0 expected a row of 1 numbers, one for each feature, found 2",
            ])
        let wrong = try read("[[[1],[null]],[2],\"x\"]") { sequences = $0.sequences() }
        #expect(
            wrong == [
                "#/0/1/0 expected a number, found null",
                "#/1 expected an array of rows, each an array of numbers, found arrays nested 1 deep",
                "#/2 expected an array of rows, each an array of numbers, found the string \"x\"",
            ])
        #expect(sequences == nil)
        #expect(try read("[[],[[]]]", { _ = $0.sequences(features: 1) }).count == 2)
    }

    @Test("of very many violations the first are told and the rest counted")
    func bounded() throws {
        let collector = ViolationCollector()
        let text = "[" + Array(repeating: "null", count: 1000).joined(separator: ",") + "]"
        _ = JSONReader(try JSON.parse(text), into: collector).numbers(depth: 1)
        #expect(collector.list.count == ViolationCollector.told)
        #expect(collector.list.count + collector.omitted == 1000)
        #expect(throws: Violations.self) { try collector.check() }
    }

    @Test("pointers escape what RFC 6901 and a URI fragment demand")
    func pointers() {
        let path: [Violation.PathComponent] = [.key("a/b~c"), .index(3), .key("ä 100%")]
        #expect(path.pointer == "#/a~1b~0c/3/%C3%A4%20100%25")
    }
}
