import NamedFields
import Training

/// Gathers violations while input is read, so that one answer names all of them.
public final class ViolationCollector {
    /// In a table of a billion bad cells the first hundred tell the story; the rest is counted.
    public static let told = Violations.told

    public private(set) var list: [Violation] = []
    public private(set) var omitted = 0
    private let limit: Int

    public init(limit: Int = ViolationCollector.told) { self.limit = limit }

    public var isEmpty: Bool { list.isEmpty && omitted == 0 }

    public func add(_ violation: Violation) {
        if list.count < limit { list.append(violation) } else { omitted += 1 }
    }

    /// Beyond the limit neither place nor words are made: a million violations cost a million additions.
    public func add(at path: @autoclosure () -> [Violation.PathComponent], _ detail: @autoclosure () -> String) {
        if list.count < limit { list.append(Violation(path: path(), detail: detail())) } else { omitted += 1 }
    }

    /// Takes over what another part of the work found, seen from further out.
    public func add(_ violations: Violations, under prefix: [Violation.PathComponent] = []) {
        for violation in violations.under(prefix).list { add(violation) }
        omitted += violations.omitted
    }

    /// Throws all that was gathered, if anything was.
    public func check() throws(Violations) {
        if !isEmpty { throw Violations(list, omitted: omitted) }
    }
}

extension Violations {
    /// The same trouble inside a larger document: every pointer gets a longer front.
    public func under(_ prefix: [Violation.PathComponent]) -> Violations {
        Violations(list.map { Violation(path: prefix + $0.path, detail: $0.detail) }, omitted: omitted)
    }
}

extension [Violation.PathComponent] {
    /// As a JSON Pointer in a URI fragment (RFC 6901, section 6): `#/task/target/0`.
    public var pointer: String {
        reduce(into: "#") { text, component in
            text += "/"
            switch component {
            case .index(let index): text += String(index)
            // A name that long is no name of ours: its beginning is enough to find it.
            case .key(let key): Self.appendEscaped(key.excerpt(256), to: &text)
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
