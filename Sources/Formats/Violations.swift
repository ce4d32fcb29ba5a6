import Training

/// Everything that is wrong with some input, as far as it is told; the rest is counted.
public struct Violations: Error, Sendable, Hashable, CustomStringConvertible {
    /// In a table of a billion bad cells the first hundred tell the story.
    public static let told = 100

    public var list: [Violation]
    /// How many more there are beyond `list`.
    public var omitted: Int

    public init(_ list: [Violation], omitted: Int = 0) {
        self.list = list
        self.omitted = omitted
    }

    public var count: Int { list.count + omitted }

    public var description: String {
        let lines = list.map { "\($0.path.pointer): \($0.detail)" }
        return (omitted == 0 ? lines : lines + ["and \(omitted) more"]).joined(separator: "\n")
    }

    /// The same trouble inside a larger document: every pointer gets a longer front.
    public func under(_ prefix: [PathComponent]) -> Violations {
        Violations(list.map { Violation(path: prefix + $0.path, detail: $0.detail) }, omitted: omitted)
    }
}

/// Gathers violations while input is read, so that one answer names all of them.
public final class ViolationCollector {
    public private(set) var list: [Violation] = []
    public private(set) var omitted = 0
    private let limit: Int

    public init(limit: Int = Violations.told) { self.limit = limit }

    public var isEmpty: Bool { list.isEmpty }

    public func add(_ violation: Violation) {
        if list.count < limit { list.append(violation) } else { omitted += 1 }
    }

    public func add(at path: [PathComponent], _ detail: String) { add(Violation(path: path, detail: detail)) }

    public func add(_ violations: Violations, under prefix: [PathComponent] = []) {
        for violation in violations.under(prefix).list { add(violation) }
        omitted += violations.omitted
    }

    /// Throws all that was gathered, if anything was.
    public func check() throws(Violations) {
        if !list.isEmpty || omitted > 0 { throw Violations(list, omitted: omitted) }
    }
}

extension [PathComponent] {
    /// As a JSON Pointer in a URI fragment (RFC 6901, section 6): `#/task/target/0`.
    public var pointer: String {
        reduce(into: "#") { text, component in
            text += "/"
            switch component {
            case .index(let index): text += String(index)
            case .key(let key): Self.appendEscaped(key, to: &text)
            }
        }
    }

    /// `~` and `/` as RFC 6901 has them; what a fragment may not hold (RFC 3986, section 3.5) percent-encoded.
    private static func appendEscaped(_ key: String, to text: inout String) {
        for byte in key.utf8 {
            switch byte {
            case UInt8(ascii: "~"): text += "~0"
            case Ascii.slash: text += "~1"
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), Ascii.zero...Ascii.nine:
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                if "-._!$&'()*+,;=:@?".utf8.contains(byte) {
                    text.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    let digits = String(byte, radix: 16, uppercase: true)
                    text += "%" + (digits.count == 1 ? "0" : "") + digits
                }
            }
        }
    }
}
