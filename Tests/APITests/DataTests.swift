import Formats
import Testing

@testable import API

/// Data as it comes in requests.
struct DataTests {
    private func body(_ records: [JSON], _ task: JSON) -> String {
        let body: JSON = [
            "model": "m", "task": task, "network": ["cell": "elman", "hidden": 2], "training": ["epochs": 1],
            "data": ["records": .array(records)],
        ]
        return body.text
    }

    @Test("records may be arrays, whose columns are called by their places, and give the model of the same objects")
    func arrays() throws {
        let server = try TestServer()
        defer { server.stop() }
        let values = (0..<20).map { Double($0 * $0 % 7) }
        let rows = values.indices.map { JSON.array([.string("\(2000 + $0)"), .number(values[$0])]) }
        let objects = values.indices.map { index -> JSON in
            ["0": .string("\(2000 + index)"), "1": .number(values[index])]
        }
        let task: JSON = ["kind": "forecast", "target": "1", "time": "0", "lookback": 4]
        var losses: [JSON?] = []
        for records in [rows, objects] {
            losses.append(try server.train(body(records, task))["report"]?["train_loss"])
        }
        #expect(losses[0] == losses[1] && losses[0]?.double != nil)
        let numbers = values.map { JSON.array([.number($0)]) }
        try server.train(body(numbers, ["kind": "forecast", "target": "0", "lookback": 4]))
        let answer = try server.send(.post, "/train", body([1, 2], task), expecting: 422)
        #expect(answer["errors"]?.array?.map { $0["pointer"] } == ["#/data/records/0", "#/data/records/1"])
    }

    @Test("a gap in the time column is told in the report, and a column that runs backwards is refused")
    func time() throws {
        let server = try TestServer()
        defer { server.stop() }
        func records(_ years: [Int]) -> [JSON] {
            years.map { ["year": .string("\($0)"), "y": .number(Double($0 % 5))] }
        }
        let task: JSON = ["kind": "forecast", "target": "y", "time": "year", "lookback": 4]
        let job = try server.train(body(records(Array(2000..<2010) + Array(2011..<2020)), task))
        #expect(job["report"]?["warnings"]?.count == 1)
        let answer = try server.send(.post, "/train", body(records((2000..<2020).reversed()), task), expecting: 422)
        #expect(answer["errors"]?[0]?["pointer"] == "#/task/time")
    }
}
