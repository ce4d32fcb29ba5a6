import Formats
import Models
import Networks
import Service
import Testing

@testable import API
@testable import Service

/// Answers of networks as JSON: numbers that are none become null, and the cause is named.
struct OutputTests {
    private static func model(_ kind: TaskKind, _ answers: AnswerKind, _ names: [String]) -> ServedModel {
        ServedModel(
            name: "m", version: 1, digest: "", precision: .float32, outputNames: names, inputNames: ["x"],
            stateLayout: StateLayout(NetworkDescription(inputs: 1, layers: [], outputs: 1)), kind: kind,
            answers: answers)
    }

    private func written(_ prediction: Prediction, _ returning: PredictRequest.Returning = .last) throws -> JSON {
        var prediction = prediction
        prediction.returning = returning
        var writer = JSONWriter()
        try writer.prediction(prediction)
        let value = try JSON.parse(writer.take())
        #expect(SchemaCheck.findings(value, ContractDocument.shared.schema("Prediction")) == [])
        return value
    }

    private func forecasts(
        _ values: [Double], _ names: [String], streams: [Answers.Stream], index: [String]? = nil
    ) -> Prediction {
        Prediction(
            model: Self.model(.forecast, .numbers, names),
            answers: Answers(streams: streams, values: .numbers(values), width: names.count, lag: 2), index: index)
    }

    private func probabilities(_ values: [Float], topK: Int? = nil) -> Prediction {
        Prediction(
            model: Self.model(.classify, .labels, ["a", "b"]),
            answers: Answers(.labels(values), width: 2, each: 1, of: 1), manner: AnswerManner(topK: topK))
    }

    @Test("a forecast that overflowed holds null, and a warning points to it")
    func overflow() throws {
        let prediction = forecasts(
            [1, 2, .nan, -.infinity, .infinity, 3], ["u", "v"],
            streams: [
                Answers.Stream(rows: 2, first: 0), Answers.Stream(rows: 2, pending: 1, gathered: 1, first: 2),
            ])
        let value = try written(prediction)
        #expect(value["outputs"] == [[[1, 2], [nil, nil]], [nil, [nil, 3]]])
        let warnings = value["warnings"]?.array ?? []
        #expect(
            warnings.map { $0["pointer"]?.string } == [
                "#/outputs/0/1/0", "#/outputs/0/1/1", "#/outputs/1/0", "#/outputs/1/1/0",
            ])
        #expect(warnings[0]["detail"]?.string?.contains("NaN") == true)
        #expect(warnings[2]["detail"]?.string?.contains("2 were seen") == true)
        #expect(warnings[1]["detail"]?.string?.contains("-infinity") == true)
    }

    @Test("probabilities that are none are null, with one warning a label list")
    func notProbabilities() throws {
        let value = try written(probabilities([.nan, 0.5]))
        #expect(value["outputs"]?[0]?["probabilities"] == ["a": nil, "b": 0.5])
        #expect(value["outputs"]?[0]?["top"]?.count == 1)
        #expect(value["warnings"]?.count == 1 && value["warnings"]?[0]?["pointer"] == "#/outputs/0/probabilities")
    }

    @Test("one answer a sequence is bare, one a step is a list")
    func shapes() throws {
        let label = probabilities([0.25, 0.75], topK: 2)
        #expect(try written(label)["outputs"]?[0]?["label"] == "b")
        #expect(try written(label)["outputs"]?[0]?["top"]?.count == 2)
        #expect(try written(label, .sequence)["outputs"]?[0]?[0]?["label"] == "b")
        let one = Answers.Stream(rows: 1, first: 0)
        #expect(try written(forecasts([0.1], ["u"], streams: [one]))["outputs"] == [[[0.1]]])
        #expect(try written(forecasts([0.1], ["u"], streams: [one]))["index"] == nil)
        let labelled = forecasts(
            [1, 2, 3, 4], ["u", "v"], streams: [Answers.Stream(rows: 2, first: 0)], index: ["x", "y"])
        #expect(try written(labelled)["outputs"] == [[[1, 2], [3, 4]]])
        #expect(try written(labelled)["index"] == [["x", "y"]])
    }

    @Test("flags are set above a threshold that the request may name, and may be none")
    func flags() throws {
        func outputs(_ threshold: Float?, _ returning: PredictRequest.Returning = .last) throws -> JSON? {
            try written(
                Prediction(
                    model: Self.model(.label, .flags, ["a", "b"]),
                    answers: Answers(.flags([0.25, 0.75]), width: 2, each: 1, of: 1),
                    manner: AnswerManner(threshold: threshold)), returning)["outputs"]
        }
        let probabilities: JSON = ["a": 0.25, "b": 0.75]
        #expect(try outputs(nil) == [["flags": ["b"], "probabilities": probabilities]])
        #expect(try outputs(0.125, .sequence) == [[["flags": ["a", "b"], "probabilities": probabilities]]])
        #expect(try outputs(0.75)?[0]?["flags"] == [])
    }

    @Test("many forecasts of unequal length are the same text as one by one")
    func flat() throws {
        let values = (0..<24).map { Double($0) / 7 }
        var first = 0
        let streams = [5, 1, 6].map { rows in
            defer { first += rows }
            return Answers.Stream(rows: rows, first: first)
        }
        let prediction = forecasts(values, ["u", "v"], streams: streams)
        var expected: [JSON] = []
        for (input, rows) in prediction.steps.enumerated() {
            expected.append(
                .array(
                    try (0..<rows).map { step in
                        guard case .numbers(let values) = prediction[input, step] else {
                            throw CancellationError()
                        }
                        return .array(values.map { .number($0) })
                    }))
        }
        #expect(try written(prediction)["outputs"]?.text == JSON.array(expected).text)
    }

    @Test("a million nulls are told of a hundred times and counted")
    func boundedWarnings() throws {
        let prediction = forecasts(
            [Double](repeating: .nan, count: 1000), ["u"], streams: [Answers.Stream(rows: 1000, first: 0)])
        let warnings = try written(prediction)["warnings"]?.array ?? []
        #expect(warnings.count == OutputWriter.told + 1 && warnings.last?["detail"] == "and 900 more")
    }
}
