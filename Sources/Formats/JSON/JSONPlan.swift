import Resources

/// What is known of a document before it is read, so that what cannot be right is refused where it begins, and what is
/// long is never held as a tree.
public struct JSONPlan {
    /// Members of the outermost object that are arrays of numbers and nothing else, and how deep these are nested.
    public var numbers: [String: Int]
    /// Those of them that may hold texts in the places of the numbers.
    public var texts: Set<String>
    /// The keys on the way to an array whose elements are handed over one by one; where it stood, the document has an
    /// empty one.
    public var passed: [String]
    /// Takes an element and its place in the array.
    public var pass: (Int, JSON) throws(MemoryRefusal) -> Void

    public init(
        numbers: [String: Int] = [:], texts: Set<String> = [], passed: [String] = [],
        pass: @escaping (Int, JSON) throws(MemoryRefusal) -> Void = { _, _ throws(MemoryRefusal) in }
    ) {
        self.numbers = numbers
        self.texts = texts
        self.passed = passed
        self.pass = pass
    }
}
