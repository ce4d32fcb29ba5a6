import Foundation
import TestSupport
import Testing

@testable import Formats

@Suite struct NumberPrintingTests {
    private func text(_ value: Float) -> String {
        var writer = JSONWriter()
        writer.float(value)
        return writer.text
    }

    private func text(_ value: Double) -> String {
        var writer = JSONWriter()
        writer.double(value)
        return writer.text
    }

    /// The significant digits of a number, without point, zeros around them, and exponent.
    private func digits(_ text: some Sequence<UInt8>) -> [UInt8] {
        var digits: [UInt8] = []
        for byte in text {
            if byte == Ascii.e { break }
            if Ascii.zero...Ascii.nine ~= byte, byte != Ascii.zero || !digits.isEmpty { digits.append(byte) }
        }
        while digits.last == Ascii.zero { digits.removeLast() }
        return digits
    }

    private func digits(_ text: String) -> [UInt8] { digits(text.utf8) }

    @Test("a million random binary32 numbers read back to the same bits and are as short as Swift's own texts")
    func floats() throws {
        var random = SeededGenerator(11)
        let values = (0..<1_000_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
            .filter(\.isFinite)
        var writer = JSONWriter()
        writer.floats(values)
        let bytes = writer.take()
        let parts = bytes.dropFirst().dropLast().split(separator: Ascii.comma)
        #expect(parts.count == values.count)
        var wrong: [String] = []
        for (value, part) in zip(values, parts) {
            let printed = String(decoding: part, as: UTF8.self)
            let isSame = strtof(printed, nil).bitPattern == value.bitPattern
            if !isSame || digits(part) != digits(value.description) { wrong.append("\(value) became \(printed)") }
        }
        #expect(wrong.isEmpty, "\(wrong.count), such as \(wrong.prefix(5))")
    }

    @Test(
        "two hundred thousand random binary64 numbers read back to the same bits and are as short as Swift's own texts")
    func doubles() throws {
        var random = SeededGenerator(12)
        let values = (0..<200_000).map { index in
            index % 2 == 0 ? Double(bitPattern: random.next()) : Double.random(in: -1000...1000, using: &random)
        }.filter(\.isFinite)
        var writer = JSONWriter()
        writer.doubles(values)
        let parts = writer.take().dropFirst().dropLast().split(separator: Ascii.comma)
        #expect(parts.count == values.count)
        var wrong: [String] = []
        for (value, part) in zip(values, parts) {
            let printed = String(decoding: part, as: UTF8.self)
            let isSame = strtod(printed, nil).bitPattern == value.bitPattern
            if !isSame || digits(part) != digits(value.description) { wrong.append("\(value) became \(printed)") }
        }
        #expect(wrong.isEmpty, "\(wrong.count), such as \(wrong.prefix(5))")
    }

    @Test("every power of two and its neighbours survive, in both widths")
    func boundaries() {
        for exponent in -149...127 {
            let power = Float(sign: .plus, exponent: exponent, significand: 1)
            for value in [power, power.nextUp, power.nextDown, -power] {
                #expect(strtof(text(value), nil).bitPattern == value.bitPattern)
                #expect(digits(text(value)) == digits(value.description))
            }
        }
        for exponent in -1074...1023 {
            let power = Double(sign: .plus, exponent: exponent, significand: 1)
            for value in [power, power.nextUp, power.nextDown, -power] {
                #expect(strtod(text(value), nil).bitPattern == value.bitPattern)
                #expect(digits(text(value)) == digits(value.description))
            }
        }
    }

    @Test("every power of ten and its first decimals survive")
    func decimals() {
        var wrong: [String] = []
        for exponent in -330...307 {
            for mantissa in ["1", "9", "1.5", "9.99", "1.234567", "1.2345678901234567"] {
                let value = strtod("\(mantissa)e\(exponent)", nil)
                if strtod(text(value), nil).bitPattern != value.bitPattern { wrong.append(text(value)) }
                let float = strtof("\(mantissa)e\(exponent)", nil)
                guard float.isFinite else { continue }
                if strtof(text(float), nil).bitPattern != float.bitPattern { wrong.append(text(float)) }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.count), such as \(wrong.prefix(5))")
    }

    @Test(
        "numbers look as a person writes them",
        arguments: [
            (0, "0"), (-0.0, "-0"), (1, "1"), (-1, "-1"), (112, "112"), (0.1, "0.1"), (-2.5, "-2.5"), (0.001, "0.001"),
            (0.0001, "0.0001"), (0.00001, "1e-5"), (1234.5678, "1234.5678"), (100, "100"), (99999999, "99999999"),
            (100_000_000, "100000000"), (123_456_789, "123456789"), (1e15, "1000000000000000"),
            (1_234_567_890_123_456, "1234567890123456"), (1e16, "1e16"), (1.5e20, "1.5e20"), (1e-7, "1e-7"),
            (1.7976931348623157e308, "1.7976931348623157e308"), (Double.leastNonzeroMagnitude, "5e-324"),
            (-1.2345678901234568e-300, "-1.2345678901234568e-300"), (9_007_199_254_740_992, "9007199254740992"),
            (0.3, "0.3"), (12345678.25, "12345678.25"), (123456789.125, "123456789.125"),
        ])
    func shapes(value: Double, expected: String) { #expect(text(value) == expected) }

    @Test("binary32 numbers keep their own, shorter digits")
    func shorter() {
        #expect(text(Float(0.1)) == "0.1")
        #expect(text(Double(Float(0.1))) == "0.10000000149011612")
        #expect(text(Float(16_777_216)) == "16777216")
        #expect(text(Float.greatestFiniteMagnitude) == "3.4028235e38")
        #expect(text(Float.leastNonzeroMagnitude) == "1e-45")
        #expect(text(Float(1.0e10)) == "10000000000")
        #expect(text(Float(0.33333334)) == "0.33333334")
    }

    @Test("what is not finite is written as null")
    func notFinite() {
        var writer = JSONWriter()
        writer.floats([.nan, 1, .infinity, -.infinity])
        writer.double(.nan)
        #expect(writer.text == "[null,1,null,null],null")
    }

    @Test("whole numbers of every size are written in full")
    func integers() {
        for value in [0, 7, -7, 99_999_999, 100_000_000, -100_000_000, Int.max, Int.min] {
            var writer = JSONWriter()
            writer.int(value)
            #expect(writer.text == String(value))
        }
    }
}
