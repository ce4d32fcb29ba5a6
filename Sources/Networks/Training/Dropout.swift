import Kernels

/// Where a training step stands, for the random draws of its dropout.
public struct DropoutPlace: Sendable {
    public var seed: UInt64
    /// Optimizer steps before this one.
    public var step: Int

    public init(seed: UInt64, step: Int) {
        self.seed = seed
        self.step = step
    }

    /// Writes a mask [rows × width]: 0 with probability `rate`, else 1 / (1 − rate), so that means stay what they are.
    ///
    /// Each number is a function of seed, step, layer, packed row and unit alone.
    func mask(_ mask: MutableRows, layer: Int, rate: Float) {
        let random = Philox(seed: seed)
        let threshold = UInt32(min(Double(rate) * 0x1p32, 0x1p32 - 1))
        let kept = 1 / (1 - rate)
        for row in 0..<mask.count {
            let target = mask.base + row * mask.stride
            for unit in stride(from: 0, to: mask.width, by: 4) {
                let words = random.words(.dropout, layer: layer, step: step, row: row, block: unit / 4)
                for lane in 0..<min(4, mask.width - unit) {
                    target[unit + lane] = words[lane] < threshold ? 0 : kept
                }
            }
        }
    }
}
