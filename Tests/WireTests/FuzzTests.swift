import Testing

@testable import Wire

/// Random input, the same in every run: the seed is the test's argument.
@Suite("Random input")
struct FuzzTests {
    /// Changes, drops, doubles or inserts a few bytes, with a liking for those that mean something.
    private func mutated(_ original: [UInt8], _ random: inout Seeded) -> [UInt8] {
        let special = bytes("\r\n :;,\t\0%/?*0129afAF-+\u{7F}HTTP/1.1")
        var result = original
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let index = Int.random(in: 0..<max(1, result.count), using: &random)
            let byte =
                Bool.random(using: &random)
                ? special.randomElement(using: &random)! : UInt8.random(in: 0...255, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0 where !result.isEmpty: result[index] = byte
            case 1 where !result.isEmpty: result.remove(at: index)
            case 2: result.insert(byte, at: min(index, result.count))
            case 3: result.insert(contentsOf: result[index..<min(index + 8, result.count)], at: index)
            default: result.removeSubrange(index..<min(index + 4, result.count))
            }
        }
        return result
    }

    @Test("mutated requests are read the same at once, byte by byte and in random pieces", arguments: 0..<8)
    func requests(_ seed: UInt64) {
        var random = Seeded(state: seed)
        var limits = Limits()
        limits.headBytes = 400
        limits.targetBytes = 60
        limits.fieldCount = 6
        limits.chunkExtensionBytes = 16
        limits.trailerBytes = 40
        var refused = 0
        for _ in 0..<500 {
            let message = mutated(bytes(conversations.randomElement(using: &random)!), &random)
            let whole = parse([message[...]], limits: limits)
            let sizes = (0..<5).map { _ in Int.random(in: 1...40, using: &random) }
            #expect(parse(cut(message, [1]), limits: limits) == whole)
            #expect(parse(cut(message, sizes), limits: limits) == whole)
            if whole.status != nil { refused += 1 }
        }
        #expect(100..<500 ~= refused, "mutations should break many messages and leave some whole")
    }

    @Test("whatever comes when, a connection keeps its promises", arguments: 0..<8)
    func connections(_ seed: UInt64) {
        var random = Seeded(state: seed &+ 1_000)
        for _ in 0..<100 {
            var bench = Bench()
            bench.handler = { bench, head in
                switch head.path.utf8.count % 3 {
                case 0: bench.answer("ok")
                case 1: bench.accept(8)
                default: bench.connection.ignoreBody(at: bench.now)
                }
            }
            var input = bytes(conversations.shuffled(using: &random).joined())
            if Bool.random(using: &random) { input = mutated(input, &random) }
            var rest = input[...]
            var time = 0.0
            while !bench.isClosed && time < 2_000 {
                bench.window = Int.random(in: 0...400, using: &random)
                switch Int.random(in: 0..<12, using: &random) {
                case 0: bench.connection.stop()
                case 1 where rest.isEmpty: bench.connection.receiveEnd()
                case 2: bench.answer("handler")
                case 3: bench.connection.pauseBody()
                case 4: bench.connection.resumeBody(at: bench.now)
                case 5:
                    time += Double.random(in: 0...20, using: &random)
                    bench.wait(until: time)
                default:
                    if bench.connection.wantsInput && !rest.isEmpty {
                        let piece = rest.prefix(Int.random(in: 1...90, using: &random))
                        rest = rest.dropFirst(piece.count)
                        bench.connection.receive(piece, at: bench.now)
                    } else {
                        time += 1
                        bench.wait(until: time)
                    }
                }
                bench.pump()
                let requests = bench.log.count {
                    !$0.hasPrefix("body") && !$0.hasPrefix("failed") && $0 != "close" && $0 != "finishWriting"
                }
                #expect(bench.statuses.count { $0 >= 200 } <= requests, "no answer without a request")
                #expect(bench.connection.sentBytes <= bench.connection.queuedBytes)
            }
            // Once closed, nothing moves any more.
            if bench.isClosed {
                let before = bench.log
                bench.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(bench.log == before)
            }
        }
    }
}
