// Register tiles: a block of sums that stays in registers while products are added to it.
//
// A strip is some adjacent vectors of one row of sums, a tile some rows of strips. Both are built by doubling, as
// plain nested structs without loops, so the compiler keeps each part in a register of its own.

/// Adjacent vectors of one row.
protocol Strip {
    associatedtype Numbers: Arithmetic
    static var vectors: Int { get }
    static var zero: Self { get }
    /// Vector j is read at `pointer` + j·`step`.
    init(_ pointer: UnsafePointer<Float>, step: Int)
    /// Vector j is written at `pointer` + j·laneCount.
    func store(_ pointer: UnsafeMutablePointer<Float>)
    mutating func add(_ factor: Lanes, _ weights: Self)
}

struct Single<A: Arithmetic>: Strip {
    typealias Numbers = A

    var sums: Lanes

    static var vectors: Int { @inline(__always) get { 1 } }
    static var zero: Single { @inline(__always) get { Single(sums: .zero) } }

    @inline(__always)
    init(sums: Lanes) { self.sums = sums }

    @inline(__always)
    init(_ pointer: UnsafePointer<Float>, step: Int) { sums = Whole().load(pointer) }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>) { Whole().store(sums, pointer) }

    @inline(__always)
    mutating func add(_ factor: Lanes, _ weights: Single) { sums = A.add(factor, weights.sums, to: sums) }
}

/// `Left` beside `Right`: strips of any width by nesting.
struct Beside<Left: Strip, Right: Strip>: Strip {
    typealias Numbers = Left.Numbers

    var left: Left
    var right: Right

    static var vectors: Int { @inline(__always) get { Left.vectors + Right.vectors } }
    static var zero: Beside { @inline(__always) get { Beside(left: .zero, right: .zero) } }

    @inline(__always)
    init(left: Left, right: Right) {
        self.left = left
        self.right = right
    }

    @inline(__always)
    init(_ pointer: UnsafePointer<Float>, step: Int) {
        left = Left(pointer, step: step)
        right = Right(pointer + Left.vectors * step, step: step)
    }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>) {
        left.store(pointer)
        right.store(pointer + Left.vectors * Lanes.scalarCount)
    }

    @inline(__always)
    mutating func add(_ factor: Lanes, _ weights: Beside) {
        left.add(factor, weights.left)
        right.add(factor, weights.right)
    }
}

/// Rows of strips.
protocol Tile {
    associatedtype Row: Strip
    static var rows: Int { get }
    /// Every row starts as `row`.
    init(each row: Row)
    /// Row r is read at `pointer` + r·`stride`.
    init(_ pointer: UnsafePointer<Float>, stride: Int)
    func store(_ pointer: UnsafeMutablePointer<Float>, stride: Int)
    /// Row r gains `factors`[r·`stride`] · weights.
    mutating func add(_ factors: UnsafePointer<Float>, stride: Int, _ weights: Row)
}

struct One<Row: Strip>: Tile {
    var row: Row

    static var rows: Int { @inline(__always) get { 1 } }

    @inline(__always)
    init(each row: Row) { self.row = row }

    @inline(__always)
    init(_ pointer: UnsafePointer<Float>, stride: Int) { row = Row(pointer, step: Lanes.scalarCount) }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>, stride: Int) { row.store(pointer) }

    @inline(__always)
    mutating func add(_ factors: UnsafePointer<Float>, stride: Int, _ weights: Row) {
        row.add(broadcast(factors.pointee), weights)
    }
}

/// `Upper` above `Lower`: rows of any number by nesting.
struct Stack<Upper: Tile, Lower: Tile>: Tile where Upper.Row == Lower.Row {
    typealias Row = Upper.Row

    var upper: Upper
    var lower: Lower

    static var rows: Int { @inline(__always) get { Upper.rows + Lower.rows } }

    @inline(__always)
    init(each row: Row) {
        upper = Upper(each: row)
        lower = Lower(each: row)
    }

    @inline(__always)
    init(_ pointer: UnsafePointer<Float>, stride: Int) {
        upper = Upper(pointer, stride: stride)
        lower = Lower(pointer + Upper.rows * stride, stride: stride)
    }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>, stride: Int) {
        upper.store(pointer, stride: stride)
        lower.store(pointer + Upper.rows * stride, stride: stride)
    }

    @inline(__always)
    mutating func add(_ factors: UnsafePointer<Float>, stride: Int, _ weights: Row) {
        upper.add(factors, stride: stride, weights)
        lower.add(factors + Upper.rows * stride, stride: stride, weights)
    }
}

typealias Pair<A: Arithmetic> = Beside<Single<A>, Single<A>>
typealias Triple<A: Arithmetic> = Beside<Pair<A>, Single<A>>
typealias Quad<A: Arithmetic> = Beside<Pair<A>, Pair<A>>

typealias Two<Row: Strip> = Stack<One<Row>, One<Row>>
typealias Three<Row: Strip> = Stack<Two<Row>, One<Row>>
typealias Four<Row: Strip> = Stack<Two<Row>, Two<Row>>
typealias Five<Row: Strip> = Stack<Four<Row>, One<Row>>
typealias Six<Row: Strip> = Stack<Four<Row>, Two<Row>>
typealias Seven<Row: Strip> = Stack<Four<Row>, Three<Row>>
typealias Eight<Row: Strip> = Stack<Four<Row>, Four<Row>>

/// Rows of the tallest tile of each width: its sums, the weights of one input and a factor fit the registers, 32 of
/// them with AVX-512 and NEON, 16 with AVX2 and the baseline, which needs one more for the product.
///
/// At every input a tile of r rows and v vectors loads r + v times for r·v multiply-adds; a processor that does two of
/// each a cycle wants r + v below r·v, and at least eight sums to hide the latency of four cycles.
extension Strip {
    static var tallest: Int {
        @inline(__always) get {
            #if KERNELS_AVX512 || KERNELS_NEON
            return vectors < 4 ? 8 : 6
            #elseif KERNELS_AVX2
            return vectors == 1 ? 8 : 12 / vectors
            #else
            return vectors == 1 ? 8 : vectors == 2 ? 4 : vectors == 3 ? 3 : 2
            #endif
        }
    }

    /// Whether tiles of this width come in a height. Narrow ones, which only small matrices have, come in few.
    @inline(__always)
    static func takes(_ height: Int) -> Bool {
        height <= tallest && (vectors > 2 || height & (height - 1) == 0 || height == tallest)
    }

    /// The height of the next tile where `rows` are left: tiles of about the same height, so that none is left with a
    /// row or two.
    @inline(__always)
    static func height(of rows: Int) -> Int {
        let even = (rows + (rows + tallest - 1) / tallest - 1) / ((rows + tallest - 1) / tallest)
        if takes(even) { return even }
        return even >= 4 && takes(4) ? 4 : 2
    }
}
