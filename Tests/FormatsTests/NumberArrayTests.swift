import Formats
import TestSupport
import Testing

@Suite struct NumberArrayTests {
    private func numbers(_ text: String) throws -> NumberArray? {
        guard case .numbers(let array) = try JSON.parse(text) else { return nil }
        return array
    }

    @Test("arrays of numbers of one depth are stored flat")
    func flat() throws {
        let one = try #require(try numbers("[1, 2.5,-3 ]"))
        #expect(one == NumberArray([1, 2.5, -3]))
        let two = try #require(try numbers(" [[1,2] , [3,4],[5,6]]"))
        #expect(two == NumberArray([1, 2, 3, 4, 5, 6], width: 2))
        #expect((two.depth, two.count, two.rowWidth) == (2, 3, 2))
        let three = try #require(try numbers("[[[1],[2]],[[3]],[[4],[5],[6]]]"))
        #expect(three == NumberArray([1, 2, 3, 4, 5, 6], width: 1, lengths: [2, 1, 3]))
        #expect(three.sequenceLengths.all == [2, 1, 3])
    }

    @Test("rows of unequal width keep their widths")
    func ragged() throws {
        let array = try #require(try numbers("[[1],[2,3],[4],[5],[],[6]]"))
        #expect(array.rowWidths.all == [1, 2, 1, 1, 0, 1])
        #expect(array.rowWidth == nil)
        #expect(array.values == [1, 2, 3, 4, 5, 6])
        #expect(JSON.numbers(array).text == "[[1],[2,3],[4],[5],[],[6]]")
    }

    @Test(
        "whatever is not numbers of one depth stays a tree and equals it",
        arguments: [
            "[]", "[[]]", "[[],[1]]", "[1,[2]]", "[[1],2]", "[1,null]", "[1,\"2\"]", "[[1],[\"a\"]]", "[[[1]],[2]]",
            "[[[[1]]]]",
            "[true]", "[{}]", "[[1],[[2]]]",
        ])
    func trees(text: String) throws {
        let json = try JSON.parse(text)
        if case .numbers = json { Issue.record("\(text) was taken for an array of numbers") }
        #expect(json.text == text)
    }

    @Test("a flat array taken apart equals the tree of its text")
    func elements() throws {
        let text = "[[[1,2],[3]],[[4]],[[],[5]]]"
        let array = try #require(try numbers(text))
        #expect(JSON.array(array.elements).text == text)
        #expect(JSON.numbers(array) == [[[1, 2], [3]], [[4]], [[], [5]]])
        #expect(JSON.numbers(array) != [[[1, 2], [3]], [[4]], [[5], []]])
        #expect(JSON.numbers(array)[0]?[0]?[1]?.double == 2)
    }

    @Test("white space and line ends anywhere change nothing")
    func whiteSpace() throws {
        #expect(try JSON.parse("[ [\n1 ,\t2\r\n] , [ 3,4 ] ]") == JSON.parse("[[1,2],[3,4]]"))
    }

    @Test("random nested arrays are read as they were written")
    func random() throws {
        var random = SeededGenerator(21)
        for _ in 0..<500 {
            let lengths = (0..<Int.random(in: 1...6, using: &random)).map { _ in Int.random(in: 1...5, using: &random) }
            let width = Int.random(in: 1...4, using: &random)
            let values = (0..<lengths.reduce(0, +) * width).map { _ in
                Double(bitPattern: random.next()).isFinite ? Double.random(in: -1e3...1e3, using: &random) : 0
            }
            let array = NumberArray(values, width: width, lengths: lengths)
            #expect(try numbers(JSON.numbers(array).text) == array)
        }
    }

    @Test("many numbers pass the buffer's borders unharmed")
    func borders() throws {
        for count in [1023, 1024, 1025, 5000] {
            let values = (0..<count).map { Double($0) / 8 }
            #expect(try numbers(JSON.numbers(NumberArray(values)).text)?.values == values)
        }
    }
}
