import Foundation
import Models
import Networks
import TestSupport
import Testing

@testable import Training

/// Optimizers against PyTorch's formulas, written down plainly in Double.
@Suite("Optimizers")
struct OptimizerTests {
    static let rules: [OptimizerSpec] = [
        OptimizerSpec(.adam), OptimizerSpec(.adam) { ($0.beta1, $0.beta2, $0.epsilon) = (0.7, 0.9, 1e-3) },
        OptimizerSpec(.adamw), OptimizerSpec(.adamw) { ($0.beta1, $0.beta2, $0.epsilon) = (0.5, 0.99, 1e-6) },
        OptimizerSpec(.sgd), OptimizerSpec(.sgd) { $0.momentum = 0.9 },
        OptimizerSpec(.sgd) { ($0.momentum, $0.nesterov) = (0.9, true) }, OptimizerSpec(.rmsprop),
        OptimizerSpec(.rmsprop) { ($0.alpha, $0.epsilon, $0.momentum) = (0.9, 1e-4, 0.8) },
        OptimizerSpec(.rmsprop) { ($0.alpha, $0.epsilon, $0.centered) = (0.9, 1e-2, true) },
        OptimizerSpec(.rmsprop) { ($0.alpha, $0.epsilon, $0.momentum, $0.centered) = (0.9, 1e-2, 0.5, true) },
    ]

    @Test("twenty steps end where the formulas end", arguments: rules, [0.0, 0.1])
    func formulas(rule: OptimizerSpec, decay: Double) {
        let count = 17
        var parameters = draws(count, seed: 1)
        var optimizer = Optimizer(rule, weightDecay: decay, count: count)
        var reference = Reference(rule, decay: decay, parameters.map(Double.init))
        for step in 1...20 {
            let gradient = draws(count, seed: UInt64(100 + step))
            let rate = 0.05 / Double(step)
            optimizer.update(&parameters, gradient: gradient, learningRate: rate)
            reference.update(gradient.map(Double.init), rate)
        }
        for (found, expected) in zip(parameters, reference.theta) { #expect(abs(Double(found) - expected) < 3e-6) }
    }

    @Test("AdamW without weight decay is Adam; with it, it is not Adam with that decay")
    func decoupled() {
        func run(_ rule: OptimizerSpec, _ decay: Double) -> [Float] {
            var parameters = draws(5, seed: 1)
            var optimizer = Optimizer(rule, weightDecay: decay, count: 5)
            for step in 0..<5 {
                optimizer.update(&parameters, gradient: draws(5, seed: UInt64(step)), learningRate: 0.1)
            }
            return parameters
        }
        #expect(run(OptimizerSpec(.adam), 0) == run(OptimizerSpec(.adamw), 0))
        #expect(run(OptimizerSpec(.adam), 0.1) != run(OptimizerSpec(.adamw), 0.1))
    }

    @Test("moments written and read go on as if nothing had happened", arguments: rules)
    func resumed(rule: OptimizerSpec) throws {
        var (whole, parameters) = (Optimizer(rule, weightDecay: 0.01, count: 9), draws(9, seed: 1))
        for step in 0..<3 { whole.update(&parameters, gradient: draws(9, seed: UInt64(step)), learningRate: 0.1) }
        var writer = BinaryWriter()
        whole.write(to: &writer)
        var (resumed, copy) = (Optimizer(rule, weightDecay: 0.01, count: 9), parameters)
        var reader = BinaryReader(writer.bytes)
        try resumed.read(from: &reader)
        #expect(reader.isAtEnd)
        whole.update(&parameters, gradient: draws(9, seed: 7), learningRate: 0.1)
        resumed.update(&copy, gradient: draws(9, seed: 7), learningRate: 0.1)
        #expect(parameters == copy)
    }

    @Test("clipping by norm scales the whole, by value each number; small gradients stay as they are")
    func clipping() {
        var gradient: [Float] = [3, -4, 0]
        #expect(OptimizationSpec.Clip(norm: 1).apply(&gradient) == 5)
        #expect(abs(gradient[0] - 0.6) < 1e-6 && abs(gradient[1] + 0.8) < 1e-6)
        gradient = [3, -4, 0]
        OptimizationSpec.Clip(norm: 6, value: 2).apply(&gradient)
        #expect(gradient == [2, -2, 0])
        gradient = [1e30, 1e30]
        OptimizationSpec.Clip(norm: 1).apply(&gradient)
        #expect(abs(gradient[0] - 0.70710677) < 1e-6)
        gradient = [.nan, 9]
        OptimizationSpec.Clip(norm: nil, value: 1).apply(&gradient)
        #expect(gradient[0].isNaN && gradient[1] == 1)
        let many = draws(1003, seed: 2)
        let plain = many.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(euclideanNorm(many) - plain) < 1e-12)
    }
}

/// torch.optim's single-tensor formulas.
private struct Reference {
    let rule: OptimizerSpec
    let decay: Double
    var theta: [Double]
    var first: [Double]
    var second: [Double]
    var mean: [Double]
    var step = 0

    init(_ rule: OptimizerSpec, decay: Double, _ theta: [Double]) {
        self.rule = rule
        self.decay = decay
        self.theta = theta
        first = theta.map { _ in 0 }
        (second, mean) = (first, first)
    }

    mutating func update(_ gradient: [Double], _ rate: Double) {
        step += 1
        for i in theta.indices {
            var g = gradient[i]
            let (alpha, beta1, beta2, epsilon) = (rule.alpha, rule.beta1, rule.beta2, rule.epsilon)
            let (momentum, nesterov, centered) = (rule.momentum, rule.nesterov, rule.centered)
            switch rule.kind {
            case .adam, .adamw:
                if rule.kind == .adamw { theta[i] -= rate * decay * theta[i] } else { g += decay * theta[i] }
                first[i] = beta1 * first[i] + (1 - beta1) * g
                second[i] = beta2 * second[i] + (1 - beta2) * g * g
                let mHat = first[i] / (1 - pow(beta1, Double(step)))
                let vHat = second[i] / (1 - pow(beta2, Double(step)))
                theta[i] -= rate * mHat / (vHat.squareRoot() + epsilon)
            case .sgd:
                g += decay * theta[i]
                if momentum > 0 {
                    first[i] = step == 1 ? g : momentum * first[i] + g
                    g = nesterov ? g + momentum * first[i] : first[i]
                }
                theta[i] -= rate * g
            case .rmsprop:
                g += decay * theta[i]
                second[i] = alpha * second[i] + (1 - alpha) * g * g
                var spread = second[i]
                if centered {
                    mean[i] = alpha * mean[i] + (1 - alpha) * g
                    spread -= mean[i] * mean[i]
                }
                let change = g / (spread.squareRoot() + epsilon)
                first[i] = momentum * first[i] + change
                theta[i] -= rate * (momentum > 0 ? first[i] : change)
            }
        }
    }
}
