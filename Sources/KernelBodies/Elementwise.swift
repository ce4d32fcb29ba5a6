// Functions and sums over rows of numbers, element by element. Rows are `stride` apart; a target may be its source.

extension Bodies {
    /// target = f(x); f: 0 exp, 1 ln, 2 tanh, 3 the logistic function.
    @inline(never)
    public static func map(
        function: Int, rows: Int, width: Int, x: UnsafePointer<Float>, xStride: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        let (x, target) = (Source(x, xStride), Target(target, targetStride))
        switch function {
        case 0: walk(Map<Exp>(x: x, target: target), rows: rows, hidden: width)
        case 1: walk(Map<Log>(x: x, target: target), rows: rows, hidden: width)
        case 2: walk(Map<Tanh>(x: x, target: target), rows: rows, hidden: width)
        default: walk(Map<Sigmoid>(x: x, target: target), rows: rows, hidden: width)
        }
    }

    /// target = x ⊙ y
    @inline(never)
    public static func multiply(
        rows: Int, width: Int, x: UnsafePointer<Float>, xStride: Int, y: UnsafePointer<Float>, yStride: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        walk(
            Multiply(x: Source(x, xStride), y: Source(y, yStride), target: Target(target, targetStride)),
            rows: rows, hidden: width)
    }

    /// target = factor·x + y, the sum rounded once where the processor can.
    @inline(never)
    public static func addScaled(
        rows: Int, width: Int, factor: Float, x: UnsafePointer<Float>, xStride: Int,
        y: UnsafePointer<Float>, yStride: Int, target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        walk(
            AddScaled(
                factor: factor, x: Source(x, xStride), y: Source(y, yStride), target: Target(target, targetStride)),
            rows: rows, hidden: width)
    }

    /// target = factor·x
    @inline(never)
    public static func scale(
        rows: Int, width: Int, factor: Float, x: UnsafePointer<Float>, xStride: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        walk(
            ScaleRows(factor: factor, x: Source(x, xStride), target: Target(target, targetStride)),
            rows: rows, hidden: width)
    }
}

private protocol Function {
    static func value(_ x: Lanes) -> Lanes
}

private enum Exp: Function {
    @inline(__always)
    static func value(_ x: Lanes) -> Lanes { exp(x) }
}

private enum Log: Function {
    @inline(__always)
    static func value(_ x: Lanes) -> Lanes { log(x) }
}

private enum Tanh: Function {
    @inline(__always)
    static func value(_ x: Lanes) -> Lanes { tanh(x) }
}

private enum Sigmoid: Function {
    @inline(__always)
    static func value(_ x: Lanes) -> Lanes { sigmoid(x) }
}

private struct Map<F: Function>: Pointwise {
    let x: Source
    let target: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        access.store(F.value(access.load(x.at(row, unit))), target.at(row, unit))
    }
}

private struct Multiply: Pointwise {
    let x: Source
    let y: Source
    let target: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        access.store(access.load(x.at(row, unit)) * access.load(y.at(row, unit)), target.at(row, unit))
    }
}

private struct AddScaled: Pointwise {
    let factor: Float
    let x: Source
    let y: Source
    let target: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let sum = multiplyAdd(broadcast(factor), access.load(x.at(row, unit)), access.load(y.at(row, unit)))
        access.store(sum, target.at(row, unit))
    }
}

private struct ScaleRows: Pointwise {
    let factor: Float
    let x: Source
    let target: Target

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        access.store(broadcast(factor) * access.load(x.at(row, unit)), target.at(row, unit))
    }
}
