import Networks
import Testing

@Suite("Philox")
struct PhiloxTests {
    /// Known answers of the authors' Random123 library, file kat_vectors (philox4x32 10).
    @Test("the published known answers come out")
    func knownAnswers() {
        #expect(
            Philox(seed: 0).words(SIMD4(0, 0, 0, 0)) == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        #expect(
            Philox(seed: .max).words(SIMD4(repeating: .max))
                == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        #expect(
            Philox(seed: 0x299f_31d0_a409_3822)
                .words(SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344))
                == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test("draws at different places differ, at the same place agree")
    func places() {
        let random = Philox(seed: 7)
        let first = random.words(.dropout, layer: 1, step: 5, row: 3, block: 0)
        #expect(first == random.words(.dropout, layer: 1, step: 5, row: 3, block: 0))
        #expect(first != random.words(.dropout, layer: 2, step: 5, row: 3, block: 0))
        #expect(first != random.words(.dropout, layer: 1, step: 6, row: 3, block: 0))
        #expect(first != random.words(.dropout, layer: 1, step: 5, row: 4, block: 0))
        #expect(first != random.words(.shuffle, layer: 1, step: 5, row: 3, block: 0))
        #expect(first != Philox(seed: 8).words(.dropout, layer: 1, step: 5, row: 3, block: 0))
    }

    @Test("a permutation holds every number once and is not the identity")
    func permutation() {
        var stream = Philox(seed: 1).stream(.shuffle)
        let order = stream.permutation(1000)
        #expect(order.sorted() == Array(0..<1000))
        #expect(zip(order, order.dropFirst()).filter { $0 + 1 == $1 }.count < 20)
    }

    @Test("uniform draws lie in [0, 1) and have the moments of their distribution")
    func uniform() {
        var stream = Philox(seed: 3).stream(.initialization)
        let draws = (0..<20_000).map { _ in stream.uniform() }
        let mean = draws.reduce(0, +) / 20_000
        #expect(draws.allSatisfy { (0..<1).contains($0) })
        #expect(abs(mean - 0.5) < 0.01)
        #expect(abs(draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000 - 1.0 / 12) < 0.002)
    }
}
