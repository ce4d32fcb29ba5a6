/// Which numbers a field takes. All of them are finite.
///
///     .above(0).atMost(1)
public struct NumberBound: Hashable, Sendable {
    public struct End: Hashable, Sendable {
        public var value: Double
        public var isIncluded: Bool
    }

    public private(set) var least: End?
    public private(set) var greatest: End?

    public static let any = NumberBound()

    public static func above(_ value: Double) -> NumberBound {
        NumberBound(least: End(value: value, isIncluded: false))
    }

    public static func atLeast(_ value: Double) -> NumberBound {
        NumberBound(least: End(value: value, isIncluded: true))
    }

    public func below(_ value: Double) -> NumberBound {
        NumberBound(least: least, greatest: End(value: value, isIncluded: false))
    }

    public func atMost(_ value: Double) -> NumberBound {
        NumberBound(least: least, greatest: End(value: value, isIncluded: true))
    }

    public func contains(_ value: Double) -> Bool {
        guard value.isFinite else { return false }
        if let least, value < least.value || value == least.value && !least.isIncluded { return false }
        if let greatest, value > greatest.value || value == greatest.value && !greatest.isIncluded { return false }
        return true
    }

    /// "a number above 0 and at most 1"
    public var expectation: String {
        var ends: [String] = []
        if let least { ends.append((least.isIncluded ? "of at least " : "above ") + FieldValue.shown(least.value)) }
        if let greatest {
            ends.append((greatest.isIncluded ? "at most " : "below ") + FieldValue.shown(greatest.value))
        }
        return ends.isEmpty ? "a finite number" : "a number " + ends.joined(separator: " and ")
    }
}
