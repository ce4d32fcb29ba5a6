/// Random numbers as a function of where they are used: no state to carry, the same on every thread and after a resume.
///
/// Philox 4×32 with 10 rounds: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The key is the
/// seed; the counter names the place: purpose (with the layer), epoch or step, row, and the block of four numbers.
public struct Philox: Sendable {
    /// What draws are for; draws for different purposes never meet.
    public enum Purpose: UInt32, Sendable {
        case initialization = 1
        case dropout = 2
        case shuffle = 3
        case split = 4
    }

    private let key: (UInt32, UInt32)

    public init(seed: UInt64) {
        key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    }

    /// Four random words at this place.
    public func words(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
        var (x0, x1, x2, x3) = (counter[0], counter[1], counter[2], counter[3])
        var (k0, k1) = key
        for _ in 0..<10 {
            let first = UInt64(x0) * 0xD251_1F53
            let second = UInt64(x2) * 0xCD9E_8D57
            x0 = UInt32(truncatingIfNeeded: second >> 32) ^ x1 ^ k0
            x1 = UInt32(truncatingIfNeeded: second)
            x2 = UInt32(truncatingIfNeeded: first >> 32) ^ x3 ^ k1
            x3 = UInt32(truncatingIfNeeded: first)
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return SIMD4(x0, x1, x2, x3)
    }

    /// The words of one place: `index` runs over what is drawn there.
    ///
    /// - Parameters:
    ///   - layer: below 2¹⁶.
    ///   - step: epoch or optimizer step; taken modulo 2³².
    public func words(
        _ purpose: Purpose, layer: Int = 0, step: Int = 0, row: Int = 0, block: Int
    ) -> SIMD4<UInt32> {
        words(
            SIMD4(
                UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: row), UInt32(truncatingIfNeeded: step),
                purpose.rawValue << 16 | UInt32(truncatingIfNeeded: layer & 0xFFFF)))
    }

    /// A stream of numbers at one place, drawn one after the other.
    public func stream(_ purpose: Purpose, layer: Int = 0, step: Int = 0, row: Int = 0) -> PhiloxStream {
        PhiloxStream(generator: self, purpose: purpose, layer: layer, step: step, row: row)
    }
}

/// Draws from one place of a Philox generator, in order.
public struct PhiloxStream {
    let generator: Philox
    let purpose: Philox.Purpose
    let layer: Int
    let step: Int
    let row: Int
    private var block = 0
    private var words = SIMD4<UInt32>()
    private var used = 4

    init(generator: Philox, purpose: Philox.Purpose, layer: Int, step: Int, row: Int) {
        self.generator = generator
        self.purpose = purpose
        self.layer = layer
        self.step = step
        self.row = row
    }

    public mutating func word() -> UInt32 {
        if used == 4 {
            words = generator.words(purpose, layer: layer, step: step, row: row, block: block)
            block += 1
            used = 0
        }
        defer { used += 1 }
        return words[used]
    }

    /// Uniform in [0, 1), 53 random bits.
    public mutating func uniform() -> Double {
        let high = UInt64(word())
        let low = UInt64(word())
        return Double((high << 32 | low) >> 11) * 0x1p-53
    }

    /// Uniform in 0..<bound. The product's high word is biased by less than bound / 2⁶⁴.
    public mutating func integer(below bound: Int) -> Int {
        let high = UInt64(word())
        let low = UInt64(word())
        return Int(truncatingIfNeeded: (high << 32 | low).multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// Standard normal, as a sum of twelve uniforms: near enough for the start of an orthogonal matrix, and made of
    /// additions alone, so that its bits do not depend on a library's logarithm.
    public mutating func nearlyNormal() -> Double {
        var sum = -6.0
        for _ in 0..<12 { sum += uniform() }
        return sum
    }

    /// 0..<count in random order (Fisher and Yates).
    public mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        guard count > 1 else { return order }
        for index in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(index, integer(below: index + 1))
        }
        return order
    }
}
