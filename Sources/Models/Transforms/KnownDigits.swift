/// Decimals that tell what is known of a value and no more.
public enum KnownDigits {
    /// The value rounded to as few decimal digits as stay within `margin` of it; printed, it has those digits.
    ///
    /// As it is where the margin is less than what binary64 itself rounds by.
    static func rounded(_ value: Double, within margin: Double) -> Double {
        guard margin > value.ulp, margin < .infinity else { return value }
        // Between multiples of this power no other one of it fits; of the next lower one at least one does.
        let least = exponent(notAbove: 2 * margin)
        for exponent in stride(from: least + 1, through: least - 1, by: -1) {
            guard let found = nearest(value, exponent) else { return value }
            if (found - value).magnitude <= margin { return found }
        }
        return value
    }

    /// A number that was made of 32-bit numbers, as a mean of losses is: the shortest decimal that is the same number in 32
    /// bits.
    public static func ofSingles(_ value: Double) -> Double {
        let single = Float(value)
        guard single.isFinite, single != 0 else { return value }
        // Almost half of the way to the nearer of the two numbers beside it.
        let half = Double(single.magnitude - single.magnitude.nextDown) * 0.499_999
        return rounded(Double(single), within: half)
    }

    /// The greatest power of ten that is exact in binary64.
    private static let mostExact = 22
    private static let powers = (0...mostExact).map { power in (0..<power).reduce(1.0) { product, _ in product * 10 } }

    /// The exponent of the greatest power of ten that is not above a number, or one beside it where the number is about a
    /// power of ten.
    private static func exponent(notAbove number: Double) -> Int {
        // The logarithm of 2 to the base 10.
        let exponent = Int((Double(number.exponent) * 0.301_029_995_663_981_2).rounded(.down))
        return power(exponent + 1).map { $0 <= number } ?? false ? exponent + 1 : exponent
    }

    private static func power(_ exponent: Int) -> Double? {
        guard exponent.magnitude <= mostExact else { return nil }
        return exponent < 0 ? 1 / powers[-exponent] : powers[exponent]
    }

    /// The multiple of 10 to the power of `exponent` that lies nearest to the value, as the double nearest to it: one
    /// correctly rounded operation of two exact numbers.
    private static func nearest(_ value: Double, _ exponent: Int) -> Double? {
        guard exponent.magnitude <= mostExact else { return nearestByText(value, exponent) }
        let power = powers[abs(exponent)]
        let count = exponent < 0 ? (value * power).rounded() : (value / power).rounded()
        guard count.magnitude <= 0x1p53 else { return nil }
        return exponent < 0 ? count / power : count * power
    }
    /// The same where the power itself is not exact: the count of them is, give or take one, and the decimal is read.
    private static func nearestByText(_ value: Double, _ exponent: Int) -> Double? {
        var count = value
        var left = abs(exponent)
        while left > 0 {
            let power = powers[min(left, mostExact)]
            count = exponent < 0 ? count * power : count / power
            left -= mostExact
        }
        count.round()
        guard count.magnitude <= 0x1p53 else { return nil }
        return Double("\(Int(count))e\(exponent)")
    }
}
