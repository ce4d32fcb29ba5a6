import CVectors

/// Work that is the same for every arithmetic.
protocol PrecisionWork {
    func run<A: Arithmetic>(_ type: A.Type)
}

/// The one precision of this module, whatever the number.
@inline(__always)
func dispatch<W: PrecisionWork>(_ work: W, precision: Int) { work.run(BFloat16Numbers.self) }

@inline(__always)
func dispatchGradient<W: PrecisionWork>(_ work: W, precision: Int) { dispatch(work, precision: precision) }

/// Pairs of bfloat16, multiplied and added by one instruction with roundings of its own.
enum BFloat16Numbers: BFloat16Places {
    @inline(__always)
    static func add(_ factor: Lanes, _ weights: Lanes, to sum: Lanes) -> Lanes {
        vectors_dot_bfloat16(bits(factor), bits(weights), sum)
    }
}
