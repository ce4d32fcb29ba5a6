import Foundation
import TestSupport
import Testing

@testable import Formats

@Suite struct NumberReadingTests {
    private func read(_ text: String) -> (double: Double, float: Float, length: Int)? {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress, let decimal = DecimalText(at: base, before: base + buffer.count) else {
                return nil
            }
            let powers = PowersOfTen()
            return (decimal.double(powers), decimal.float(powers), decimal.end - base)
        }
    }

    /// Both widths agree bit by bit with the C library, which rounds correctly.
    private func agrees(_ text: String) -> Bool {
        guard let found = read(text) else { return false }
        return found.length == text.utf8.count && found.double.bitPattern == strtod(text, nil).bitPattern
            && found.float.bitPattern == strtof(text, nil).bitPattern
    }

    @Test("the powers of ten are those of exact integer arithmetic")
    func powers() {
        // Computed once with the unbounded integers of Python.
        let powers = PowersOfTen()
        #expect(powers.floor(-342) == (0xEEF4_53D6_923B_D65A, 0x113F_AA29_06A1_3B3F))
        #expect(powers.floor(-27) == (0x9E74_D1B7_91E0_7E48, 0x775E_A264_CF55_347D))
        #expect(powers.floor(0) == (0x8000_0000_0000_0000, 0))
        #expect(powers.floor(27) == (0xCECB_8F27_F420_0F3A, 0))
        #expect(powers.floor(308) == (0x8E67_9C2F_5E44_FF8F, 0x570F_09EA_A7EA_7648))
        #expect(powers.ceiling(-292) == (0xFF77_B1FC_BEBC_DC4F, 0x25E8_E89C_13BB_0F7B))
        #expect(powers.ceiling(324) == (0x9E19_DB92_B4E3_1BA9, 0x6C07_A2C2_6A83_46D2))
    }

    @Test("the shortest texts of random numbers read back to the same bits as by the C library")
    func randomBits() {
        var random = SeededGenerator(1)
        var wrong: [String] = []
        for _ in 0..<100_000 {
            let double = Double(bitPattern: random.next())
            if double.isFinite, !agrees("\(double)") { wrong.append("\(double)") }
            let float = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            if float.isFinite, !agrees("\(float)") { wrong.append("\(float)") }
        }
        #expect(wrong.isEmpty, "\(wrong.count), such as \(wrong.prefix(5))")
    }

    @Test("random decimals of 1 to 40 digits read as by the C library")
    func randomDecimals() {
        var random = SeededGenerator(2)
        var wrong: [String] = []
        for _ in 0..<50_000 {
            var text = Bool.random(using: &random) ? "-" : ""
            for _ in 0..<Int.random(in: 1...20, using: &random) { text += "\(Int.random(in: 0...9, using: &random))" }
            if Bool.random(using: &random) {
                text += "."
                for _ in 0..<Int.random(in: 1...20, using: &random) {
                    text += "\(Int.random(in: 0...9, using: &random))"
                }
            }
            if Bool.random(using: &random) { text += "e\(Int.random(in: -360...330, using: &random))" }
            if !agrees(text) { wrong.append(text) }
        }
        #expect(wrong.isEmpty, "\(wrong.count), such as \(wrong.prefix(5))")
    }

    @Test("decimals exactly between two numbers, and a hair to either side, round as by the C library")
    func midpoints() {
        var random = SeededGenerator(3)
        var wrong: [String] = []
        for _ in 0..<4_000 {
            // The midpoint of two binary32 numbers is a binary64 number, and its decimal expansion is finite.
            let low = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0x7FFF_FFFF)
            guard low.isFinite, low.nextUp.isFinite else { continue }
            let middle = (Double(low) + Double(low.nextUp)) / 2
            let text = String(format: "%.200f", middle)
            for variant in [text, text + "1", String(format: "%.17g", middle), String(format: "%.60g", middle)] {
                if !agrees(variant) { wrong.append(variant) }
            }
        }
        for _ in 0..<300 {
            // Midpoints of binary64 numbers in full: m · 2ᵉ with one bit more than fits.
            let mantissa = random.next() >> 10 | 1
            let exponent = Int.random(in: -120...60, using: &random)
            let text = exactDecimal(mantissa, timesTwoTo: exponent)
            for variant in [text, text + (text.contains(".") ? "0000001" : ".0000001")] {
                if !agrees(variant) { wrong.append(variant) }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.count), such as \(wrong.prefix(5))")
    }

    /// m · 2ᵉ written out, by long multiplication and halving of decimal digits.
    private func exactDecimal(_ mantissa: UInt64, timesTwoTo exponent: Int) -> String {
        var digits = String(mantissa).utf8.map { Int($0) - 48 }
        var fraction = 0
        for _ in 0..<abs(exponent) {
            if exponent > 0 {
                var carry = 0
                for index in digits.indices.reversed() {
                    carry += digits[index] * 2
                    digits[index] = carry % 10
                    carry /= 10
                }
                if carry > 0 { digits.insert(carry, at: 0) }
            } else {
                digits.append(0)
                fraction += 1
                var rest = 0
                for index in digits.indices {
                    let value = rest * 10 + digits[index]
                    digits[index] = value / 2
                    rest = value % 2
                }
            }
        }
        var text = digits.map(String.init).joined()
        if fraction > 0 {
            text = String(repeating: "0", count: max(0, fraction + 1 - text.count)) + text
            text.insert(".", at: text.index(text.endIndex, offsetBy: -fraction))
        }
        return text
    }

    @Test(
        "hard and extreme texts read as by the C library",
        arguments: [
            "0", "-0", "0.0", "-0.0e5", "1", "-1", "0.1", "123456789", "1e22", "1e23", "9007199254740993",
            "9007199254740992.5", "9007199254740993.0000000000000000000000000000000000001",
            "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "1e309", "-1e309",
            "2.2250738585072011e-308", "2.2250738585072012e-308", "2.2250738585072014e-308", "4.9e-324", "5e-324",
            "2.4703282292062327e-324", "2.4703282292062328e-324", "2.48e-324", "1e-400", "0e999999999999",
            "1e999999999999", "1e-999999999999", "3.4028235e38", "3.4028236e38",
            "3.40282356779733661637539395458142568447e38",
            "3.40282356779733661637539395458142568448e38", "1.4e-45", "7.0064923216240853546186479164495e-46",
            "7.0064923216240853546186479164496e-46", "7.1e-46", "1.17549435e-38", "1.17549429e-38", "16777217",
            "16777219",
            "33554435", "0.000000000000000000000000000000000000011754943508222875079687365372222456778186655567720875",
            "8388609.5", "18446744073709551615", "18446744073709551616", "10000000000000000000", "99999999999999999999",
            "100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "0.00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001",
            "6.631236846766476e-316", "3.2378839133029012895883524125015321748630094e-322",
            "2.2250738585072011360574097967091319759348195463516456e-308", "1.00000005960464477539062499999",
            "1.000000059604644775390625", "1.00000005960464477539062500001", "7.3177701707893310e+15",
        ])
    func extremes(text: String) { #expect(agrees(text)) }

    @Test("a million digits are read without trouble")
    func endless() {
        let ones = String(repeating: "1", count: 1_000_000)
        #expect(agrees("0." + ones))
        #expect(agrees(String(repeating: "0", count: 1_000_000) + "1"))
        #expect(read(ones)?.double == .infinity)
        #expect(agrees(ones + "e-1000000"))
    }

    @Test("what is no number is not read as one, and what follows a number is left alone")
    func boundaries() {
        for text in ["", "-", "+", ".", "e5", "-.", "--1", "x1", "inf", "nan"] { #expect(read(text) == nil) }
        for (text, length) in [
            ("1.", 2), (".5", 2), ("1e", 1), ("1e+", 1), ("1x", 1), ("1,2", 1), ("1.5.2", 3), ("+7", 2),
        ] {
            #expect(read(text)?.length == length)
        }
    }
}
