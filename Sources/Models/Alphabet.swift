/// The symbols that a model reads, each by its number. Number 0 is the unknown: whatever is none of them.
public struct Alphabet: Sendable, Equatable {
    /// How a text that comes as one string is cut into symbols.
    public enum Split: String, Sendable, CaseIterable {
        /// What people see as one character, with its accents.
        case characters
        /// What stands between blanks and line ends.
        case words

        public func symbols(of text: String) -> [String] {
            switch self {
            case .characters: text.map { String($0) }
            case .words: text.split(whereSeparator: \.isWhitespace).map { String($0) }
            }
        }
    }

    /// Of the numbers 1, 2, ….
    public let symbols: [String]
    public let split: Split
    private let numbers: [String: Int]

    public static let unknown = 0

    public init(_ symbols: [String], split: Split) {
        self.symbols = symbols
        self.split = split
        numbers = Dictionary(zip(symbols, 1...max(symbols.count, 1))) { first, _ in first }
    }

    /// Numbers, the unknown among them.
    public var count: Int { symbols.count + 1 }

    public func number(of symbol: String) -> Int { numbers[symbol] ?? Self.unknown }

    /// Whether no symbol stands there twice.
    var isDistinct: Bool { numbers.count == symbols.count }
}
