import CVectors

/// Fours of bytes, exact in 32-bit integers: the same on every processor, whether it has a dot product of bytes or, as
/// here, multiplies them as 16-bit numbers.
enum Int8Numbers: Int8Places {
    @inline(__always)
    static func add(_ factor: Lanes, _ weights: Lanes, to sum: Lanes) -> Lanes {
        #if KERNELS_AVX512
        return vectors_dot_widened_16(factor, weights, sum)
        #elseif KERNELS_AVX2
        return vectors_dot_widened_8(factor, weights, sum)
        #else
        return vectors_dot_widened_4(factor, weights, sum)
        #endif
    }
}
