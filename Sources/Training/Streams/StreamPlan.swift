import Networks

/// How sequences lie side by side as streams: long ones one after the other, cut into as many equal runs as there are
/// streams (fewer where a run would be less than a window), a run a lane; short ones whole in the lanes that have room; and
/// every lane taken in windows.
///
/// Long is what has more than a window and more than half a run's share of all rows: one long text becomes `streams` parts, as
/// in every recipe for language models of characters, and lanes end together however the lengths fall. A part begins with
/// the zero state. Short sequences go to the lanes longest first, each to the one that has the fewest windows.
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
        var runs = Runs(sequences, steps: steps, streams: streams, cuts: cuts)
        for sequence in sequences where sequence.length > 0 { runs.add(sequence) }
        parts = runs.parts
        func windows(_ part: Int) -> Int { (runs.parts[part].length + steps - 1) / steps }
        let short = runs.short
        var lanes = runs.lanes + [[Int]](repeating: [], count: max(min(streams - runs.lanes.count, short.count), 0))
        var heap = LaneHeap(lanes.map { $0.reduce(0) { $0 + windows($1) } })
        for part in short.sorted(by: { (windows($1), $0) < (windows($0), $1) }) {
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

/// Long sequences laid one after the other and cut into equal runs, and the short ones as they are.
private struct Runs {
    private(set) var parts: [StreamPlan.Part] = []
    /// Of each run the numbers of its parts.
    private(set) var lanes: [[Int]] = []
    /// Parts that have no lane yet.
    private(set) var short: [Int] = []

    private let steps: Int
    /// What is more than this is long.
    private let longest: Int
    /// Of long sequences.
    private let rows: Int
    /// How many the long ones are cut into.
    private let count: Int
    private var laid = 0
    private var run = 0
    /// The run that the last of `lanes` is.
    private var last: Int?

    init(_ sequences: [StreamPlan.Part], steps: Int, streams: Int, cuts: Bool) {
        self.steps = steps
        /// So many that each has a window at least: a short series is no lot of scraps that each begin anew.
        func runs(of rows: Int) -> Int { min(streams, max(rows / steps, 1)) }
        let all = sequences.reduce(0) { $0 + $1.length }
        let longest = cuts ? max(all / (2 * runs(of: all)), steps) : Int.max
        rows = sequences.reduce(0) { $0 + ($1.length > longest ? $1.length : 0) }
        count = runs(of: rows)
        self.longest = longest
    }

    /// Rows before the end of a run; the first ones are one row longer where the rows do not go into equal ones.
    private func end(_ run: Int) -> Int { ((run + 1) * rows + count - 1) / count }

    mutating func add(_ sequence: StreamPlan.Part) {
        guard sequence.length > longest else {
            short.append(parts.count)
            parts.append(sequence)
            return
        }
        var rest = sequence
        while rest.length > 0 {
            var length = min(end(run) - laid, rest.length)
            // A piece of less than a window stays with its neighbor, where that is little of a run.
            if steps <= rows / count / 4 {
                if rest.length - length < steps {
                    length = rest.length
                } else if length < steps {
                    run += 1
                    continue
                }
            }
            if last != run { lanes.append([]) }
            last = run
            lanes[lanes.count - 1].append(parts.count)
            parts.append(StreamPlan.Part(start: rest.start, length: length))
            rest = StreamPlan.Part(start: rest.start + length, length: rest.length - length)
            laid += length
            while run + 1 < count, laid >= end(run) { run += 1 }
        }
    }
}

/// Lanes by how many windows they have, the one with the fewest on top; of equals the first.
private struct LaneHeap {
    private var lanes: [(load: Int, lane: Int)]
    private(set) var greatest: Int

    init(_ loads: [Int]) {
        // In order they are a heap.
        lanes = loads.indices.map { (loads[$0], $0) }.sorted { $0 < $1 }
        greatest = loads.max() ?? 0
    }

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
