// The walk that all pointwise bodies share: every row, a vector of units at a time, the last one in part.

/// Work on units `unit` … `unit` + laneCount of one row. `hidden` units lie side by side in every block of a row.
protocol Pointwise {
    func step<A: Access>(_ access: A, row: Int, unit: Int)
}

@inline(__always)
func walk<Body: Pointwise>(_ body: Body, rows: Int, hidden: Int) {
    let remainder = hidden % Lanes.scalarCount
    let whole = hidden - remainder
    var row = 0
    while row < rows {
        var unit = 0
        while unit < whole {
            body.step(Whole(), row: row, unit: unit)
            unit += Lanes.scalarCount
        }
        if remainder > 0 {
            body.step(Part(count: remainder), row: row, unit: whole)
        }
        row += 1
    }
}

/// Rows of blocks to read, each block `hidden` wide.
struct Source {
    let base: UnsafePointer<Float>
    let stride: Int

    @inline(__always)
    init(_ base: UnsafePointer<Float>, _ stride: Int) {
        self.base = base
        self.stride = stride
    }

    /// The address of `unit` in `block` of `row`.
    @inline(__always)
    func at(_ row: Int, _ unit: Int, block: Int = 0, of hidden: Int = 0) -> UnsafePointer<Float> {
        base + row * stride + block * hidden + unit
    }

    /// The same rows, counted from this row and unit on.
    @inline(__always)
    func from(_ row: Int, _ unit: Int) -> Source { Source(at(row, unit), stride) }
}

/// Rows of blocks to write.
struct Target {
    let base: UnsafeMutablePointer<Float>
    let stride: Int

    @inline(__always)
    init(_ base: UnsafeMutablePointer<Float>, _ stride: Int) {
        self.base = base
        self.stride = stride
    }

    @inline(__always)
    func at(_ row: Int, _ unit: Int, block: Int = 0, of hidden: Int = 0) -> UnsafeMutablePointer<Float> {
        base + row * stride + block * hidden + unit
    }

    /// The same rows, counted from this row and unit on.
    @inline(__always)
    func from(_ row: Int, _ unit: Int) -> Target { Target(at(row, unit), stride) }
}
