import Resources

/// The memory that a document takes as a value, taken from a request's share before it is allocated.
///
/// Taken in blocks, so that a small document costs one addition, and a large one hardly a comparison a value. Every
/// block also asks whether anybody still waits.
struct JSONMemory {
    /// Bytes taken at once: a few hundred values.
    private static let block = 65_536

    private let allowance: Allowance?
    /// Bytes taken and not used yet.
    private var credit = 0
    /// Bytes used.
    private(set) var used = 0

    init(_ allowance: Allowance?) { self.allowance = allowance }

    // What the parts of a document cost, allocations with the 16 bytes that each has more than it asks for, and arrays
    // that grow by doubling as three times their content: the old and the new one stand side by side.

    /// One value in an array.
    static let element = 3 * MemoryLayout<JSON>.stride
    /// An object's arrays of keys and of values, four each.
    static let object = 2 * (arrayHeader + 16) + 4 * (MemoryLayout<String>.stride + MemoryLayout<JSON>.stride)
    /// Each further member, with its place in the index.
    static let member = 3 * (2 * MemoryLayout<String>.stride + MemoryLayout<JSON>.stride + MemoryLayout<Int>.stride)
    /// An array of numbers without its numbers.
    static let numbers = 2 * (arrayHeader + 16) + MemoryLayout<NumberArray>.stride
    /// What a reader of a value holds: its path and itself.
    static let reader = 256
    static let arrayHeader = 32

    /// A string's own allocation; up to 15 bytes need none.
    static func string(_ bytes: Int) -> Int { bytes <= 15 ? 0 : bytes + arrayHeader + 16 }

    @inline(__always)
    mutating func take(_ bytes: Int) throws(JSONSyntaxError.Reason) {
        used &+= bytes
        credit &-= bytes
        if credit < 0 { try takeMore() }
    }

    /// Gives back what was taken since `used` was `before`.
    mutating func giveBack(to before: Int) {
        credit += used - before
        used = before
        if credit > 2 * Self.block { settle(leaving: Self.block) }
    }

    mutating func giveBack(_ bytes: Int) { giveBack(to: used - bytes) }

    /// Gives back what was not used.
    mutating func settle(leaving kept: Int = 0) {
        guard let allowance, credit > kept else { return }
        allowance.memory.giveBack(credit - kept)
        credit = kept
    }

    @inline(never)
    private mutating func takeMore() throws(JSONSyntaxError.Reason) {
        guard let allowance else { return credit = Int.max / 2 }
        guard !allowance.cancellation.isCancelled else { throw .cancelled }
        let wanted = Self.block - credit
        do { try allowance.memory.take(wanted, for: "the document as it is read") } catch {
            // What is left is of a document that will not be; the share's end gives it all back.
            throw .memory(error)
        }
        credit = Self.block
    }
}
