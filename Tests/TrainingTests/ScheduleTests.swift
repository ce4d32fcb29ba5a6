import Foundation
import TestSupport
import Testing

@testable import Training

@Suite("Schedules")
struct ScheduleTests {
    private func rates(_ spec: ScheduleSpec?, _ steps: [Int]) -> [Double] {
        let schedule = Schedule(spec, learningRate: 0.1, stepsPerEpoch: 10, epochs: 10)
        return steps.map(schedule.rate(atStep:))
    }

    private func isClose(_ found: [Double], _ expected: [Double]) -> Bool {
        zip(found, expected).allSatisfy { abs($0 - $1) < 1e-12 }
    }

    @Test("no schedule keeps the learning rate")
    func none() { #expect(rates(nil, [0, 50, 99]) == [0.1, 0.1, 0.1]) }

    @Test("step: times the factor after every period of epochs")
    func step() {
        #expect(
            isClose(
                rates(ScheduleSpec(.step) { ($0.period, $0.factor) = (3, 0.5) }, [0, 29, 30, 60, 99]),
                [0.1, 0.1, 0.05, 0.025, 0.0125]))
    }

    @Test("exponential: times the factor after every epoch")
    func exponential() {
        #expect(
            isClose(rates(ScheduleSpec(.exponential) { $0.factor = 0.9 }, [0, 9, 10, 25]), [0.1, 0.1, 0.09, 0.081]))
    }

    @Test("linear and cosine: from the learning rate to the minimum, half way in the middle")
    func lines() {
        #expect(isClose(rates(ScheduleSpec(.linear) { $0.minimum = 0.02 }, [0, 50, 100]), [0.1, 0.06, 0.02]))
        #expect(isClose(rates(ScheduleSpec(.cosine) { $0.minimum = 0.02 }, [0, 50, 100]), [0.1, 0.06, 0.02]))
        let quarter = rates(ScheduleSpec(.cosine), [25])[0]
        #expect(abs(quarter - 0.1 * (1 + cos(Double.pi / 4)) / 2) < 1e-12)
    }

    @Test("warming up rises in a straight line to the full rate")
    func warmup() {
        let found = rates(ScheduleSpec(.constant, warmupSteps: 4), [0, 1, 2, 3, 4, 5])
        #expect(isClose(found, [0.02, 0.04, 0.06, 0.08, 0.1, 0.1]))
    }

    @Test("plateau: the rate falls once patience is exceeded, and never below the minimum")
    func plateau() {
        var schedule = Schedule(
            ScheduleSpec(.reduceOnPlateau) { ($0.patience, $0.minimum) = (1, 0.005) }, learningRate: 0.1,
            stepsPerEpoch: 10, epochs: 10)
        var found: [Double] = []
        for loss in [1.0, 0.5, 0.5, 0.49999, 0.5, 0.5, 0.4] {
            schedule.epochEnded(loss: loss)
            found.append(schedule.rate(atStep: 0))
        }
        #expect(isClose(found, [0.1, 0.1, 0.1, 0.01, 0.01, 0.005, 0.005]))
    }
}
