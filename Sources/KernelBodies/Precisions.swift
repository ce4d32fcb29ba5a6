// The precisions that this module's products have, by the number under which Kernels knows them. The modules with the
// processor's own dot products have a file like this with one precision each.

/// Work that is the same for every arithmetic.
protocol PrecisionWork {
    func run<A: Arithmetic>(_ type: A.Type)
}

/// - Parameter precision: 0 float32, 1 bfloat16, 2 bytes.
@inline(__always)
func dispatch<W: PrecisionWork>(_ work: W, precision: Int) {
    switch precision {
    case 1: work.run(BFloat16Numbers.self)
    case 2: work.run(Int8Numbers.self)
    default: work.run(Float32Numbers.self)
    }
}

/// Gradients of weights have no form in bytes.
@inline(__always)
func dispatchGradient<W: PrecisionWork>(_ work: W, precision: Int) {
    if precision == 1 { work.run(BFloat16Numbers.self) } else { work.run(Float32Numbers.self) }
}
