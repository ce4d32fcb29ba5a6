import Formats
import Service
import Testing

@testable import API
@testable import Service

/// Answers of networks as JSON: numbers that are none become null, and the cause is named.
struct OutputTests {
    private static func model(_ kind: TaskKind, _ names: [String]) -> ServedModel {
        ServedModel(name: "m", version: 1, digest: "", outputNames: names, inputNames: ["x"], kind: kind)
    }

    private func written(_ outputs: [[StepOutput]], _ model: ServedModel, _ returning: PredictRequest.Returning) throws
        -> JSON
    {
        var writer = JSONWriter()
        writer.prediction(Prediction(model: model, outputs: outputs), returning: returning)
        let value = try JSON.parse(writer.take())
        #expect(SchemaCheck.findings(value, ContractDocument.shared.schema("Prediction")) == [])
        return value
    }

    @Test("a forecast that overflowed holds null, and a warning points to it")
    func overflow() throws {
        let outputs: [[StepOutput]] = [
            [.forecast(values: [1, 2], index: "a"), .forecast(values: [.nan, -.infinity], index: nil)],
            [.pending(reason: "two rows more"), .forecast(values: [.infinity, 3], index: nil)],
        ]
        let value = try written(outputs, Self.model(.forecast, ["u", "v"]), .last)
        #expect(value["outputs"] == [[[1, 2], [nil, nil]], [nil, [nil, 3]]])
        #expect(value["index"] == [["a", nil], [nil, nil]])
        let warnings = value["warnings"]?.array ?? []
        #expect(
            warnings.map { $0["pointer"]?.string } == [
                "#/outputs/0/1/0", "#/outputs/0/1/1", "#/outputs/1/0", "#/outputs/1/1/0",
            ])
        #expect(warnings[0]["detail"]?.string?.contains("NaN") == true && warnings[2]["detail"] == "two rows more")
        #expect(warnings[1]["detail"]?.string?.contains("-infinity") == true)
    }

    @Test("probabilities that are none are null, with one warning a label list")
    func probabilities() throws {
        let output = StepOutput.classification(probabilities: [.nan, 0.5], best: [1])
        let value = try written([[output]], Self.model(.classify, ["a", "b"]), .last)
        #expect(value["outputs"]?[0]?["probabilities"] == ["a": nil, "b": 0.5])
        #expect(value["outputs"]?[0]?["label"] == "b" && value["outputs"]?[0]?["top"]?.count == 1)
        #expect(value["warnings"]?.count == 1 && value["warnings"]?[0]?["pointer"] == "#/outputs/0/probabilities")
    }

    @Test("one answer a sequence is bare, one a step is a list")
    func shapes() throws {
        let output = StepOutput.classification(probabilities: [0.25, 0.75], best: [1, 0])
        #expect(try written([[output]], Self.model(.classify, ["a", "b"]), .last)["outputs"]?[0]?["label"] == "b")
        #expect(
            try written([[output]], Self.model(.classify, ["a", "b"]), .sequence)["outputs"]?[0]?[0]?["label"] == "b")
        let forecast = StepOutput.forecast(values: [0.1], index: nil)
        #expect(try written([[forecast]], Self.model(.forecast, ["u"]), .last)["outputs"] == [[[0.1]]])
        #expect(try written([[forecast]], Self.model(.forecast, ["u"]), .last)["index"] == nil)
    }

    @Test("a million nulls are told of a hundred times and counted")
    func boundedWarnings() throws {
        let rows = [StepOutput](repeating: .forecast(values: [.nan], index: nil), count: 1000)
        let warnings = try written([rows], Self.model(.forecast, ["u"]), .last)["warnings"]?.array ?? []
        #expect(warnings.count == OutputWriter.told + 1 && warnings.last?["detail"] == "and 900 more")
    }
}
