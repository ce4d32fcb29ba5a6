import Foundation
import Kernels
import TestSupport
import Testing

@Suite struct ElementaryTests {
    /// Every pattern a prime apart, over all floats.
    private static let samples: [Float] = stride(from: UInt32(0), to: UInt32.max - 4_099, by: 4_099).map {
        Float(bitPattern: $0)
    }

    private func map(_ function: ElementaryFunction, _ x: [Float], _ set: InstructionSet) -> [Float] {
        var result = x
        let count = x.count
        result.withUnsafeMutableBufferPointer { buffer in
            let rows = MutableRows(buffer.baseAddress!, count: 1, width: count)
            KernelSet(set).map(function, rows.rows, into: rows)
        }
        return result
    }

    private func reference(_ function: ElementaryFunction, _ x: Double) -> Double {
        switch function {
        case .exp: return exp(x)
        case .log: return log(x)
        case .tanh: return tanh(x)
        case .sigmoid: return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x))
        }
    }

    /// Of exact values; with an error below 2.5 a result lies 2 units from the correctly rounded one at most.
    private func bound(_ function: ElementaryFunction, _ set: InstructionSet) -> Double {
        set == .baseline && function == .tanh || function == .sigmoid ? 2.49 : 2
    }

    @Test(
        "over all floats, results lie 2 units in the last place from the correctly rounded ones at most",
        arguments: ElementaryFunction.allCases, InstructionSet.available)
    func error(function: ElementaryFunction, set: InstructionSet) {
        let inputs = Self.samples.filter { x in
            !x.isNaN && (function != .log || (x >= .leastNormalMagnitude && x.isFinite))
        }
        var worst = (ulps: 0.0, x: Float(0), y: Float(0))
        for (x, y) in zip(inputs, map(function, inputs, set)) {
            let exact = reference(function, Double(x))
            // Beyond the greatest float, either it or infinity is as near as can be asked.
            if abs(exact) > Double(Float.greatestFiniteMagnitude), y == .infinity { continue }
            let unit = max(Double(abs(Float(exact)).ulp), Double(Float.leastNonzeroMagnitude))
            let ulps = abs(Double(y) - exact) / unit
            if !(ulps <= worst.ulps) { worst = (ulps, x, y) }
        }
        #expect(worst.ulps <= bound(function, set), "\(function) on \(set): \(worst)")
    }

    @Test("at 0 and ±∞ the functions are exact, and NaN stays NaN", arguments: InstructionSet.available)
    func special(set: InstructionSet) {
        let inputs: [Float] = [0, -0, .infinity, -.infinity]
        #expect(map(.exp, inputs, set) == [1, 1, .infinity, 0])
        #expect(map(.sigmoid, inputs, set) == [0.5, 0.5, 1, 0])
        #expect(map(.tanh, inputs, set).map(\.bitPattern) == [Float(0), -0, 1, -1].map(\.bitPattern))
        #expect(map(.log, [1, .infinity], set) == [0, .infinity])
        for function in ElementaryFunction.allCases {
            #expect(map(function, [.nan, -.nan, 1], set).map(\.isNaN) == [true, true, false])
        }
    }

    @Test("tanh is odd and the functions never leave their range", arguments: InstructionSet.available)
    func range(set: InstructionSet) {
        let inputs = Self.samples.filter { !$0.isNaN }
        let (values, negated) = (map(.tanh, inputs, set), map(.tanh, inputs.map { -$0 }, set))
        #expect(zip(values, negated).allSatisfy { $0.bitPattern == (-$1).bitPattern })
        #expect(values.allSatisfy { abs($0) <= 1 })
        #expect(map(.sigmoid, inputs, set).allSatisfy { $0 >= 0 && $0 <= 1 })
        #expect(map(.exp, inputs, set).allSatisfy { $0 >= 0 })
    }

    @Test("all sets with fused multiply-add give the same bits", arguments: ElementaryFunction.allCases)
    func sameBits(function: ElementaryFunction) {
        let inputs = Self.samples.filter { !$0.isNaN }
        let expected = map(function, inputs, fusedSets[0]).map(\.bitPattern)
        for set in fusedSets.dropFirst() {
            #expect(map(function, inputs, set).map(\.bitPattern) == expected, "\(set)")
        }
    }
}
