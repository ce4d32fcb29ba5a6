@testable import Wire

/// Moments a test sets by hand.
func at(_ seconds: Double) -> Moment {
    Moment(nanoseconds: Int64(seconds * 1e9))
}

func bytes(_ text: String) -> [UInt8] {
    Array(text.utf8)
}

func text(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: Array(bytes), as: UTF8.self)
}

/// What a parser made of its input, with content joined: independent of how the input was cut.
enum Parsed: Equatable {
    case head(RequestHead, Framing)
    case body([UInt8])
    case end
    case error(HTTPError)
}

/// Feeds the pieces one after another and collects everything.
func parse(_ pieces: [ArraySlice<UInt8>], limits: Limits = Limits()) -> [Parsed] {
    var parser = RequestParser(limits: limits)
    var results: [Parsed] = []
    for piece in pieces {
        var input = piece
        do {
            while let event = try parser.next(&input) {
                switch event {
                case .head(let head, let framing): results.append(.head(head, framing))
                case .body(let data):
                    if case .body(let before)? = results.last {
                        results[results.count - 1] = .body(before + data)
                    } else {
                        results.append(.body(Array(data)))
                    }
                case .end: results.append(.end)
                }
            }
        } catch {
            return results + [.error(error)]
        }
    }
    return results
}

func parse(_ text: String, limits: Limits = Limits()) -> [Parsed] {
    parse([bytes(text)[...]], limits: limits)
}

/// Cuts bytes into pieces of these sizes, in turn.
func cut(_ bytes: [UInt8], _ sizes: [Int]) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    var index = 0
    while !rest.isEmpty {
        let piece = rest.prefix(sizes[index % sizes.count])
        pieces.append(piece)
        rest = rest.dropFirst(piece.count)
        index += 1
    }
    return pieces
}

extension [Parsed] {
    /// The status the last error is answered with.
    var status: Int? {
        if case .error(let error)? = last { return error.status }
        return nil
    }

    var heads: [RequestHead] {
        compactMap { if case .head(let head, _) = $0 { head } else { nil } }
    }

    var contents: [String] {
        compactMap { if case .body(let bytes) = $0 { text(bytes) } else { nil } }
    }
}

/// A generator whose numbers a seed decides: SplitMix64.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// Whole exchanges that exercise every state of the parser.
let conversations: [String] = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /jobs?status=running&model=a%20b HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /train HTTP/1.1\r\nHost: a:80\r\nContent-Length: 11\r\n\r\nhello worldGET /b HTTP/1.0\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;ext=\"1\"\r\n world\r\n0\r\nTrailer: t\r\n\r\n"
        + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nOPTIONS * HTTP/1.1\r\nhost:[::1]:8080\r\nX-Empty:\r\nX-Tabs:\t a \tb\t\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabcPUT / HTTP/1.1\r\nHost: b\r\n"
        + "Content-Length: 0\r\n\r\n",
    "GET http://example.org:80/abs?x=1 HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n",
]
