import CVectors

/// Pairs of bfloat16, the even input in the lower half, rounded to nearest even; sums are float32.
///
/// Here each half is widened to a float and multiplied and added by itself, the even input first. The processor's own
/// dot product rounds otherwise, so the two do not give the same bits; one program on one processor uses one of them.
enum BFloat16Numbers: BFloat16Places {
    @inline(__always)
    static func add(_ factor: Lanes, _ weights: Lanes, to sum: Lanes) -> Lanes {
        let upper = IntegerLanes(repeating: Int32(bitPattern: 0xffff_0000))
        let even = multiplyAdd(lanes(bits(factor) &<< 16), lanes(bits(weights) &<< 16), sum)
        return multiplyAdd(lanes(bits(factor) & upper), lanes(bits(weights) & upper), even)
    }
}
