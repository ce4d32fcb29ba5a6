import Foundation
import Kernels
import TestSupport
import Testing

@Suite("Functions in double precision")
struct DoubleFunctionTests {
    enum Function: CaseIterable {
        case log, exp, cos

        func callAsFunction(_ x: Double) -> Double {
            switch self {
            case .log: DoubleFunctions.log(x)
            case .exp: DoubleFunctions.exp(x)
            case .cos: DoubleFunctions.cos(x)
            }
        }

        func ofLibrary(_ x: Double) -> Double {
            switch self {
            case .log: Foundation.log(x)
            case .exp: Foundation.exp(x)
            case .cos: Foundation.cos(x)
            }
        }

        /// Hard places among them. All but cos(2.43…), exp(−0.33…), exp(10.75…) and exp(−708.73…) are the correctly rounded
        /// values, held against 200 bits of mpmath; those lie within a thousandth of halfway, or are rounded twice.
        var golden: [(x: Double, bits: UInt64)] {
            switch self {
            case .log:
                [
                    (.leastNonzeroMagnitude, 0xC087_4385_446D_71C3),
                    (Double(sign: .plus, exponent: -1_030, significand: 1.5), 0xC086_4C49_FEFB_1953),
                    (1e-300, 0xC085_9634_47F8_7FB5),
                    (0.1, 0xC002_6BB1_BBB5_5515),
                    (0.6536174991553441, 0xBFDB_3704_5090_F789),
                    (0.9999999999999999, 0xBCA0_0000_0000_0000),
                    (1.0000000000000002, 0x3CAF_FFFF_FFFF_FFFF),
                    (1.4142135623730951, 0x3FD6_2E42_FEFA_39F0),
                    (2.0, 0x3FE6_2E42_FEFA_39EF),
                    (10.0, 0x4002_6BB1_BBB5_5516),
                    (112.0, 0x4012_DFBE_2B09_B38D),
                    (622.0, 0x4019_BB54_A5CD_C497),
                    (1e+16, 0x4042_6BB1_BBB5_5516),
                    (1.1705161058397232e+199, 0x407C_A5F3_36A1_E9EF),
                    (1.7976931348623157e+308, 0x4086_2E42_FEFA_39EF),
                ]
            case .exp:
                [
                    (-745.0, 0x0000_0000_0000_0001),
                    (-708.7357423062243, 0x000B_6562_2591_D0E6),
                    (-700.5, 0x00C4_FF47_5C68_CA02),
                    (-36.7, 0x3CA0_998B_04BD_D190),
                    (-1.0, 0x3FD7_8B56_362C_EF38),
                    (-0.3350701994480756, 0x3FE6_E3A3_6410_244B),
                    (-1e-17, 0x3FF0_0000_0000_0000),
                    (1e-09, 0x3FF0_0000_0044_B830),
                    (0.34657359027997264, 0x3FF6_A09E_667F_3BCC),
                    (0.5, 0x3FFA_6129_8E1E_069C),
                    (1.0, 0x4005_BF0A_8B14_5769),
                    (5.634789603169249, 0x4071_7FFF_FFFF_FFFE),
                    (10.756229501601599, 0x40E6_E92D_57A8_FBEC),
                    (88.7, 0x47EF_4705_BBFF_AE5C),
                    (700.0, 0x7F0D_945D_F4F8_EC8E),
                    (709.782712893384, 0x7FEF_FFFF_FFFF_FF2A),
                ]
            case .cos:
                [
                    (1e-09, 0x3FF0_0000_0000_0000),
                    (0.1, 0x3FEF_D712_F9A8_17C1),
                    (0.5, 0x3FEC_1528_065B_7D50),
                    (0.7853981633974483, 0x3FE6_A09E_667F_3BCD),
                    (1.0, 0x3FE1_4A28_0FB5_068C),
                    (1.5707963267948966, 0x3C91_A626_3314_5C07),
                    (2.0, 0xBFDA_A226_5753_7205),
                    (2.4348520257769812, 0xBFE8_55DF_368E_03F0),
                    (3.0, 0xBFEF_AE04_BE85_E5D2),
                    (3.141592653589793, 0xBFF0_0000_0000_0000),
                    (-22.5, 0xBFEB_F21C_9294_B1C4),
                    (355.0, 0xBFEF_FFFF_FFC1_8E4C),
                    (100000.0, 0xBFEF_FAC3_841B_3DA7),
                ]
            }
        }

        /// Draws from where the function has anything to say.
        func inputs(_ count: Int) -> [Double] {
            var random = SeededGenerator(7)
            return (0..<count).map { index in
                switch (self, index % 3) {
                // Every exponent, the subnormal numbers among them; what data hold; around the zero.
                case (.log, 0): Double(bitPattern: .random(in: 1..<0x7FF0_0000_0000_0000, using: &random))
                case (.log, 1): .random(in: 0.5...10_000, using: &random)
                case (.log, _): 1 + .random(in: -1e-3...1e-3, using: &random)
                case (.exp, 0): .random(in: -708...709.7, using: &random)
                case (.exp, 1): .random(in: -3...3, using: &random)
                case (.exp, _): .random(in: -1e-6...1e-6, using: &random)
                case (.cos, 0): .random(in: 0...Double.pi, using: &random)
                case (.cos, 1):
                    .random(in: -DoubleFunctions.largestAngle...DoubleFunctions.largestAngle, using: &random)
                // Around the zeros.
                case (.cos, _): Double.pi * (0.5 + Double(index % 100)) + .random(in: -1e-5...1e-5, using: &random)
                }
            }
        }
    }

    @Test("the bits are these on every machine", arguments: Function.allCases)
    func golden(function: Function) {
        for (x, bits) in function.golden {
            let found = function(x).bitPattern
            #expect(found == bits, "\(function)(\(x)) is \(String(found, radix: 16))")
        }
    }

    @Test(
        "results lie one unit in the last place from the C library's at most, and are its own but for one in a hundred",
        arguments: Function.allCases)
    func library(function: Function) {
        let inputs = function.inputs(100_000)
        var different = 0
        for x in inputs {
            let (found, expected) = (function(x), function.ofLibrary(x))
            if found == expected { continue }
            different += 1
            #expect(abs(found - expected) <= expected.ulp, "\(function)(\(x))")
        }
        #expect(different < inputs.count / 100, "\(different) of \(inputs.count) are other ones")
    }

    @Test("below the least normal number the exponential is one unit from the C library's at most")
    func subnormal() {
        for step in 0...4_000 {
            let x = -708.3 - Double(step) * 0.01
            #expect(abs(DoubleFunctions.exp(x) - Foundation.exp(x)) <= .leastNonzeroMagnitude, "\(x)")
        }
    }

    @Test("the ends of their ranges are those of the C library")
    func edges() {
        let ends = [0.0, -0.0, .infinity, .leastNonzeroMagnitude, .leastNormalMagnitude, 1, .greatestFiniteMagnitude]
        for x in ends { #expect(DoubleFunctions.log(x) == Foundation.log(x), "log \(x)") }
        for x in [-1.0, -.infinity, .nan] { #expect(DoubleFunctions.log(x).isNaN, "log \(x)") }
        for x in ends.flatMap({ [$0, -$0] }) + [
            709.782712893384, 709.7827128933841, -745.1332191019411, -745.1332191019412,
        ] {
            #expect(DoubleFunctions.exp(x).bitPattern == Foundation.exp(x).bitPattern, "exp \(x)")
        }
        #expect(DoubleFunctions.exp(.nan).isNaN)
        for x in [0.0, -0.0, .leastNonzeroMagnitude, Double.pi, Double.pi / 2] {
            #expect(DoubleFunctions.cos(x).bitPattern == Foundation.cos(x).bitPattern, "cos \(x)")
        }
        #expect(DoubleFunctions.cos(.infinity).isNaN && DoubleFunctions.cos(.nan).isNaN)
    }

    @Test("powers of two have the exponent's multiple of one logarithm, e to a logarithm gives its number back")
    func exactPlaces() {
        for exponent in -1074...1023 {
            let power = Double(sign: .plus, exponent: exponent, significand: 1)
            #expect(DoubleFunctions.log(power) == Foundation.log(power))
        }
        for whole in 1...1_000 {
            let back = DoubleFunctions.exp(DoubleFunctions.log(Double(whole)))
            #expect(abs(back / Double(whole) - 1) < 1e-15)
        }
    }
}
