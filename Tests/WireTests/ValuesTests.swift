import Testing

@testable import Wire

@Suite("Fields, targets, dates")
struct ValuesTests {
    @Test("names of fields compare without case, and duplicates stay visible")
    func fields() {
        var fields: Fields = ["Accept": "a", "accept": "b", "X": "c"]
        #expect(fields["ACCEPT"] == "a")
        #expect(fields.values("Accept") == ["a", "b"])
        fields["accept"] = "z"
        #expect(fields.map(\.name) == ["X", "accept"])
        fields["X"] = nil
        #expect(!fields.contains("x"))
        fields.fill(from: ["Accept": "no", "Allow": "GET"])
        #expect(fields.map(\.value) == ["z", "GET"])
    }

    @Test("letters compare without case, other characters exactly")
    func caseOfBytes() {
        let fields: Fields = ["A[": "1", "X-Y": "2"]
        #expect(fields["a["] == "1")
        #expect(fields["a{"] == nil)
        #expect(fields["x-y"] == "2")
        #expect(fields["x_y"] == nil)
    }

    @Test("the sets of bytes are those of the grammar")
    func byteSets() {
        let letters = Set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        let token = letters.union("!#$%&'*+-.^_`|~".utf8)
        let name = letters.union("-._~!$&'()*+;=".utf8)
        for byte in UInt8.min...UInt8.max {
            #expect(isToken[byte] == token.contains(byte))
            #expect(isRegisteredName[byte] == name.contains(byte))
        }
    }

    @Test("a list over several lines gives its tokens in lower case")
    func tokens() {
        let fields: Fields = ["Connection": "Keep-Alive, , TE", "connection": "\tUpgrade "]
        #expect(fields.tokens("Connection") == ["keep-alive", "te", "upgrade"])
    }

    @Test(
        "whatever text is encoded as a segment decodes to itself",
        arguments: [
            "plain", "a/b", "ä ö", "100%", "model@champion", "+", "?&=#", "日本",
        ])
    func percent(_ text: String) throws {
        let encoded = RequestTarget.encoded(text)
        #expect(encoded.utf8.allSatisfy { 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "/") })
        #expect(try RequestTarget.segments(ofPath: "/x/" + encoded) == ["x", text])
    }

    @Test(
        "dates are those of RFC 9110",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_709_164_799, "Wed, 28 Feb 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        ])
    func dates(_ seconds: Int64, _ text: String) {
        #expect(HTTPDate.text(secondsSince1970: seconds) == text)
    }

    @Test(
        "a queue of bytes gives back what was put in, whatever is taken at a time",
        arguments: [1, 7, 100, 16_384, 40_000])
    func byteQueue(_ step: Int) {
        var queue = ByteQueue()
        var expected: [UInt8] = []
        for index in 0..<(step < 100 ? 6 : 40) {
            let piece = [UInt8](repeating: UInt8(index), count: [3, 20_000, 0, 500, 16_384, 16_385][index % 6])
            queue.append(piece)
            expected += piece
        }
        #expect(queue.count == expected.count)
        var given: [UInt8] = []
        var most = 0
        while !queue.isEmpty {
            queue.withBuffers { buffers in
                most = max(most, buffers.count)
                var left = step
                for buffer in buffers {
                    given += buffer.prefix(left)
                    left -= min(left, buffer.count)
                }
            }
            queue.removeFirst(min(step, queue.count))
        }
        #expect(given == expected)
        #expect(1...8 ~= most)
    }
}
