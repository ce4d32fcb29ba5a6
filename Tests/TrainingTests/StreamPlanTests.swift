import TestSupport
import Testing

@testable import Training

/// How sequences lie side by side as streams, and which windows they are taken in.
@Suite("Plan of streams")
struct StreamPlanTests {
    /// Sequences one after the other.
    private func sequences(_ lengths: [Int]) -> [StreamPlan.Part] {
        var start = 0
        return lengths.map { length in
            defer { start += length }
            return StreamPlan.Part(start: start, length: length)
        }
    }

    @Test("one long sequence becomes as many streams as were asked for, equal but for one row")
    func cut() {
        let plan = StreamPlan(sequences([1003]), steps: 8, reach: 8, streams: 4)
        #expect(plan.parts.map(\.length) == [251, 251, 251, 250])
        #expect(plan.parts.map(\.start) == [0, 251, 502, 753])
        #expect(plan.lanes == [[0], [1], [2], [3]] && plan.stepsPerEpoch == 32 && plan.greatestBatch == 32)
    }

    @Test("long sequences are cut into equal runs, short ones stay whole where there is room")
    func share() {
        let plan = StreamPlan(sequences([10, 90, 20]), steps: 5, reach: 5, streams: 4)
        #expect(plan.parts.map(\.length) == [10, 28, 27, 28, 7, 20])
        #expect(plan.lanes == [[0, 1], [2], [3], [4, 5]])
        let whole = StreamPlan(sequences([10, 90, 20]), steps: 5, reach: 5, streams: 4, cuts: false)
        #expect(whole.parts.map(\.length) == [10, 90, 20])
        // More sequences than streams, each a little less than a share of its own.
        let many = StreamPlan(
            sequences([Int](repeating: 1000, count: 36)), steps: 10, reach: 10, streams: 32)
        #expect(many.lanes.count == 32 && many.stepsPerEpoch <= 115 && many.rows == 36_000)
        #expect(many.parts.allSatisfy { $0.length >= 10 })
        let short = StreamPlan(sequences([Int](repeating: 50, count: 100)), steps: 10, reach: 10, streams: 32)
        #expect(short.parts.count == 100 && short.stepsPerEpoch == 20)
    }

    @Test("fewer rows than streams are no trouble, nor are sequences without rows")
    func few() {
        #expect(StreamPlan(sequences([3]), steps: 1, reach: 9, streams: 32).lanes.count == 3)
        #expect(StreamPlan(sequences([0, 2, 0]), steps: 5, reach: 9, streams: 1).parts.map(\.length) == [2])
        #expect(StreamPlan([], steps: 5, reach: 5, streams: 2).stepsPerEpoch == 0)
    }

    @Test("a short series has fewer streams, so that each has a window")
    func scraps() {
        let plan = StreamPlan(sequences([130]), steps: 64, reach: 64, streams: 32)
        #expect(plan.parts.map(\.length) == [65, 65] && plan.stepsPerEpoch == 2)
        #expect(StreamPlan(sequences([60]), steps: 64, reach: 64, streams: 32).parts.map(\.length) == [60])
    }

    @Test("in every epoch every row counts once, each part from its beginning to its end", arguments: [4, 5, 11])
    func everyRow(reach: Int) {
        var generator = SeededGenerator(3)
        for streams in [1, 2, 7, 40] {
            let lengths = (0..<25).map { _ in Int.random(in: 0...60, using: &generator) }
            let plan = StreamPlan(sequences(lengths), steps: 4, reach: reach, streams: streams)
            for epoch in [plan.epoch(), plan.epoch { lane, count in (0..<count).reversed() }] {
                var seen = [Int](repeating: 0, count: lengths.reduce(0, +))
                var rows = 0.0
                /// Of each lane the row whose state it has.
                var carried: [Int: Int] = [:]
                for step in 0..<plan.stepsPerEpoch {
                    let windows = plan.windows(epoch, step: step)
                    #expect(!windows.isEmpty && Set(windows.map(\.lane)).count == windows.count)
                    #expect(windows.reduce(0) { $0 + $1.length } <= plan.greatestBatch)
                    for window in windows {
                        let own = window.start + window.known..<window.start + window.length
                        for row in own { seen[row] += 1 }
                        rows += Double(window.length)
                        #expect((1...4).contains(own.count) && window.length <= reach && window.known >= 0)
                        if window.isFirst {
                            #expect(plan.parts.contains { $0.start == window.start })
                        } else {
                            // As far back as is allowed, unless the part ends within its window.
                            #expect(own.count < 4 || window.length == reach)
                            #expect(carried[window.lane] == window.start)
                        }
                        carried[window.lane] = window.start + window.carried
                    }
                }
                #expect(seen.allSatisfy { $0 == 1 })
                #expect(rows == plan.rowsGoneThrough && plan.rows == seen.count)
                #expect(plan.windows(epoch, step: plan.stepsPerEpoch).isEmpty)
            }
        }
    }

    @Test("lanes end together as far as their parts allow")
    func balanced() {
        let plan = StreamPlan(sequences([40, 8, 8, 8, 8, 8]), steps: 4, reach: 4, streams: 2)
        #expect(plan.parts.map(\.length) == [20, 20, 8, 8, 8, 8, 8])
        #expect(plan.stepsPerEpoch == 11 && plan.lanes == [[0, 2, 4, 6], [1, 3, 5]])
    }
}
