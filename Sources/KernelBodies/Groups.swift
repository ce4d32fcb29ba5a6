// The order of a packed matrix: its outputs in groups of up to four vectors, whose weights lie side by side at every
// input, as tiles read them.
//
//     group of v vectors   [inputs × v·laneCount]
//
// Plain: groups are of adjacent outputs, as even as can be. Interleaved, where the outputs are blocks of `hidden` (the
// gates of a cell): a group holds the same vector of units of every block, so that all a cell needs for these units
// comes out of one group.

/// How the outputs of a packed matrix are put into groups.
struct Groups {
    /// 1 where the matrix is plain.
    let blocks: Int
    /// Outputs of one block.
    let hidden: Int

    /// The widest group, in vectors.
    static var widest: Int { @inline(__always) get { 4 } }

    /// Vectors of one block.
    var vectors: Int { @inline(__always) get { (hidden + Lanes.scalarCount - 1) / Lanes.scalarCount } }

    var count: Int {
        @inline(__always) get { blocks > 1 ? vectors : (vectors + Groups.widest - 1) / Groups.widest }
    }

    /// The first vector of a group within its block.
    @inline(__always)
    func first(_ group: Int) -> Int {
        if blocks > 1 { return group }
        let (size, larger) = vectors.quotientAndRemainder(dividingBy: max(count, 1))
        return group * size + min(group, larger)
    }

    /// Vectors of a group.
    @inline(__always)
    func width(_ group: Int) -> Int { blocks > 1 ? blocks : first(group + 1) - first(group) }

    /// The first output of a group within its block.
    @inline(__always)
    func output(_ group: Int) -> Int { first(group) * Lanes.scalarCount }

    /// Outputs of a group within each of its blocks that exist; the others are zero weights.
    @inline(__always)
    func outputs(_ group: Int) -> Int {
        min(hidden, output(group) + (blocks > 1 ? 1 : width(group)) * Lanes.scalarCount) - output(group)
    }

    /// Where a group's weights begin, in floats.
    @inline(__always)
    func offset(_ group: Int, inputs: Int) -> Int { first(group) * blocks * Lanes.scalarCount * inputs }

    /// Floats of the whole.
    @inline(__always)
    func floats(inputs: Int) -> Int { vectors * blocks * Lanes.scalarCount * inputs }

    // Behind the weights of scaled precisions: the scale of every output, then what its whole sums start from, both in
    // the order of one input.

    @inline(__always)
    func scales(_ packed: UnsafePointer<Float>, _ group: Int, places: Int) -> UnsafePointer<Float> {
        packed + floats(inputs: places) + offset(group, inputs: 1)
    }

    @inline(__always)
    func starts(_ packed: UnsafePointer<Float>, _ group: Int, places: Int) -> UnsafePointer<Float> {
        packed + floats(inputs: places + 1) + offset(group, inputs: 1)
    }
}

extension Bodies {
    /// Groups of a matrix, by which its products may be divided among threads.
    public static func groupCount(blocks: Int, hidden: Int) -> Int { Groups(blocks: blocks, hidden: hidden).count }
}
