import Models
import NamedFields
import Networks
import Store
import TestSupport
import Testing
import Training

@testable import Service

/// What is wrong with a request is told with its place, before anything is queued or computed.
@Suite struct RequestCheckTests {
    @Test("future rows of the wrong width, number or value are told at their place, and refused where none are read")
    func future() throws {
        let place = try Workplace()
        _ = try place.work(on: place.submit(ForecastTask(target: ["y"], features: ["u"], lookback: 4), epochs: 1))
        let model = ModelReference(name: "m")
        func found(_ future: [[Double]]) -> [Violation] {
            let batch = SequenceBatch(
                values: future.flatMap { $0 }, lengths: [future.count], width: future.first?.count ?? 1)
            return place.violations {
                _ = try place.service.predict(PredictRequest(model: model, horizon: 3, future: batch))
            }
        }
        #expect(found([[1], [2]]).isEmpty)
        #expect(found([[1, 2], [2, 3]]).map(\.path) == [["future"]])
        #expect(found([[1]]).map(\.path) == [["future"]])
        let far = found([[1], [1e300]])
        #expect(far.map(\.path) == [["future", 0, 1, 0]] && far.first?.detail.hasPrefix("u: ") == true)
        let session = try place.service.openSession(OpenSessionRequest(model: model))
        let rows = SequenceBatch(values: [1, 1, 2, 2], lengths: [2], width: 2)
        _ = try place.service.step(session.id, StepRequest(rows: .numbers(rows))) { _ in }
        func ahead(_ values: [Double], width: Int) -> [Violation] {
            let future = SequenceBatch(values: values, lengths: [values.count / width], width: width)
            return place.violations {
                _ = try place.service.forecast(session.id, horizon: 3, future: future) { _, _ in }
            }
        }
        #expect(ahead([1, 2], width: 1).isEmpty)
        #expect(ahead([1, 2, 3, 4], width: 2).map(\.path) == [["future"]])
        #expect(ahead([1, 1e300], width: 1).map(\.path) == [["future", 1, 0]])

        _ = try place.work(on: place.submit(epochs: 1))
        #expect(found([[1], [2]]).map(\.path) == [["future"]])
    }

    @Test("data too large to be read at once is judged by its scan: columns, texts, missing values, rows")
    func large() throws {
        let place = try Workplace { $0.checkedAtOnce = 0 }
        let short = "y,u\n1,2\n3,4\n"
        let task = ForecastTask(target: ["y"], features: ["u"], lookback: 4)
        func found(_ csv: String, _ task: ForecastTask) -> [[Violation.PathComponent]] {
            place.violations { _ = try place.submit(task, epochs: 1, csv: csv) }.map(\.path)
        }
        #expect(found(short, task) == [["data"]])
        let rows = (0..<20).map { "\($0),\($0)\n" }.joined()
        #expect(found("y,u\n" + rows, task).isEmpty)
        #expect(found("y,v\n" + rows, task) == [["task", "features", 0]])
        #expect(found("y,u\n1,a\n" + rows, task) == [["data", "csv", 0, "u"]])
        #expect(found("y,u\n1,\n" + rows, task) == [["data", "csv", 0, "u"]])
        // Only what is sound was queued.
        #expect(try place.service.jobs(status: nil, model: nil, after: nil, limit: 10).items.count == 1)
    }
}
