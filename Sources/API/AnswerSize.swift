import Formats
import Service

/// How much memory answers take as JSON, so that it is taken before they are computed.
extension ServedModel {
    /// Bytes of the answers to so many rows while they are written.
    ///
    /// - Parameter topK: how many labels each answer of a classifier lists.
    func answerBytes(rows: Int, topK: Int?) -> Int {
        let ofRow: Double =
            switch answers {
            case .numbers: Double(outputNames.count) * AnswerSize.double + AnswerSize.row
            case .labels: namedBytes(listed: topK ?? 1)
            // Any number of them may be set.
            case .flags: namedBytes(listed: 0) + namedBytes(listed: 0)
            }
        return AnswerSize.written(Double(rows) * ofRow)
    }

    /// Names with their probabilities, and some of them once more.
    private func namedBytes(listed: Int) -> Double {
        // As they are written: a label of control characters is six times as long.
        let labels = outputNames.map { name in
            var writer = JSONWriter()
            writer.string(name)
            return Double(writer.byteCount)
        }
        let longest = labels.max() ?? 0
        let members = Double(outputNames.count) * AnswerSize.float
        return labels.reduce(0, +) + members + Double(listed + 1) * (longest + AnswerSize.float + AnswerSize.row)
    }
}

enum AnswerSize {
    /// A number of 64 bits at its longest, and a comma.
    static let double = 25.0
    /// The same of 32 bits.
    static let float = 16.0
    /// The name and number of an event, and its members' names.
    static let event = 192.0
    /// Brackets, names and a label of time.
    static let row = 64.0

    /// A state of so many bytes: of numbers in memory, 32 bits grow the most.
    static func state(_ bytes: Int) -> Int { written(Double(bytes) / 4 * float) }

    /// A text of so many bytes and the one that it grows out of.
    static func written(_ bytes: Double) -> Int { Int(min(2 * bytes, 1e18)) }
}
