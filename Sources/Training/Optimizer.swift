import Models
import Networks

/// An optimizer at work: its moments, and one update of all parameters. PyTorch's formulas, in its order of operations;
/// numbers that depend on the step alone are formed in Double.
///
/// Elements do not look at each other, and every operation on them rounds by itself: the result is the same on every
/// processor.
struct Optimizer {
    let spec: OptimizerSpec
    let weightDecay: Double
    /// First moments (Adam), velocity (SGD, RMSProp); empty where the rule has none.
    private(set) var first: [Float] = []
    /// Second moments.
    private(set) var second: [Float] = []
    /// Mean gradients of centered RMSProp.
    private(set) var mean: [Float] = []
    /// Updates so far.
    private(set) var steps = 0

    init(_ spec: OptimizerSpec, weightDecay: Double, count: Int) {
        self.spec = spec
        self.weightDecay = weightDecay
        let zeros = [Float](repeating: 0, count: count)
        switch spec.kind {
        case .adam, .adamw: (first, second) = (zeros, zeros)
        case .sgd: if spec.momentum > 0 { first = zeros }
        case .rmsprop:
            second = zeros
            if spec.momentum > 0 { first = zeros }
            if spec.centered { mean = zeros }
        }
    }

    /// Arrays as long as the parameters that the rule keeps.
    static func moments(_ spec: OptimizerSpec) -> Int {
        let velocity = spec.momentum > 0 ? 1 : 0
        return switch spec.kind {
        case .adam, .adamw: 2
        case .sgd: velocity
        case .rmsprop: 1 + velocity + (spec.centered ? 1 : 0)
        }
    }

    /// parameters ← parameters after one step along `gradient`, which is left as it is.
    mutating func update(_ parameters: inout [Float], gradient: [Float], learningRate: Double) {
        steps += 1
        switch spec.kind {
        case .adam:
            adam(&parameters, gradient, learningRate, decay: Float(weightDecay))
        case .adamw:
            let kept = Float(1 - learningRate * weightDecay)
            if weightDecay > 0 { for index in parameters.indices { parameters[index] *= kept } }
            adam(&parameters, gradient, learningRate, decay: 0)
        case .sgd: sgd(&parameters, gradient, Float(learningRate))
        case .rmsprop: rmsprop(&parameters, gradient, learningRate)
        }
    }

    ///     m ← m + (g − m)·(1 − β₁)    v ← β₂·v + (1 − β₂)·g²
    ///     θ ← θ − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
    private mutating func adam(
        _ parameters: inout [Float], _ gradient: [Float], _ learningRate: Double, decay: Float
    ) {
        let (beta1, beta2) = (spec.beta1, spec.beta2)
        let stepSize = Float(learningRate / (1 - power(beta1, steps)))
        let correction = Float((1 - power(beta2, steps)).squareRoot())
        let (weight1, kept2, weight2, epsilon) = (Float(1 - beta1), Float(beta2), Float(1 - beta2), Float(spec.epsilon))
        let count = parameters.count
        parameters.withUnsafeMutableBufferPointer { theta in
            gradient.withUnsafeBufferPointer { gradient in
                first.withUnsafeMutableBufferPointer { m in
                    second.withUnsafeMutableBufferPointer { v in
                        for index in 0..<count {
                            let g = gradient[index] + decay * theta[index]
                            m[index] += (g - m[index]) * weight1
                            v[index] = v[index] * kept2 + weight2 * g * g
                            theta[index] -= stepSize * (m[index] / (v[index].squareRoot() / correction + epsilon))
                        }
                    }
                }
            }
        }
    }

    ///     b ← μ·b + g (g itself at the first step)    θ ← θ − η·b, or with Nesterov θ − η·(g + μ·b)
    private mutating func sgd(_ parameters: inout [Float], _ gradient: [Float], _ learningRate: Float) {
        let (decay, momentum, nesterov) = (Float(weightDecay), Float(spec.momentum), spec.nesterov)
        for index in parameters.indices {
            var g = gradient[index] + decay * parameters[index]
            if momentum > 0 {
                first[index] = steps == 1 ? g : momentum * first[index] + g
                g = nesterov ? g + momentum * first[index] : first[index]
            }
            parameters[index] -= learningRate * g
        }
    }

    ///     v ← α·v + (1 − α)·g²    centered: a ← a + (g − a)·(1 − α), v − a² for v
    ///     θ ← θ − η·g/(√v + ε), or with momentum b ← μ·b + g/(√v + ε), θ ← θ − η·b
    private mutating func rmsprop(
        _ parameters: inout [Float], _ gradient: [Float], _ learningRate: Double
    ) {
        let (kept, weight) = (Float(spec.alpha), Float(1 - spec.alpha))
        let (rate, decay) = (Float(learningRate), Float(weightDecay))
        let (momentum, epsilon, centered) = (Float(spec.momentum), Float(spec.epsilon), spec.centered)
        for index in parameters.indices {
            let g = gradient[index] + decay * parameters[index]
            second[index] = second[index] * kept + weight * g * g
            var spread = second[index]
            if centered {
                mean[index] += (g - mean[index]) * weight
                // Rounding can leave the difference a hair below zero.
                spread = max(spread - mean[index] * mean[index], 0)
            }
            let step = g / (spread.squareRoot() + epsilon)
            if momentum > 0 {
                first[index] = momentum * first[index] + step
                parameters[index] -= rate * first[index]
            } else {
                parameters[index] -= rate * step
            }
        }
    }
}

extension Optimizer {
    func write(to writer: inout BinaryWriter) {
        writer.write(steps)
        writer.write(first)
        writer.write(second)
        writer.write(mean)
    }

    mutating func read(from reader: inout BinaryReader) throws(BinaryReader.Malformed) {
        steps = try reader.readInt(in: 0...ModelLimit.steps, "a number of updates")
        // Moments may have overflowed and yet do no harm.
        first = try reader.readAnyFloats(first.count)
        second = try reader.readAnyFloats(second.count)
        mean = try reader.readAnyFloats(mean.count)
    }
}

/// base to a whole number, by squaring: the same bits on every platform.
func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
        if rest & 1 == 1 { result *= square }
        square *= square
        rest >>= 1
    }
    return result
}
