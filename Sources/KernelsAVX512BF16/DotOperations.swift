import CVectors

extension Bodies {
    /// Sums in flight at once: enough to hide the latency of a dot product, few enough for the 32 registers.
    public static var dotChains: Int { 24 }
    /// Multiplications and additions of one dot product over a vector: two of each a lane.
    public static var dotOperations: Int { 4 * Lanes.scalarCount }

    /// `rounds` times one 16-bit dot product on each of 24 vectors that depend on nothing but themselves: what the
    /// processor can do when nothing is loaded or stored.
    ///
    ///     target [laneCount], overwritten with a sum, so that the work is needed
    @inline(never)
    public static func dots(rounds: Int, target: UnsafeMutablePointer<Float>) {
        // Pairs of (½, ½) in bfloat16. Each chain starts from a value of its own, or the compiler might compute one for
        // all.
        let half = IntegerLanes(repeating: 0x3f00_3f00)
        var (a0, a1, a2, a3) = (broadcast(0), broadcast(1), broadcast(2), broadcast(3))
        var (b0, b1, b2, b3) = (a0 + 4, a1 + 4, a2 + 4, a3 + 4)
        var (c0, c1, c2, c3) = (a0 + 8, a1 + 8, a2 + 8, a3 + 8)
        var (d0, d1, d2, d3) = (a0 + 12, a1 + 12, a2 + 12, a3 + 12)
        var (e0, e1, e2, e3) = (a0 + 16, a1 + 16, a2 + 16, a3 + 16)
        var (f0, f1, f2, f3) = (a0 + 20, a1 + 20, a2 + 20, a3 + 20)
        for _ in 0..<rounds {
            add(half, &a0, &a1, &a2, &a3)
            add(half, &b0, &b1, &b2, &b3)
            add(half, &c0, &c1, &c2, &c3)
            add(half, &d0, &d1, &d2, &d3)
            add(half, &e0, &e1, &e2, &e3)
            add(half, &f0, &f1, &f2, &f3)
        }
        let left = ((a0 + a1) + (a2 + a3)) + ((b0 + b1) + (b2 + b3)) + ((c0 + c1) + (c2 + c3))
        let right = ((d0 + d1) + (d2 + d3)) + ((e0 + e1) + (e2 + e3)) + ((f0 + f1) + (f2 + f3))
        Whole().store(left + right, target)
    }

    @inline(__always)
    private static func add(
        _ factor: IntegerLanes, _ x: inout Lanes, _ y: inout Lanes, _ z: inout Lanes, _ w: inout Lanes
    ) {
        x = vectors_dot_bfloat16(factor, factor, x)
        y = vectors_dot_bfloat16(factor, factor, y)
        z = vectors_dot_bfloat16(factor, factor, z)
        w = vectors_dot_bfloat16(factor, factor, w)
    }
}
