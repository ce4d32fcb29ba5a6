/// Which version of a model is meant.
public enum VersionSelector: Sendable, Hashable {
    /// The alias `default` where it is set, else the newest version.
    case standard
    case number(Int)
    case alias(String)
}

/// `name`, `name:3` or `name@alias`.
public struct ModelReference: Sendable, Hashable, CustomStringConvertible {
    public var name: String
    public var selector: VersionSelector

    public init(name: String, selector: VersionSelector = .standard) {
        self.name = name
        self.selector = selector
    }

    /// Throws `.badName` where the text is none of the three forms.
    public init(parsing text: String) throws(StoreError) {
        let form = StoreError(.badName(text), "'\(text)' names no model: expected name, name:3 or name@alias")
        if let at = text.firstIndex(of: "@") {
            self.init(name: String(text[..<at]), selector: .alias(String(text[text.index(after: at)...])))
        } else if let colon = text.firstIndex(of: ":") {
            let digits = text[text.index(after: colon)...]
            guard let number = Int(digits), number >= 1, digits.first != "+", digits.first != "0" else { throw form }
            self.init(name: String(text[..<colon]), selector: .number(number))
        } else {
            self.init(name: text)
        }
        guard ModelName.isValid(name) else { throw form }
        if case .alias(let alias) = selector, !ModelName.isValid(alias) { throw form }
    }

    public var description: String {
        switch selector {
        case .standard: name
        case .number(let number): "\(name):\(number)"
        case .alias(let alias): "\(name)@\(alias)"
        }
    }
}

/// The rule for names of models and aliases: 1…128 of `A-Z a-z 0-9 . _ -`, not starting with a dot or a dash, so that a
/// name is safe in an address, on a command line and in `name:3` and `name@alias`.
public enum ModelName {
    /// The alias that `name` alone means where it is set.
    public static let defaultAlias = "default"
    public static let maximumLength = 128

    public static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= maximumLength else { return false }
        guard first != UInt8(ascii: "."), first != UInt8(ascii: "-") else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    static func check(_ name: String, _ what: String) throws(StoreError) {
        guard isValid(name) else {
            throw StoreError(
                .badName(name),
                "'\(name)' cannot name \(what): 1 to \(maximumLength) letters, digits, '.', '_' or '-' are allowed, "
                    + "the first no '.' or '-'")
        }
    }
}
