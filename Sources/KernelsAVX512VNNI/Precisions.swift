import CVectors

/// Work that is the same for every arithmetic.
protocol PrecisionWork {
    func run<A: Arithmetic>(_ type: A.Type)
}

/// The one precision of this module, whatever the number.
@inline(__always)
func dispatch<W: PrecisionWork>(_ work: W, precision: Int) { work.run(Int8Numbers.self) }

/// Fours of bytes, exact, by one instruction.
enum Int8Numbers: Int8Places {
    @inline(__always)
    static func add(_ factor: Lanes, _ weights: Lanes, to sum: Lanes) -> Lanes {
        lanes(vectors_dot_bytes(bits(factor), bits(weights), bits(sum)))
    }
}
