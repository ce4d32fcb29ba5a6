// Losses, row by row: each row's loss for the caller to sum, and the gradient of its inputs.

extension KernelSet {
    /// target[row] = softmax(logits[row]), both [rows × classes]; target may be logits.
    public func softmax(_ logits: Rows, into target: MutableRows) {
        checkSame(logits, target.rows)
        bodies.softmax(
            logits: logits.base, logitsStride: logits.stride, rows: logits.count, classes: logits.width,
            target: target.base, targetStride: target.stride)
    }

    ///     losses[row]   = -ln softmax(logits[row])[labels[row]]
    ///     gradient[row] = factor · (softmax(logits[row]) - one-hot(labels[row]))
    ///
    /// A negative label marks a row that does not count: loss 0, gradient 0. Labels below `classes` are the caller's
    /// promise, checked here.
    ///
    /// - Parameters:
    ///   - logits: [rows × classes]
    ///   - labels: [rows]
    ///   - factor: what the total loss weighs a row with, 1 / rows for the mean.
    ///   - gradient: written, [rows × classes]; may be logits.
    ///   - losses: written, [rows].
    public func softmaxCrossEntropy(
        _ logits: Rows, labels: UnsafePointer<Int32>, factor: Float, gradient: MutableRows,
        losses: UnsafeMutablePointer<Float>
    ) {
        checkSame(logits, gradient.rows)
        for row in 0..<logits.count {
            precondition(Int(labels[row]) < logits.width, "label \(labels[row]) of \(logits.width) classes")
        }
        bodies.softmaxCrossEntropy(
            logits: logits.base, logitsStride: logits.stride, rows: logits.count, classes: logits.width,
            labels: labels, factor: factor, gradient: gradient.base, gradientStride: gradient.stride, losses: losses)
    }

    ///     losses[row]   = -Σ t·ln σ(z) + (1 - t)·ln(1 - σ(z)), z of logits[row] and t of targets[row]
    ///     gradient[row] = factor · (σ(z) - t)
    ///
    /// Several answers that do not exclude each other: each is a yes or no of its own.
    ///
    /// - Parameters:
    ///   - logits: [rows × width]
    ///   - targets: [rows × width], of 0 and 1.
    ///   - factor: what the total loss weighs a row with, 1 / rows for the mean.
    ///   - gradient: written, [rows × width]; may be logits.
    ///   - losses: written, [rows].
    public func sigmoidCrossEntropy(
        _ logits: Rows, targets: Rows, factor: Float, gradient: MutableRows, losses: UnsafeMutablePointer<Float>
    ) {
        checkSame(logits, targets)
        checkSame(logits, gradient.rows)
        withScratch { scratch in
            bodies.sigmoidCrossEntropy(
                logits: logits.base, logitsStride: logits.stride, targets: targets.base, targetsStride: targets.stride,
                rows: logits.count, width: logits.width, factor: factor, gradient: gradient.base,
                gradientStride: gradient.stride, losses: losses, scratch: scratch)
        }
    }

    ///     losses[row]   = Σ (outputs[row] - targets[row])²
    ///     gradient[row] = factor · (outputs[row] - targets[row])
    ///
    /// For the mean over all elements, factor = 2 / (rows·width).
    ///
    /// - Parameters:
    ///   - outputs: [rows × width]
    ///   - targets: [rows × width]
    ///   - gradient: written, [rows × width]; may be outputs.
    ///   - losses: written, [rows].
    public func squaredError(
        _ outputs: Rows, targets: Rows, factor: Float, gradient: MutableRows, losses: UnsafeMutablePointer<Float>
    ) {
        checkSame(outputs, targets)
        checkSame(outputs, gradient.rows)
        bodies.squaredError(
            outputs: outputs.base, outputsStride: outputs.stride, targets: targets.base, targetsStride: targets.stride,
            rows: outputs.count, width: outputs.width, factor: factor,
            gradient: gradient.base, gradientStride: gradient.stride, losses: losses)
    }

    @inline(__always)
    func checkSame(_ left: Rows, _ right: Rows) {
        precondition(
            left.count == right.count && left.width == right.width,
            "[\(left.count) × \(left.width)] and [\(right.count) × \(right.width)] are not of one shape")
    }
}
