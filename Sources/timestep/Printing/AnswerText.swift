import Formats

/// The answer of one step as people read it: numbers, a label, or flags.
struct AnswerText {
    /// What it says: a label, or the flags that are set, or the numbers.
    let said: String
    /// Of a label.
    let probability: Double?
    /// What else was likely: the labels that follow, or the flags with their probabilities.
    let others: [String]

    init(_ answer: JSON?) {
        if let label = answer?.read("Classification: label")?.string {
            let top = answer?.read("Classification: top")?.array ?? []
            said = label
            probability = top.first?.read("Classification.top[]: probability")?.double
            others = top.dropFirst().map { entry in
                let name = entry.read("Classification.top[]: label")?.string ?? "?"
                return "\(name) \(Numerals.fixed(entry.read("Classification.top[]: probability")?.double, 3))"
            }
        } else if let flags = answer?.read("Flags: flags")?.array {
            said = flags.compactMap(\.string).joined(separator: " ")
            probability = nil
            let probabilities = answer?.read("Flags: probabilities")?.object ?? JSONObject()
            others = flags.compactMap(\.string).map { "\($0) \(Numerals.fixed(probabilities[$0]?.double, 3))" }
        } else if let numbers = answer?.array {
            said = numbers.map { Numerals.short($0.double) }.joined(separator: ",")
            (probability, others) = (nil, [])
        } else {
            (said, probability, others) = ("-", nil, [])
        }
    }

    /// In a line of its own, for the next program in a pipe.
    var line: String { probability.map { "\(said)\t\(Numerals.fixed($0, 3))" } ?? said }
}
