import Foundation

/// Small bodies through Foundation's coders: specifications, reports, schemas. Arrays of numbers have `JSONWriter`.
public enum Formats {
    /// JSON text with sorted keys: equal values give equal text.
    ///
    /// NaN and infinities become null, as everywhere in our output; a type that is read back needs optionals there.
    public static func encode<T: Encodable>(_ value: T) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: notFinite, negativeInfinity: notFinite, nan: notFinite)
        let text = String(decoding: try encoder.encode(value), as: UTF8.self)
        // The coder cannot write null in place of a number, so it writes a string that nobody else writes.
        return text.contains(notFiniteText) ? text.replacingOccurrences(of: notFiniteText, with: "null") : text
    }

    public static func decode<T: Decodable>(_ text: String, as type: T.Type = T.self) throws -> T {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(T.self, from: Data(text.utf8))
    }

    private static let notFinite = "\u{1}timestep: not finite\u{1}"
    private static let notFiniteText = "\"\\u0001timestep: not finite\\u0001\""
}
