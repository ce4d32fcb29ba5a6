import Foundation
import GRDB

extension Duration {
    var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}

/// Times are stored as whole microseconds since 1970, UTC, so that they compare as numbers.
extension Date {
    var microseconds: Int64 {
        // The bounds keep the conversion from trapping on the ends of `Date`; they lie 285,000 years away.
        Int64(max(-9e18, min(9e18, (timeIntervalSince1970 * 1_000_000).rounded())))
    }

    init(microseconds: Int64) {
        self.init(timeIntervalSince1970: Double(microseconds) / 1_000_000)
    }
}

extension Row {
    /// A column that holds the raw value of an enumeration.
    func value<Value: RawRepresentable>(_ column: String) throws -> Value where Value.RawValue == String {
        let text: String = self[column]
        guard let value = Value(rawValue: text) else {
            throw StoreError(
                .damagedDatabase, "the column '\(column)' holds '\(text)', which this program never writes")
        }
        return value
    }

    func optionalValue<Value: RawRepresentable>(_ column: String) throws -> Value? where Value.RawValue == String {
        let text: String? = self[column]
        return text == nil ? nil : try value(column)
    }

    func date(_ column: String) -> Date { Date(microseconds: self[column]) }

    func optionalDate(_ column: String) -> Date? { (self[column] as Int64?).map(Date.init(microseconds:)) }
}
