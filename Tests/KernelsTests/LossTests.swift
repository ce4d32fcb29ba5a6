import Foundation
import Kernels
import TestSupport
import Testing

@Suite struct LossTests {
    @Test("softmax cross-entropy and its gradient are the formula in Double", arguments: InstructionSet.available)
    func crossEntropy(set: InstructionSet) {
        var random = SeededGenerator(61)
        let kernels = KernelSet(set)
        for classes in Array(1...35) + [70] {
            let logits = Grid(random: &random, 4, classes, gap: classes % 3)
            for row in 0..<4 { for k in 0..<classes { logits[row, k] *= Float(20 * row + 1) } }
            let labels: [Int32] = [0, Int32(classes - 1), Int32(classes / 2), -1]
            let gradient = Grid(4, classes, gap: 1)
            var losses = [Float](repeating: 9, count: 4)
            kernels.softmaxCrossEntropy(
                logits.rows, labels: labels, factor: 0.5, gradient: gradient.mutable, losses: &losses)
            for row in 0..<3 {
                let best = logits.doubles(row).max() ?? 0
                let powers = logits.doubles(row).map { exp($0 - best) }
                let total = powers.reduce(0, +)
                let label = Int(labels[row])
                let loss = log(total) + best - Double(logits[row, label])
                #expect(abs(Double(losses[row]) - loss) <= 2e-6 * (1 + abs(loss)))
                for k in 0..<classes {
                    let slope = 0.5 * (powers[k] / total - (k == label ? 1 : 0))
                    #expect(abs(Double(gradient[row, k]) - slope) < 3e-7, "\(classes) classes")
                }
            }
            #expect(losses[3] == 0 && (0..<classes).allSatisfy { gradient[3, $0] == 0 })
            #expect(gradient.isIntact)
        }
    }

    @Test("the gradient may take the place of the logits, and a row's loss does not depend on its batch")
    func inPlace() {
        var random = SeededGenerator(62)
        let logits = Grid(random: &random, 9, 21)
        let labels = (0..<9).map { Int32($0 * 2) }
        for set in fusedSets {
            let kernels = KernelSet(set)
            let (separate, own) = (Grid(9, 21), Grid(copy: logits))
            var (losses, ownLosses) = ([Float](repeating: 0, count: 9), [Float](repeating: 0, count: 9))
            kernels.softmaxCrossEntropy(
                logits.rows, labels: labels, factor: 1, gradient: separate.mutable, losses: &losses)
            kernels.softmaxCrossEntropy(own.rows, labels: labels, factor: 1, gradient: own.mutable, losses: &ownLosses)
            #expect(separate.bits == own.bits && losses == ownLosses)
            let alone = Grid(1, 21)
            var loss: Float = 0
            kernels.softmaxCrossEntropy(
                logits.rows.rows(4..<5), labels: [labels[4]], factor: 1, gradient: alone.mutable, losses: &loss)
            #expect(loss == losses[4] && alone.values == (0..<21).map { separate[4, $0] })
        }
    }

    @Test("sigmoid cross-entropy and its gradient are the formula in Double", arguments: InstructionSet.available)
    func flags(set: InstructionSet) {
        var random = SeededGenerator(66)
        let kernels = KernelSet(set)
        for width in Array(1...35) + [88, 5_000] {
            let logits = Grid(random: &random, 3, width, gap: width % 3)
            for row in 0..<3 { for k in 0..<width { logits[row, k] *= [1, 20, 120][row] } }
            let targets = Grid(3, width, gap: 1) { random.next() % 3 == 0 ? 1 : 0 }
            let gradient = Grid(3, width, gap: 2)
            var losses = [Float](repeating: 9, count: 3)
            kernels.sigmoidCrossEntropy(
                logits.rows, targets: targets.rows, factor: 0.5, gradient: gradient.mutable, losses: &losses)
            for row in 0..<3 {
                var loss = 0.0
                for (k, z) in logits.doubles(row).enumerated() {
                    let t = Double(targets[row, k])
                    loss += max(z, 0) - z * t + log1p(exp(-abs(z)))
                    let slope = 0.5 * (1 / (1 + exp(-z)) - t)
                    #expect(abs(Double(gradient[row, k]) - slope) < 2e-7, "\(width) flags")
                }
                #expect(abs(Double(losses[row]) - loss) <= 2e-6 * (1 + loss), "\(width) flags")
            }
            #expect(gradient.isIntact)
        }
    }

    @Test("flags in place and alone have the bits of flags in a batch, on every fused set")
    func flagsInPlace() {
        var random = SeededGenerator(67)
        let logits = Grid(random: &random, 6, 21)
        let targets = Grid(6, 21) { random.next() % 2 == 0 ? 1 : 0 }
        var found: [[UInt32]] = []
        for set in fusedSets {
            let kernels = KernelSet(set)
            let (separate, own) = (Grid(6, 21), Grid(copy: logits))
            var (losses, ownLosses) = ([Float](repeating: 0, count: 6), [Float](repeating: 0, count: 6))
            kernels.sigmoidCrossEntropy(
                logits.rows, targets: targets.rows, factor: 1, gradient: separate.mutable, losses: &losses)
            kernels.sigmoidCrossEntropy(
                own.rows, targets: targets.rows, factor: 1, gradient: own.mutable, losses: &ownLosses)
            #expect(separate.bits == own.bits && losses == ownLosses)
            let alone = Grid(1, 21)
            var loss: Float = 0
            kernels.sigmoidCrossEntropy(
                logits.rows.rows(4..<5), targets: targets.rows.rows(4..<5), factor: 1, gradient: alone.mutable,
                losses: &loss)
            #expect(loss == losses[4] && alone.values == (0..<21).map { separate[4, $0] })
            found.append(separate.bits + losses.map(\.bitPattern))
        }
        #expect(found.allSatisfy { $0 == found[0] })
    }

    @Test("softmax sums to one, survives huge logits, and is the same on all fused sets")
    func softmax() {
        let logits = Grid(1, 5)
        for (k, value) in ([1e30, 1e30, -1e30, 0, -Float.infinity] as [Float]).enumerated() { logits[0, k] = value }
        for set in InstructionSet.available {
            let target = Grid(1, 5)
            KernelSet(set).softmax(logits.rows, into: target.mutable)
            #expect(target.values == [0.5, 0.5, 0, 0, 0])
        }
        var random = SeededGenerator(63)
        let many = Grid(random: &random, 7, 33)
        let results = fusedSets.map { set -> [UInt32] in
            let target = Grid(7, 33)
            KernelSet(set).softmax(many.rows, into: target.mutable)
            for row in 0..<7 { #expect(abs(target.doubles(row).reduce(0, +) - 1) < 1e-6) }
            return target.bits
        }
        #expect(results.allSatisfy { $0 == results[0] })
    }

    @Test("a NaN among the logits or outputs makes its row's loss NaN, so that divergence is seen")
    func notANumber() {
        let kernels = KernelSet()
        let logits = Grid(2, 20, fill: { 1 })
        logits[1, 13] = .nan
        let gradient = Grid(2, 20)
        var losses: [Float] = [0, 0]
        kernels.softmaxCrossEntropy(
            logits.rows, labels: [3, 3], factor: 1, gradient: gradient.mutable, losses: &losses)
        #expect(!losses[0].isNaN && losses[1].isNaN)
        let targets = Grid(2, 20)
        kernels.sigmoidCrossEntropy(
            logits.rows, targets: targets.rows, factor: 1, gradient: gradient.mutable, losses: &losses)
        #expect(!losses[0].isNaN && losses[1].isNaN)
        kernels.squaredError(
            logits.rows, targets: targets.rows, factor: 1, gradient: gradient.mutable, losses: &losses)
        #expect(!losses[0].isNaN && losses[1].isNaN)
    }

    @Test("squared error and its gradient are the formula in Double", arguments: InstructionSet.available)
    func squaredError(set: InstructionSet) {
        var random = SeededGenerator(64)
        for width in 1...40 {
            let (outputs, targets) = (Grid(random: &random, 3, width), Grid(random: &random, 3, width, gap: 1))
            let gradient = Grid(3, width, gap: 2)
            var losses = [Float](repeating: 0, count: 3)
            KernelSet(set).squaredError(
                outputs.rows, targets: targets.rows, factor: 0.25, gradient: gradient.mutable, losses: &losses)
            for row in 0..<3 {
                let differences = zip(outputs.doubles(row), targets.doubles(row)).map { $0 - $1 }
                let loss = differences.reduce(0) { $0 + $1 * $1 }
                #expect(abs(Double(losses[row]) - loss) < 1e-6 * (1 + loss))
                for k in 0..<width { #expect(abs(Double(gradient[row, k]) - 0.25 * differences[k]) < 1e-7) }
            }
            #expect(gradient.isIntact)
        }
    }

    @Test("masks, sums and factors go element by element", arguments: InstructionSet.available)
    func elementwise(set: InstructionSet) {
        var random = SeededGenerator(65)
        let kernels = KernelSet(set)
        for width in [1, 3, 8, 17, 35] {
            let (x, y) = (Grid(random: &random, 3, width), Grid(random: &random, 3, width, gap: 1))
            let (product, sum, scaled) = (Grid(3, width, gap: 2), Grid(copy: y), Grid(3, width))
            kernels.multiply(x.rows, y.rows, into: product.mutable)
            kernels.add(x.rows, scaledBy: 0.5, to: sum.mutable)
            kernels.scale(x.rows, by: -3, into: scaled.mutable)
            for row in 0..<3 {
                for k in 0..<width {
                    #expect(product[row, k] == x[row, k] * y[row, k])
                    #expect(sum[row, k] == multiplyAdd(0.5, x[row, k], y[row, k], set))
                    #expect(scaled[row, k] == -3 * x[row, k])
                }
            }
            #expect(product.isIntact && sum.isIntact && scaled.isIntact)
        }
    }
}
