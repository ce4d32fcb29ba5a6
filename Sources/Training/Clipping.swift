/// Limits on a gradient, applied before the optimizer sees it: each number, then the whole.
extension OptimizationSpec.Clip {
    /// Clips in place.
    ///
    ///     value: g ← min(max(g, −value), value)
    ///     norm:  g ← g · min(1, norm / (‖g‖ + 10⁻⁶)), as PyTorch does
    ///
    /// - Returns: the norm before it was clipped (after clipping by value).
    @discardableResult
    func apply(_ gradient: inout [Float]) -> Double {
        if let value {
            let limit = Float(value)
            // Written so that NaN stays NaN, and divergence is seen.
            for index in gradient.indices {
                if gradient[index] > limit { gradient[index] = limit }
                if gradient[index] < -limit { gradient[index] = -limit }
            }
        }
        let found = euclideanNorm(gradient)
        if let norm {
            let factor = Float(min(1, norm / (found + 1e-6)))
            if factor < 1 { for index in gradient.indices { gradient[index] *= factor } }
        }
        return found
    }
}

/// √Σ g², in Double over sixteen virtual lanes and a fixed tree: no overflow, one order everywhere.
func euclideanNorm(_ values: [Float]) -> Double {
    var lanes = SIMD16<Double>()
    let whole = values.count / 16 * 16
    values.withUnsafeBufferPointer { values in
        for start in stride(from: 0, to: whole, by: 16) {
            var part = SIMD16<Double>()
            for lane in 0..<16 { part[lane] = Double(values[start + lane]) }
            lanes += part * part
        }
        for index in whole..<values.count { lanes[index - whole] += Double(values[index]) * Double(values[index]) }
    }
    let eight = lanes.lowHalf + lanes.highHalf
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return (two[0] + two[1]).squareRoot()
}
