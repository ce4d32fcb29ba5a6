import Networks

/// How sequences lie side by side as streams: every long one cut into equal parts, the parts one after the other in lanes,
/// and every lane taken in windows.
///
/// A sequence that has more than its share of all rows, rows / streams, is cut into so many parts, as equal as can be, that
/// none has more: one long text becomes `streams` parts, as in every recipe for language models of characters. A part
/// begins with the zero state. Parts go to the lanes longest first, each to the one that has the fewest windows, so that
/// lanes end together.
struct StreamPlan {
    /// Rows one after the other that are learnt from with one state.
    struct Part: Equatable {
        var start: Int
        var length: Int
    }

    /// What one step of the optimizer takes of one lane.
    struct Window: Equatable {
        var lane: Int
        /// Where its first row lies, and how many there are.
        var start: Int
        var length: Int
        /// Rows at its beginning that an earlier window had: the gradient goes back through them, and their answers do not
        /// count again.
        var known: Int
        /// After so many of its rows comes the state that the next window begins with.
        var carried: Int
        /// Whether it begins with the zero state.
        var isFirst: Bool
    }

    let parts: [Part]
    /// Of each lane the numbers of its parts.
    let lanes: [[Int]]
    let steps: Int
    let reach: Int
    /// Windows of the longest lane.
    let stepsPerEpoch: Int

    /// - Parameter cuts: whether long sequences are cut.
    init(_ sequences: [Part], steps: Int, reach: Int, streams: Int, cuts: Bool = true) {
        (self.steps, self.reach) = (steps, reach)
        let rows = sequences.reduce(0) { $0 + $1.length }
        let share = cuts ? max((rows + streams - 1) / streams, 1) : max(rows, 1)
        var parts: [Part] = []
        for sequence in sequences where sequence.length > 0 {
            let count = (sequence.length + share - 1) / share
            var start = sequence.start
            for part in 0..<count {
                // The first ones are one row longer where the rows do not go into equal parts.
                let length = sequence.length / count + (part < sequence.length % count ? 1 : 0)
                parts.append(Part(start: start, length: length))
                start += length
            }
        }
        self.parts = parts
        func windows(_ part: Int) -> Int { (parts[part].length + steps - 1) / steps }
        var lanes = [[Int]](repeating: [], count: min(streams, parts.count))
        var heap = LaneHeap(count: lanes.count)
        for part in parts.indices.sorted(by: { (windows($1), $0) < (windows($0), $1) }) {
            lanes[heap.addToLeast(windows(part))].append(part)
        }
        // As they came, unless they are shuffled.
        self.lanes = lanes.map { $0.sorted() }
        stepsPerEpoch = heap.greatest
    }

    /// Rows in one step of the optimizer, at most.
    var greatestBatch: Int { lanes.count * min(reach, parts.map(\.length).max() ?? 0) }

    /// Rows of all parts.
    var rows: Int { parts.reduce(0) { $0 + $1.length } }

    /// Rows that forward and backward go through in an epoch: more than there are where a gradient goes back further than
    /// its window.
    var rowsGoneThrough: Double {
        parts.reduce(0) { sum, part in
            var total = 0.0
            for end in stride(from: steps, to: part.length + steps, by: steps) {
                total += Double(min(end, part.length) - max(end - reach, 0))
            }
            return sum + total
        }
    }

    /// The lanes of an epoch in an order of its own, and where each part's windows begin.
    struct Epoch {
        fileprivate let parts: [[Int]]
        /// Of each lane the first step of each of its parts; one more entry, their end.
        fileprivate let starts: [[Int]]
    }

    /// - Parameter order: of a lane's parts, by lane and how many they are; nil keeps them as they came.
    func epoch(_ order: ((_ lane: Int, _ count: Int) -> [Int])? = nil) -> Epoch {
        let ordered = lanes.enumerated().map { lane, parts in
            order.map { $0(lane, parts.count).map { parts[$0] } } ?? parts
        }
        let starts = ordered.map { parts in
            parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + (self.parts[$1].length + steps - 1) / steps) }
        }
        return Epoch(parts: ordered, starts: starts)
    }

    /// The windows of a step of an epoch, lane by lane; lanes that have ended have none.
    func windows(_ epoch: Epoch, step: Int) -> [Window] {
        lanes.indices.compactMap { lane in
            let starts = epoch.starts[lane]
            guard step < starts[starts.count - 1] else { return nil }
            // The last part that begins at this step or before it.
            var (low, high) = (0, starts.count - 1)
            while high - low > 1 {
                let middle = (low + high) / 2
                if starts[middle] <= step { low = middle } else { high = middle }
            }
            return window(lane, parts[epoch.parts[lane][low]], number: step - starts[low])
        }
    }

    /// Window `number` of a part ends with the first (number + 1) · steps rows and begins `reach` rows before that.
    private func window(_ lane: Int, _ part: Part, number: Int) -> Window {
        let end = min((number + 1) * steps, part.length)
        let first = max((number + 1) * steps - reach, 0)
        let next = max((number + 2) * steps - reach, 0)
        return Window(
            lane: lane, start: part.start + first, length: end - first, known: number * steps - first,
            carried: min(next - first, end - first), isFirst: first == 0)
    }
}

/// Lanes by how many windows they have, the one with the fewest on top; of equals the first.
private struct LaneHeap {
    private var lanes: [(load: Int, lane: Int)]
    private(set) var greatest = 0

    init(count: Int) { lanes = (0..<count).map { (0, $0) } }

    /// - Returns: the lane with the fewest windows, which has so many more now.
    mutating func addToLeast(_ windows: Int) -> Int {
        let lane = lanes[0].lane
        lanes[0].load += windows
        greatest = max(greatest, lanes[0].load)
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < lanes.count && lanes[child] < lanes[least] {
                least = child
            }
            if least == place { return lane }
            lanes.swapAt(place, least)
            place = least
        }
    }
}
