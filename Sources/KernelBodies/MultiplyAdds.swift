extension Bodies {
    /// Sums in flight at once: enough to hide the latency of a multiply-add (4 cycles at two a cycle), few enough for
    /// the 16 registers of AVX2.
    public static var multiplyAddChains: Int { 12 }

    /// `rounds` times one multiply-add on each of twelve vectors that depend on nothing but themselves: what the
    /// processor can do when nothing is loaded or stored.
    ///
    ///     target [laneCount], overwritten with a sum, so that the work is needed
    @inline(never)
    public static func multiplyAdds(rounds: Int, target: UnsafeMutablePointer<Float>) {
        // x ← x·m + a tends to a / (1 − m): no overflow, no denormal numbers. Each chain starts from a value of its own,
        // or the compiler might compute one for all.
        let m = broadcast(0.5)
        let a = broadcast(1)
        var (x0, x1, x2, x3, x4, x5) = (a, a + 1, a + 2, a + 3, a + 4, a + 5)
        var (x6, x7, x8, x9, x10, x11) = (a + 6, a + 7, a + 8, a + 9, a + 10, a + 11)
        for _ in 0..<rounds {
            x0 = multiplyAdd(x0, m, a)
            x1 = multiplyAdd(x1, m, a)
            x2 = multiplyAdd(x2, m, a)
            x3 = multiplyAdd(x3, m, a)
            x4 = multiplyAdd(x4, m, a)
            x5 = multiplyAdd(x5, m, a)
            x6 = multiplyAdd(x6, m, a)
            x7 = multiplyAdd(x7, m, a)
            x8 = multiplyAdd(x8, m, a)
            x9 = multiplyAdd(x9, m, a)
            x10 = multiplyAdd(x10, m, a)
            x11 = multiplyAdd(x11, m, a)
        }
        let sum = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)) + ((x8 + x9) + (x10 + x11))
        for lane in 0..<laneCount { target[lane] = sum[lane] }
    }
}
