/// A request method: a token whose letters' case counts (RFC 9110, 9.1).
public struct Method: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    public var rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    public init(stringLiteral value: String) {
        rawValue = value
    }

    public var description: String { rawValue }

    public static let get = Method(rawValue: "GET")
    public static let head = Method(rawValue: "HEAD")
    public static let post = Method(rawValue: "POST")
    public static let put = Method(rawValue: "PUT")
    public static let patch = Method(rawValue: "PATCH")
    public static let delete = Method(rawValue: "DELETE")
    public static let options = Method(rawValue: "OPTIONS")
    public static let connect = Method(rawValue: "CONNECT")
    public static let trace = Method(rawValue: "TRACE")
}

/// The versions this program speaks. A higher 1.x is spoken to as 1.1 (RFC 9110, 2.5).
public enum HTTPVersion: Sendable, Hashable, Comparable {
    case http10
    case http11
}
