/// "Did you mean …": the known name nearest to a misspelt one.
public enum Suggestion {
    /// The candidate that differs least, if it differs little: at most a third of its letters, case ignored.
    ///
    /// Names beyond `comparedCharacters` and candidates beyond `comparedCandidates` are not compared: the cost of one
    /// comparison is the product of the lengths.
    public static func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
        guard let wanted = letters(of: name) else { return nil }
        var best: (candidate: String, distance: Int)?
        for candidate in candidates.prefix(comparedCandidates) {
            guard let letters = letters(of: candidate) else { continue }
            let allowed = max(1, max(wanted.count, letters.count) / 3)
            guard abs(letters.count - wanted.count) <= allowed else { continue }
            let distance = self.distance(wanted, letters)
            if distance <= allowed, distance < (best?.distance ?? Int.max) { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// What is compared of a name: nil where there is nothing, or more than is.
    private static func letters(of name: String) -> [Unicode.Scalar]? {
        // A scalar has four bytes at most. Looked at first, since lower-casing a long name takes its time.
        guard name.utf8.count <= comparedCharacters * 4 else { return nil }
        let letters = Array(name.lowercased().unicodeScalars)
        return letters.isEmpty || letters.count > comparedCharacters ? nil : letters
    }

    /// A half-sentence to append: `; did you mean "hidden"?`, or the candidates while they are few, or nothing.
    public static func hint(for name: String, among candidates: [String]) -> String {
        if let nearest = nearest(to: name, among: candidates) { return "; did you mean \"\(nearest)\"?" }
        guard !candidates.isEmpty, candidates.count <= listedCandidates else { return "" }
        return "; there are " + candidates.map { "\"\($0.excerpt())\"" }.joined(separator: ", ")
    }

    // A hundred misspelt names among so many candidates cost less than half a second.
    private static let comparedCharacters = 40
    private static let comparedCandidates = 500
    private static let listedCandidates = 16

    /// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
    private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        var current = last
        for i in a.indices {
            current[0] = i + 1
            for j in b.indices {
                let substitution = last[j] + (a[i] == b[j] ? 0 : 1)
                current[j + 1] = min(substitution, last[j + 1] + 1, current[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    current[j + 1] = min(current[j + 1], beforeLast[j - 1] + 1)
                }
            }
            (beforeLast, last, current) = (last, current, beforeLast)
        }
        return last[b.count]
    }
}
