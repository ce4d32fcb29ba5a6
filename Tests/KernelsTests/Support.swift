import Kernels
import TestSupport

/// Rows of random floats in memory of their own, with guard values around every row, that tests can compare.
final class Grid {
    let count: Int
    let width: Int
    let stride: Int
    private let storage: UnsafeMutablePointer<Float>
    private let total: Int
    static let guardValue: Float = -12_345.5
    private static let margin = 3

    /// - Parameter gap: floats between rows that nothing may touch.
    init(_ count: Int, _ width: Int, gap: Int = 0, fill: () -> Float = { 0 }) {
        self.count = count
        self.width = width
        stride = width + gap
        total = count * stride + 2 * Self.margin
        storage = .allocate(capacity: total)
        storage.initialize(repeating: Self.guardValue, count: total)
        for row in 0..<count { for column in 0..<width { self[row, column] = fill() } }
    }

    convenience init(random generator: inout SeededGenerator, _ count: Int, _ width: Int, gap: Int = 0) {
        self.init(count, width, gap: gap)
        for row in 0..<count { for column in 0..<width { self[row, column] = generator.float() } }
    }

    convenience init(copy other: Grid) {
        self.init(other.count, other.width, gap: other.stride - other.width)
        for row in 0..<count { for column in 0..<width { self[row, column] = other[row, column] } }
    }

    deinit { storage.deallocate() }

    var base: UnsafeMutablePointer<Float> { storage + Self.margin }
    var rows: Rows { Rows(base, count: count, width: width, stride: stride) }
    var mutable: MutableRows { MutableRows(base, count: count, width: width, stride: stride) }

    subscript(row: Int, column: Int) -> Float {
        get { base[row * stride + column] }
        set { base[row * stride + column] = newValue }
    }

    func doubles(_ row: Int) -> [Double] { (0..<width).map { Double(self[row, $0]) } }
    var values: [Float] { (0..<count).flatMap { row in (0..<width).map { self[row, $0] } } }
    var bits: [UInt32] { values.map(\.bitPattern) }

    /// Nothing outside the rows was written.
    var isIntact: Bool {
        let inside = Set((0..<count).flatMap { row in (0..<width).map { Self.margin + row * stride + $0 } })
        return (0..<total).allSatisfy { inside.contains($0) || storage[$0] == Self.guardValue }
    }
}

extension SeededGenerator {
    /// Within ±1, with digits down to 2⁻²⁴.
    mutating func float() -> Float { Float(Int32(truncatingIfNeeded: next() >> 40) - (1 << 23)) * 0x1p-23 }
}

/// The sets that agree bit for bit.
let fusedSets = InstructionSet.available.filter { $0 != .baseline }

/// sum + a·b as one output of the set's kernels computes it.
func multiplyAdd(_ a: Float, _ b: Float, _ sum: Float, _ set: InstructionSet) -> Float {
    set == .baseline ? sum + a * b : sum.addingProduct(a, b)
}
