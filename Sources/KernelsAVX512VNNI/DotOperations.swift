import CVectors

extension Bodies {
    /// Sums in flight at once: enough to hide the latency of a dot product, few enough for the 32 registers.
    public static var dotChains: Int { 24 }
    /// Multiplications and additions of one dot product over a vector: four of each a lane.
    public static var dotOperations: Int { 8 * Lanes.scalarCount }

    /// `rounds` times one 8-bit dot product on each of 24 vectors that depend on nothing but themselves: what the
    /// processor can do when nothing is loaded or stored.
    ///
    ///     target [laneCount], overwritten with a sum, so that the work is needed
    @inline(never)
    public static func dots(rounds: Int, target: UnsafeMutablePointer<Int32>) {
        // Four ones a lane. Each chain starts from a value of its own, or the compiler might compute one for all.
        let ones = IntegerLanes(repeating: 0x0101_0101)
        var a0 = IntegerLanes.zero
        var (a1, a2, a3) = (a0 &+ 1, a0 &+ 2, a0 &+ 3)
        var (b0, b1, b2, b3) = (a0 &+ 4, a1 &+ 4, a2 &+ 4, a3 &+ 4)
        var (c0, c1, c2, c3) = (a0 &+ 8, a1 &+ 8, a2 &+ 8, a3 &+ 8)
        var (d0, d1, d2, d3) = (a0 &+ 12, a1 &+ 12, a2 &+ 12, a3 &+ 12)
        var (e0, e1, e2, e3) = (a0 &+ 16, a1 &+ 16, a2 &+ 16, a3 &+ 16)
        var (f0, f1, f2, f3) = (a0 &+ 20, a1 &+ 20, a2 &+ 20, a3 &+ 20)
        for _ in 0..<rounds {
            add(ones, &a0, &a1, &a2, &a3)
            add(ones, &b0, &b1, &b2, &b3)
            add(ones, &c0, &c1, &c2, &c3)
            add(ones, &d0, &d1, &d2, &d3)
            add(ones, &e0, &e1, &e2, &e3)
            add(ones, &f0, &f1, &f2, &f3)
        }
        let left = ((a0 &+ a1) &+ (a2 &+ a3)) &+ ((b0 &+ b1) &+ (b2 &+ b3)) &+ ((c0 &+ c1) &+ (c2 &+ c3))
        let right = ((d0 &+ d1) &+ (d2 &+ d3)) &+ ((e0 &+ e1) &+ (e2 &+ e3)) &+ ((f0 &+ f1) &+ (f2 &+ f3))
        UnsafeMutableRawPointer(target).storeBytes(of: left &+ right, as: IntegerLanes.self)
    }

    @inline(__always)
    private static func add(
        _ factor: IntegerLanes, _ x: inout IntegerLanes, _ y: inout IntegerLanes, _ z: inout IntegerLanes,
        _ w: inout IntegerLanes
    ) {
        x = vectors_dot_bytes(factor, factor, x)
        y = vectors_dot_bytes(factor, factor, y)
        z = vectors_dot_bytes(factor, factor, z)
        w = vectors_dot_bytes(factor, factor, w)
    }
}
