import Models
import NamedFields
import Networks

/// The tokens of a record that holds one sequence of them: `{"x": ["The", "dog"], …}`, or `{"x": "The dog", …}`, a text
/// that is cut.
struct TokenRecord {
    let tokens: [String]

    /// Whether what stands under `x` is tokens and not numbers.
    static func isTokens(_ value: JSON?) -> Bool { value?.string != nil || value?.array?.first?.string != nil }

    init?(_ record: JSON, _ place: RecordPlace, _ split: Alphabet.Split, _ collector: ViolationCollector) {
        guard let value = record.object?[SequenceRecord.key] else { return nil }
        let path = place.path + [.key(SequenceRecord.key)]
        guard let found = Self.tokens(value, split, at: path, place.description, collector) else { return nil }
        guard !found.isEmpty else {
            collector.add(at: path, "\(place.description) is empty: a sequence has one step at least")
            return nil
        }
        tokens = found
    }

    /// - Parameter words: where it stands, in words.
    private static func tokens(
        _ value: JSON, _ split: Alphabet.Split, at path: [Violation.PathComponent], _ words: String,
        _ collector: ViolationCollector
    ) -> [String]? {
        if let text = value.string { return split.symbols(of: text) }
        guard let elements = value.array else {
            collector.add(at: path, "\(words): expected a list of tokens or a text, found \(value.kindName)")
            return nil
        }
        var tokens: [String] = []
        for (step, element) in elements.enumerated() {
            if let token = element.string, !token.isEmpty {
                tokens.append(token)
            } else {
                collector.add(
                    at: path + [.index(step)],
                    "\(words), step \(step + 1): expected a token, found "
                        + (element.string == nil ? element.kindName : "an empty text"))
            }
        }
        return tokens.count == elements.count ? tokens : nil
    }
}
