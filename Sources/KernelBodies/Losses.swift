// Softmax, softmax and sigmoid cross-entropy and squared error, row by row: the loss of a row and the gradient of its
// inputs.

extension Bodies {
    /// target[row] = softmax(logits[row]); both [rows × classes], target may be logits.
    @inline(never)
    public static func softmax(
        logits: UnsafePointer<Float>, logitsStride: Int, rows: Int, classes: Int,
        target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        var row = 0
        while row < rows {
            let (x, y) = (logits + row * logitsStride, target + row * targetStride)
            let total = exponentials(x, less: greatest(x, count: classes), count: classes, y)
            scale(y, by: 1 / total, count: classes, y)
            row += 1
        }
    }

    ///     losses[row]   = -ln softmax(logits[row])[labels[row]]
    ///     gradient[row] = factor · (softmax(logits[row]) - one-hot(labels[row]))
    ///
    /// A negative label marks a row that does not count: loss 0, gradient 0. gradient [rows × classes] may be logits.
    @inline(never)
    public static func softmaxCrossEntropy(
        logits: UnsafePointer<Float>, logitsStride: Int, rows: Int, classes: Int, labels: UnsafePointer<Int32>,
        factor: Float, gradient: UnsafeMutablePointer<Float>, gradientStride: Int, losses: UnsafeMutablePointer<Float>
    ) {
        var row = 0
        while row < rows {
            let (x, dx) = (logits + row * logitsStride, gradient + row * gradientStride)
            let label = Int(labels[row])
            if label < 0 {
                losses[row] = 0
                scale(x, by: 0, count: classes, dx, clears: true)
            } else {
                let best = greatest(x, count: classes)
                let margin = best - x[label]
                let total = exponentials(x, less: best, count: classes, dx)
                losses[row] = log(broadcast(total))[0] + margin
                scale(dx, by: factor / total, count: classes, dx)
                dx[label] -= factor
            }
            row += 1
        }
    }

    ///     losses[row]   = Σ max(z, 0) - z·t + ln(1 + e^-|z|), z of logits[row] and t of targets[row]
    ///     gradient[row] = factor · (σ(z) - t)
    ///
    /// gradient [rows × width] may be logits. Terms stand in `scratch`, `scratchCount` floats of the caller's thread,
    /// a block of a sum at a time.
    @inline(never)
    public static func sigmoidCrossEntropy(
        logits: UnsafePointer<Float>, logitsStride: Int, targets: UnsafePointer<Float>, targetsStride: Int,
        rows: Int, width: Int, factor: Float, gradient: UnsafeMutablePointer<Float>, gradientStride: Int,
        losses: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        var row = 0
        while row < rows {
            var loss: Float = 0
            var first = 0
            while first < width {
                let count = min(termsOfTurn, width - first)
                walk(
                    FlagTerm(
                        z: logits + row * logitsStride + first, t: targets + row * targetsStride + first,
                        factor: factor, gradient: gradient + row * gradientStride + first, term: scratch),
                    rows: 1, hidden: count)
                loss += sum(scratch, count: count)
                first += count
            }
            losses[row] = loss
            row += 1
        }
    }

    ///     losses[row]   = Σ (outputs[row] - targets[row])²
    ///     gradient[row] = factor · (outputs[row] - targets[row])
    ///
    /// gradient [rows × width] may be outputs.
    @inline(never)
    public static func squaredError(
        outputs: UnsafePointer<Float>, outputsStride: Int, targets: UnsafePointer<Float>, targetsStride: Int,
        rows: Int, width: Int, factor: Float, gradient: UnsafeMutablePointer<Float>, gradientStride: Int,
        losses: UnsafeMutablePointer<Float>
    ) {
        var row = 0
        while row < rows {
            let dx = gradient + row * gradientStride
            walk(
                Difference(x: outputs + row * outputsStride, y: targets + row * targetsStride, target: dx),
                rows: 1, hidden: width)
            losses[row] = dot(dx, dx, count: width)
            scale(dx, by: factor, count: width, dx)
            row += 1
        }
    }

    /// target = exp(x - shift); answers the sum over the sixteen virtual lanes.
    @inline(__always)
    private static func exponentials(
        _ x: UnsafePointer<Float>, less shift: Float, count: Int, _ target: UnsafeMutablePointer<Float>
    ) -> Float {
        walk(ShiftedExp(x: x, shift: shift, target: target), rows: 1, hidden: count)
        return sum(target, count: count)
    }

    @inline(__always)
    private static func scale(
        _ x: UnsafePointer<Float>, by factor: Float, count: Int, _ target: UnsafeMutablePointer<Float>,
        clears: Bool = false
    ) {
        walk(Scale(x: x, factor: factor, clears: clears, target: target), rows: 1, hidden: count)
    }
}

private struct ShiftedExp: Pointwise {
    let x: UnsafePointer<Float>
    let shift: Float
    let target: UnsafeMutablePointer<Float>

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        access.store(expOfNonPositive(access.load(x + unit) - broadcast(shift)), target + unit)
    }
}

/// Terms that are summed at a time: a block of a sum, and no more than the scratch holds.
private let termsOfTurn = 4_096

private struct FlagTerm: Pointwise {
    let z: UnsafePointer<Float>
    let t: UnsafePointer<Float>
    let factor: Float
    let gradient: UnsafeMutablePointer<Float>
    let term: UnsafeMutablePointer<Float>

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        let (z, t) = (access.load(z + unit), access.load(t + unit))
        let beyond = log(expOfNonPositive(negated(magnitude(z))) + 1)
        access.store(multiplyAdd(negated(z), t, greater(z, 0)) + beyond, term + unit)
        access.store((sigmoid(z) - t) * broadcast(factor), gradient + unit)
    }
}

private struct Scale: Pointwise {
    let x: UnsafePointer<Float>
    let factor: Float
    let clears: Bool
    let target: UnsafeMutablePointer<Float>

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        // A cleared row is 0 even where x holds NaN.
        access.store(clears ? .zero : access.load(x + unit) * broadcast(factor), target + unit)
    }
}

private struct Difference: Pointwise {
    let x: UnsafePointer<Float>
    let y: UnsafePointer<Float>
    let target: UnsafeMutablePointer<Float>

    @inline(__always)
    func step<A: Access>(_ access: A, row: Int, unit: Int) {
        access.store(access.load(x + unit) - access.load(y + unit), target + unit)
    }
}
