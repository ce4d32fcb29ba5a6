import Foundation
import Resources
import Testing

@testable import Store

@Test("ids made one after the other sort in that order, whatever the clock does")
func monotonicIDs() {
    var previous = Identifier.make(prefix: "job", at: .start)
    for step in 0..<2_000 {
        // Forward by less than a millisecond, standing still, and sometimes a day back.
        let clock = step % 100 == 99 ? Date.start + -86_400 : Date.start.addingTimeInterval(Double(step) * 0.0003)
        let id = Identifier.make(prefix: "job", at: clock)
        #expect(id > previous)
        #expect(id.utf8.count == 30)
        previous = id
    }
}

@Test("ids made on many threads at once differ")
func concurrentIDs() async {
    let ids = await withTaskGroup(of: [String].self) { group in
        for _ in 0..<8 {
            group.addTask { (0..<2_000).map { _ in Identifier.make(prefix: "ds", at: .start) } }
        }
        return await group.reduce(into: Set<String>()) { $0.formUnion($1) }
    }
    #expect(ids.count == 16_000)
}

@Test("the time is written as the ULID specification writes it")
func timeDigits() {
    // The example of github.com/ulid/javascript: encodeTime(1469918176385, 10).
    #expect(ULID(milliseconds: 1_469_918_176_385, high: 0, low: 0).text == "01ARYZ6S410000000000000000")
}

@Test("the digits are the 128 bits in base 32", arguments: 0..<50)
func digits(_ seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    let milliseconds = generator.next() & 0xffff_ffff_ffff
    let high = UInt16.random(in: .min ... .max, using: &generator)
    let low = generator.next()
    var value = UInt128(milliseconds) << 80 | UInt128(high) << 64 | UInt128(low)
    var expected = ""
    for _ in 0..<26 {
        expected = String(Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")[Int(value % 32)]) + expected
        value /= 32
    }
    #expect(ULID(milliseconds: milliseconds, high: high, low: low).text == expected)
}

@Test("the last id of a millisecond is followed by a greater one")
func carry() {
    let full = ULID(milliseconds: 5, high: 3, low: .max)
    #expect(full.next(at: 5) == ULID(milliseconds: 5, high: 4, low: 0))
    let last = ULID(milliseconds: 5, high: .max, low: .max)
    #expect(last.next(at: 5).text > last.text)
    #expect(last.next(at: 4).text > last.text)
}

@Test("SHA-256 of the standard's example", arguments: [1, 2, 3])
func digest(_ pieces: Int) {
    // FIPS 180-2, appendix B.1; and the empty message.
    var hasher = SHA256()
    let bytes = Array("abc".utf8)
    for piece in 0..<pieces {
        let range = bytes.count * piece / pieces..<bytes.count * (piece + 1) / pieces
        bytes.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
    #expect(hasher.finish() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(SHA256.hex(of: []) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
}
