extension Bodies {
    /// Floats of one turn of `readSums`: eight vectors, as many as the product of one row takes side by side.
    public static var readSumWidth: Int { 8 * Lanes.scalarCount }

    /// Reads `count` floats `rounds` times and does no more with them than one multiply-add a vector, as the product of
    /// one row with a packed matrix does with its weights: how fast memory of that size reaches the registers.
    ///
    ///     source  [count]      a multiple of readSumWidth
    ///     apart   0: vector after vector; 1: eight streams side by side, as eight panels are read
    ///     target  [laneCount]  overwritten with a sum, so that the work is needed
    @inline(never)
    public static func readSums(
        source: UnsafePointer<Float>, count: Int, apart: Int, rounds: Int, target: UnsafeMutablePointer<Float>
    ) {
        let step = apart == 0 ? Lanes.scalarCount : count / 8
        let advance = apart == 0 ? readSumWidth : Lanes.scalarCount
        let end = source + (apart == 0 ? count : step)
        let one = broadcast(1)
        let whole = Whole()
        var (x0, x1, x2, x3) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
        var (x4, x5, x6, x7) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
        var round = 0
        while round < rounds {
            var vectors = source
            while vectors < end {
                x0 = multiplyAdd(one, whole.load(vectors), x0)
                x1 = multiplyAdd(one, whole.load(vectors + step), x1)
                x2 = multiplyAdd(one, whole.load(vectors + 2 * step), x2)
                x3 = multiplyAdd(one, whole.load(vectors + 3 * step), x3)
                x4 = multiplyAdd(one, whole.load(vectors + 4 * step), x4)
                x5 = multiplyAdd(one, whole.load(vectors + 5 * step), x5)
                x6 = multiplyAdd(one, whole.load(vectors + 6 * step), x6)
                x7 = multiplyAdd(one, whole.load(vectors + 7 * step), x7)
                vectors += advance
            }
            round += 1
        }
        whole.store(((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)), target)
    }
}
