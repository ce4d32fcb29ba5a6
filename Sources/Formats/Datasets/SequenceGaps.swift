import NamedFields
import Training

/// Missing values inside sequences: filled within each sequence, never across two; `mean` is that of all sequences.
struct SequenceGaps {
    private let width: Int
    private let lengths: [Int]
    private let collector: ViolationCollector

    init(width: Int, lengths: [Int], _ collector: ViolationCollector) {
        self.width = width
        self.lengths = lengths
        self.collector = collector
    }

    /// - place: pointer and words for a sequence, a step and a feature, all counted from 0
    mutating func close(
        _ values: inout [Double], _ policy: MissingPolicy,
        place: (_ sequence: Int, _ step: Int, _ feature: Int) -> (path: [Violation.PathComponent], words: String)
    ) {
        let means =
            policy == .mean ? (0..<width).map { MissingValues.mean(values, first: $0, stride: width) } : []
        var start = 0
        for (sequence, length) in lengths.enumerated() {
            defer { start += length * width }
            let range = start..<start + length * width
            guard values[range].contains(where: MissingValues.isMissing) else { continue }
            if policy == .error {
                for position in range where MissingValues.isMissing(values[position]) {
                    let (path, words) = place(sequence, (position - start) / width, (position - start) % width)
                    collector.add(at: path, "\(words) has no value; \(ColumnRequest.remedy)")
                }
                continue
            }
            for feature in 0..<width {
                let failure = MissingValues.fill(
                    &values, first: start + feature, stride: width, count: length, policy: policy,
                    mean: policy == .mean ? means[feature] : nil)
                guard let failure else { continue }
                let (path, words) = place(sequence, 0, feature)
                collector.add(
                    at: path,
                    failure == .noPrevious
                        ? "\(words) has no value, and the sequence has none before it to repeat"
                        : "\(words) has no value, nor has any step of the sequence")
            }
        }
    }
}
