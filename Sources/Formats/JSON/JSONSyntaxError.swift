import NamedFields
import Resources
import Training

/// Why some bytes are no JSON document, and where. Lines and columns count from 1, columns in bytes.
public struct JSONSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: Error, Sendable, Hashable {
        /// Something else stands where this was due.
        case expected(String, found: String)
        /// The document ends where this was due.
        case ended(expected: String)
        case duplicateKey(String)
        case invalidUTF8
        case controlCharacter(UInt8)
        case loneSurrogate
        /// Beyond the range of binary64.
        case numberTooLarge(String)
        case tooDeep(limit: Int)
        case tooManyMembers(limit: Int)
        case tooManyValues(limit: Int)
        case keyTooLong(limit: Int)
        /// JSON, but not what this member of the document is known to hold.
        case misplaced(path: [Violation.PathComponent], detail: String)
        /// JSON perhaps, but as a value it takes memory that is not to be had.
        case memory(MemoryRefusal)
        /// Nobody waits for it any more.
        case cancelled
    }

    public var reason: Reason
    public var offset: Int
    public var line: Int
    public var column: Int

    public init(reason: Reason, offset: Int, line: Int, column: Int) {
        self.reason = reason
        self.offset = offset
        self.line = line
        self.column = column
    }

    /// Counts line and column of an offset in the bytes it was found in.
    init(reason: Reason, offset: Int, in bytes: UnsafeBufferPointer<UInt8>) {
        var line = 1
        var lineStart = 0
        for position in 0..<min(offset, bytes.count) where bytes[position] == 0x0A {
            line += 1
            lineStart = position + 1
        }
        self.init(reason: reason, offset: offset, line: line, column: offset - lineStart + 1)
    }

    /// What was due and what was found, without the place.
    public var explanation: String {
        switch reason {
        case .expected(let due, let found): "expected \(due), found \(found)"
        case .ended(let due): "the text ends where \(due) is due"
        case .duplicateKey(let key): "the key \"\(key)\" occurs twice in one object"
        case .invalidUTF8: "the text is not UTF-8 here"
        case .controlCharacter(let byte):
            "a string holds the control character \(byte), which must be written as an escape"
        case .loneSurrogate: "a string holds half of a surrogate pair (\\uD800 to \\uDFFF come in pairs)"
        case .numberTooLarge(let text): "\(text) is beyond the range of a 64-bit floating-point number"
        case .tooDeep(let limit): "arrays and objects are nested deeper than \(limit) levels"
        case .tooManyMembers(let limit): "an object has more than \(limit) members"
        case .tooManyValues(let limit): "the document has more than \(limit) values outside its arrays of numbers"
        case .keyTooLong(let limit): "a key is longer than \(limit) bytes"
        case .misplaced(_, let detail): detail
        case .memory(let refusal): refusal.description
        case .cancelled: CancelledWork().description
        }
    }

    public var description: String { "line \(line), column \(column): \(explanation)" }
}
