// Sums over sixteen virtual lanes with a fixed tree, and functions of rows element by element.

/// A function of one variable that the kernels compute with polynomials of their own.
public enum ElementaryFunction: Int, Sendable, CaseIterable {
    /// exp, tanh and log err by at most 2 units in the last place, the logistic function by 3.
    case exp = 0
    /// The natural logarithm of positive normal numbers.
    case log = 1
    case tanh = 2
    case sigmoid = 3
}

extension KernelSet {
    /// Σ x[i]; the order of additions depends on `count` alone.
    public func sum(_ x: UnsafePointer<Float>, count: Int) -> Float { bodies.sum(x, count: count) }

    /// Σ x[i]·y[i]
    public func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Float {
        bodies.dot(x, y, count: count)
    }

    /// √Σ x[i]²
    public func norm(_ x: UnsafePointer<Float>, count: Int) -> Float { bodies.dot(x, x, count: count).squareRoot() }

    /// target[column] = Σ over rows; row i goes to virtual lane i mod 16. With `adding`, added to what target holds.
    /// Over rows that are the steps of one sequence (a stride over time) this is the sum over time.
    public func columnSums(_ x: Rows, into target: UnsafeMutablePointer<Float>, adding: Bool = false) {
        withScratch { scratch in
            bodies.columnSums(
                x: x.base, stride: x.stride, rows: x.count, width: x.width, target: target, other: nil,
                adds: adding ? 1 : 0, scratch: scratch)
        }
    }

    /// target = f(x); target may be x.
    public func map(_ function: ElementaryFunction, _ x: Rows, into target: MutableRows) {
        checkSame(x, target.rows)
        bodies.map(
            function: function.rawValue, rows: x.count, width: x.width, x: x.base, xStride: x.stride,
            target: target.base, targetStride: target.stride)
    }

    /// target = x ⊙ y, as for a dropout mask; target may be either.
    public func multiply(_ x: Rows, _ y: Rows, into target: MutableRows) {
        checkSame(x, y)
        checkSame(x, target.rows)
        bodies.multiply(
            rows: x.count, width: x.width, x: x.base, xStride: x.stride, y: y.base, yStride: y.stride,
            target: target.base, targetStride: target.stride)
    }

    /// target += factor·x
    public func add(_ x: Rows, scaledBy factor: Float = 1, to target: MutableRows) {
        checkSame(x, target.rows)
        bodies.addScaled(
            rows: x.count, width: x.width, factor: factor, x: x.base, xStride: x.stride,
            y: target.base, yStride: target.stride, target: target.base, targetStride: target.stride)
    }

    /// target[column] += Σ x[row][column] · y[row][column], rows in order; target is [width] and may not overlap them.
    public func addColumnProducts(_ x: Rows, _ y: Rows, into target: UnsafeMutablePointer<Float>) {
        checkSame(x, y)
        bodies.columnProducts(
            rows: x.count, width: x.width, x: x.base, xStride: x.stride, y: y.base, yStride: y.stride, target: target)
    }

    /// target = factor·x; target may be x.
    public func scale(_ x: Rows, by factor: Float, into target: MutableRows) {
        checkSame(x, target.rows)
        bodies.scale(
            rows: x.count, width: x.width, factor: factor, x: x.base, xStride: x.stride,
            target: target.base, targetStride: target.stride)
    }
}
