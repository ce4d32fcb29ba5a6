import Foundation
import Kernels
import Models
import Networks
import Resources
import TestSupport
import Testing

@Suite("Predictor")
struct PredictorTests {
    /// Two targets and one feature, monthly; seasonal differences of 2 after the logarithm.
    private func model(_ cell: Cell = .lstm()) -> Model {
        let network = NetworkDescription(inputs: 3, layers: [LayerDescription(cell: cell, hidden: 9)], outputs: 2)
        let target = ColumnTransform(steps: [.log, .difference(lag: 2), .scale(offset: 0.01, divisor: 0.2)])
        return Model(
            task: .forecast(
                ForecastModel(
                    targets: ["a", "b"], features: ["f"], time: "month", lookback: 4, horizon: 3, season: 2,
                    tail: SeriesTail(rows: rows(6), time: TimeIndex(labels: ["2000-11", "2000-12"])))),
            transform: [.log, .seasonalDifference(2)],
            inputs: InputTransforms(
                columns: [target, target, ColumnTransform(steps: [.scale(offset: 1, divisor: 3)])], laggedColumns: 2),
            network: network, parameters: drawnParameters(network), seed: 1, datasetDigest: "")
    }

    private func rows(_ count: Int, seed: UInt64 = 1) -> [[Double]] {
        let values: [Double] = draws(count * 3, seed: seed).map { Double($0) }
        return (0..<count).map { row -> [Double] in [values[row * 3] + 2, values[row * 3 + 1] + 3, values[row * 3 + 2]]
        }
    }

    private func sequences(_ all: [[[Double]]]) -> RawSequences {
        RawSequences(
            values: all.flatMap { $0.flatMap { $0 } }, lengths: all.map(\.count), width: all.first?.first?.count ?? 3)
    }

    private func future(_ count: Int, _ inputs: Int = 1) -> RawSequences {
        RawSequences(
            values: (0..<inputs * count).map { Double($0 % count) / 3 },
            lengths: [Int](repeating: count, count: inputs), width: 1)
    }

    @Test("a forecast from a history is the forecast of a stream shown its rows, bit for bit", arguments: Cell.all)
    func streamEqualsHistory(cell: Cell) throws {
        let predictor = Predictor(model(cell), kernels: KernelSet())
        let history = rows(6)
        let whole = try predictor.forecast(from: sequences([history]), horizon: 3, future: future(2))
        var states = [predictor.zeroState]
        for row in history { _ = try predictor.advance(&states, sequences([[row]])) }
        let before = states
        let streamed = try predictor.lookAhead(states, horizon: 3, future: future(2))
        #expect(whole == streamed)
        #expect(states == before)
        #expect(whole[0].count == 6)
    }

    @Test("work that is cancelled gives no answer and moves no state")
    func cancelled() throws {
        let predictor = Predictor(model(), kernels: KernelSet())
        let cancellation = Cancellation()
        var states = [predictor.zeroState]
        _ = try predictor.advance(&states, sequences([rows(6)]), cancellation: cancellation)
        let before = states
        cancellation.cancel()
        #expect(throws: PredictionError(.cancelled)) {
            try predictor.advance(&states, sequences([rows(6)]), cancellation: cancellation)
        }
        #expect(states == before)
        #expect(throws: PredictionError(.cancelled)) {
            try predictor.lookAhead(states, horizon: 2, future: future(2), cancellation: cancellation)
        }
        #expect(throws: PredictionError(.cancelled)) {
            try predictor.forecast(
                from: sequences([rows(6)]), horizon: 2, future: future(2), cancellation: cancellation)
        }
    }

    @Test("a forecast is what the formulas say, written out in Double")
    func formulas() throws {
        let model = model()
        let history = rows(6)
        let found = try Predictor(model, kernels: KernelSet())
            .forecast(from: sequences([history]), horizon: 4, future: future(3))[0]
        let reference = ReferenceNetwork(model.network, model.parameters.values.map(Double.init))
        var raw = history.map { Array($0[..<2]) }
        var inputs = (2..<6).map { row -> [Double] in
            let targets = (0..<2).map { (log(history[row][$0] / history[row - 2][$0]) - 0.01) / 0.2 }
            return targets + [(history[row][2] - 1) / 3]
        }
        for step in 0..<4 {
            let output = reference.run(inputs)
            let values = (0..<2).map { raw[raw.count - 2][$0] * exp(output[$0] * 0.2 + 0.01) }
            for target in 0..<2 { #expect(abs(found[step * 2 + target] / values[target] - 1) < 1e-5) }
            raw.append(values)
            inputs.append(output + [(Double(step % 3) / 3 - 1) / 3])
        }
    }

    @Test("rows one by one, many at once and many streams together give the same answers", arguments: Cell.all)
    func streams(cell: Cell) throws {
        let predictor = Predictor(model(cell), kernels: KernelSet())
        let (first, second) = (rows(7, seed: 2), rows(4, seed: 3))
        var one = [predictor.zeroState]
        var single: [Answer] = []
        for row in first { single += try predictor.advance(&one, sequences([[row]]))[0] }
        let together = try predictor.answers(sequences([first, second]))
        #expect(together[0] == single)
        var live = predictor.zeroState
        let stepped = try first.map { row in
            try row.withUnsafeBufferPointer { row throws(PredictionError) in try predictor.step(&live, row) }
        }
        #expect(stepped == single && live == one[0])
        #expect(together[1].count == 4)
        #expect(single[0] == .pending(have: 1, need: 2) && single[1] == .pending(have: 2, need: 2))
        guard case .numbers(let values) = single[2] else { throw PredictionError(.otherTask) }
        // The answer after a row is the one-step forecast from there.
        #expect(try predictor.lookAhead(Array(one), horizon: 1)[0] == lastForecast(single))
        #expect(values.count == 2)
    }

    private func lastForecast(_ answers: [Answer]) -> [Double]? {
        if case .numbers(let values) = answers.last { values } else { nil }
    }

    @Test("only the last rows of a longer history are read")
    func longHistory() throws {
        let predictor = Predictor(model(), kernels: KernelSet())
        let history = rows(20)
        let whole = try predictor.forecast(from: sequences([history]), horizon: 2, future: future(1))
        let tail = try predictor.forecast(from: sequences([Array(history.suffix(6))]), horizon: 2, future: future(1))
        #expect(whole == tail)
    }

    @Test("a batch of histories of unequal length gives what each gives alone")
    func batch() throws {
        let predictor = Predictor(model(), kernels: KernelSet())
        let histories = [rows(6, seed: 5), rows(9, seed: 6), rows(7, seed: 7)]
        let batch = try predictor.forecast(from: sequences(histories), horizon: 4, future: future(3, 3))
        for (index, history) in histories.enumerated() {
            #expect(
                try predictor.forecast(from: sequences([history]), horizon: 4, future: future(3))[0] == batch[index])
        }
    }

    @Test("the tail of the training series is a history, and its labels go on")
    func tail() throws {
        let predictor = Predictor(model(), kernels: KernelSet())
        let tail = try #require(predictor.tail)
        #expect(tail.lengths == [6] && predictor.historyRows == 6)
        #expect(try predictor.forecast(from: tail, horizon: 3, future: future(2))[0].count == 6)
        #expect(predictor.labels(count: 2) == ["2001-01", "2001-02"])
    }

    @Test("what is missing is named: history, future rows, widths, positive values")
    func errors() throws {
        let predictor = Predictor(model(), kernels: KernelSet())
        func reason(_ work: () throws(PredictionError) -> Void) -> PredictionError? {
            do { try work() } catch { return error }
            return nil
        }
        let (good, short) = (rows(6), rows(5))
        #expect(
            reason { () throws(PredictionError) in
                _ = try predictor.forecast(from: sequences([good, short]), horizon: 1)
            } == PredictionError(.tooFewRows(have: 5, need: 6), input: 1))
        #expect(
            reason { () throws(PredictionError) in _ = try predictor.forecast(from: sequences([good]), horizon: 2) }
                == PredictionError(.tooFewFutureRows(have: 0, need: 1)))
        #expect(
            reason { () throws(PredictionError) in
                _ = try predictor.forecast(from: sequences([good]), horizon: 4, future: future(2))
            } == PredictionError(.tooFewFutureRows(have: 2, need: 3)))
        let far = RawSequences(values: [1, 1e300, 1], lengths: [3], width: 1)
        #expect(
            reason { () throws(PredictionError) in
                _ = try predictor.forecast(from: sequences([good]), horizon: 4, future: far)
            } == PredictionError(.futureTransform(TransformError(.outOfRange(value: 1e300), column: 0, row: 1))))
        #expect(
            reason { () throws(PredictionError) in
                _ = try predictor.forecast(from: RawSequences(values: [1, 2], lengths: [1], width: 2), horizon: 1)
            } == PredictionError(.width(have: 2, need: 3)))
        var negative = rows(10)
        negative[7][1] = -1
        #expect(
            reason { () throws(PredictionError) in _ = try predictor.forecast(from: sequences([negative]), horizon: 1) }
                == PredictionError(.transform(TransformError(.notPositive(value: -1), column: 1, row: 7))))
        #expect(
            reason { () throws(PredictionError) in _ = try predictor.answers(sequences([good]), after: .last) }
                == PredictionError(.otherTask))
        #expect(
            reason { () throws(PredictionError) in _ = try predictor.lookAhead([predictor.zeroState], horizon: 1) }
                == PredictionError(.tooFewRows(have: 0, need: 3)))
    }

    @Test("rows that cannot be taken are told by their own place, however many came before them")
    func places() throws {
        let predictor = Predictor(model(), kernels: KernelSet())
        var states = [predictor.zeroState]
        _ = try predictor.advance(&states, sequences([rows(5)]))
        var bad = rows(3)
        for (value, reason) in [(0, TransformError.Reason.notPositive(value: 0)), (1e300, .outOfRange(value: 1e300))] {
            bad[1][value == 0 ? 0 : 2] = value
            let column = value == 0 ? 0 : 2
            #expect(throws: PredictionError(.transform(TransformError(reason, column: column, row: 1)))) {
                try predictor.advance(&states, sequences([bad]))
            }
            bad[1] = rows(3)[1]
        }
    }

    @Test("a row that cannot be taken leaves every stream where it was")
    func atomic() throws {
        let predictor = Predictor(model(), kernels: KernelSet())
        var states = [predictor.zeroState, predictor.zeroState]
        _ = try predictor.advance(&states, sequences([rows(3), rows(3, seed: 9)]))
        let before = states
        var bad = rows(2)
        bad[1][0] = 0
        #expect(throws: PredictionError.self) { try predictor.advance(&states, sequences([rows(2), bad])) }
        #expect(states == before)
    }

    @Test(
        "a classifier gives probabilities that sum to 1, the same at the end of a stream", arguments: Readout.allCases)
    func classify(readout: Readout) throws {
        guard readout != .everyStep else { return }
        var model = ModelFileTests.classifier
        model.network.readout = readout
        let predictor = Predictor(model, kernels: KernelSet())
        let sequences = RawSequences(values: draws(9, seed: 3).map(Double.init), lengths: [4, 5], width: 1)
        let found = try predictor.classify(sequences)
        #expect(found.allSatisfy { abs($0.reduce(0, +) - 1) < 1e-6 && $0.count == 3 })
        let streamed = try predictor.answers(sequences)
        #expect(streamed.streams.indices.map { streamed[$0].last } == found.map { Answer.labels($0) })
    }
}
